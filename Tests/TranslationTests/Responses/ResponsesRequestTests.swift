// Requests of the Responses API: what of a client's request becomes which item and which member.

import Testing

@testable import Translation

/// Settings that ask by the Responses API.
func responses(
    _ profile: UpstreamProfile = .openai, _ model: String = "gpt-5",
    _ change: (inout RequestSettings) -> Void = { _ in }
) -> RequestSettings {
    settings(profile, model) {
        $0.api = .responses
        $0.maker = [UInt8]("openai#1".utf8)
        change(&$0)
    }
}

@Suite struct ResponsesRequestTests {
    /// The `input` of the body for `messages`.
    private func input(
        _ messages: String, _ settings: RequestSettings = responses()
    ) throws -> String? {
        try member("input", request("", messages: messages), settings)
    }

    private func seal(
        _ item: String, maker: String = "openai#1", model: String = "gpt-5",
        dialect: ReasoningSeal.Dialect = .responseItem
    ) -> String {
        var output: [UInt8] = []
        let content = dialect == .responseItem ? "\(maker)\n\(item)" : item
        ReasoningSeal(
            dialect: dialect, origin: [UInt8](model.utf8), content: [UInt8](content.utf8)
        ).write(sealKey, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private static let item =
        #"{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"enc"}"#

    // MARK: The body

    @Test func aSmallRequestWhole() throws {
        let body = try translate(
            #"{"model":"m","max_tokens":100,"system":"Be brief.","messages":[{"role":"user","content":"Hi"}]}"#,
            responses()
        ).body
        #expect(
            body
                == #"{"model":"gpt-5","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"Be brief."}]},"#
                + #"{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"#
                + #""max_output_tokens":100,"include":["reasoning.encrypted_content"],"store":false,"stream":true,"#
                + #""stream_options":{"include_obfuscation":false}}"#)
    }

    @Test func anUnknownServerGetsWhatEveryServerTakes() throws {
        let body = try translate(
            #"{"model":"m","max_tokens":100,"system":"S","temperature":0.5,"metadata":{"user_id":"u"},"messages":[{"role":"user","content":"Hi"}]}"#,
            responses(.generic, "local")
        ).body
        #expect(
            body
                == #"{"model":"local","input":[{"type":"message","role":"system","content":[{"type":"input_text","text":"S"}]},"#
                + #"{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"#
                + #""max_output_tokens":100,"temperature":0.5,"store":false,"stream":true}"#)
    }

    @Test(arguments: [(1, "16"), (15, "16"), (16, "16"), (17, "17")])
    func anAnswerHasRoomForSixteenTokens(_ tokens: Int, _ expected: String) throws {
        let body =
            #"{"model":"m","max_tokens":\#(tokens),"messages":[{"role":"user","content":"Hi"}]}"#
        #expect(try member("max_output_tokens", body, responses()) == expected)
    }

    @Test func theBillingLineIsNobodysBusiness() throws {
        let body = request(
            ##""system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=1;"},{"type":"text","text":"S"}]"##
        )
        let input = try member("input", body, responses())
        #expect(input?.contains("billing") == false && input?.contains(#""text":"S""#) == true)
    }

    @Test func samplingIsNotForReasoningModels() throws {
        let body = request(#""temperature":1.0,"top_p":0.9"#)
        let translated = try translate(body, responses())
        #expect(!translated.body.contains("temperature") && !translated.body.contains("top_p"))
        #expect(translated.request.dropped.names == ["temperature", "top_p"])
        #expect(try member("temperature", body, responses(.openai, "gpt-4.1")) == "1.0")
    }

    @Test func stopSequencesAreWatchedForWhereThereIsNoStop() throws {
        let body = request(#""stop_sequences":["\n\nHuman:","","x"]"#)
        let translated = try translate(body, responses())
        #expect(!translated.body.contains("stop"))
        #expect(translated.request.facts.emulatesStopSequences)
        #expect(
            translated.request.facts.stopSequences
                == [[UInt8]("\n\nHuman:".utf8), [UInt8]("x".utf8)])
        let routed = try translate(body, responses(.openrouter, "openai/gpt-5"))
        #expect(routed.body.contains(#""stop":["\n\nHuman:","x"]"#))
        #expect(!routed.request.facts.emulatesStopSequences)
    }

    @Test func whoAsksIsADigest() throws {
        let body = request(#""metadata":{"user_id":"user_1_session_abc"}"#)
        let key = try #require(try member("prompt_cache_key", body, responses()))
        #expect(key.utf8.count == 66)
        #expect(try member("safety_identifier", body, responses()) != nil)
        #expect(try member("user", body, responses()) == nil)
        #expect(try member("session_id", body, responses(.openrouter, "x/y")) != nil)
        var other = UpstreamProfile.generic
        other.responses = .xAI
        #expect(try member("prompt_cache_key", body, responses(other, "grok-4.3")) == nil)
    }

    // MARK: Conversation

    @Test func itemsStandInTheOrderInWhichTheyWereMade() throws {
        let input = try input(
            #"""
            [{"role":"user","content":"go"},
            {"role":"assistant","content":[{"type":"thinking","thinking":"s","signature":"\#(seal(Self.item))"},
            {"type":"text","text":"a"},{"type":"tool_use","id":"call_1","name":"f","input":{"x": 1.50}},
            {"type":"text","text":"b"},{"type":"tool_use","id":"call_2","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_2","content":"two"},
            {"type":"text","text":"and"},{"type":"tool_result","tool_use_id":"call_1","is_error":true,"content":"one"}]}]
            """#)
        #expect(
            input
                == #"[{"type":"message","role":"user","content":[{"type":"input_text","text":"go"}]},"#
                + Self.item
                + #",{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]},"#
                + #"{"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"x\": 1.50}"},"#
                + #"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},"#
                + #"{"type":"function_call","call_id":"call_2","name":"f","arguments":"{}"},"#
                + #"{"type":"function_call_output","call_id":"call_1","output":"Error: one"},"#
                + #"{"type":"function_call_output","call_id":"call_2","output":"two"},"#
                + #"{"type":"message","role":"user","content":[{"type":"input_text","text":"and"}]}]"#
        )
    }

    @Test func deepSeekGetsTheCallsOfATurnTogether() throws {
        let input = try input(
            #"""
            [{"role":"user","content":"go"},{"role":"assistant","content":[
            {"type":"tool_use","id":"c1","name":"f","input":{}},{"type":"text","text":"b"},
            {"type":"tool_use","id":"c2","name":"f","input":{}}]}]
            """#, responses(.deepseek, "deepseek-v4"))
        let order = [
            "\"b\"", "function_call\",\"call_id\":\"c1\"", "function_call\",\"call_id\":\"c2\"",
        ]
        let places = order.map { input?.firstRange(of: $0)?.lowerBound }
        #expect(places.allSatisfy { $0 != nil })
        #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
    }

    @Test func reasoningThatLedToNothingIsLeftOut() throws {
        let messages = #"""
            [{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"text","text":"a"},
            {"type":"redacted_thinking","data":"\#(seal(Self.item))"}]},{"role":"user","content":"on"}]
            """#
        #expect(try input(messages)?.contains("reasoning") == false)
    }

    @Test(arguments: ["maker", "family", "foreign", "item", "without"])
    func reasoningGoesBackOnlyToItsMaker(_ kind: String) throws {
        let signature =
            switch kind {
            case "maker": seal(Self.item, maker: "openai#2")
            case "family": seal(Self.item, model: "grok-4")
            case "item": seal(#"{"type":"message","encrypted_content":"x"}"#)
            case "foreign": "EqkECkYIBxgCKkA8"
            default: seal(Self.item)
            }
        let messages = #"""
            [{"role":"user","content":"go"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"t","signature":"\#(signature)"},{"type":"text","text":"a"}]},
            {"role":"user","content":"on"}]
            """#
        let settings = responses { $0.isWithoutReasoning = kind == "without" }
        #expect(try input(messages, settings)?.contains("encrypted_content") == false)
    }

    @Test func reasoningThatWasShownGoesBackWhereItIsTaken() throws {
        let messages = #"""
            [{"role":"user","content":"go"},{"role":"assistant","content":[
            {"type":"thinking","thinking":"h\"m","signature":"\#(seal("", model: "deepseek-v4", dialect: .reasoningContent))"},
            {"type":"text","text":"a"}]},{"role":"user","content":"on"}]
            """#
        let item =
            #"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"h\"m"}]}"#
        #expect(try input(messages, responses(.deepseek, "deepseek-v4"))?.contains(item) == true)
        #expect(try input(messages, responses(.openai, "deepseek-v4"))?.contains("h\\\"m") == false)
    }

    @Test func idsAreOfAtMostSixtyFourBytesOnBothSides() throws {
        let long = "toolu_" + String(repeating: "x", count: 80)
        let input = try #require(
            try input(
                #"""
                [{"role":"user","content":"go"},{"role":"assistant","content":[
                {"type":"tool_use","id":"\#(long)","name":"f","input":{}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"\#(long)","content":"r"}]}]
                """#))
        let ids = input.split(separator: #""call_id":""#).dropFirst().map {
            $0.prefix { $0 != "\"" }
        }
        #expect(ids.count == 2 && Set(ids).count == 1 && ids[0].utf8.count <= 64)
    }

    @Test func whatIsMissingIsMadeUpAndWhatIsTooMuchIsText() throws {
        let input = try #require(
            try input(
                #"""
                [{"role":"user","content":"go"},{"role":"assistant","content":[
                {"type":"tool_use","id":"c1","name":"f","input":{}}]},
                {"role":"user","content":[{"type":"tool_result","tool_use_id":"c9","content":"r"}]}]
                """#))
        #expect(
            input.contains(
                #"{"type":"function_call_output","call_id":"c1","output":"[interrupted]"}"#))
        #expect(!input.contains("c9"))
    }

    @Test func mediaStandsInTheOutputWhereItIsTaken() throws {
        let messages = #"""
            [{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"see"},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]}]}]
            """#
        let image =
            #"{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,AA=="}"#
        #expect(
            try input(messages)?.contains(
                #""output":[{"type":"input_text","text":"see"},\#(image)]"#) == true)
        let other = try #require(try input(messages, responses(.generic, "local")))
        #expect(other.contains(#""output":"see"}"#) && other.contains(image))
    }

    @Test func picturesAndFilesAreInputs() throws {
        let input = try #require(
            try input(
                #"""
                [{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a/b.png"}},
                {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="},"title":"T"}]}]
                """#))
        #expect(
            input.contains(#"{"type":"input_image","detail":"auto","image_url":"https://a/b.png"}"#)
        )
        #expect(
            input.contains(
                #"{"type":"input_file","filename":"T","file_data":"data:application/pdf;base64,AA=="}"#
            ))
    }

    @Test func systemMessagesStayInTheirPlace() throws {
        let input = try #require(
            try input(
                #"[{"role":"user","content":"a"},{"role":"system","content":"now"},{"role":"user","content":"b"}]"#
            ))
        #expect(
            input.contains(
                #"{"type":"message","role":"developer","content":[{"type":"input_text","text":"now"}]}"#
            ))
    }

    @Test func textBeforeCallsIsCommentaryForModelsThatTellThemApart() throws {
        let messages = #"""
            [{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"text","text":"a"},
            {"type":"tool_use","id":"c","name":"f","input":{}},{"type":"text","text":"b"}]},{"role":"user","content":"on"}]
            """#
        let input = try #require(try input(messages, responses(.openai, "gpt-5.5")))
        #expect(input.contains(#""text":"a"}],"phase":"commentary"}"#))
        #expect(input.contains(#""text":"b"}],"phase":"final_answer"}"#))
        #expect(try self.input(messages)?.contains("phase") == false)
    }

    // MARK: Tools

    private let tool =
        #""tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{}}}]"#

    @Test func toolsAreFlatAndNotStrict() throws {
        #expect(
            try member("tools", request(tool), responses())
                == #"[{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{}},"strict":false}]"#
        )
        let strict =
            #""tools":[{"name":"f","strict":true,"input_schema":{"type":"object","properties":{},"required":[],"additionalProperties":false}}]"#
        #expect(
            try member("tools", request(strict), responses())?.contains(#""strict":true}"#) == true)
    }

    @Test(arguments: [
        (#"{"type":"auto"}"#, #""auto""#), (#"{"type":"any"}"#, #""required""#),
        (#"{"type":"none"}"#, #""none""#),
        (#"{"type":"tool","name":"f"}"#, #"{"type":"function","name":"f"}"#),
    ])
    func aChoiceIsAChoice(_ choice: String, _ expected: String) throws {
        let body = request(tool + #","tool_choice":\#(choice)"#)
        #expect(try member("tool_choice", body, responses()) == expected)
    }

    @Test func aSearchIsTheUpstreamsOwn() throws {
        let body = request(
            #""tools":[{"type":"web_search_20250305","name":"web_search","allowed_domains":["a.b"],"user_location":{"type":"approximate","city":"X"}}]"#
        )
        let translated = try translate(body, responses())
        #expect(
            translated.body.contains(
                #""tools":[{"type":"web_search","filters":{"allowed_domains":["a.b"]},"user_location":{"type":"approximate","city":"X"}}]"#
            ))
        #expect(translated.body.contains("web_search_call.action.sources"))
        #expect(translated.request.facts.offersWebSearch)
        let routed = try translate(body, responses(.openrouter, "x/y")).body
        #expect(routed.contains("openrouter:web_search"))
        let none = try translate(body, responses(.generic, "local"))
        #expect(!none.body.contains("web_search") && !none.request.facts.offersWebSearch)
    }

    @Test func aToolCalledParallelIsKnownToTheReader() throws {
        let body = request(#""tools":[{"name":"parallel","input_schema":{"type":"object"}}]"#)
        #expect(try translate(body, responses()).request.facts.offersParallelTool)
        #expect(!(try translate(request(tool), responses()).request.facts.offersParallelTool))
    }

    // MARK: Reasoning and format

    @Test(arguments: [
        (
            #""thinking":{"type":"adaptive"},"output_config":{"effort":"medium"}"#,
            #"{"effort":"medium","summary":"auto"}"#
        ),
        (
            #""thinking":{"type":"enabled","budget_tokens":1024}"#,
            #"{"effort":"high","summary":"auto"}"#
        ),
        (#""thinking":{"type":"adaptive"}"#, #"{"summary":"auto"}"#),
        (
            #""thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"low"}"#,
            #"{"effort":"low"}"#
        ),
        (#""thinking":{"type":"disabled"}"#, #"{"effort":"low"}"#),
        (#""output_config":{"effort":"max"}"#, #"{"effort":"high"}"#),
    ])
    func thinkingIsEffortAndSummary(_ members: String, _ expected: String) throws {
        #expect(try member("reasoning", request(members), responses()) == expected)
        #expect(try member("reasoning", request(members), responses(.generic, "local")) == nil)
    }

    @Test func aRefusedSummaryIsLeftOut() throws {
        let body = request(#""thinking":{"type":"adaptive"},"output_config":{"effort":"low"}"#)
        let settings = responses { $0.omittedFields = ["reasoning.summary"] }
        #expect(try member("reasoning", body, settings) == #"{"effort":"low"}"#)
    }

    @Test func aSchemaIsTheTextsFormat() throws {
        let body = request(
            #""output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{},"required":[],"additionalProperties":false}}}"#
        )
        #expect(
            try member("text", body, responses())
                == #"{"format":{"type":"json_schema","name":"response","strict":true,"schema":{"type":"object","properties":{},"required":[],"additionalProperties":false}}}"#
        )
        let refused = responses { $0.omittedFields = ["text"] }
        #expect(try member("text", body, refused) == nil)
        #expect(try member("input", body, refused)?.contains("must match this schema") == true)
    }

    @Test func nothingIsEverStoredOrReferredTo() throws {
        for profile in UpstreamProfile.all {
            let body = try translate(UpstreamProfileTests.full, responses(profile, "m")).body
            #expect(body.contains(#""store":false,"stream":true"#))
            for name in ["previous_response_id", "cache_control", "\"messages\"", "tool_calls"] {
                #expect(!body.contains(name), "\(profile.name)")
            }
        }
    }
}
