// What came of the sources: a configuration, or everything that is wrong with them.

/// The outcome of resolving the sources of a configuration.
package struct Resolution: Sendable {
    /// The configuration; nil exactly when there are faults.
    package internal(set) var configuration: Configuration?
    /// All reasons why there is none.
    package internal(set) var faults: [ConfigurationFault]
    /// What the administrator should know; the configuration is used all the same.
    package let warnings: [ConfigurationWarning]
    /// Where the value of each key came from; keys that are not there have their default.
    package let origins: [String: ConfigurationOrigin]
    /// The file of CA certificates, if it can be read and no certificate is left in it: nothing that
    /// it held before is to be trusted.
    package internal(set) var emptiedCAFile: String?
}

/// Where a value came from.
package struct ConfigurationOrigin: Sendable, Equatable, CustomStringConvertible {
    /// The name of the source.
    package let source: String
    /// Counted from 1; nil where there are no lines.
    package let line: Int?

    /// `source`, or `source:line`.
    package var description: String { line.map { "\(source):\($0)" } ?? source }
}

/// One reason why the sources make no configuration.
package struct ConfigurationFault: Sendable, Equatable, CustomStringConvertible {
    /// The setting; nil when a line could not be read at all.
    package let key: String?
    /// Where the value came from; nil when the setting is at its default.
    package let origin: ConfigurationOrigin?
    /// The value seen; nil when it is secret, may be, or plays no part.
    package let value: String?
    /// What is wrong.
    package let reason: String
    /// What would be right.
    package let allowed: String?

    /// One line for people: `origin: KEY="value": reason. Allowed: …`.
    package var description: String {
        var text = origin.map { "\($0): " } ?? ""
        if let key { text += value.map { "\(key)=\($0.quoted): " } ?? "\(key): " }
        text += reason
        if let allowed { text += ". Allowed: \(allowed)" }
        return text
    }
}

/// Something that the administrator should know.
package struct ConfigurationWarning: Sendable, Equatable, CustomStringConvertible {
    /// How much it matters.
    package enum Severity: Sendable {
        /// Probably not what was meant, or a risk.
        case warning
        /// Worth knowing.
        case note
    }

    /// How much it matters.
    package let severity: Severity
    /// The setting.
    package let key: String
    /// Where the value came from; nil when it plays no part.
    package let origin: ConfigurationOrigin?
    /// What to know, and what to do.
    package let text: String

    /// One line for people: `origin: KEY: text`.
    package var description: String { (origin.map { "\($0): " } ?? "") + "\(key): \(text)" }
}
