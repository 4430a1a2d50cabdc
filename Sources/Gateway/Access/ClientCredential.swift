// A client's own credential for an upstream, where an administrator has said that its clients bring
// theirs (`CLAUDE_PROXY_UPSTREAM_<NAME>_KEY=client`). It goes with the calls of the request that has
// shown it to that upstream, and nowhere else: it is not kept, shared, renewed or shown.

package import Translation

/// A credential that a request has shown, besides any token of the proxy's.
package struct ClientCredential: Equatable, Sendable {
    /// Whether it came as `Authorization: Bearer`, as which it also goes on. A key that came as
    /// `x-api-key` goes into the field that the upstream has for keys.
    private let isBearer: Bool
    private let value: Secret

    /// Longer ones are no keys.
    private static let bytesMax = 4096

    /// What a request shows; nil when that is nothing, or not one thing. Of a bearer token and a key
    /// the token is taken: clients that log in send it, and the key may be for somebody else.
    init?(of origin: RequestOrigin, _ access: AccessPolicy) {
        let bearers = origin.authorizations.compactMap(AccessPolicy.bearerToken)
            .filter { !access.isToken($0) }
        let keys = origin.apiKeys.filter { !access.isToken($0) }
        guard bearers.count <= 1, keys.count <= 1, let value = bearers.first ?? keys.first,
            !value.isEmpty, value.count <= Self.bytesMax,
            value.allSatisfy({ 0x21...0x7E ~= $0 })
        else { return nil }
        isBearer = !bearers.isEmpty
        self.value = Secret(String(decoding: value, as: UTF8.self))
    }

    /// The line of a call's head that shows it.
    package func line(in keyField: UpstreamProfile.KeyField) -> String {
        (isBearer ? .bearer : keyField).line(for: value)
    }

    /// Its bytes, never to be shown.
    var secret: [UInt8] { Array(value.reveal().utf8) }
}

extension UpstreamProfile.KeyField {
    /// The line of a call's head that shows `key`.
    package func line(for key: Secret) -> String {
        switch self {
        case .bearer: "Authorization: Bearer \(key.reveal())"
        case .apiKey: "api-key: \(key.reveal())"
        case .xAPIKey: "x-api-key: \(key.reveal())"
        }
    }
}
