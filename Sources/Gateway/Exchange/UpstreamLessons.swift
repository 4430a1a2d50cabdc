// What the proxy has learnt from an upstream's refusals, so that it need not be refused again: the
// parameters that a model's endpoint does not take. Bounded, and forgotten at a restart: an endpoint
// that has learnt a parameter meanwhile gets it again.

/// Parameters to leave out, by upstream model.
struct UpstreamLessons {
    private var refused: [[UInt8]: Set<String>] = [:]

    private static let modelsMax = 256
    private static let parametersMax = 16

    /// The parameters that `model` refuses.
    func refusedParameters(of model: [UInt8]) -> Set<String> { refused[model] ?? [] }

    /// Remembers a refusal, if there is room.
    mutating func learn(_ parameter: String, refusedBy model: [UInt8]) {
        guard refused[model] != nil || refused.count < Self.modelsMax,
            refused[model, default: []].count < Self.parametersMax
        else { return }
        refused[model, default: []].insert(parameter)
    }
}
