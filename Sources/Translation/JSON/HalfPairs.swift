// Halves of UTF-16 surrogate pairs in escaped text. `\ud83d\ude00` is one character; a half without
// the other is none, and parsers refuse it, or keep something that the next one refuses. What stands
// alone becomes U+FFFD. In a stream the two halves may come in two pieces: some servers cut text between
// UTF-16 units.

/// One half of a pair.
enum HalfPair {
    case lead, trail

    /// The half that the code unit `unit` is, if it is one.
    init?(_ unit: UInt16) {
        switch unit {
        case 0xD800...0xDBFF: self = .lead
        case 0xDC00...0xDFFF: self = .trail
        default: return nil
        }
    }

    /// The half whose escape stands at `index` of escaped text.
    init?(_ text: Span<UInt8>, at index: Int) {
        guard index &+ 6 <= text.count, text[index] == UInt8(ascii: "\\"),
            text[index &+ 1] == UInt8(ascii: "u"),
            let half = HalfPair(EscapedText.unit(text, index &+ 2))
        else { return nil }
        self = half
    }

    /// The bytes of an escape.
    static var length: Int { 6 }
    /// What stands for a half alone.
    static var replacement: StaticString { #"\ufffd"# }
}

extension [UInt8] {
    /// Appends escaped text, of which no escape is cut, without halves that stand alone.
    mutating func append(mendingHalfPairs text: Span<UInt8>) {
        var plain = 0
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "\\"), index &+ 1 < text.count else {
                index &+= 1
                continue
            }
            guard let half = HalfPair(text, at: index) else {
                index &+= 2
                continue
            }
            if half == .lead, HalfPair(text, at: index &+ HalfPair.length) == .trail {
                index &+= 2 * HalfPair.length
                continue
            }
            append(text.extracting(plain..<index))
            append(HalfPair.replacement)
            index &+= HalfPair.length
            plain = index
        }
        append(text.extracting(plain...))
    }
}

/// Mends text that comes in pieces.
struct HalfPairMender {
    /// The lead with which the last piece ended.
    private var lead: [UInt8] = []

    /// Whether anything is written for the next piece, rather than all of it held.
    func writes(_ text: Span<UInt8>) -> Bool { !lead.isEmpty || openStart(text) > 0 }

    /// Appends the next piece, and keeps a lead at its end until its trail comes.
    mutating func append(_ text: Span<UInt8>, to output: inout [UInt8]) {
        guard text.count > 0 else { return }
        var start = 0
        if !lead.isEmpty {
            if HalfPair(text, at: 0) == .trail {
                output.append(lead.span)
                output.append(text.extracting(first: HalfPair.length))
                start = HalfPair.length
            } else {
                output.append(HalfPair.replacement)
            }
            lead.removeAll(keepingCapacity: true)
        }
        let end = openStart(text)
        if start < end { output.append(mendingHalfPairs: text.extracting(start..<end)) }
        lead.append(text.extracting(end...))
    }

    /// Whether a lead waits for a trail that will not come.
    var holdsHalf: Bool { !lead.isEmpty }

    /// The text is over.
    mutating func finish(into output: inout [UInt8]) {
        guard !lead.isEmpty else { return }
        lead.removeAll(keepingCapacity: true)
        output.append(HalfPair.replacement)
    }

    /// Where the lead begins with which the text ends, or the text's end.
    private func openStart(_ text: Span<UInt8>) -> Int {
        let start = text.count &- HalfPair.length
        guard start >= 0, HalfPair(text, at: start) == .lead else { return text.count }
        // `\\ud83d` is a backslash and five letters.
        var backslashes = 0
        while backslashes < start, text[start &- backslashes &- 1] == UInt8(ascii: "\\") {
            backslashes &+= 1
        }
        return backslashes % 2 == 0 ? start : text.count
    }
}
