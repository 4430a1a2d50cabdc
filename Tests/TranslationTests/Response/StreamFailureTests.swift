// Failures in the middle of a response, in every form, before and after content has been written.

import Testing

@testable import Translation

@Suite struct StreamFailureTests {
    /// An upstream's failing end, and the error it stands for.
    struct Failing: Sendable, CustomTestStringConvertible {
        var name: String
        var end: String
        var status: Int
        var type: APIErrorType
        var text: String
        var testDescription: String { name }
    }

    static let failures: [Failing] = [
        Failing(
            name: "documented",
            end: Upstream.chunk(
                #"{"content":""}"#, finish: "error", native: "error",
                more: #","error":{"code":502,"message":"Provider disconnected","metadata":"#
                    + #"{"error_type":"provider_unavailable","provider_code":"reset"}}"#),
            status: 502, type: .api, text: "Provider disconnected"),
        Failing(
            name: "rate limit",
            end: Upstream.event(
                #"{"error":{"code":429,"message":"Slow down","metadata":"#
                    + #"{"error_type":"rate_limit_exceeded"}},"choices":[]}"#) + Upstream.done,
            status: 429, type: .rateLimit, text: "Slow down"),
        Failing(
            name: "OpenAI",
            end: Upstream.event(
                #"{"error":{"message":"The server had an error","type":"server_error","#
                    + #""param":null,"code":null}}"#) + Upstream.done,
            status: 500, type: .api, text: "The server had an error"),
        Failing(
            name: "string", end: Upstream.event(#"{"error":"model is loading"}"#), status: 500,
            type: .api, text: "model is loading"),
        Failing(
            name: "string code",
            end: Upstream.event(#"{"error":{"code":"overloaded_error","message":"Busy"}}"#),
            status: 529, type: .overloaded, text: "Busy"),
        Failing(
            name: "vLLM",
            end: Upstream.event(
                #"{"object":"error","message":"bad","type":"BadRequestError","code":400}"#),
            status: 400, type: .invalidRequest, text: "bad"),
        Failing(
            name: "Groq",
            end: "event: error\n"
                + Upstream.event(
                    #"{"error":{"message":"Tool call validation failed","type":"#
                        + #""invalid_request_error","code":"tool_use_failed","#
                        + #""failed_generation":"{}","status_code":400}}"#),
            status: 400, type: .invalidRequest, text: "Tool call validation failed"),
        Failing(
            name: "error event of words", end: "event: error\n" + Upstream.event("overloaded"),
            status: 500, type: .api, text: "overloaded"),
        Failing(
            name: "in the choice",
            end: Upstream.event(
                #"{"choices":[{"index":0,"delta":{},"error":{"code":503,"message":"Gone"}}]}"#),
            status: 529, type: .overloaded, text: "Gone"),
        Failing(
            name: "only a finish reason", end: Upstream.chunk("{}", finish: "error"), status: 500,
            type: .api, text: "without saying why"),
        Failing(
            name: "only a native one",
            end: Upstream.chunk("{}", finish: "stop", native: "MALFORMED_FUNCTION_CALL"),
            status: 500, type: .api, text: "without saying why"),
        Failing(
            name: "network error behind a stop",
            end: Upstream.end("stop", native: "network_error"), status: 500, type: .api,
            text: "without saying why"),
        Failing(
            name: "after a stop",
            end: Upstream.chunk("{}", finish: "stop")
                + Upstream.event(#"{"error":{"code":500,"message":"late"}}"#),
            status: 500, type: .api, text: "late"),
        Failing(
            name: "malformed", end: Upstream.event("{\"choices\":[}"), status: 502, type: .api,
            text: "not JSON"),
        Failing(
            name: "cut off between events", end: Upstream.comment, status: 502, type: .api,
            text: "closed the connection"),
        Failing(
            name: "cut off within an event", end: "data: {\"choices\":[{\"del", status: 502,
            type: .api, text: "closed the connection"),
    ]

    @Test(arguments: failures)
    func failuresKeepTheirStatusUntilSomethingIsWritten(_ failing: Failing) {
        let start = Upstream.comment + Upstream.chunk(#"{"role":"assistant","content":""}"#)
        check(start + failing.end)
        guard case .failed(let error) = Translated(start + failing.end).progress else {
            Issue.record("did not fail")
            return
        }
        #expect(error.status == failing.status && error.type == failing.type)
        #expect(error.message.contains(failing.text))
    }

    @Test(arguments: failures)
    func failuresAfterContentEndTheStreamAsEvents(_ failing: Failing) {
        for start in [
            Upstream.text("Partial"), Upstream.details(Upstream.thought("t")),
            Upstream.calls(Upstream.call(id: "a", name: "N", arguments: #""{\"a\"""#)),
        ] {
            let model = check(start + failing.end)
            #expect(model.error?["error"]?["type"]?.string == failing.type.rawValue)
            #expect(model.error?["request_id"] == .string("req_test"))
        }
    }

    @Test func anErrorAfterTheTokenLimitIsTheTokenLimit() {
        let stream =
            Upstream.text("Par") + Upstream.chunk("{}", finish: "length", native: "length")
            + Upstream.chunk("{}", finish: "length", native: "length")
            + Upstream.event(
                #"{"choices":[{"index":0,"delta":{},"finish_reason":null}],"usage":\#(Upstream.usage),"#
                    + #""error":{"code":400,"message":"Token limit reached"}}"#) + Upstream.done
        let model = check(stream)
        #expect(model.stopReason == "max_tokens")
        #expect(model.usage?["output_tokens"]?.int == 20)
    }

    @Test(arguments: ["<html><title>Gone</title>", "[["])
    func aPageIsReadNoFurtherThanItsBegin(_ begin: String) {
        var setting = Setting()
        setting.limits.contentBytesMax = 100_000
        let page = [UInt8]((begin + String(repeating: "[", count: 200_000)).utf8)
        let answer = Translated(page, streaming: true, setting: setting, pieces: [1000])
        guard case .failed(let error) = answer.progress else {
            Issue.record("did not fail")
            return
        }
        // Not "more than 100000 bytes".
        #expect(error.status == 502 && !error.message.contains("100000"))
    }

    @Test func anAnswerWithoutContentIsEmptyUnlessItSaysWhy() {
        for end in [Upstream.end(), Upstream.done, Upstream.chunk("{}", finish: "stop")] {
            let stream = Upstream.chunk(#"{"role":"assistant","content":""}"#) + end
            check(stream)
            #expect(Translated(stream).progress == .empty)
        }
        for (end, reason) in [("length", "max_tokens"), ("content_filter", "refusal")] {
            let model = check(Upstream.end(end, native: nil))
            #expect(model.outline == [] && model.stopReason == reason)
        }
    }

    static func translator(streaming: Bool = true) -> StreamTranslator {
        var facts = RequestFacts()
        facts.isStreaming = streaming
        return StreamTranslator(
            facts: facts,
            identity: .init(
                messageID: [UInt8]("msg_1".utf8), requestID: [UInt8]("req_1".utf8),
                upstreamModel: [UInt8]("m".utf8), reportedModel: nil, sealKey: sealKey),
            inputTokensEstimate: 5,
            errorReader: UpstreamErrorReader(inputTokensEstimate: 5, maxTokens: 10))
    }

    @Test func anEmptyAnswerCanStillBeEnded() {
        for streaming in [true, false] {
            var translator = Self.translator(streaming: streaming)
            var output: [UInt8] = []
            let bytes = [UInt8](Upstream.end().utf8)
            #expect(translator.received(bytes.span, into: &output) == .empty)
            #expect(output == [])
            translator.writeEmptyMessage(into: &output)
            if streaming {
                let model = MessageModel(output)
                #expect(model.isComplete && model.outline == [])
            } else {
                #expect(JSONValue(output)?["content"] == .array([]))
            }
        }
    }

    @Test func failuresOfTheTransportCountUnlessTheAnswerIsComplete() {
        let error = APIError(status: 504, type: .timeout, message: "silence")
        func run(_ stream: String) -> (StreamTranslator.Progress, [UInt8]) {
            var translator = Self.translator()
            var output: [UInt8] = []
            _ = translator.received([UInt8](stream.utf8).span, into: &output)
            return (
                translator.failed(UpstreamFailure(.brokenAnswer, error: error), into: &output),
                output
            )
        }
        #expect(run("") == (.failed(error), []))
        #expect(run(Upstream.comment) == (.failed(error), []))
        let (progress, output) = run(Upstream.text("a"))
        #expect(progress == .failedMidStream(error))
        #expect(MessageModel(output).error?["error"]?["type"] == .string("timeout_error"))
        let complete = run(Upstream.text("a") + Upstream.chunk("{}", finish: "stop"))
        #expect(complete.0 == .finished && MessageModel(complete.1).isComplete)
        #expect(run(Upstream.text("a") + Upstream.end()).0 == .finished)
    }

    @Test func aFailureNamesItsRemedy() {
        var translator = Self.translator()
        var output: [UInt8] = []
        let event = Upstream.event(
            #"{"error":{"code":400,"message":"Unsupported parameter: 'top_k'"}}"#)
        _ = translator.received([UInt8](event.utf8).span, into: &output)
        #expect(translator.failure?.remedies == [.dropParameter("top_k")])
    }

    @Test func sizesAreLimited() {
        let long = String(repeating: "x", count: 3000)
        let event = Setting.with { $0.limits.eventBytesMax = 1000 }
        #expect(
            check(Upstream.text("a") + Upstream.text(long), setting: event, everySplit: false)
                .error != nil)
        let content = Setting.with { $0.limits.contentBytesMax = 2000 }
        let text = Upstream.text(long) + Upstream.end()
        #expect(Translated(text, setting: content).progress == .finished)
        guard case .failed = Translated(text, streaming: false, setting: content).progress,
            case .failed = Translated("{\"a\":\"\(long)\"}", setting: content).progress
        else {
            Issue.record("did not fail")
            return
        }
        let call = Upstream.calls(
            Upstream.call(id: "a", name: "N", arguments: #""{\"a\":\"\#(long)""#))
        #expect(
            check(Upstream.text("a") + call, setting: content, everySplit: false).error != nil)
    }

    @Test func keysDoNotReachTheClient() {
        let stream =
            Upstream.text("a")
            + Upstream.event(
                #"{"error":{"code":401,"message":"bad key sk-or-v1-secret or sk-proj-abcdefgh12"}}"#
            )
        let text = Translated(stream).text
        #expect(text.contains("bad key [removed] or [removed]"))
        #expect(text.contains("OPENROUTER_API_KEY"))
    }
}
