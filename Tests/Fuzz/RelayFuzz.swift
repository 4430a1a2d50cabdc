// Relayed answers: whole events, the same however the bytes are cut, nothing before a failure that can
// have its status, and one end.

import TestSupport
import Translation

enum RelayFuzz {
    struct Result: Equatable {
        var output: [UInt8] = []
        var progress = StreamTranslator.Progress.waiting
    }

    static func run(_ input: [UInt8]) {
        let splittings = input.withoutHead.splittings
        for isStreaming in [true, false] {
            let results = splittings.map { relay($0, isStreaming) }
            expect(results[0] == results[1], "byte by byte")
            expect(results[0] == results[2], "in pieces")
            check(results[0], isStreaming)
        }
    }

    private static func relay(_ pieces: [[UInt8]], _ isStreaming: Bool) -> Result {
        var facts = RequestFacts()
        facts.isStreaming = isStreaming
        var limits = StreamTranslator.Limits()
        limits.eventBytesMax = 64 << 10
        limits.contentBytesMax = 64 << 10
        var relay = MessagesRelay(
            facts: facts,
            identity: .init(
                messageID: Array("msg_1".utf8), requestID: Array("req_1".utf8),
                upstreamModel: Array("m".utf8), reportedModel: Array("n".utf8),
                sealKey: nil),
            inputTokensEstimate: 7,
            errorReader: UpstreamErrorReader(inputTokensEstimate: 7, maxTokens: 100),
            limits: limits)
        var result = Result()
        for piece in pieces {
            result.progress = relay.received(piece.span, into: &result.output)
            expect(!isStreaming || endsWhole(result.output), "an event in pieces")
        }
        result.progress = relay.ended(into: &result.output)
        let length = result.output.count
        expect(relay.ended(into: &result.output) == result.progress, "another end")
        expect(result.output.count == length, "bytes after the end")
        return result
    }

    private static func endsWhole(_ output: [UInt8]) -> Bool {
        output.isEmpty || output.suffix(2).elementsEqual([10, 10])
    }

    private static func check(_ result: Result, _ isStreaming: Bool) {
        switch result.progress {
        case .waiting, .started, .empty: fatalError("no end: \(result.progress)")
        case .failed: expect(result.output.isEmpty, "bytes before a failure")
        case .failedMidStream:
            let last = result.output.split(separator: 10).dropLast().last ?? []
            expect(last.elementsEqual("event: error".utf8), "a failure without an error")
        case .finished:
            guard isStreaming else {
                expect(ReferenceJSON.parse(result.output, depthMax: 200) != nil, "no JSON")
                return
            }
            let events = result.output.split(separator: 10)
                .filter { $0.starts(with: "event:".utf8) }
            expect(
                events.last?.elementsEqual("event: message_stop".utf8) == true,
                "an end that is none")
        }
    }
}
