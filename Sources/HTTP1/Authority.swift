// The authority of a request: host and optional port, as Host and absolute-form targets hold it.
//
// Gateway compares it with a list of allowed names (the defence against DNS rebinding), so what
// passes here must be one name and nothing else: no user information, no list, no path.

/// `uri-host [ ":" port ]` of RFC 9110 §7.2.
enum Authority {
    /// Whether the bytes in `range` are a host name, an IPv4 address or an IPv6 address in
    /// brackets, with or without a port. An empty name is refused (RFC 9110 §4.2.1); an empty
    /// port after the colon is allowed by RFC 3986 §3.2.3.
    static func isValid(_ range: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        guard !range.isEmpty else { return false }
        var index = range.lowerBound
        if bytes[index] == Byte.openBracket {
            guard let end = endOfIPv6Literal(range, in: bytes) else { return false }
            index = end
        } else {
            while index < range.upperBound, ByteSet.host.contains(bytes[index]) { index += 1 }
            guard index > range.lowerBound else { return false }
        }
        if index == range.upperBound { return true }
        return bytes[index] == Byte.colon && isPort(index + 1..<range.upperBound, in: bytes)
    }

    /// The index after the closing bracket. Only the alphabet is checked, and that there are two
    /// colons: the text is compared, never converted.
    private static func endOfIPv6Literal(_ range: Range<Int>, in bytes: Span<UInt8>) -> Int? {
        var colons = 0
        for index in range.dropFirst() {
            switch bytes[index] {
            case Byte.closeBracket: return colons >= 2 ? index + 1 : nil
            case Byte.colon: colons += 1
            case Byte.dot: break
            default: if Byte.hexadecimalValue(bytes[index]) == nil { return nil }
            }
        }
        return nil
    }

    private static func isPort(_ range: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        guard range.count <= 5 else { return false }
        var port = 0
        for index in range {
            guard Byte.isDigit(bytes[index]) else { return false }
            port = port * 10 + Int(bytes[index] &- Byte.zero)
        }
        return port <= 65_535
    }
}
