// A configuration with everything that follows from it, made once and shared by all loops. A reload
// makes a new one; exchanges that are running keep theirs to their end, with its upstreams.

import Translation

/// An immutable configuration, ready for use.
package final class Settings: Sendable {
    package let configuration: Configuration
    /// Never empty.
    package let upstreams: [Upstream]
    package let access: AccessPolicy
    package let admission: AdmissionPolicy
    let choice: ModelChoice
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
        upstreams = configuration.upstreams.map { new in
            old?.upstreams.first { $0.configuration == new } ?? Upstream(new)
        }
        precondition(!upstreams.isEmpty, "a configuration names an upstream")
        access = AccessPolicy(configuration)
        admission = AdmissionPolicy(configuration)
        choice = ModelChoice(configuration)
    }

    /// The upstream for every model that names no other.
    package var upstream: Upstream { upstreams[0] }

    /// The model id that answers report; nil for what the upstream says.
    func reportedModel(forRequested requested: [UInt8]) -> [UInt8]? {
        switch configuration.reportModel {
        case .fixed(let model): Array(model.utf8)
        case .requested: requested
        case .upstream: nil
        }
    }
}
