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
    /// The file among the sources; nil without one.
    package let file: ConfigurationFileAccount?
    /// The files of CA certificates that can be read and have no certificate left in them: nothing that
    /// they held before is to be trusted.
    package internal(set) var emptiedCAFiles: Set<String> = []

    /// What a daemon makes of it whose configuration came from `running`. A file that has lost all
    /// that it held (an editor that was interrupted, a full disk, a mount that is gone) must not take
    /// the key away or send conversations to the default upstream; anything else is warned of.
    package func keeping(_ running: ConfigurationFileAccount?) -> Resolution {
        guard let running, running.hasSettings, file?.isBlank ?? true else { return self }
        let state = file == nil ? "there is no such file any more" : "the file is empty"
        guard running.namesUpstream else {
            let warning = ConfigurationWarning(
                severity: .warning, key: running.name, origin: nil,
                text: "\(state); all that it set is back at its default")
            return Resolution(
                configuration: configuration, faults: faults, warnings: warnings + [warning],
                origins: origins, file: file, emptiedCAFiles: emptiedCAFiles)
        }
        let fault = ConfigurationFault(
            key: nil, origin: ConfigurationOrigin(source: running.name, line: nil), value: nil,
            reason: "\(state), although the upstream or its key in use came from it;"
                + " a restart goes back to the defaults", allowed: nil)
        return Resolution(
            configuration: nil, faults: faults + [fault], warnings: warnings, origins: origins,
            file: file, emptiedCAFiles: emptiedCAFiles)
    }
}

/// What is known of a configuration file besides its settings.
package struct ConfigurationFileAccount: Sendable, Equatable {
    package let name: String
    package let hasSettings: Bool
    /// Whether it says who is asked, or with which key.
    package let namesUpstream: Bool
    /// Nothing is in it, not even a comment.
    package let isBlank: Bool
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
