// A configuration with everything that follows from it, made once and shared by all loops. A reload
// makes a new one; exchanges that are running keep theirs to their end, with its upstreams.

import Translation

/// An immutable configuration, ready for use.
package final class Settings: Sendable {
    package let configuration: Configuration
    /// All upstreams with their keys, the main one first. Never empty.
    package let pools: [UpstreamPool]
    /// The same, each key by itself.
    package let upstreams: [Upstream]
    package let access: AccessPolicy
    package let admission: AdmissionPolicy
    let router: ModelRouter
    /// Who is asked for every model that names no other.
    let defaultEntries: [RouteEntry]
    /// Whether an upstream speaks the Messages API, and so gets to see fields of clients' heads.
    let mayRelay: Bool
    /// Whether an upstream is asked with the credentials of its clients.
    let takesClientKeys: Bool
    /// What reasoning is sealed with on its way to clients: the configured key, else that of the
    /// installation.
    let sealKey: SealKey?
    private let installationKey: SealKey?

    /// - Parameters:
    ///   - installationKey: random bytes that belong to this installation; nil where no client
    ///     brings anything back.
    ///   - old: the settings before these. Upstreams that have not changed stay the same objects,
    ///     with their connections and all that was learnt of them.
    package init(
        _ configuration: Configuration, installationKey: [UInt8]? = nil,
        replacing old: Settings? = nil
    ) {
        self.configuration = configuration
        self.installationKey = installationKey.map { SealKey($0) } ?? old?.installationKey
        sealKey =
            configuration.sealKey.map { SealKey(Array($0.reveal().utf8)) } ?? self.installationKey
        let upstreams = configuration.upstreams.map { new in
            old?.upstreams.first { $0.configuration == new } ?? Upstream(new)
        }
        precondition(!upstreams.isEmpty, "a configuration names an upstream")
        self.upstreams = upstreams
        pools = configuration.upstreamNames.map { name in
            UpstreamPool(members: upstreams.filter { $0.configuration.name == name })
        }
        mayRelay = upstreams.contains { $0.configuration.api == .messages }
        takesClientKeys = upstreams.contains { $0.configuration.takesClientKeys }
        access = AccessPolicy(configuration)
        admission = AdmissionPolicy(configuration)
        let router = ModelRouter(configuration)
        self.router = router
        defaultEntries = Self.entries(
            router.targets(of: .defaultChain), in: pools, isConfigured: true)
    }

    /// The upstream for every model that names no other.
    package var upstream: Upstream { upstreams[0] }

    /// The upstream of a name.
    func pool(named name: String) -> UpstreamPool { Self.pool(named: name, in: pools) }

    static func pool(named name: String, in pools: [UpstreamPool]) -> UpstreamPool {
        // Targets are made by names that there are.
        pools.first { $0.name == name } ?? pools[0]
    }

    /// The model id that answers report; nil for what the upstream says.
    func reportedModel(forRequested requested: [UInt8]) -> [UInt8]? {
        switch configuration.reportModel {
        case .fixed(let model): Array(model.utf8)
        case .requested: requested
        case .upstream: nil
        }
    }
}
