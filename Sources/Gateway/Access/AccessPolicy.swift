// Who may spend the key. The rules and why: docs/decisions/0003-access.md. In short: without tokens
// only this machine; with tokens whoever shows one; browsers and rebound names never.

import HTTP1
import Translation

/// The other end of a client connection.
package struct Peer: Sendable {
    /// Whether the peer is a process of this machine: a loopback address or a local socket.
    package var isLocal: Bool
    /// Whether the peer came through a local socket, where the name in Host says nothing.
    package var isLocalSocket: Bool
    /// The address without the port, for the log.
    package var name: String

    package init(isLocal: Bool, isLocalSocket: Bool = false, name: String) {
        self.isLocal = isLocal
        self.isLocalSocket = isLocalSocket
        self.name = name
    }
}

/// What a request shows of who sends it. Values are as they came, untrusted.
struct RequestOrigin {
    /// The Host field's value, or nil for the authority of an absolute-form target.
    var host: [UInt8] = []
    var hasOrigin = false
    /// Whether the browser says that a page has sent it, and not its user.
    var isFromPage = false
    /// Whether a field says that another proxy stands in front.
    var isForwarded = false
    /// The `x-api-key` fields.
    var apiKeys: [[UInt8]] = []
    /// The `Authorization` fields.
    var authorizations: [[UInt8]] = []

    init(_ head: RequestHead) {
        host = head.host.map { Array($0) } ?? []
        hasOrigin = head.field("origin") != nil
        for index in 0..<head.fieldCount {
            if ForwardingFields.isOne(head.field(at: index).name) { isForwarded = true }
            if head.isField("x-api-key", at: index) {
                apiKeys.append(Array(head.field(at: index).value))
            } else if head.isField("authorization", at: index) {
                authorizations.append(Array(head.field(at: index).value))
            } else if head.isField("sec-fetch-site", at: index) {
                // A page at another port of this machine is `same-site`. None is `same-origin`,
                // since the proxy has no pages.
                if !head.field(at: index).value.equalsIgnoringCase("none") { isFromPage = true }
            }
        }
    }
}

