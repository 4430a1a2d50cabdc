// Upstream answers: the events are legal, the same whatever way the bytes are cut, end once, and say
// what the same answer says as one object.

import Simulation
import TestSupport
import Translation

enum StreamFuzz {
    struct Result: Equatable {
        var output: [UInt8] = []
        var progress = StreamTranslator.Progress.waiting
    }

    /// - Parameter speaksResponses: whether the answer is of the Responses API.
    static func run(_ input: [UInt8], speaksResponses: Bool = false) {
        let bytes = input.withoutHead
        var random = bytes.random
        readError(bytes, status: 300 + random.below(300))
        let parsesThinkTags = random.below(4) == 0
        let fails = random.below(4) == 0
        let watchesForStops = random.below(2) == 0
        let translate = { (pieces: [[UInt8]], isStreaming: Bool) in
            var facts = Self.facts
            facts.isStreaming = isStreaming
            facts.emulatesStopSequences = speaksResponses && watchesForStops
            var profile = StreamTranslator.Profile()
            profile.parsesThinkTags = parsesThinkTags
            profile.speaksResponses = speaksResponses
            return Self.translate(pieces, facts, profile, fails: fails)
        }
        let splittings = bytes.splittings
        let events = splittings.map { translate($0, true) }
        expect(events[0].progress == events[1].progress, "byte by byte: the end")
        expect(events[0].progress == events[2].progress, "in pieces: the end")
        expect(events[0].output == events[1].output, "byte by byte: the events")
        expect(events[0].output == events[2].output, "in pieces: the events")
        let object = translate(splittings[2], false)
        check(events[0], object)
    }

    private static let facts: RequestFacts = {
        var facts = RequestFacts()
        facts.maxTokens = 100
        facts.stopSequences = [Array("STOP".utf8)]
        facts.offersWebSearch = true
        facts.clientToolNames = [Array("look".utf8): Array("look at.it".utf8)]
        return facts
    }()

    private static func translate(
        _ pieces: [[UInt8]], _ facts: RequestFacts, _ profile: StreamTranslator.Profile,
        fails: Bool
    ) -> Result {
        var limits = StreamTranslator.Limits()
        limits.eventBytesMax = 64 << 10
        limits.contentBytesMax = 64 << 10
        limits.toolCallsMax = 8
        limits.blocksMax = 64
        limits.partsMax = 256
        var translator = StreamTranslator(
            facts: facts,
            identity: .init(
                messageID: Array("msg_1".utf8), requestID: Array("req_1".utf8),
                upstreamModel: Array("m".utf8), reportedModel: nil,
                sealKey: SealKey([1, 2, 3])),
            inputTokensEstimate: 7,
            errorReader: UpstreamErrorReader(
                inputTokensEstimate: 7, maxTokens: 100, secret: [], nowMilliseconds: 0),
            profile: profile, limits: limits)
        var result = Result()
        for piece in pieces {
            result.progress = translator.received(piece.span, into: &result.output)
        }
        if fails {
            let error = APIError(status: 502, type: .api, message: "reset")
            result.progress = translator.failed(
                UpstreamFailure(.brokenAnswer, error: error), into: &result.output)
        } else {
            result.progress = translator.ended(into: &result.output)
        }
        let length = result.output.count
        let input = pieces.reduce(0) { $0 + $1.count }
        // The smallest event, `data:{…}` with a letter of text, becomes some four times as much.
        expect(length <= 12 * input + 66 * 1200 + 4096, "\(length) bytes out of \(input)")
        expect(translator.ended(into: &result.output) == result.progress, "another end")
        expect(result.output.count == length, "bytes after the end")
        return result
    }

    private static func check(_ events: Result, _ object: Result) {
        switch events.progress {
        case .waiting, .started: fatalError("no end: \(events.progress)")
        case .empty, .failed: expect(events.output.isEmpty, "events before a failure")
        case .finished, .failedMidStream:
            let message = read { try Message(events: events.output) }
            guard case .finished = events.progress else {
                return expect(message.errorType != nil, "a failure without an error")
            }
            guard case .finished = object.progress else {
                fatalError("as one object: \(object.progress)")
            }
            let whole = read { try Message(object: object.output) }
            expect(message.text == whole.text, "the text differs")
            expect(message.thinking == whole.thinking, "the thinking differs")
            expect(message.toolInputs.count == whole.toolInputs.count, "the calls differ")
            expect(message.stopReason == whole.stopReason, "the end differs")
        }
        if case .finished = object.progress {
            expect(events.progress == .finished, "as events: \(events.progress)")
        }
    }

    /// The same bytes as the body of an error.
    private static func readError(_ bytes: [UInt8], status: Int) {
        let secret = Array("sk-or-v1-secret".utf8)
        let reader = UpstreamErrorReader(
            inputTokensEstimate: 7, maxTokens: .max, secret: secret, nowMilliseconds: 1_800_000)
        let text = String(decoding: bytes.prefix(40), as: UTF8.self)
        let headers = UpstreamErrorReader.Headers(retryAfter: text, rateLimitReset: text)
        let error = reader.read(status: status, headers: headers, body: bytes).error
        expect((400..<600).contains(error.status), "an error of status \(error.status)")
        expect(!error.message.isEmpty, "an error without a message")
        expect(!error.message.contains("sk-or-v1-secret"), "the key in an error")
        expect(error.retryAfter ?? 0 >= 0, "retry-after \(error.retryAfter ?? 0)")
        var event: [UInt8] = []
        error.writeEvent(requestID: Array("req_1".utf8), into: &event)
        expect(read { try Message(events: event) }.errorType != nil, "an event of an error")
    }

    private static func read(_ read: () throws -> Message) -> Message {
        do { return try read() } catch { fatalError("\(error)") }
    }
}
