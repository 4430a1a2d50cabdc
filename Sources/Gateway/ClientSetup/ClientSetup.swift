// What Claude Code has to be told to use the proxy, as variables of its environment. Which variables
// and why was tried with Claude Code 2.1.330 and 2.1.332; `ShellSyntax` writes them down.

/// The variables that Claude Code needs.
package struct ClientSetup: Sendable, Equatable {
    /// Where the proxy is.
    package var address: ClientAddress
    /// One of the proxy's client tokens; nil when none is known, or none is wanted.
    package var token: Secret?
    /// The model to be asked for.
    package var model: String?
    /// The context window of that model; nil when it is not known.
    package var contextTokens: Int?
    /// Hosts that go past the outgoing proxy of the environment; nil when there is no such proxy.
    package var noProxy: String?

    package init(address: ClientAddress) { self.address = address }

    /// What stands for a token where none is wanted. It has to be something: Claude Code without a
    /// token or key wants a login.
    static let harmlessToken = "claude-proxy"

    /// A variable to be set, and why.
    package struct Variable: Sendable, Equatable {
        package let name: String
        package let value: String
        /// For people; nil where the name says all.
        package let reason: String?
    }

    /// What is to be set.
    package var variables: [Variable] {
        var variables: [Variable] = []
        func set(_ name: String, _ value: String, _ reason: String? = nil) {
            variables.append(Variable(name: name, value: value, reason: reason))
        }
        set("ANTHROPIC_BASE_URL", address.url)
        if let path = address.socketPath { set("ANTHROPIC_UNIX_SOCKET", path) }
        set(
            "ANTHROPIC_AUTH_TOKEN", token?.reveal() ?? Self.harmlessToken,
            "without a token Claude Code wants a login, and with ANTHROPIC_API_KEY it asks questions."
        )
        if let model { set("ANTHROPIC_MODEL", model) }
        if let contextTokens {
            set(
                "CLAUDE_CODE_MAX_CONTEXT_TOKENS", "\(contextTokens)",
                "the model's context window; Claude Code would take it for a million tokens.")
        }
        set(
            "CLAUDE_CODE_GATEWAY_HINT_HEADERS", "1",
            "requests say what they are for, and the proxy's log with them.")
        set(
            "CLAUDE_CODE_AUTO_MODE_SERVER", "0",
            "auto mode's check of actions runs at Anthropic, where no request goes; with 0 Claude Code "
                + "makes the check itself, by asking for claude-sonnet-5.")
        if let noProxy {
            set("NO_PROXY", noProxy, "requests to the proxy do not go through the outgoing proxy.")
            set("no_proxy", noProxy)
        }
        return variables
    }

    /// What must not be set: keys and logins that come before the token, and switches to services
    /// that have addresses of their own.
    package var unwanted: [String] {
        let names = [
            "ANTHROPIC_API_KEY", "ANTHROPIC_FEDERATION_RULE_ID", "ANTHROPIC_PROFILE",
            "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_ANTHROPIC_AWS",
            "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD", "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_USE_GATEWAY", "CLAUDE_CODE_USE_MANTLE",
            "CLAUDE_CODE_USE_VERTEX",
        ]
        return address.socketPath == nil ? names + ["ANTHROPIC_UNIX_SOCKET"] : names
    }
}

// MARK: - The model

extension ClientSetup {
    /// An id as one segment of a URL's path (RFC 3986, section 3.3).
    package static func pathSegment(_ id: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var text = ""
        for byte in id.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text.append("%")
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            }
        }
        return text
    }
}

// MARK: - The outgoing proxy

extension ClientSetup {
    /// The value of `NO_PROXY` by which requests to `address` go past an outgoing proxy.
    ///
    /// - Parameter variable: looks a variable of the client's environment up.
    /// - Returns: nil when nothing needs to change.
    package static func noProxy(
        for address: ClientAddress, _ variable: (String) -> String?
    ) -> String? {
        func value(_ name: String) -> String? {
            let text = variable(name) ?? variable(name.uppercased())
            return text == "" ? nil : text
        }
        let isPlain = address.url.hasPrefix("http://")
        guard address.socketPath == nil,
            value(isPlain ? "http_proxy" : "https_proxy") ?? value("all_proxy") != nil,
            let host = host(of: address.url), HostSyntax.isLoopback(host)
        else { return nil }
        let hosts = value("no_proxy") ?? ""
        let listed = hosts.split(separator: ",").map { item in
            String(item.drop { $0 == " " }.prefix { $0 != " " })
        }
        guard !listed.contains(host), !listed.contains("*") else { return nil }
        return hosts.isEmpty ? host : "\(hosts),\(host)"
    }

    /// The host of a URL, without brackets.
    private static func host(of url: String) -> String? {
        let authority = url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
        return (try? HostAndPort(parsing: String(authority)))?.host
    }
}
