// Hosts and ports as text: which are well formed, and which are this machine.
//
// The checks are syntactic; no name is looked up. A name whose last label is a number has to be an
// IPv4 address, as in the URL standard (https://url.spec.whatwg.org/#host-parsing, "ends in a
// number checker"), so that `127.1` or `10.0.0.256` is a fault and not a name.

/// A host with, perhaps, a port.
struct HostAndPort: Equatable {
    /// Lower case, an IPv6 address without its brackets.
    let host: String
    /// 0…65535, nil when none was given.
    let port: Int?

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    init(parsing text: String) throws(InvalidValue) {
        let text = text.lowercased()
        var rest = text[...]
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else {
                throw InvalidValue("\(text.quoted) has a `[` without a `]`")
            }
            let address = String(text[text.index(after: text.startIndex)..<close])
            guard HostSyntax.ipv6Groups(address) != nil else {
                throw InvalidValue("\(address.quoted) is not an IPv6 address")
            }
            host = address
            rest = text[text.index(after: close)...]
        } else {
            guard text.utf8.count(where: { $0 == UInt8(ascii: ":") }) < 2 else {
                throw InvalidValue("\(text.quoted) needs brackets if it is an IPv6 address: [::1]")
            }
            let end = text.firstIndex(of: ":") ?? text.endIndex
            let name = String(text[..<end])
            guard HostSyntax.isNameOrIPv4(name) else {
                throw InvalidValue("\(name.quoted) is not a host name or address")
            }
            host = name
            rest = text[end...]
        }
        guard !rest.isEmpty else {
            port = nil
            return
        }
        let digits = rest.dropFirst()
        guard rest.first == ":", digits.utf8.allSatisfy(HostSyntax.isDigit), !digits.isEmpty,
            let number = Int(digits), number <= 65535
        else {
            throw InvalidValue("\(rest.quoted) is not a port: a colon and a number up to 65535")
        }
        port = number
    }
}

/// What hosts look like.
enum HostSyntax {
    /// Whether the text is a host name or an IPv4 address. Underscores are allowed, since container
    /// networks have them in names.
    static func isNameOrIPv4(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last else { return false }
        if !last.isEmpty, last.utf8.allSatisfy(isDigit) { return ipv4Bytes(text) != nil }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F }
        }
    }

    /// Whether the host can only be this machine.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" { return true }
        if let bytes = ipv4Bytes(host) { return bytes[0] == 127 }
        return ipv6Groups(host) == [0, 0, 0, 0, 0, 0, 0, 1]
    }

    /// The four numbers of a dotted IPv4 address; leading zeros are refused, because readers
    /// disagree on whether they mean octal.
    static func ipv4Bytes(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.utf8.allSatisfy(isDigit), part == "0" || !part.hasPrefix("0"),
                let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// The eight groups of an IPv6 address (RFC 4291 section 2.2), without brackets or zone.
    static func ipv6Groups(_ text: String) -> [UInt16]? {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return nil }
        // `::` at an end leaves one empty part more than `::` in the middle.
        if parts[0].isEmpty {
            guard parts[1].isEmpty else { return nil }
            parts.removeFirst()
        }
        if parts.count > 1, parts[parts.count - 1].isEmpty {
            guard parts[parts.count - 2].isEmpty else { return nil }
            parts.removeLast()
        }
        var groups: [UInt16] = []
        var gap: Int?
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                guard gap == nil else { return nil }
                gap = groups.count
            } else if index == parts.count - 1, let bytes = ipv4Bytes(part) {
                groups.append(UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
                groups.append(UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
            } else {
                guard part.utf8.count <= 4, part.utf8.allSatisfy(isHexDigit),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        guard let gap else { return groups.count == 8 ? groups : nil }
        guard groups.count < 8 else { return nil }
        groups.insert(contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap)
        return groups
    }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x7A).contains(byte | 0x20)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}
