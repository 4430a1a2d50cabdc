// Random streams: whatever chunks come in whatever order and pieces, the events are legal, the two
// forms agree, and nothing traps. Seeded, so that a failure can be had again.

import TestSupport
import Testing

@testable import Translation

@Suite struct StreamPropertyTests {
    /// One random piece of a stream.
    static func piece(_ random: inout SplitMix64) -> String {
        let words = ["a", " b", "\\n", "\\u00e9", "<think>", "</think>", "<", "\\\"", "😀", "END"]
        func word() -> String { words.randomElement(using: &random) ?? "" }
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        switch number(0...19) {
        case 0...4: return Upstream.text(word())
        case 5: return Upstream.comment
        case 6: return Upstream.chunk(#"{"reasoning":"\#(word())"}"#)
        case 7: return Upstream.chunk(#"{"reasoning_content":"\#(word())","content":"\#(word())"}"#)
        case 8:
            let format = number(0...1) == 0 ? "anthropic-claude-v1" : "unknown"
            return Upstream.details(
                Upstream.thought(word(), index: number(0...1), format: format))
        case 9: return Upstream.details(Upstream.signature("s\(number(0...9))"))
        case 10:
            return Upstream.details(
                #"{"type":"reasoning.encrypted","data":"\#(number(0...9))","index":0}"#)
        case 11, 12:
            let ids = ["call_a", "call_b", "f:0", ""]
            let arguments = ["\"\"", "\"{}\"", "{}", "null", #""{\"a\":""#, #""{\"a\":1}""#]
            return Upstream.calls(
                Upstream.call(
                    index: [0, 1, nil].randomElement(using: &random) ?? nil,
                    id: ids.randomElement(using: &random),
                    name: ["N", "M", nil].randomElement(using: &random) ?? nil,
                    arguments: arguments.randomElement(using: &random)))
        case 13, 14:
            let arguments = [#""1}""#, #"" ""#, #""{\"b\":[]}""#, #""}""#, #""{""#]
            return Upstream.calls(
                Upstream.call(
                    index: number(0...1), arguments: arguments.randomElement(using: &random)))
        case 15:
            return Upstream.chunk(
                #"{"content":"","annotations":[{"type":"url_citation","url_citation":"#
                    + #"{"url":"https://a","title":"\#(word())","content":"\#(word())"}}]}"#)
        case 16:
            return Upstream.event(#"{"choices":[],"usage":{"prompt_tokens":\#(number(-5...5))}}"#)
        case 17: return Upstream.chunk(#"{"content":[{"type":"text","text":"\#(word())"}]}"#)
        case 18:
            return number(0...9) == 0
                ? Upstream.event(#"{"error":{"code":500,"message":"x"}}"#)
                : Upstream.chunk(#"{"refusal":"","images":[]}"#)
        default:
            let reasons = ["stop", "length", "tool_calls", "content_filter", "odd"]
            return number(0...3) == 0
                ? Upstream.chunk("{}", finish: reasons.randomElement(using: &random))
                : Upstream.chunk("{}")
        }
    }

    static func setting(_ random: inout SplitMix64) -> Setting {
        .with {
            $0.profile.parsesThinkTags = Bool.random(using: &random)
            $0.facts.omitsThinkingText = Int.random(in: 0..<4, using: &random) == 0
            $0.facts.offersWebSearch = Bool.random(using: &random)
            if Bool.random(using: &random) { $0.facts.stopSequences = [[UInt8]("END".utf8)] }
            if Bool.random(using: &random) { $0.facts.usedToolIDs = [[UInt8]("call_a".utf8)] }
        }
    }

    @Test(arguments: 0..<8)
    func randomStreamsAreLegalInBothForms(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var finished = 0
        for _ in 0..<rounds(150) {
            let count = Int.random(in: 0...25, using: &random)
            var stream = (0..<count).map { _ in Self.piece(&random) }.joined()
            if Int.random(in: 0..<4, using: &random) > 0 { stream += Upstream.end() }
            let model = check(stream, setting: Self.setting(&random), everySplit: false)
            if model.isFinished { finished += 1 }
        }
        #expect(finished > rounds(10))
    }

    @Test func mutatedStreamsNeverTrapAndStayLegal() {
        var random = SplitMix64(seed: 99)
        for _ in 0..<rounds(1500) {
            let count = Int.random(in: 1...12, using: &random)
            let stream = (0..<count).map { _ in Self.piece(&random) }.joined() + Upstream.end()
            var bytes = [UInt8](stream.utf8)
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
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
