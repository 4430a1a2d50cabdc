// The words of a refusal, and how far they are the upstream's own. Upstreams quote what they were
// sent: a schema's text, a message, a whole body. So what is learnt from words, and what is left out
// because of them, comes from the opening of the text alone: all of it up to the first quotation that
// is more than a name or a number.

/// The text of a refusal in lower case, cut to what is worth reading.
struct RefusalText {
    /// Longer than any sentence of an upstream.
    private static let bytesMax = 4096
    /// A longer quotation is nobody's name.
    private static let nameBytesMax = 48
    private static let alternatives: [StaticString] = [
        "expected one of", "supported parameters", "supported fields", "allowed parameters",
        "available parameters", "valid parameters", "please use", "must be one of",
    ]

    let bytes: [UInt8]
    /// Where the first quotation of something else than a name begins, or else the end.
    let openingEnd: Int
    /// The names and numbers in quotes within the opening, without the quotes.
    private(set) var quoted: [Range<Int>] = []

    init(_ text: String) {
        bytes = text.utf8.prefix(Self.bytesMax).map { 65...90 ~= $0 ? $0 | 0x20 : $0 }
        var index = 0
        while index < bytes.count {
            guard Self.opensQuote(bytes, index) else {
                index += 1
                continue
            }
            let start = index + 1
            let limit = min(bytes.count, start + Self.nameBytesMax + 1)
            var end = start
            while end < limit, Self.isOfName(bytes[end]) { end += 1 }
            guard end < limit, bytes[end] == bytes[index] else { break }
            if end > start { quoted.append(start..<end) }
            index = end + 1
        }
        openingEnd = index
    }

    /// Whether the opening has one of the words.
    func opens(with words: [StaticString]) -> Bool {
        words.contains { phrase in offset(of: phrase) != nil }
    }

    /// Whether the opening has all of the words.
    func opens(withAll words: [StaticString]) -> Bool {
        words.allSatisfy { phrase in offset(of: phrase) != nil }
    }

    /// Whether the text begins with one of the words.
    func begins(with words: [StaticString]) -> Bool {
        words.contains { phrase in bytes.firstOffset(of: phrase) == 0 }
    }

    /// Where the opening has `phrase`.
    func offset(of phrase: StaticString) -> Int? {
        guard let offset = bytes.firstOffset(of: phrase),
            offset + phrase.utf8CodeUnitCount <= openingEnd
        else { return nil }
        return offset
    }

    /// Whether the text has one of the words anywhere.
    func has(_ words: [StaticString]) -> Bool {
        words.contains { phrase in bytes.firstOffset(of: phrase) != nil }
    }

    /// The words of the opening, quoted or not, in their order.
    func openingWords() -> [(word: String, isQuoted: Bool)] {
        var words: [(String, Bool)] = []
        var index = 0
        var end = openingEnd
        // What follows is what would be taken.
        for phrase in Self.alternatives { end = min(end, offset(of: phrase) ?? end) }
        while index < end, words.count < 256 {
            let start = index
            while index < end, Self.isOfIdentifier(bytes[index]) { index += 1 }
            guard index > start else {
                index += 1
                continue
            }
            let isQuoted = quoted.contains { $0.lowerBound == start }
            words.append((String(decoding: bytes[start..<index], as: UTF8.self), isQuoted))
        }
        return words
    }

    // MARK: Numbers

    /// The whole numbers before `end`: none that belong to a name, a version or an identifier.
    /// "256k" is 262,144.
    func numbers(upTo end: Int) -> [Int] {
        var numbers: [Int] = []
        var index = 0
        while index < end, numbers.count < 32 {
            guard Self.isDigit(bytes[index]) else {
                index += 1
                continue
            }
            let start = index
            while index < end, Self.isOfNumber(bytes, index) { index += 1 }
            if let number = number(in: start..<index, &index) { numbers.append(number) }
        }
        return numbers
    }

    private func number(in range: Range<Int>, _ end: inout Int) -> Int? {
        let first = range.lowerBound
        var isPlain = bytes[first] != UInt8(ascii: "0") || range.count == 1
        if first > 0 {
            let before = bytes[first - 1]
            let isDash = before == UInt8(ascii: "-") || before == UInt8(ascii: ".")
            if Self.isOfIdentifier(before) || isDash { isPlain = false }
        }
        var factor = 1
        if end < bytes.count, bytes[end] == UInt8(ascii: "k") {
            factor = 1024
            end += 1
        }
        if end < bytes.count, Self.isOfIdentifier(bytes[end]) { isPlain = false }
        // A decimal, a version, a date.
        if end + 1 < bytes.count, Self.isDigit(bytes[end + 1]),
            [UInt8(ascii: "."), UInt8(ascii: "-")].contains(bytes[end])
        {
            isPlain = false
        }
        guard isPlain else {
            while end < bytes.count, Self.isOfName(bytes[end]) { end += 1 }
            return nil
        }
        var value = 0
        for byte in bytes[range] where Self.isDigit(byte) {
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            // Far above any count of tokens; nothing overflows.
            if value > 1 << 40 { return nil }
        }
        return value * factor
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// A digit, or a comma between thousands.
    private static func isOfNumber(_ bytes: [UInt8], _ index: Int) -> Bool {
        if isDigit(bytes[index]) { return true }
        guard bytes[index] == UInt8(ascii: ","), index + 3 < bytes.count else { return false }
        return bytes[(index + 1)...(index + 3)].allSatisfy(isDigit)
            && (index + 4 == bytes.count || !isDigit(bytes[index + 4]))
    }

    /// An apostrophe within a word opens nothing.
    private static func opensQuote(_ bytes: [UInt8], _ index: Int) -> Bool {
        switch bytes[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "`"): true
        case UInt8(ascii: "'"): index == 0 || !isOfIdentifier(bytes[index - 1])
        default: false
        }
    }

    private static func isOfIdentifier(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "["), UInt8(ascii: "]"),
            UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "$"):
            true
        default: isOfIdentifier(byte)
        }
    }
}
