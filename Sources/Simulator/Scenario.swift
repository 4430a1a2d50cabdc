// A scenario is an entry of a table: its model id, its parameters and what it does. Finding the one
// that a request asks for, and turning it into steps, is here; the entries are in
// Scenario+Table.swift.

/// A simulated model.
struct Scenario: Sendable {
    /// The model id, less its parameters.
    let name: String
    /// All parameters with their defaults, for example `n=100;delay=0ms`.
    let parameters: String
    /// One line for people; `GET …/models` shows it.
    let summary: String
    /// What the model does.
    let acts: Acts

    typealias Acts = @Sendable (ModelParameters, ChatRequest) throws(RequestFault) -> [Act]

    init(_ name: String, _ parameters: String, _ summary: String, acts: @escaping Acts) {
        self.name = name
        self.parameters = parameters
        self.summary = summary
        self.acts = acts
    }

    private static let byName = [String: Scenario](
        uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// The steps of the answer to `request`.
    static func steps(
        for request: ChatRequest, generation: Int
    ) throws(RequestFault) -> [Step] {
        let name = request.model.prefix { $0 != ";" }
        guard let scenario = byName[String(name)] else { throw .unknownModel(request.model) }
        let parameters = try ModelParameters(
            model: request.model, defaults: scenario.parameters,
            given: request.model[name.endIndex...])
        let acts = try scenario.acts(parameters, request)
        let completion = Completion(request, generation: generation)
        let isBody = acts.contains { if case .asBody = $0 { true } else { false } }
        if request.isStream && !isBody {
            var renderer = StreamRenderer(completion)
            for act in acts { renderer.render(act) }
            return renderer.steps
        }
        var renderer = BodyRenderer(completion)
        for act in acts { renderer.render(act) }
        renderer.close()
        return renderer.steps
    }
}
