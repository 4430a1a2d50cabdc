// The upstream's models: lists that come and go, and what a call must be by the list of the moment.

import Gateway
import TestSupport
import Translation

extension World {
    /// What may be known of the models: nothing, or one of two lists.
    static let lists: [ModelCatalogue?] = [
        nil,
        list([
            ("openai/gpt-oss-120b", 131_072, 700), ("a/b", 131_072, 200),
            (smallModel, 64, 100_000),
        ]),
        list([("openai/gpt-oss-120b", 131_072, 3000), ("local/model", 8192, 1000)]),
    ]

    /// Where it is listed, no more than a sentence fits into it.
    static let smallModel = "small/model"
    /// Padding whose words no tokenizer makes fit into it.
    private static let paddingBytesOverflowing = 1000
    /// What OpenAI's models are asked for at least.
    private static let answerTokensMin = 16

    private static func list(_ models: [(id: String, context: Int, output: Int)]) -> ModelCatalogue
    {
        let upstream = "https://openrouter.ai/api/v1"
        let entries = models.map { model in
            #"{"id":"\#(model.id)","context_length":\#(model.context),"#
                + #""top_provider":{"max_completion_tokens":\#(model.output)}}"#
        }
        let text =
            #"{"version":1,"upstream":"\#(upstream)","fetched_at":1}"# + "\n"
            + #"{"data":[\#(entries.joined(separator: ","))]}"#
        guard let list = ModelCatalogue(file: Array(text.utf8), of: upstream) else {
            fatalError("a list that is none: \(text)")
        }
        return list
    }

    /// A call says what its request asks for, within what the model is listed to take.
    func checkCall(
        _ call: ReferenceJSON, to upstream: Upstream, _ ask: RequestPlan.Ask, isFirst: Bool
    ) throws {
        try checkProvider(call, ask)
        guard isFirst, let model = call["model"]?.text else { return }
        if ask.hasTopK, call["top_k"] == nil { reached(.lessonUsed) }
        let tokens = (call["max_completion_tokens"] ?? call["max_tokens"])?.integer
        var reasons: [String] = []
        for list in lists(of: upstream) {
            let listed = list?.model(model)
            let most = listed?.capabilities.outputTokensMax ?? .max
            let expected = min(ask.maxTokens, most)
            if listed != nil, model == Self.smallModel,
                ask.paddingBytes >= Self.paddingBytesOverflowing
            {
                reasons.append("a prompt that cannot fit is sent to \(model)")
            } else if tokens == expected || tokens == max(expected, Self.answerTokensMin) {
                if expected < ask.maxTokens { reached(.answerLengthLimited) }
                return
            } else {
                reasons.append("\(tokens ?? -1) tokens for \(ask.maxTokens) of \(most)")
            }
        }
        throw Violation(reasons.joined(separator: "; "))
    }

    /// The lists that a call may go by: that of the moment, and the one of an upstream that a reload
    /// made the daemon forget before the turn's actions were carried out or the body was worked on.
    private func lists(of upstream: Upstream) -> [ModelCatalogue?] {
        let present = state.known(of: upstream).catalogue
        return [present] + (forgotten[upstream.url.description] ?? [])
    }

    /// Who is asked for has answered this very session before.
    private func checkProvider(_ call: ReferenceJSON, _ ask: RequestPlan.Ask) throws {
        guard let order = call["provider"]?["order"]?.elements else { return }
        guard let session = ask.session else { throw Violation("a provider without a session") }
        try require(
            order.map(\.text) == ["p\(session)"], "session \(session) is bound to \(order)")
        reached(.providerKept)
    }
}
