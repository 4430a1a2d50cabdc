// The base of the upstream's API, taken apart once.
//
// Only what the daemon needs of a URL: scheme, host, port, path. User information, query and
// fragment are refused: the first is a password in a place that gets logged, the others would be
// lost or misplaced when the path of an endpoint is added.

package import Translation

/// The base URL of the upstream's API.
package struct UpstreamURL: Sendable, Equatable {
    /// The two schemes there are.
    package enum Scheme: String, Sendable {
        case http, https

        /// The port of a URL that names none.
        package var defaultPort: Int {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    /// Whether the connection is encrypted.
    package let scheme: Scheme
    /// Lower case; an IPv6 address stands without brackets.
    package let host: String
    /// 1…65535.
    package let port: Int
    /// Empty, or begins with a slash and does not end with one.
    package let basePath: String

    /// Takes the parts as they are; `init(parsing:)` is the one that checks.
    package init(scheme: Scheme, host: String, port: Int, basePath: String) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.basePath = basePath
    }

    /// Host and port as the `Host` header has them: the scheme's own port is left out.
    package var authority: String {
        let host = host.contains(":") ? "[\(host)]" : host
        return port == scheme.defaultPort ? host : "\(host):\(port)"
    }

    /// The URL that a request in `api` goes to.
    package func url(of api: UpstreamAPI) -> String {
        switch api {
        case .chat: description + Self.chatCompletions
        case .responses: description + Self.responses
        case .messages: description + versionPath + Self.messages
        }
    }

    /// The URL of the list of models of an upstream that is asked by `api`.
    package func models(of api: UpstreamAPI) -> String {
        description + modelsPath(of: api)
    }

    /// The path of the list of models, below the base.
    package func modelsPath(of api: UpstreamAPI) -> String {
        api == .messages ? versionPath + "/models" : "/models"
    }

    /// Bases of the Messages API are given with their version and without.
    private var versionPath: String { basePath.hasSuffix("/v1") ? "" : "/v1" }

    /// Whether the upstream can only be this machine.
    package var isLoopback: Bool { HostSyntax.isLoopback(host) }

    private static let chatCompletions = "/chat/completions"
    private static let responses = "/responses"
    private static let messages = "/messages"
}

extension UpstreamURL: CustomStringConvertible {
    /// The URL without a slash at its end.
    package var description: String { "\(scheme.rawValue)://\(authority)\(basePath)" }

    private static let bytesMax = 2048

    /// Reads `http(s)://host[:port][/path]`.
    ///
    /// A value with an `@`, a `?` or a `#` may hold a password or a key and is marked as not to be
    /// shown.
    init(parsing text: String) throws(InvalidValue) {
        if text.contains("@") {
            throw InvalidValue(
                "it has user information (an `@`); the key belongs in OPENROUTER_API_KEY",
                hidesValue: true)
        }
        if text.contains("?") || text.contains("#") {
            throw InvalidValue("it has a query (`?`) or a fragment (`#`)", hidesValue: true)
        }
        guard text.isVisibleASCII, !text.contains("\\"), text.utf8.count <= Self.bytesMax else {
            throw InvalidValue(
                "it has blanks, backslashes or characters outside ASCII, or is longer than "
                    + "\(Self.bytesMax) bytes")
        }
        let lowercased = text.lowercased()
        let scheme: Scheme
        if lowercased.hasPrefix("https://") {
            scheme = .https
        } else if lowercased.hasPrefix("http://") {
            scheme = .http
        } else {
            throw InvalidValue("it does not begin with https:// or http://")
        }
        let rest = text.dropFirst("\(scheme.rawValue)://".count)
        let pathStart = rest.firstIndex(of: "/") ?? rest.endIndex
        guard pathStart > rest.startIndex else { throw InvalidValue("it has no host") }
        let address = try HostAndPort(parsing: String(rest[..<pathStart]))
        guard address.port != 0 else { throw InvalidValue("port 0 cannot be connected to") }
        self.init(
            scheme: scheme, host: address.host, port: address.port ?? scheme.defaultPort,
            basePath: try Self.basePath(rest[pathStart...]))
    }

    private static func basePath(_ text: Substring) throws(InvalidValue) -> String {
        var path = text
        while path.hasSuffix("/") { path.removeLast() }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard !segments.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
            throw InvalidValue("its path has an empty, `.` or `..` segment")
        }
        for endpoint in [chatCompletions, responses, messages] where path.hasSuffix(endpoint) {
            throw InvalidValue("it ends in \(endpoint), which the daemon adds by itself")
        }
        return String(path)
    }
}
