// The lines of a response head, as libcurl hands them over: one a call, line end included.

import Gateway

enum UpstreamHeadLine {
    /// Values are taken up to this length; none that we need is longer.
    private static let valueBytesMax = 256

    /// Whether the line begins a head (again after an interim one).
    static func isStatusLine(_ line: Span<UInt8>) -> Bool { hasPrefix(line, "http/") }

    /// Whether the line is the empty one that ends a head.
    static func isEnd(_ line: Span<UInt8>) -> Bool {
        line.count == 0 || line[0] == 0x0D || line[0] == 0x0A
    }

    /// Takes the line's value if it is one of those that are needed.
    ///
    /// - Parameter isOfClient: whether the client hears what the upstream says of the account.
    static func read(_ line: Span<UInt8>, isOfClient: Bool, into head: inout UpstreamHead) {
        if hasPrefix(line, "content-type:") {
            head.contentType = value(line, after: 13, upTo: UInt8(ascii: ";")).map(lowercased)
        } else if hasPrefix(line, "retry-after:") {
            head.retryAfter = value(line, after: 12)
        } else if hasPrefix(line, "x-ratelimit-reset:") {
            head.rateLimitReset = value(line, after: 18)
        } else if hasPrefix(line, "x-generation-id:") {
            head.generationID = value(line, after: 16)
        } else if hasPrefix(line, "request-id:") {
            if head.generationID.isEmpty { head.generationID = value(line, after: 11) }
        } else if isOfClient, hasPrefix(line, "anthropic-") {
            readAccountField(line, into: &head)
        }
    }

    /// Keeps a field that tells of the account. There are some twenty of them.
    private static func readAccountField(_ line: Span<UInt8>, into head: inout UpstreamHead) {
        guard head.accountFields.count < accountFieldsMax,
            let colon = (0..<line.count).first(where: { line[$0] == UInt8(ascii: ":") }),
            colon <= nameBytesMax
        else { return }
        var name: [UInt8] = []
        for index in 0..<colon {
            let byte = lowercased(line[index])
            let isLetter = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            guard isLetter || isDigit || byte == UInt8(ascii: "-") else { return }
            name.append(byte)
        }
        head.accountFields.append(name + Array(": ".utf8) + value(line, after: colon + 1))
    }

    private static let accountFieldsMax = 40
    private static let nameBytesMax = 100

    /// `prefix` is lower case; the line may be of any.
    private static func hasPrefix(_ line: Span<UInt8>, _ prefix: StaticString) -> Bool {
        guard line.count >= prefix.utf8CodeUnitCount else { return false }
        // SAFETY: a StaticString's pointer is valid for its count, for ever.
        let expected = unsafe UnsafeBufferPointer(
            start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
        for index in 0..<prefix.utf8CodeUnitCount
        where unsafe lowercased(line[index]) != expected[index] {
            return false
        }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    /// The value without the white space round it; bytes outside visible ASCII end it.
    private static func value(
        _ line: Span<UInt8>, after start: Int, upTo end: UInt8? = nil
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in start..<line.count {
            let byte = line[index]
            if bytes.isEmpty, byte == 0x20 || byte == 0x09 { continue }
            guard byte >= 0x20, byte < 0x7F, byte != end, bytes.count < valueBytesMax else { break }
            bytes.append(byte)
        }
        while bytes.last == 0x20 { bytes.removeLast() }
        return bytes
    }
}
