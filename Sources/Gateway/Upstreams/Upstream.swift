// One upstream, with all that a call of it needs: where it is, what it understands, with which key and
// certificates it is asked, how long it is waited for. Every call carries the upstream that it is
// meant for, so that no reload can send a request anywhere else, or with another key.

package import Translation

/// An upstream, ready for use. Its identity is the object: a reload keeps the objects of the upstreams
/// that it does not change, and makes others for those that it does.
package final class Upstream: Sendable {
    package let configuration: UpstreamConfiguration
    /// Whether a key is required and none is set, so that the upstream cannot be asked.
    package let lacksKey: Bool
    /// The key's bytes, never to be shown; empty without one.
    let secret: [UInt8]
    /// Mixed into the hashes that stand for users and sessions upstream: nobody without the key can
    /// make them.
    let identitySalt: [UInt8]
    /// What stands for upstream and key in seals of reasoning that is encrypted for them alone.
    let maker: [UInt8]
    /// Stands for the server: for what happens to all of its keys alike.
    let serverID: UInt64
    /// Stands for server and key: what is held against a key is not held against the next one.
    package let accountID: UInt64

    package init(_ configuration: UpstreamConfiguration) {
        self.configuration = configuration
        lacksKey =
            configuration.key == nil && configuration.profile.needsKey
            && !configuration.takesClientKeys
        let key = configuration.key?.reveal() ?? ""
        secret = Array(key.utf8)
        identitySalt = SHA256.digest(Array("claude-proxy identity \(key)".utf8).span)
        var maker: [UInt8] = []
        let digest = SHA256.digest((identitySalt + Array(configuration.url.description.utf8)).span)
        for byte in digest.prefix(8) { maker.append(hexadecimal: byte) }
        self.maker = maker
        accountID = Self.number(digest)
        serverID = Self.number(SHA256.digest(Array(configuration.url.description.utf8).span))
    }

    private static func number(_ digest: [UInt8]) -> UInt64 {
        digest.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Whether it is asked with the credentials of its clients, and so by nobody else.
    package var takesClientKeys: Bool { configuration.takesClientKeys }
    /// What it understands.
    package var profile: UpstreamProfile { configuration.profile }
    /// The API by which `model` is asked, before any refusal has taught anything.
    func api(for model: [UInt8]) -> UpstreamAPI {
        configuration.choosesAPI && configuration.api != .messages
            ? profile.api(for: model) : configuration.api
    }

    /// The base of its API.
    package var url: UpstreamURL { configuration.url }
}

extension Upstream: Hashable {
    package static func == (left: Upstream, right: Upstream) -> Bool { left === right }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
