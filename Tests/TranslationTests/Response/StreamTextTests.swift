// Text, usage, the end and the exact bytes of a plain answer.

import Testing

@testable import Translation

@Suite struct StreamTextTests {
    @Test func aPlainAnswerHasExactlyTheseBytes() {
        let stream =
            Upstream.comment + Upstream.text("Hé\\n") + Upstream.text("\\u00e9\\\"")
            + Upstream.end()
        let usage =
            #"{"input_tokens":50,"cache_creation_input_tokens":10,"cache_read_input_tokens":40,"#
            + #""cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":0},"#
            + #""output_tokens":20,"output_tokens_details":{"thinking_tokens":5},"#
            + #""service_tier":"standard"}"#
        #expect(
            Translated(stream).text == """
                event: message_start
                data: {"type":"message_start","message":{"id":"msg_test","type":"message",\
                "role":"assistant","model":"claude-test","content":[],"stop_reason":null,\
                "stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":0,\
                "cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,\
                "ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}

                event: content_block_start
                data: {"type":"content_block_start","index":0,\
                "content_block":{"type":"text","text":""}}

                event: content_block_delta
                data: {"type":"content_block_delta","index":0,\
                "delta":{"type":"text_delta","text":"Hé\\n"}}

                event: content_block_delta
                data: {"type":"content_block_delta","index":0,\
                "delta":{"type":"text_delta","text":"\\u00e9\\""}}

                event: content_block_stop
                data: {"type":"content_block_stop","index":0}

                event: message_delta
                data: {"type":"message_delta","delta":{"stop_reason":"end_turn",\
                "stop_sequence":null},"usage":\(usage)}

                event: message_stop
                data: {"type":"message_stop"}


                """)
        #expect(
            Translated(stream, streaming: false).text
                == #"{"id":"msg_test","type":"message","role":"assistant","model":"claude-test","#
                + #""content":[{"type":"text","text":"Hé\n\u00e9\""}],"stop_reason":"end_turn","#
                + #""stop_sequence":null,"usage":\#(usage)}"#)
        check(stream)
    }

    @Test func aSummaryIsLeftForTheLog() {
        let summary = Translated(Upstream.text("Hi") + Upstream.end()).summary
        #expect(summary.upstreamID == [UInt8]("gen-1".utf8))
        #expect(summary.upstreamModel == [UInt8]("vendor/model-1".utf8))
        #expect(summary.provider == [UInt8]("Some".utf8))
        #expect(summary.usage.cost == [UInt8]("0.00125".utf8))
        #expect(summary.usage.input == 50 && summary.usage.output == 20)
        #expect(summary.usage.reasoning == 5 && !summary.usage.isEstimate)
        #expect(summary.stopReason == .endTurn)
        #expect(summary.blocks == 1 && summary.events == 2 + 1 && summary.contentBytes == 2)
    }

    @Test func theReportedModelIsTheUpstreamsWhereSoSet() {
        let setting = Setting.with { $0.reportedModel = nil }
        let model = check(Upstream.text("Hi") + Upstream.end(), setting: setting)
        #expect(model.message?["model"] == .string("vendor/model-1"))
        let silent = Upstream.event(#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#)
        let other = check(silent + Upstream.done, setting: setting)
        #expect(other.message?["model"] == .string("vendor/model"))
    }

    @Test func nothingIsWrittenBeforeContent() {
        var facts = RequestFacts()
        facts.isStreaming = true
        var translator = StreamTranslator(
            facts: facts,
            identity: .init(
                messageID: [0x6D], requestID: [0x72], upstreamModel: [], reportedModel: nil,
                sealKey: sealKey),
            inputTokensEstimate: 0,
            errorReader: UpstreamErrorReader(inputTokensEstimate: 0, maxTokens: 0))
        var output: [UInt8] = []
        func feed(_ text: String, _ translator: inout StreamTranslator)
            -> StreamTranslator.Progress
        {
            translator.received([UInt8](text.utf8).span, into: &output)
        }
        #expect(feed(Upstream.comment + Upstream.comment, &translator) == .waiting)
        #expect(
            feed(Upstream.chunk(#"{"role":"assistant","content":""}"#), &translator) == .waiting)
        #expect(output == [])
        translator.ping(into: &output)
        #expect(output == [UInt8]("event: ping\ndata: {\"type\":\"ping\"}\n\n".utf8))
        #expect(feed(Upstream.text("a"), &translator) == .started)
        #expect(feed(Upstream.chunk("{}", finish: "stop"), &translator) == .started)
        #expect(feed(Upstream.done, &translator) == .finished)
        let written = output
        #expect(feed(Upstream.text("late"), &translator) == .finished)
        #expect(translator.ended(into: &output) == .finished)
        translator.ping(into: &output)
        #expect(output == written)
        #expect(MessageModel(output).problems == [])
    }

    // MARK: How streams end

    @Test(arguments: [
        // Finish, then usage without a finish reason.
        Upstream.chunk("{}", finish: "stop")
            + Upstream.chunk("{}", more: ",\"usage\":\(Upstream.usage)") + Upstream.done,
        // Finish, then usage without choices.
        Upstream.chunk("{}", finish: "stop")
            + Upstream.event("{\"choices\":[],\"usage\":\(Upstream.usage)}") + Upstream.done,
        Upstream.chunk("{}", finish: "stop")
            + Upstream.event("{\"choices\":null,\"usage\":\(Upstream.usage)}"),
        // Usage on the finish chunk; no [DONE].
        Upstream.chunk("{}", finish: "stop", more: ",\"usage\":\(Upstream.usage)"),
        // Usage within the choice (Moonshot).
        Upstream.event(
            #"{"choices":[{"delta":{},"finish_reason":"stop","usage":\#(Upstream.usage)}]}"#),
        // Usage twice, the first time in `x_groq`.
        Upstream.chunk("{}", finish: "stop", more: ",\"x_groq\":{\"usage\":\(Upstream.usage)}")
            + Upstream.event("{\"choices\":[],\"usage\":\(Upstream.usage)}") + Upstream.done,
        // Usage before, on every chunk; then only [DONE] (Snowflake has no finish_reason).
        Upstream.chunk("{}", more: ",\"usage\":{\"prompt_tokens\":1}")
            + Upstream.chunk("{}", more: ",\"usage\":\(Upstream.usage)") + Upstream.done,
    ])
    func everyKindOfEndIsUnderstood(_ end: String) {
        let model = check(Upstream.text("Hi") + end)
        #expect(model.outline == ["text:Hi"])
        #expect(model.stopReason == "end_turn")
        #expect(model.usage?["input_tokens"]?.int == 50)
        #expect(model.usage?["output_tokens"]?.int == 20)
    }

    @Test(
        arguments: [
            ("stop", "end_turn", "end_turn"), ("stop", "STOP", "end_turn"),
            ("stop", "completed", "end_turn"), ("length", "length", "max_tokens"),
            ("length", nil, "max_tokens"), ("stop", "max_tokens", "max_tokens"),
            ("content_filter", nil, "refusal"), ("content_filter", "SAFETY", "refusal"),
            ("stop", "refusal", "refusal"), ("tool_calls", nil, "end_turn"),
            ("something", nil, "end_turn"), ("eos", "odd", "end_turn"),
        ] as [(String, String?, String)])
    func finishReasonsAreTranslated(_ finish: String, _ native: String?, _ expected: String) {
        let model = check(Upstream.text("Hi") + Upstream.end(finish, native: native))
        #expect(model.stopReason == expected)
        #expect((model.stop?["stop_details"] != nil) == (expected == "refusal"))
    }

    @Test func theFirstFinishReasonHolds() {
        let stream =
            Upstream.text("Hi") + Upstream.chunk("{}", finish: "length")
            + Upstream.chunk("{}", finish: "stop") + Upstream.done
        #expect(check(stream).stopReason == "max_tokens")
    }

    @Test func stopSequencesAreNamedWhereTheyAreKnown() {
        var setting = Setting.with { $0.facts.stopSequences = [[UInt8]("END".utf8)] }
        let native = Upstream.text("abc") + Upstream.end("stop", native: "stop_sequence")
        #expect(check(native, setting: setting).stop?["stop_sequence"] == .string("END"))
        setting.facts.stopSequences.append([UInt8]("\n\n".utf8))
        #expect(check(native, setting: setting).stopReason == "end_turn")
        let inText =
            Upstream.text("abc\\u000a") + Upstream.text("\\n")
            + Upstream.end("stop", native: "stop_sequence")
        #expect(check(inText, setting: setting).stop?["stop_sequence"] == .string("\n\n"))
        let long =
            (0..<600).map { _ in Upstream.text("\\u00e9\\\\") }.joined() + Upstream.text("END")
            + Upstream.end("stop", native: "stop_sequence")
        let model = check(long, setting: setting, everySplit: false)
        #expect(model.stop?["stop_sequence"] == .string("END"))
        let vllm = Upstream.event(
            #"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop","stop_reason":"END"}]}"#)
        #expect(check(vllm, setting: setting).stopReason == "stop_sequence")
    }

    // MARK: Usage

    @Test(arguments: [
        (
            #"{"prompt_tokens":2168,"completion_tokens":1,"prompt_tokens_details":"#
                + #"{"cached_tokens":2161,"cache_write_tokens":2161}}"#, [0, 2161, 2161, 1]
        ),
        (#"{"prompt_tokens":-5,"completion_tokens":"7","total_tokens":null}"#, [0, 0, 0, 0]),
        (#"{"prompt_tokens":99999999999999999999,"completion_tokens":1e99}"#, [0, 0, 0, 0]),
        (
            #"{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807,"#
                + #""prompt_tokens_details":{"cached_tokens":9223372036854775807}}"#,
            [0, 1 << 32, 0, 1 << 32]
        ),
        (
            #"{"prompt_tokens":10,"completion_tokens":2.0,"prompt_cache_hit_tokens":4}"#,
            [6, 4, 0, 2]
        ),
        (#"{"prompt_tokens":10,"completion_tokens":3,"cached_tokens":9}"#, [1, 9, 0, 3]),
        (
            #"{"prompt_tokens":10,"completion_tokens":26,"total_tokens":232,"#
                + #""completion_tokens_details":{"reasoning_tokens":196}}"#, [10, 0, 0, 222]
        ),
        (
            #"{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"#
                + #""completion_tokens_details":{"reasoning_tokens":7}}"#, [10, 0, 0, 20]
        ),
        (
            #"{"prompt_tokens":[],"completion_tokens":{},"prompt_tokens_details":7,"cost":"x"}"#,
            [0, 0, 0, 0]
        ),
    ])
    func usageIsReadWhateverItsForm(_ usage: String, _ counts: [Int]) {
        let model = check(
            Upstream.text("Hi") + Upstream.chunk("{}", finish: "stop", more: ",\"usage\":\(usage)"))
        let found = [
            model.usage?["input_tokens"], model.usage?["cache_read_input_tokens"],
            model.usage?["cache_creation_input_tokens"], model.usage?["output_tokens"],
        ]
        #expect(found.map { $0?.int } == counts)
    }

    @Test func usageIsEstimatedWhereThereIsNone() {
        let stream = Upstream.text("Twelve bytes") + Upstream.done
        let model = check(stream)
        #expect(model.usage?["input_tokens"]?.int == 25)
        #expect(model.usage?["output_tokens"]?.int == 3)
        #expect(Translated(stream).summary.usage.isEstimate)
    }

    @Test func writtenCacheTokensBelongToTheLifetimeThatWasAskedFor() {
        let setting = Setting.with { $0.facts.cachesForAnHour = true }
        let creation = check(Upstream.text("Hi") + Upstream.end(), setting: setting)
            .usage?["cache_creation"]
        #expect(creation?["ephemeral_1h_input_tokens"]?.int == 10)
        #expect(creation?["ephemeral_5m_input_tokens"]?.int == 0)
    }

    @Test func reasoningIsAddedWhereTheUpstreamCountsItApart() {
        let setting = Setting.with { $0.profile.countsReasoningApart = true }
        let model = check(Upstream.text("Hi") + Upstream.end(), setting: setting)
        #expect(model.usage?["output_tokens"]?.int == 25)
    }

    // MARK: Other content

    @Test func refusalsAreTextWithTheirOwnStopReason() {
        let stream =
            Upstream.chunk(#"{"refusal":"I can"}"#) + Upstream.chunk(#"{"refusal":"not."}"#)
            + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["text:I cannot."])
        #expect(model.stopReason == "refusal")
        #expect(
            check(Upstream.chunk(#"{"refusal":"","content":"x"}"#) + Upstream.end())
                .stopReason == "end_turn")
    }

    @Test func imagesBecomeLinksOrNotes() {
        let stream =
            Upstream.chunk(
                #"{"images":[{"image_url":{"url":"https://a/b.png"}},{"image_url":{"url":"data:x"}}]}"#
            )
            + Upstream.end()
        #expect(
            check(stream).outline == [
                "text:\n\n![image](https://a/b.png)\n\n\n\n"
                    + "[The model made an image, which this API cannot carry.]\n\n"
            ])
    }

    @Test func oddChunksSayNothing() {
        let stream =
            Upstream.event("null") + Upstream.event("{}") + Upstream.event("[]")
            + Upstream.event("keep-alive") + Upstream.event("")
            + Upstream.event(#"{"choices":[{"index":0,"delta":null}]}"#)
            + Upstream.event(#"{"choices":[{"index":0,"finish_reason":null}]}"#)
            + Upstream.event(#"{"choices":[null,7,"x"]}"#)
            + Upstream.event(#"{"choices":{},"usage":[],"id":7,"model":"","error":null}"#)
            + Upstream.event(#"{"choices":[],"prompt_filter_results":[]}"#)
            + Upstream.event(#"{"choices":[{"index":1,"delta":{"content":"other"}}]}"#)
            + Upstream.event(#"{"choices":[{"delta":{"content":7,"tool_calls":{}}}]}"#)
            + Upstream.text("ok") + Upstream.end()
        #expect(check(stream).outline == ["text:ok"])
    }

    @Test func theWholeMessageBesideADeltaIsIgnored() {
        let stream =
            Upstream.event(
                #"{"choices":[{"delta":{"content":"a"},"message":{"content":"a"}}]}"#)
            + Upstream.event(
                #"{"choices":[{"delta":{"content":"b"},"message":{"content":"ab"}}]}"#)
            + Upstream.end()
        #expect(check(stream).outline == ["text:ab"])
    }

    @Test func carriageReturnsSingleNewlinesAndSplitEventsAreUnderstood() {
        let stream = Upstream.text("one") + Upstream.text("two") + Upstream.end()
        let crlf = stream.split(separator: "\n", omittingEmptySubsequences: false)
            .joined(separator: "\r\n")
        #expect(check(crlf).outline == ["text:onetwo"])
        let single = stream.split(separator: "\n").joined(separator: "\n")
        #expect(check(single).outline == ["text:onetwo"])
        let twoLines =
            "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\n"
            + "data: \"finish_reason\":\"stop\"}]}\n\n"
        #expect(check(twoLines).outline == ["text:x"])
    }

    @Test func brokenUTF8IsMendedAndSplitUTF8IsNot() {
        var bytes = [UInt8](Upstream.text("a?b").utf8)
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")) else { return }
        bytes[mark] = 0xE2
        bytes += [UInt8]((Upstream.text("é😀") + Upstream.end()).utf8)
        #expect(check(bytes).outline == ["text:a\u{FFFD}bé😀"])
    }

    @Test func charactersCutBetweenTheirUTF16UnitsAreMended() {
        let pieces = [
            "a\\ud83d", "\\ude00b", "\\uD83D", "\\uDE00", "\\\\ud83d", "\\ud83d", "x", "\\udbff",
        ]
        let stream = pieces.map { Upstream.text($0) }.joined() + Upstream.end()
        #expect(check(stream).outline == ["text:a😀b😀\\ud83d\u{FFFD}x\u{FFFD}"])
        #expect(Translated(stream).text.contains(#""text":"\ud83d\ude00b""#))
        let thought =
            Upstream.chunk(#"{"reasoning":"\ud83d"}"#) + Upstream.chunk(#"{"reasoning":"\ude00"}"#)
            + Upstream.chunk(#"{"reasoning":"\ud83d"}"#) + Upstream.end()
        #expect(check(thought).outline == ["thinking:😀\u{FFFD}"])
    }

    // MARK: Answers that are no event streams

    static let completion =
        #"{"id":"gen-2","object":"chat.completion","model":"m","choices":[{"index":0,"#
        + #""finish_reason":"tool_calls","message":{"role":"assistant","content":"Hi","#
        + #""reasoning":"hm","tool_calls":[{"id":"call_1","type":"function","function":"#
        + #"{"name":"Read","arguments":"{\"p\":1}"}}]}}],"usage":\#(Upstream.usage)}"#

    @Test(arguments: [completion, "\n         \n\n         \n" + completion, completion + "\n\n"])
    func aWholeCompletionIsTakenAsIfStreamed(_ body: String) {
        let model = check(body)
        #expect(model.outline == ["thinking:hm", "text:Hi", "tool_use:call_1:Read"])
        #expect(model.inputs == [.object(["p": .number("1")])])
        #expect(model.stopReason == "tool_use")
        #expect(model.usage?["input_tokens"]?.int == 50)
    }

    @Test(arguments: [
        "", "  \n\n ", ": comment\n\n",
        "<html><head><title>502 Bad\n Gateway</title></head></html>",
        "{\"a\":1}", "[1]", "{\"a\":", "hello there\n", "data: hello\n\n", "{}",
    ])
    func anythingElseIsABadGateway(_ body: String) {
        check(body)
        guard case .failed(let error) = Translated(body).progress else {
            Issue.record("did not fail")
            return
        }
        #expect(error.status == 502 && error.type == .api)
        if body.hasPrefix("<") { #expect(error.message.contains("\"502 Bad Gateway\"")) }
    }
}
