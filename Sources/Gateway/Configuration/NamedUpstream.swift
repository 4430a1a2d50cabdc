// Upstreams besides the main one: `CLAUDE_PROXY_UPSTREAM_<NAME>_URL` declares one, and further
// attributes say how it is asked. None of them is taken over from the main upstream, its key least of
// all: that would show a key to a host that it was not made for.

package import Translation

/// An upstream that has a name of its own.
package struct NamedUpstream: Sendable, Equatable {
    /// In lower case.
    package let name: String
    package var url: UpstreamURL
    package var keys: [Secret] = []
    /// Whether it is asked with the credentials of its clients instead.
    package var takesClientKeys = false
    package var kind = Configuration.UpstreamKind.auto
    package var apiChoice = Configuration.UpstreamAPIChoice.auto
    package var caFile: String?
    /// What that file held when the configuration was read.
    package var certificates: TrustedCertificates?

    /// Its dialect: of the kind that is set, or by default what its host is known for.
    package var profile: UpstreamProfile { kind.profile(at: url) }

    /// The API by which it is asked.
    package var api: UpstreamAPI { apiChoice.api(at: url, profile) }

    /// Whether its key is required and none is set.
    package var lacksKey: Bool { keys.isEmpty && profile.needsKey && !takesClientKeys }

    /// Whether `name` has the form of a name: `[a-z][a-z0-9]{0,15}`.
    static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 16 else { return false }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        return letters.contains(first)
            && name.utf8.allSatisfy { letters.contains($0) || HostSyntax.isDigit($0) }
    }
}

/// The key of a setting of a named upstream.
struct NamedUpstreamKey {
    enum Attribute: String, CaseIterable {
        case url = "URL"
        case key = "KEY"
        case profile = "PROFILE"
        case api = "API"
        case caFile = "CA_FILE"
    }

    let name: String
    let attribute: Attribute

    static let prefix = "CLAUDE_PROXY_UPSTREAM_"
    /// Names with which a key would be mistaken for one of the main upstream's.
    private static let reserved: Set<String> = [
        "MAIN", "CA", "IDLE", "API", "URL", "KEY", "PROFILE", "FILE",
    ]

    /// The setting as an administrator writes it.
    static func text(_ name: String, _ attribute: Attribute) -> String {
        "\(prefix)\(name.uppercased())_\(attribute.rawValue)"
    }

    /// Reads a key that is in no table; nil when it is none of a named upstream.
    init?(_ key: String) throws(InvalidValue) {
        guard let (name, attribute) = Self.parts(of: key) else { return nil }
        guard !Self.reserved.contains(name) else {
            throw InvalidValue(
                name == "MAIN"
                    ? "the main upstream is set by CLAUDE_PROXY_UPSTREAM_URL, OPENROUTER_API_KEY"
                        + " and the like"
                    : "\(name) cannot be the name of an upstream: its settings would read like those"
                        + " of the main one; choose another name")
        }
        guard NamedUpstream.isName(name.lowercased()), name == name.uppercased() else {
            throw InvalidValue(
                "\(name.quoted) cannot be the name of an upstream: a name is a capital letter and up"
                    + " to 15 capital letters and digits" + Self.advice(name))
        }
        self.name = name.lowercased()
        self.attribute = attribute
    }

    private static func advice(_ name: String) -> String {
        let plain = name.uppercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        guard NamedUpstream.isName(plain.lowercased()), !reserved.contains(plain) else { return "" }
        return "; did you mean \(plain)?"
    }

    private static func parts(of key: String) -> (name: String, attribute: Attribute)? {
        guard key.hasPrefix(prefix) else { return nil }
        let rest = key.dropFirst(prefix.count)
        for attribute in Attribute.allCases where rest.hasSuffix("_\(attribute.rawValue)") {
            let name = rest.dropLast(attribute.rawValue.count + 1)
            return name.isEmpty ? nil : (String(name), attribute)
        }
        return nil
    }

    /// The key that somebody may have meant who wrote an attribute that there is not.
    static func suggestion(for key: String) -> String? {
        guard key.hasPrefix(prefix) else { return nil }
        let rest = key.dropFirst(prefix.count)
        guard let bar = rest.firstIndex(of: "_"), bar > rest.startIndex else { return nil }
        let name = String(rest[..<bar])
        let known = Attribute.allCases.map(\.rawValue)
        guard NamedUpstream.isName(name.lowercased()), !reserved.contains(name),
            let attribute = EditDistance.closest(
                to: String(rest[rest.index(after: bar)...]), among: known, atMost: 2)
        else { return nil }
        return "\(prefix)\(name.uppercased())_\(attribute)"
    }

    // MARK: Credentials

    private static let credentialPrefix = "claude-proxy.key."

    /// The setting that a credential such as `claude-proxy.key.groq` holds.
    static func setting(ofCredential name: String) -> String? {
        guard name.hasPrefix(credentialPrefix) else { return nil }
        return text(String(name.dropFirst(credentialPrefix.count)), .key)
    }

    // MARK: Values

    var isSecret: Bool { attribute == .key }

    /// The value in place of keys where clients bring their own.
    static let clientKeys = "client"

    /// Reads the attribute's value into an upstream.
    func apply(_ value: String, to upstream: inout NamedUpstream) throws(InvalidValue) {
        switch attribute {
        case .url: upstream.url = try ValueFormat.upstreamURL.parse(value)
        case .key:
            upstream.takesClientKeys = value == Self.clientKeys
            guard !upstream.takesClientKeys else { return }
            upstream.keys = try ValueFormat.keys.parse(value)
            guard !upstream.keys.contains(Secret(Self.clientKeys)) else {
                throw InvalidValue(
                    "\(Self.clientKeys) says that clients bring their own keys, and stands alone")
            }
        case .profile: upstream.kind = try ValueFormat.choice().parse(value)
        case .api: upstream.apiChoice = try ValueFormat.choice().parse(value)
        case .caFile: upstream.caFile = try ValueFormat.absolutePath.parse(value)
        }
    }

    /// The attribute as it is set; nil when it is not.
    func render(_ upstream: NamedUpstream) -> String? {
        switch attribute {
        case .url: upstream.url.description
        case .key:
            upstream.takesClientKeys
                ? Self.clientKeys : upstream.keys.isEmpty ? nil : Secret.mask
        case .profile: upstream.kind.rawValue
        case .api: upstream.apiChoice.rawValue
        case .caFile: upstream.caFile
        }
    }

    /// What is allowed.
    var allowed: String { Self.allowed(attribute) }

    static func allowed(_ attribute: Attribute) -> String {
        switch attribute {
        case .url: ValueFormat.upstreamURL.allowed
        case .key: "\(clientKeys), or \(ValueFormat.keys.allowed)"
        case .profile: ValueFormat<Configuration.UpstreamKind>.choice().allowed
        case .api: ValueFormat<Configuration.UpstreamAPIChoice>.choice().allowed
        case .caFile: ValueFormat.absolutePath.allowed
        }
    }

    init(_ name: String, _ attribute: Attribute) {
        self.name = name
        self.attribute = attribute
    }
}
