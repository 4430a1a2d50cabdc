// Small helpers on text that Foundation would bring, and checks that several formats share.

extension StringProtocol {
    /// Without white space at either end.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }

    /// In quotes for a message: what is not safe to show escaped, shortened when very long.
    var quoted: String {
        let shownMax = 120
        var result = "\""
        for scalar in unicodeScalars.prefix(shownMax) {
            if scalar == "\"" || scalar == "\\" {
                result.unicodeScalars.append("\\")
                result.unicodeScalars.append(scalar)
            } else if LogText.isUnsafe(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + (unicodeScalars.count > shownMax ? "…\"" : "\"")
    }

    /// Whether a character is a control character, which must not get into a header or a log.
    var hasControls: Bool { unicodeScalars.contains(where: \.isControl) }

    /// Whether every character is visible ASCII: no blanks, no controls.
    var isVisibleASCII: Bool { utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}

extension Unicode.Scalar {
    /// C0, DEL and C1 control characters.
    var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}

/// Throws unless the text can be a model id: visible ASCII, not too long. An id is written into
/// log fields and URLs, so it is kept plain.
func checkModelID(_ text: String) throws(InvalidValue) {
    let bytesMax = 256
    guard text.isVisibleASCII else {
        throw InvalidValue("\(text.quoted) has blanks or characters outside ASCII")
    }
    guard text.utf8.count <= bytesMax else {
        throw InvalidValue("a model id is longer than \(bytesMax) bytes")
    }
}

/// Joins words for people: `a`, `a or b`, `a, b or c`.
func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
}
