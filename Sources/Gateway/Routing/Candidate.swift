// Who may answer a request: a model at an upstream. A request's route is its candidates in the order
// in which they are asked. As long as there is one upstream, a route has one candidate.

/// A model at an upstream.
struct Candidate: Equatable {
    let upstream: Upstream
    /// The upstream's id of it.
    let model: [UInt8]
}

extension Settings {
    /// Who answers a request for the model that a client calls `requested`.
    func candidate(for requested: [UInt8], in state: GatewayState) -> Candidate {
        let catalogue = state.known(of: upstream).catalogue
        let model = choice.upstreamModel(
            for: String(decoding: requested, as: UTF8.self), in: catalogue)
        return Candidate(upstream: upstream, model: Array(model.utf8))
    }
}
