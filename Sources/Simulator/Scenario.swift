// A scenario is an entry of a table: its model id, its parameters and what it does. Finding the one
// that a request asks for, and turning it into steps, is here; the entries are in
// Scenario+Table.swift.

import Translation

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

    typealias Acts = @Sendable (ModelParameters, ModelRequest) throws(RequestFault) -> [Act]

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
        for request: ModelRequest, generation: Int
    ) throws(RequestFault) -> [Step] {
        let name = request.model.prefix { $0 != ";" }
        guard let scenario = byName[String(name)] else { throw .unknownModel(request.model) }
        let parameters = try ModelParameters(
            model: request.model, defaults: scenario.parameters,
            given: request.model[name.endIndex...])
        let acts = try scenario.acts(parameters, request)
        let completion = Completion(request, generation: generation)
        let isBody = acts.contains { if case .asBody = $0 { true } else { false } }
        let isStream = request.isStream && !isBody
        switch request.api {
        case .chat where isStream:
            var renderer = StreamRenderer(completion)
            for act in acts { renderer.render(act) }
            return renderer.steps
        case .chat:
            var renderer = BodyRenderer(completion)
            for act in acts { renderer.render(act) }
            renderer.close()
            return renderer.steps
        case .responses:
            return blocks(BlockRenderer<ResponsesVocabulary>(completion, isStream: isStream), acts)
        case .messages:
            return blocks(BlockRenderer<MessagesVocabulary>(completion, isStream: isStream), acts)
        }
    }

    private static func blocks<Vocabulary>(
        _ renderer: BlockRenderer<Vocabulary>, _ acts: [Act]
    ) -> [Step] {
        var renderer = renderer
        for act in acts { renderer.render(act) }
        renderer.end()
        return renderer.steps
    }
}
