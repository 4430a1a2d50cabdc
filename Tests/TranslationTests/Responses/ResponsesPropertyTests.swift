// Whatever events come in whatever order and pieces, what the client gets is legal, and the two forms
// agree; what a server says in any of its ways is what the client is told.

import TestSupport
import Testing

@testable import Translation

@Suite struct ResponsesPropertyTests {
    @Test(arguments: 0..<8)
    func whatWasSaidIsWhatIsTold(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed) &* 6151 &+ 3)
        for round in 0..<rounds(100) {
            let plan = PlannedResponse(&random)
            let place =
                "seed \(seed), round \(round): \(String(decoding: plan.bytes, as: UTF8.self))"
            let model = check(plan.bytes, setting: Responses.setting, everySplit: false)
            if plan.outline.isEmpty, !model.isFinished { continue }
            guard model.isFinished else {
                Issue.record("failed: \(String(describing: model.error)), \(place)")
                continue
            }
            #expect(model.outline == plan.outline, "\(place)")
            #expect(model.stopReason == plan.stopReason, "\(place)")
            let inputs = plan.items.compactMap { item -> JSONValue? in
                guard case .call(_, _, let arguments) = item else { return nil }
                return JSONValue(arguments.isEmpty ? "{}" : arguments)
            }
            #expect(model.inputs == inputs, "\(place)")
            let secrets = plan.items.compactMap { item -> String? in
                guard case .summary(_, let encrypted) = item else { return nil }
                return encrypted
            }
            #expect(
                model.sealedItems.map { $0?["encrypted_content"]?.string } == secrets, "\(place)")
            #expect(model.usage?["input_tokens"]?.int == max(0, plan.input - plan.cached))
            #expect(model.usage?["output_tokens"]?.int == plan.output)
        }
    }

    static func piece(_ random: inout SplitMix64) -> String {
        let index: Int? = [0, 1, 2, nil][random.below(4)]
        let words = ["a", " b", "\\n", "\\ud83d", "\\ude00", "E", "ND", "x"]
        let word = words[random.below(words.count)]
        switch random.below(18) {
        case 0...3: return Responses.text(word, index, part: random.below(2))
        case 4: return Responses.textDone(word, index)
        case 5: return Responses.summary(word, index ?? 0, part: random.below(2))
        case 6: return Responses.thought(word, index)
        case 7: return Responses.added(index, Responses.call(callID: "c\(random.below(3))"))
        case 8, 9:
            return Responses.arguments(
                ["{", "{}", "\\\"a\\\":1", "}", "x"][random.below(5)], index)
        case 10: return Responses.argumentsDone("{\\\"a\\\":1}", index)
        case 11: return Responses.done(index, Responses.call("{}", callID: "c\(random.below(3))"))
        case 12: return Responses.done(index, Responses.reasoning([word], encrypted: "e"))
        case 13: return Responses.done(index, Responses.message(word))
        case 14: return Responses.created
        case 15:
            return Responses.added(index, Responses.call(name: "parallel", callID: "c9"))
                + Responses.arguments(
                    #"{\"tool_uses\":[{\"recipient_name\":\"functions.a\",\"parameters\":{}}]}"#,
                    index)
        case 16:
            return Responses.event(
                "refusal.delta", Responses.place(index) + "\"delta\":\"\(word)\"")
        default:
            return random.below(6) == 0
                ? Responses.event("failed", Responses.response(#","error":{"message":"x"}"#))
                : Responses.event(
                    "output_text.annotation.added",
                    #""annotation":{"type":"url_citation","url":"https://a","title":"\#(word)"}"#)
        }
    }

    static func setting(_ random: inout SplitMix64) -> Setting {
        Responses.setting {
            $0.facts.omitsThinkingText = random.below(4) == 0
            $0.facts.offersWebSearch = Bool.random(using: &random)
            if Bool.random(using: &random) {
                $0.facts.stopSequences = [[UInt8]("END".utf8), [UInt8]("😀".utf8)]
                $0.facts.emulatesStopSequences = true
            }
        }
    }

    @Test(arguments: 0..<6)
    func randomStreamsAreLegalInBothForms(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var finished = 0
        for _ in 0..<rounds(150) {
            var stream = (0..<random.below(20)).map { _ in Self.piece(&random) }.joined()
            if random.below(4) > 0 {
                stream += Responses.completed(random.below(2) == 0 ? "" : Responses.message("z"))
            }
            let setting = Self.setting(&random)
            if check(stream, setting: setting, everySplit: false).isFinished { finished += 1 }
        }
        #expect(finished >= rounds(10))
    }

    @Test func mutatedStreamsNeverTrapAndStayLegal() {
        var random = SplitMix64(seed: 77)
        for _ in 0..<rounds(1000) {
            var bytes = PlannedResponse(&random).bytes
            for _ in 0..<(1 + random.below(5)) {
                let index = random.below(bytes.count)
                switch random.below(3) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0x20...0x7F, using: &random), at: index)
                }
            }
            let setting = Self.setting(&random)
            let events = Translated(bytes, streaming: true, setting: setting)
            let again = Translated(bytes, streaming: true, setting: setting, pieces: [3])
            #expect(events.output == again.output && events.progress == again.progress)
            #expect(MessageModel(events.output).problems == [])
            _ = Translated(bytes, streaming: false, setting: setting)
        }
    }
}
