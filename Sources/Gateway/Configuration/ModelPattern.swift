// Which of many models: an id, or the beginning of ids.

/// A pattern of model ids as an administrator writes it: `openai/gpt-oss-120b`, `openai/*`, `*`.
package struct ModelPattern: Sendable, Equatable {
    /// Without the `*`.
    let text: String
    /// Whether every id that begins with `text` matches.
    let isPrefix: Bool

    /// Every id.
    static let all = ModelPattern(text: "", isPrefix: true)

    func matches(_ id: String) -> Bool { isPrefix ? id.hasPrefix(text) : id == text }
}

extension ModelPattern: CustomStringConvertible {
    package var description: String { isPrefix ? text + "*" : text }

    /// Reads an id that may end in `*`.
    init(parsing text: String) throws(InvalidValue) {
        var id = text[...]
        let isPrefix = id.hasSuffix("*")
        if isPrefix { id.removeLast() }
        guard !id.contains("*") else {
            throw InvalidValue("\(text.quoted) has a `*` that is not at its end")
        }
        try checkModelID(String(id))
        self.init(text: String(id), isPrefix: isPrefix)
    }
}

extension ValueFormat where Value == ModelPattern {
    /// A model id, or the beginning of ids and a `*`.
    static var modelPattern: Self {
        ValueFormat(
            type: "text", allowed: "a model id that may end in `*`",
            parse: ModelPattern.init(parsing:), render: { $0.description })
    }
}