/// The rules, made once per configuration.
package struct AccessPolicy: Sendable {
    private let access: Configuration.Access
    private let tokenDigests: [[UInt8]]
    private let allowedHosts: Set<String>

    package init(_ configuration: Configuration) {
        access = configuration.access
        tokenDigests = configuration.clientTokens.map {
            SHA256.digest(Array($0.reveal().utf8).span)
        }
        allowedHosts = Set(configuration.allowedHosts)
    }

    /// Whether no request of this peer could be served, whatever it carries.
    package func canNeverServe(_ peer: Peer) -> Bool { access == .loopback && !peer.isLocal }

    /// Whether a peer that has shown no token may still do so.
    var asksForTokens: Bool { access == .token }

    /// Why the request may not be served, or nil if it may.
    func refusal(of origin: RequestOrigin, from peer: Peer) -> APIError? {
        if let refusal = browserRefusal(of: origin) { return refusal }
        switch access {
        case .open:
            return hostRefusal(of: origin)
        case .loopback:
            return localRefusal(of: origin, from: peer)
        case .token:
            // Who knows a token need not be asked for the right name, unless names were listed.
            return tokenRefusal(of: origin)
                ?? (allowedHosts.isEmpty ? nil : hostRefusal(of: origin))
        }
    }

    /// What tells one client from another: its credentials, and where it may come without them, its
    /// address too.
    func identity(of origin: RequestOrigin, from peer: Peer) -> [[UInt8]] {
        let shown = origin.apiKeys + origin.authorizations
        switch access {
        case .token: return shown
        case .open, .loopback: return [Array(peer.name.utf8)] + shown
        }
    }

    // MARK: Rules

    private func browserRefusal(of origin: RequestOrigin) -> APIError? {
        guard origin.hasOrigin || origin.isFromPage else { return nil }
        return .forbidden(
            "Requests from web pages are refused: a page could spend the key of whoever opens it.")
    }

    private func localRefusal(of origin: RequestOrigin, from peer: Peer) -> APIError? {
        guard peer.isLocal else {
            return .forbidden(
                "Only clients on the proxy's own machine may use it until CLAUDE_PROXY_CLIENT_TOKENS"
                    + " is set in its configuration.")
        }
        guard !origin.isForwarded else {
            return .forbidden(
                "This request came through another proxy, so its sender is not known to be local;"
                    + " set CLAUDE_PROXY_CLIENT_TOKENS to serve remote clients.")
        }
        return localHostRefusal(of: origin, from: peer)
    }

    /// Whoever connects over the loopback interface has called this machine by a name of that
    /// interface. Another name or address says that the request is somebody else's, and was passed
    /// on by a server that does not tell so. Names that are listed are the administrator's word.
    private func localHostRefusal(of origin: RequestOrigin, from peer: Peer) -> APIError? {
        let host = HostName(origin.host)
        if host.isLoopback || isAllowed(host) { return nil }
        // A client of a local socket makes a name up: a word, or none at all.
        if peer.isLocalSocket, host.isWord { return nil }
        guard host.isAddress else { return Self.foreignHost }
        return .forbidden(
            "This request is for an address of the network but came from the proxy's own machine,"
                + " so another server has passed it on. Use http://127.0.0.1 or http://localhost on"
                + " this machine; set CLAUDE_PROXY_CLIENT_TOKENS to serve remote clients.")
    }

    /// Browsers can be made to send requests here under a foreign name that resolves to this machine
    /// (DNS rebinding). Addresses cannot be rebound, so every address is accepted.
    private func hostRefusal(of origin: RequestOrigin) -> APIError? {
        let host = HostName(origin.host)
        return host.isAddress || host.isLoopback || isAllowed(host) ? nil : Self.foreignHost
    }

    private func isAllowed(_ host: HostName) -> Bool {
        !allowedHosts.isEmpty && allowedHosts.contains(host.text)
    }

    private static let foreignHost = APIError.forbidden(
        "The host name of this request is not one that the proxy answers to; add it to"
            + " CLAUDE_PROXY_ALLOWED_HOSTS if it should be.")

    private func tokenRefusal(of origin: RequestOrigin) -> APIError? {
        guard origin.apiKeys.count <= 1, origin.authorizations.count <= 1 else {
            return .unauthorized("The request carries more than one credential of a kind.")
        }
        var presented: [[UInt8]] = []
        if let key = origin.apiKeys.first { presented.append(key) }
        if let bearer = origin.authorizations.first.flatMap(Self.bearerToken) {
            presented.append(bearer)
        }
        guard !presented.isEmpty else {
            return .unauthorized(
                "No proxy key was sent: set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN) to one of"
                    + " the proxy's CLAUDE_PROXY_CLIENT_TOKENS.")
        }
        var matches = false
        for token in presented where isToken(token) { matches = true }
        return matches
            ? nil
            : .unauthorized(
                "The proxy key that was sent is not one of the proxy's CLAUDE_PROXY_CLIENT_TOKENS.")
    }

    /// Whether it is one of the proxy's own tokens. Every comparison is made, and each looks at every
    /// byte: time tells nothing.
    func isToken(_ shown: [UInt8]) -> Bool {
        let digest = SHA256.digest(shown.span)
        var matches = false
        for known in tokenDigests {
            var difference: UInt8 = 0
            for (a, b) in zip(known, digest) { difference |= a ^ b }
            if difference == 0 { matches = true }
        }
        return matches
    }

    /// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110 §11.1).
    static func bearerToken(_ value: [UInt8]) -> [UInt8]? {
        let scheme = "bearer ".utf8
        guard value.count > scheme.count else { return nil }
        for (byte, expected) in zip(value, scheme) where byte | 0x20 != expected { return nil }
        let token = value.dropFirst(scheme.count).drop { $0 == UInt8(ascii: " ") }
        return Array(token)
    }
}

extension APIError {
    static func forbidden(_ message: String) -> APIError {
        APIError(status: 403, type: .permission, message: message)
    }

    /// Clients must not ask again with the same key.
    static func unauthorized(_ message: String) -> APIError {
        APIError(status: 401, type: .authentication, message: message, shouldRetry: false)
    }
}
