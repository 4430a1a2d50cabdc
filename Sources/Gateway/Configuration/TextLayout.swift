// Breaking paragraphs into lines, for the documents that come from the table of options.

/// Lays out plain text.
enum TextLayout {
    /// Breaks a paragraph at blanks so that no line is wider than `width`, unless one word is.
    /// - Parameter prefix: Begins every line and counts for its width.
    static func wrap(_ text: String, width: Int, prefix: String = "") -> String {
        var result = ""
        var column = 0
        for word in text.split(separator: " ") {
            if column > 0, column + 1 + word.count <= width {
                result += " " + word
                column += 1 + word.count
            } else {
                if column > 0 { result += "\n" }
                result += prefix + word
                column = prefix.count + word.count
            }
        }
        return result
    }

    /// Without the backquotes that mark code.
    static func plain(_ text: String) -> String {
        text.filter { $0 != "`" }
    }
}
