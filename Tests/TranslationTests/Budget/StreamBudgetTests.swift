// What an upstream's answer may cost: one event becomes no more bytes than a multiple of its own and
// a fixed number of blocks, as events and as one object; and what is read of it and of errors is a
// multiple as well.

import Testing

@testable import Translation

/// A kind of hostile event.
struct HostileEvent: CustomStringConvertible, Sendable {
    let name: String
    /// The event's JSON at about `bytes` bytes.
    let make: @Sendable (_ bytes: Int) -> String

    var description: String { name }

    init(_ name: String, _ make: @escaping @Sendable (Int) -> String) {
        self.name = name
        self.make = make
    }

    private static func delta(_ member: String) -> String {
        #"{"choices":[{"delta":{\#(member)}}]}"#
    }

    private static func elements(_ bytes: Int, _ element: (Int) -> String) -> String {
        HostileRequest.list(bytes, element)
    }

    private static func text(_ bytes: Int) -> String { String(repeating: "d", count: bytes) }

    static let all: [HostileEvent] = [
        .init("items of rising index") {
            delta("\"reasoning_details\":[\(elements($0) { #"{"text":"a","index":\#($0)}"# })]")
        },
        .init("encrypted items and texts") {
            delta(
                "\"reasoning_details\":["
                    + elements($0) {
                        #"{"type":"reasoning.encrypted","data":"a"},{"text":"a","index":\#($0)}"#
                    } + "]")
        },
        .init("small texts") { delta("\"content\":[\(elements($0) { _ in #"{"text":"a"}"# })]") },
        .init("thoughts and texts in turn") {
            delta(
                "\"content\":[\(elements($0) { _ in #"{"thinking":"a"},{"text":"a"}"# })]")
        },
        .init("pieces of thoughts") {
            delta(
                "\"content\":[{\"thinking\":[\(elements($0) { _ in #"{"text":"a"}"# })]}]")
        },
        .init("citations") {
            delta(
                "\"content\":\"a\",\"annotations\":["
                    + elements($0) { _ in #"{"url_citation":{"url":""}}"# } + "]")
        },
        .init("images") {
            delta(
                "\"images\":[\(elements($0) { _ in #"{"image_url":{"url":"data:"}}"# })]")
        },
        .init("calls") {
            delta(
                "\"tool_calls\":["
                    + elements($0) {
                        #"{"index":\#($0),"id":"\#($0)","function":{"name":"f","arguments":"{}"}}"#
                    } + "]")
        },
        .init("pieces of calls") {
            delta(
                "\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}},"
                    + elements($0) { _ in #"{"index":0,"function":{"arguments":"{"}}"# } + "]")
        },
        .init("calls with signatures") {
            delta(
                "\"tool_calls\":["
                    + elements($0) {
                        #"{"index":\#($0),"id":"\#($0)","extra_content":{},"function":{"name":"f","arguments":"{}"}}"#
                    } + "]")
        },
        .init("a call's long name") {
            delta(#""tool_calls":[{"id":"a","function":{"name":"\#(text($0))","arguments":"{}"}}]"#)
        },
        .init("a long model") {
            #"{"model":"\#(text($0 / 2))","provider":"\#(text($0 / 2))","choices":[{"delta":{"content":"a"}}]}"#
        },
        .init("many choices") { "{\"choices\":[\(elements($0) { _ in #"{"index":1}"# })]}" },
        .init("a long refusal") { delta(#""refusal":"\#(text($0))""#) },
        .init("unknown members") {
            "{\(elements($0) { _ in #""a":0"# }),\"choices\":[{\"delta\":{\"content\":\"a\"}}]}"
        },
        .init("escaped names of members") {
            #"{"\u0061\#(text($0))":0,"choices":[{"delta":{"content":"a"}}]}"#
        },
    ]

    static let errors: [HostileEvent] = [
        .init("a long message") { #"{"error":{"message":"\#(text($0))"}}"# },
        .init("a message of words") {
            let words = String(repeating: "maximum context sk-123 ", count: $0 / 23)
            return #"{"error":{"message":"\#(words)"}}"#
        },
        .init("a plain text") { #"{"error":"\#(text($0))"}"# },
        .init("a wrapped message") {
            #"{"error":{"message":"a","metadata":{"raw":"{\"message\":\"\#(text($0))\"}"}}}"#
        },
        .init("a wrapped object") {
            #"{"error":{"metadata":{"raw":{"error":{"message":"\#(text($0))"}}}}}"#
        },
        .init("names") {
            let text = text($0 / 4)
            return
                #"{"error":{"code":"\#(text)","type":"\#(text)","param":"\#(text)","metadata":{"provider_name":"\#(text)"}}}"#
        },
        .init("many members") { "{\"error\":{\(elements($0) { _ in #""message":"""# })}}" },
        .init("many details") {
            "{\"error\":{\"detail\":[\(elements($0) { _ in #"{"loc":[0],"msg":""}"# })]}}"
        },
        .init("nested lists of long texts") { bytes in
            let texts = (0..<8).map { _ in #""\#(text(bytes / 512))""# }.joined(separator: ",")
            let lists = (0..<8).map { _ in "[\(texts)]" }.joined(separator: ",")
            let more = (0..<8).map { _ in "[\(lists)]" }.joined(separator: ",")
            return "{\"error\":{\"detail\":[\(more)]}}"
        },
        .init("many choices") {
            "{\"error\":null,\"choices\":[\(elements($0) { _ in #"{"error":null}"# }),{\"error\":\"a\"}]}"
        },
        .init("other models") {
            "{\"error\":{\"availability\":{\"fallback_models\":[\(elements($0) { #""m\#($0)""# })]}}}"
        },
    ]
}

@Suite struct StreamBudgetTests {
    /// A small event of text becomes some three times its bytes; a part of a list, ten times, but
    /// there are only so many.
    static let outputPerByte = 4
    /// The most that a block takes beside its content: its begin, its seal and its end.
    static let blockBytes = 1200
    static let stepsPerByte = 32

    static func translate(
        _ json: String, isStreaming: Bool, model: Int = 16
    ) -> (output: [UInt8], progress: StreamTranslator.Progress, steps: Int) {
        var facts = RequestFacts()
        facts.isStreaming = isStreaming
        facts.offersWebSearch = true
        var limits = StreamTranslator.Limits()
        limits.blocksMax = 64
        limits.partsMax = 256
        limits.toolCallsMax = 64
        var translator = StreamTranslator(
            facts: facts,
            identity: .init(
                messageID: Array("msg_1".utf8), requestID: Array("req_1".utf8),
                upstreamModel: [UInt8](repeating: 0x6D, count: model), reportedModel: nil,
                sealKey: sealKey),
            inputTokensEstimate: 7,
            errorReader: UpstreamErrorReader(
                inputTokensEstimate: 7, maxTokens: 100, secret: Array("sk-secret-key".utf8)),
            limits: limits)
        let meter = StepMeter()
        translator.document.meter = meter
        var output: [UInt8] = []
        _ = translator.received([UInt8]("data: \(json)\n\n".utf8).span, into: &output)
        let progress = translator.ended(into: &output)
        return (output, progress, meter.steps)
    }

    @Test(arguments: HostileEvent.all + HostileEvent.errors)
    func eventsBecomeNoMoreThanAMultipleOfThemselves(_ hostile: HostileEvent) {
        for bytes in [200, 1 << 12, 1 << 18] {
            for isStreaming in [true, false] {
                let json = hostile.make(bytes)
                let (output, _, steps) = Self.translate(json, isStreaming: isStreaming)
                let parts = 256 * 400 + 66 * Self.blockBytes
                #expect(
                    output.count <= Self.outputPerByte * json.utf8.count
                        + min(
                            parts, 40 * json.utf8.count),
                    "\(hostile.name) of \(json.utf8.count) bytes: \(output.count) bytes")
                #expect(
                    steps <= Self.stepsPerByte * json.utf8.count + 10_000,
                    "\(hostile.name) of \(json.utf8.count) bytes: \(steps) steps")
            }
        }
    }

    @Test func aLongNameOfAModelIsNotRepeatedInEverySeal() {
        let json = HostileEvent.all[0].make(1 << 12)
        let short = Self.translate(json, isStreaming: true).output.count
        let long = Self.translate(json, isStreaming: true, model: 60_000).output.count
        // The message itself names it once.
        #expect(long < short + 60_000 + 65 * 4 / 3 * 300)
    }

    @Test func tooManyBlocksEndTheAnswerWithAnError() {
        let (output, progress, _) = Self.translate(
            HostileEvent.all[0].make(1 << 14), isStreaming: true)
        guard case .failedMidStream(let error) = progress else {
            Issue.record("\(progress)")
            return
        }
        #expect(error.message == "The upstream sent an answer of more than 64 blocks.")
        #expect(String(decoding: output, as: UTF8.self).hasSuffix("}\n\n"))
    }

    @Test(arguments: HostileEvent.errors)
    func errorsAreCutBeforeTheyAreSearched(_ hostile: HostileEvent) throws {
        var document = JSONDocument()
        try document.parse([UInt8](hostile.make(1 << 20).utf8))
        let meter = StepMeter()
        document.meter = meter
        let report = UpstreamErrorReport(document)
        #expect(report.message.utf8.count <= UpstreamErrorReport.textBytesMax)
        for name in [report.code, report.parameter, report.provider, report.errorType] {
            #expect(name.utf8.count <= 256)
        }
        #expect(report.fallbackModels.count <= 8)
        // But for one walk over the choices.
        #expect(meter.steps < 300_000, "\(hostile.name): \(meter.steps)")
    }

    @Test func aKeyThatIsCutInTwoIsNotShown() throws {
        let key = "sk-or-v1-0123456789abcdef0123456789abcdef"
        let reader = UpstreamErrorReader(
            inputTokensEstimate: 1, maxTokens: 1, secret: [UInt8](key.utf8))
        for before in stride(from: 16 << 10, to: (16 << 10) - key.utf8.count - 8, by: -1) {
            // Marks that join one letter: to a reader some hundred characters.
            let filler = String(repeating: "\u{301}", count: (before - 3) / 2)
            var document = JSONDocument()
            try document.parse([UInt8](#"{"error":{"message":"ab\#(filler) \#(key)"}}"#.utf8))
            let message = reader.read(midStream: document).error.message
            #expect(!message.contains("sk-or"), "\(before)")
        }
    }

    @Test func blankLinesOfDataAreNotLookedThroughAgain() {
        // Quadratic, these took minutes.
        var parser = SSEParser()
        let lines = [UInt8](String(repeating: "data:\n", count: 400_000).utf8)
        var position = 0
        #expect(parser.next(in: lines.span, from: &position) == .needsMore)
        #expect(parser.finish() == .event)
        #expect(parser.data.count == 399_999)
    }
}
