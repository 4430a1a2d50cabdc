// One entry of the table of options: everything that parser, documentation and reload know of it.
//
// An entry ties a key to a field of `Configuration` through a format. The type of the field is
// erased into three closures here, so that the table can be one array.

/// One setting that an administrator can make.
package struct ConfigurationOption: Sendable {
    /// The name of the setting, which is the name of an environment variable.
    package let key: String
    /// The kind of value in a word or two.
    package let type: String
    /// What is allowed, to stand after "Allowed: ".
    package let allowed: String
    /// What the setting does. The first sentence stands alone in short listings. May have
    /// `code` in backquotes; nothing else of Markdown.
    package let text: String
    /// Whether its value must never be shown.
    package let isSecret: Bool
    /// Whether a reload applies a change; otherwise a restart has to.
    package let isReloadable: Bool
    /// The name of the systemd credential that may hold it.
    package let credential: String?
    /// A value that shows how it is written, where the default is to have none.
    package let example: String?
    /// What happens when it is not set, where that is not one fixed value.
    package let defaultNote: String?

    /// Reads a value into a configuration.
    let apply: @Sendable (String, inout Configuration) throws(InvalidValue) -> Void
    /// Writes the value of a configuration; empty when not set, masked when secret.
    let render: @Sendable (Configuration) -> String
    /// What is in effect, where that follows from more than this setting.
    let inEffect: (@Sendable (Configuration) -> String)?
    /// Whether two configurations agree in it.
    let isEqual: @Sendable (Configuration, Configuration) -> Bool

    /// An entry of the table; the default is the field's value in `Configuration()`.
    init<Value>(
        _ key: String,
        _ field: any WritableKeyPath<Configuration, Value> & Sendable,
        _ format: ValueFormat<Value>,
        secret isSecret: Bool = false,
        reload isReloadable: Bool = true,
        credential: String? = nil,
        example: String? = nil,
        default defaultNote: String? = nil,
        inEffect: (@Sendable (Configuration) -> String)? = nil,
        _ text: String
    ) {
        self.key = key
        self.type = format.type
        self.allowed = format.allowed
        self.text = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        self.isSecret = isSecret
        self.isReloadable = isReloadable
        self.credential = credential
        self.example = example
        self.defaultNote = defaultNote
        self.inEffect = inEffect
        self.apply = { (text, configuration) throws(InvalidValue) in
            configuration[keyPath: field] = try format.parse(text)
        }
        self.render = { format.render($0[keyPath: field]) }
        self.isEqual = { $0[keyPath: field] == $1[keyPath: field] }
    }

    /// A setting that has no key of its own, for the documentation alone.
    init(
        describing key: String, type: String, allowed: String, isSecret: Bool, example: String?,
        default defaultNote: String, _ text: String
    ) {
        self.key = key
        self.type = type
        self.allowed = allowed
        self.text = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        self.isSecret = isSecret
        isReloadable = true
        credential = nil
        self.example = example
        self.defaultNote = defaultNote
        inEffect = nil
        apply = { _, _ in }
        render = { _ in "" }
        isEqual = { _, _ in true }
    }

    /// The default as it would be written; empty when there is none.
    package var defaultValue: String { render(Configuration()) }

    /// The default for people.
    package var defaultText: String {
        defaultNote ?? (defaultValue.isEmpty ? "none" : "`\(defaultValue)`")
    }

    /// The first sentence of the text.
    package var summary: String {
        let end = text.indices.first {
            text[$0] == "." && text[$0...].dropFirst().first ?? " " == " "
        }
        return end.map { String(text[...$0]) } ?? text
    }
}
