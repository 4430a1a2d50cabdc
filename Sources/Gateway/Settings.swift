// A configuration with everything that follows from it, made once and shared by all loops. A reload
// makes a new one; exchanges that are running keep theirs to their end.

import Translation

/// An immutable configuration, ready for use.
package final class Settings: Sendable {
    package let configuration: Configuration
    let access: AccessPolicy
    let choice: ModelChoice
    let profile: UpstreamProfile
    let identitySalt: [UInt8]

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        access = AccessPolicy(configuration)
        choice = ModelChoice(configuration)
        profile = configuration.profile
        // Nobody without the key can make the hashes that stand for users and sessions upstream.
        let key = configuration.upstreamKey?.reveal() ?? ""
        identitySalt = SHA256.digest(Array("claude-proxy identity \(key)".utf8).span)
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
