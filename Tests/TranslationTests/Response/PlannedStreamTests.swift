// What a model was to have said must be what the client is told: text, thinking, calls, reason and
// usage, whatever the server's habits, and the reasoning must be able to go back.

import TestSupport
import Testing

@testable import Translation

@Suite struct PlannedStreamTests {
    @Test(arguments: 0..<12)
    func whatWasSaidIsWhatIsTold(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed) &* 7919 &+ 1)
        for round in 0..<rounds(120) {
            let plan = PlannedStream(&random)
            let setting = Setting.with { $0.profile.parsesThinkTags = plan.reasoning == .tags }
            let model = check(plan.bytes, setting: setting, everySplit: false)
            let place =
                "seed \(seed), round \(round): \(String(decoding: plan.bytes, as: UTF8.self))"
            guard model.isFinished else {
                Issue.record("failed: \(String(describing: model.error)), \(place)")
                continue
            }
            expect(plan, model, place)
        }
    }

    private func expect(_ plan: PlannedStream, _ model: MessageModel, _ place: String) {
        func joined(_ type: String, _ member: String) -> String {
            model.content.filter { $0["type"]?.string == type }
                .compactMap { $0[member]?.string }.joined()
        }
        #expect(joined("text", "text") == plan.before + plan.after, "\(place)")
        #expect(joined("thinking", "thinking") == plan.thinking, "\(place)")
        #expect(model.stopReason == plan.stopReason, "\(place)")
        expectCalls(plan, model, place)
        expectUsage(plan, model, place)
        // Thinking, text, calls, text: nothing before what it follows.
        let ranks = model.content.compactMap { block -> Int? in
            switch block["type"]?.string {
            case "thinking": 0
            case "tool_use": 2
            default: nil
            }
        }
        #expect(ranks == ranks.sorted(), "\(place)")
        if !plan.details.isEmpty {
            #expect(model.details == .array(plan.details), "\(place)")
        }
    }

    private func expectCalls(_ plan: PlannedStream, _ model: MessageModel, _ place: String) {
        let calls = model.content.filter { $0["type"]?.string == "tool_use" }
        #expect(calls.map { $0["name"]?.string } == plan.calls.map(\.name), "\(place)")
        #expect(
            calls.map { $0["input"] }
                == plan.calls.map { JSONValue($0.arguments.isEmpty ? "{}" : $0.arguments) },
            "\(place)")
        for (call, planned) in zip(calls, plan.calls) {
            guard let id = planned.id else { continue }
            let back = ToolCallIdentifier.upstreamForm(
                ofClient: [UInt8]((call["id"]?.string ?? "").utf8))
            #expect(back == [UInt8](id.utf8), "\(place)")
        }
    }

    private func expectUsage(_ plan: PlannedStream, _ model: MessageModel, _ place: String) {
        guard plan.usage != .never else { return }
        let expected = [
            max(0, plan.prompt - plan.cached - plan.written), plan.cached, plan.written,
            plan.output,
        ]
        let names = [
            "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
            "output_tokens",
        ]
        #expect(names.map { model.usage?[$0]?.int } == expected, "\(place)")
    }
}
