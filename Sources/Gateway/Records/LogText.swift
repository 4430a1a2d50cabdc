// Text of peers on its way into a log or onto a terminal. What peers write can forge a field or a
// line, and drive the terminal that shows it: by control characters (C0, DEL and C1, of which U+009B
// begins a command as ESC [ does), by those that turn the direction of writing, by the two that end
// a line in Unicode, by those that nobody sees. They are escaped as JSON does, in every form of the
// log; bytes that are not UTF-8 become U+FFFD.

import Translation

/// Makes text fit to be shown.
package enum LogText {
    /// Where text is going to stand.
    package enum Place: Sendable {
        /// By itself: a field of the journal. Nothing can be forged there.
        case alone
        /// Within quotation marks, which are written by somebody else: a string of JSON.
        case quoted
        /// Among other words and fields: quotation marks are put around what needs them.
        case amongWords
        /// The same within a string of JSON.
        case amongQuotedWords
    }

    /// Whether a character can do something to the reader's terminal or to the order of what is
    /// read, or cannot be seen.
    package static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F: true
        // Arabic letter mark, zero widths and direction marks, line and paragraph separator,
        // embeddings and overrides, invisible operators and isolates, byte order mark, annotations,
        // tags.
        case 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB,
            0xE0000...0xE007F:
            true
        default: false
        }
    }

    /// Appends `text` as it may stand in its place.
    package static func append(_ text: Span<UInt8>, as place: Place, to line: inout [UInt8]) {
        let marks = Marks(of: text)
        switch place {
        case .alone:
            marks.needEscape ? escape(text, quotes: false, to: &line) : copy(text, to: &line)
        case .quoted:
            marks.needEscape || marks.haveQuotes
                ? escape(text, quotes: true, to: &line) : copy(text, to: &line)
        case .amongWords:
            guard !marks.arePlain else { return copy(text, to: &line) }
            line.append("\"")
            append(text, as: .quoted, to: &line)
            line.append("\"")
        case .amongQuotedWords:
            guard !marks.arePlain else { return copy(text, to: &line) }
            var quoted: [UInt8] = []
            append(text, as: .amongWords, to: &quoted)
            append(quoted.span, as: .quoted, to: &line)
        }
    }

    /// The text with everything escaped that is not safe to show.
    package static func shown(_ text: String) -> String {
        var line: [UInt8] = []
        append(Array(text.utf8).span, as: .alone, to: &line)
        return String(decoding: line, as: UTF8.self)
    }

    /// What one look at a text tells of it.
    private struct Marks {
        /// One word of visible ASCII without what separates a field's name from its value.
        var arePlain: Bool
        /// A quotation mark or a backslash.
        var haveQuotes = false
        /// Anything that is not a blank or visible ASCII.
        var needEscape = false

        init(of text: Span<UInt8>) {
            arePlain = !text.isEmpty
            for index in text.indices {
                let byte = text[index]
                if byte <= UInt8(ascii: " ") || byte >= 0x7F || byte == UInt8(ascii: "=") {
                    arePlain = false
                    if byte != UInt8(ascii: " "), byte != UInt8(ascii: "=") { needEscape = true }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    arePlain = false
                    haveQuotes = true
                }
            }
        }
    }

    private static func copy(_ text: Span<UInt8>, to line: inout [UInt8]) {
        for index in text.indices { line.append(text[index]) }
    }

    private static func escape(_ text: Span<UInt8>, quotes: Bool, to line: inout [UInt8]) {
        var bytes: [UInt8] = []
        copy(text, to: &bytes)
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\"", "\\":
                if quotes { line.append("\\") }
                line.append(UInt8(truncatingIfNeeded: scalar.value))
            case "\n": line.append("\\n")
            case "\r": line.append("\\r")
            case "\t": line.append("\\t")
            default:
                guard isUnsafe(scalar) else {
                    line.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                    continue
                }
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    line.append("\\u")
                    for shift: UInt16 in [12, 8, 4, 0] {
                        line.append(hexDigit(unit >> shift & 0xF))
                    }
                }
            }
        }
    }

    private static func hexDigit(_ value: UInt16) -> UInt8 {
        let digit = UInt8(truncatingIfNeeded: value)
        return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
