// Where values come from: the environment, files, systemd credentials.
//
// A source holds text that may be secret, so neither it nor its entries show values.

/// One setting as it stands in a source.
package struct ConfigurationEntry: Sendable, Equatable {
    /// The name of the setting as it stands, known or not.
    package let key: String
    /// As it stands, perhaps secret.
    package let value: String
    /// Counted from 1; nil where there are no lines.
    package let line: Int?

    /// An entry.
    package init(key: String, value: String, line: Int? = nil) {
        self.key = key
        self.value = value
        self.line = line
    }
}

extension ConfigurationEntry: CustomStringConvertible, CustomReflectable {
    /// The key alone.
    package var description: String { key }
    /// The key alone.
    package var customMirror: Mirror { Mirror(self, children: ["key": key]) }
}

/// Settings that come from one place.
package struct ConfigurationSource: Sendable, Equatable {
    /// What kind of place it is, which decides how unknown keys are treated.
    package enum Kind: Sendable {
        /// Shared with everything else that runs: unknown keys belong to others.
        case environment
        /// Written for the daemon: unknown keys are slips of the pen.
        case file
        /// One value for one option.
        case credential
    }

    /// Who can read a file.
    package enum Readers: Sendable {
        case owner
        /// A group, too, that was not chosen for the service.
        case group
        case everybody
    }

    /// What kind of place it is.
    package let kind: Kind
    /// For people: a path, "environment", "credential claude-proxy.api_key".
    package let name: String
    /// In the order of the source; of one key the last entry counts.
    package let entries: [ConfigurationEntry]
    /// What was wrong with a file before any value was looked at.
    let syntaxFaults: [EnvironmentFile.Fault]
    /// Why the source could not be read at all.
    let readFailure: String?
    let readers: Readers
    /// Whether a file has nothing in it, not even a comment.
    let isBlank: Bool

    private init(
        _ kind: Kind, name: String, entries: [ConfigurationEntry],
        syntaxFaults: [EnvironmentFile.Fault] = [], readFailure: String? = nil,
        readers: Readers = .owner, isBlank: Bool = false
    ) {
        self.readers = readers
        self.isBlank = isBlank
        self.kind = kind
        self.name = name
        self.entries = entries
        self.syntaxFaults = syntaxFaults
        self.readFailure = readFailure
    }

    /// The environment of the process.
    package static func environment(_ variables: [(key: String, value: String)]) -> Self {
        Self(
            .environment, name: "environment",
            entries: variables.map { ConfigurationEntry(key: $0.key, value: $0.value) })
    }

    /// A file of `KEY=value` lines.
    /// - Parameter name: The path as people know it.
    package static func file(
        _ name: String, bytes: [UInt8], readers: Readers = .owner
    ) -> Self {
        let file = EnvironmentFile(parsing: bytes)
        return Self(
            .file, name: name, entries: file.entries, syntaxFaults: file.faults, readers: readers,
            isBlank: bytes.allSatisfy { $0 <= UInt8(ascii: " ") })
    }

    /// Settings of the demonstration's own.
    package static func demonstration(_ settings: [(key: String, value: String)]) -> Self {
        Self(
            .environment, name: "demonstration",
            entries: settings.map { ConfigurationEntry(key: $0.key, value: $0.value) })
    }

    /// The source with these settings and nothing else, faults of its form neither: it was written
    /// for somebody else.
    package func only(_ keys: Set<String>) -> Self {
        Self(kind, name: name, entries: entries.filter { keys.contains($0.key) }, readers: readers)
    }

    /// A file or credential that is there and cannot be read.
    /// - Parameters:
    ///   - name: As people know it.
    ///   - reason: What the system says.
    package static func unreadable(_ name: String, reason: String) -> Self {
        Self(.file, name: name, entries: [], readFailure: "it cannot be read: \(reason)")
    }

    /// Whether a credential of this name is the key of a named upstream.
    package static func isKeyOfUpstream(_ name: String) -> Bool {
        NamedUpstreamKey.setting(ofCredential: name) != nil
    }

    /// A file of systemd's credentials directory; nil if no option has a credential of that name.
    package static func credential(_ name: String, bytes: [UInt8]) -> Self? {
        let option = OptionTable.option(credential: name)?.key
        guard let key = option ?? NamedUpstreamKey.setting(ofCredential: name) else { return nil }
        let title = "credential \(name)"
        guard let value = String(validating: bytes, as: UTF8.self) else {
            let fault = EnvironmentFile.Fault(line: 1, reason: "the value is not valid UTF-8")
            return Self(.credential, name: title, entries: [], syntaxFaults: [fault])
        }
        guard !isEncrypted(value) else {
            let fault = EnvironmentFile.Fault(
                line: 1,
                reason: "the value looks like an encrypted credential; its place is "
                    + "/etc/credstore.encrypted/\(name), then `systemctl daemon-reload`")
            return Self(.credential, name: title, entries: [], syntaxFaults: [fault])
        }
        return Self(
            .credential, name: title, entries: [ConfigurationEntry(key: key, value: value)])
    }

    /// What systemd-creds(1) writes: Base64 in lines of 79, or on one that begins with the identifier of a kind of key (systemd's src/shared/creds-util.h, CRED_AES256_GCM_BY_…).
    private static func isEncrypted(_ value: String) -> Bool {
        let lines = value.split(separator: "\n")
        let isBase64 = lines.allSatisfy { line in
            line.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"),
                    UInt8(ascii: "="):
                    true
                default: false
                }
            }
        }
        let kinds = [
            "Whxqht+dQJax1aZeCGLxm", "DHzAexF2RZGcSwvqCLwg/", "k6iUCUh0RJCQyvL8k8q1U",
            "BYRp2vb1QySABUnaD46i+",
        ]
        return isBase64
            && (lines.count > 1 && lines.dropLast().allSatisfy { $0.utf8.count == 79 }
                || kinds.contains { value.hasPrefix($0) })
    }
}
