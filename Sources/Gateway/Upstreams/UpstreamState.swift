// What the sessions of one loop know of one upstream: what it lists, what it has refused, who of its
// providers has answered. An exchange keeps the state that it began with, as it keeps its upstream.

import Translation

/// One loop's knowledge of one upstream. Not Sendable: it stays on its loop's thread.
package final class UpstreamState {
    /// Whose it is.
    fileprivate(set) var upstream: Upstream
    /// What it says of its models; nil as long as that is not known.
    package var catalogue: ModelCatalogue?
    /// What its refusals have taught.
    var lessons = UpstreamLessons()
    /// The providers of the last sessions.
    var pins = ProviderPins()
    /// The models whose tokens it does not count.
    var missingCounts = MissingCounts()

    init(_ upstream: Upstream) { self.upstream = upstream }

    /// What is known of a model that a request goes to: by the list, and by what the upstream has said
    /// when it refused.
    func model(_ id: [UInt8], at now: MonotonicTime) -> CatalogueModel {
        let name = String(decoding: id, as: UTF8.self)
        var model = catalogue?.model(name) ?? CatalogueModel(id: name)
        let listed = model.capabilities.contextTokens
        if let tokens = lessons.contextTokens(of: id, listed: listed, at: now) {
            model.capabilities.contextTokens = tokens
        }
        return model
    }

    /// Who has answered a session, or has not, is the one to be asked for next, or not.
    func learnProvider(from record: RequestRecord, of session: SessionDigest) {
        switch record.outcome {
        case .completed: pins.answered(session.key, of: session.owner, by: record.provider)
        case .cancelled: break
        case .failed, .interrupted:
            if record.failure?.isOfProvider == true { pins.release(session.key) }
        }
    }

    /// The context of a model as the list has it.
    func listedWindow(of id: [UInt8]) -> Int? {
        catalogue?.model(String(decoding: id, as: UTF8.self))?.capabilities.contextTokens
    }
}

/// The states of all upstreams of a loop's settings, in their order.
struct UpstreamStates {
    private var states: [UpstreamState] = []

    init(_ settings: Settings) { serve(settings) }

    /// That of the first upstream.
    var main: UpstreamState { states[0] }

    /// Keeps what is known of the upstreams of `settings`, and forgets the rest. Keys of one upstream,
    /// and upstreams at one address, have one state.
    mutating func serve(_ settings: Settings) {
        var kept: [UpstreamState] = []
        for upstream in settings.upstreams
        where !kept.contains(where: { $0.upstream.url == upstream.url }) {
            let state = of(upstream)
            state.upstream = upstream
            kept.append(state)
        }
        states = kept
    }

    /// The state of the upstream at an address, if it is one of these.
    func of(url: String) -> UpstreamState? {
        states.first { $0.upstream.url.description == url }
    }

    /// The state of an upstream, or of one with the same address: that is the same server, whatever else
    /// was set. A request that began before a reload may be for one that is forgotten; then it gets a
    /// state of its own.
    func of(_ upstream: Upstream) -> UpstreamState {
        states.first { $0.upstream == upstream }
            ?? states.first { $0.upstream.url == upstream.url } ?? UpstreamState(upstream)
    }
}
