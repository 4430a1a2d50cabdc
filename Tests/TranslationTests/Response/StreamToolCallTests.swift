// Tool calls in every shape that servers are known to send them in.

import Testing

@testable import Translation

@Suite struct StreamToolCallTests {
    static let a = "tool_use:call_a:Read"
    static let b = "tool_use:call_b:Grep"
    static let inputA = JSONValue.object(["p": .number("1")])
    static let inputB = JSONValue.object(["q": .string("x\"}\\")])
    /// `{"q":"x\"}\\"}` as the content of a JSON string.
    static let argumentsB = #""{\"q\":\"x\\\"}\\\\\"}""#

    static func headA(_ arguments: String? = #""""#, index: Int? = 0) -> String {
        Upstream.call(index: index, id: "call_a", name: "Read", arguments: arguments)
    }

    static func headB(_ arguments: String? = #""""#, index: Int? = 1) -> String {
        Upstream.call(index: index, id: "call_b", name: "Grep", arguments: arguments)
    }

    static func piece(_ arguments: String, index: Int? = 0) -> String {
        Upstream.calls(Upstream.call(index: index, arguments: arguments))
    }

    /// Streams that all mean the same two calls.
    static let twoCalls: [String] = [
        // OpenRouter, OpenAI: head, empty piece, pieces; one call after the other.
        Upstream.calls(headA()) + piece(#""""#) + piece(#""{\"p\"""#) + piece(#"":1}""#)
            + Upstream.calls(headB()) + piece(argumentsB, index: 1),
        // Whole calls in one chunk.
        Upstream.calls(headA(#""{\"p\":1}""#), headB(argumentsB)),
        // Without indexes.
        Upstream.calls(headA(nil, index: nil)) + piece(#""{\"p\":1""#, index: nil)
            + piece(#""}""#, index: nil) + Upstream.calls(headB(argumentsB, index: nil)),
        // Indexes from 1, with a gap.
        Upstream.calls(headA(index: 1)) + piece(#""{\"p\":1}""#, index: 1)
            + Upstream.calls(headB(index: 4)) + piece(argumentsB, index: 4),
        // Index 0 for all.
        Upstream.calls(headA(#""{\"p\":1}""#)) + Upstream.calls(headB(argumentsB, index: 0)),
        // Id and name on every piece.
        Upstream.calls(headA(#""{\"p\"""#)) + Upstream.calls(headA(#"":1}""#))
            + Upstream.calls(headB(#""{\"q\":\"x""#)) + Upstream.calls(headB(#""\\\"}\\\\\"}""#)),
        // Empty ids and names in later pieces.
        Upstream.calls(headA())
            + Upstream.calls(Upstream.call(id: "", name: "", arguments: #""{\"p\":1}""#))
            + Upstream.calls(headB(argumentsB))
            + Upstream.calls(
                Upstream.call(index: 1, id: "", name: "", arguments: #""""#)),
        // Interleaved: heads first, then pieces in turns.
        Upstream.calls(headA(), headB()) + piece(#""{\"p\"""#) + piece(#""{\"q\":""#, index: 1)
            + piece(#"":1}""#) + piece(#""\"x\\\"}\\\\\"}""#, index: 1),
        // Interleaved, the second one complete first.
        Upstream.calls(headA(#""{""#), headB(argumentsB)) + piece(#""\"p\":1}""#),
        // Trailing white space and second copies.
        Upstream.calls(headA(#""{\"p\":1}""#)) + piece(#"" \n""#) + piece(#""{\"p\":1}""#)
            + Upstream.calls(headB(#""\n {\"q\":\"x\\\"}\\\\\"} {\"q\":2}""#)),
        // Arguments as an object.
        Upstream.calls(headA(#"{"p":1}"#), headB(#"{"q":"x\"}\\"}"#)),
        // Escaped in the long way.
        Upstream.calls(headA(#""\u007b\u0022p\u0022:1\u007d""#))
            + Upstream.calls(headB(#""{\"q\":\"x\u005c\u0022}\u005c\u005c\"}""#)),
        // The id one chunk later than the index; the name first.
        Upstream.calls(Upstream.call(index: 0, id: "call_a"))
            + Upstream.calls(Upstream.call(index: 0, name: "Read", arguments: #""{\"p\":1}""#))
            + Upstream.calls(headB(argumentsB)),
    ]

    @Test(arguments: twoCalls.indices)
    func twoCallsComeOutWhateverTheirShape(_ number: Int) {
        for end in [Upstream.end("tool_calls", native: "tool_use"), Upstream.end(), Upstream.done] {
            let model = check(Self.twoCalls[number] + end)
            #expect(model.outline == [Self.a, Self.b])
            #expect(model.inputs == [Self.inputA, Self.inputB])
            #expect(model.stopReason == "tool_use")
        }
    }

    @Test func argumentsWithFinishAndUsageInOneChunkAreKept() {
        let stream =
            Upstream.calls(Self.headA(#""{\"p\":""#))
            + Upstream.chunk(
                #"{"tool_calls":[\#(Upstream.call(arguments: #""1}""#))]}"#, finish: "tool_calls",
                more: ",\"usage\":\(Upstream.usage)")
        let model = check(stream)
        #expect(model.inputs == [Self.inputA])
        #expect(model.usage?["output_tokens"]?.int == 20)
    }

    @Test func usageOnEveryChunkDoesNotCloseACall() {
        let usage = ",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}"
        func chunk(_ call: String) -> String {
            Upstream.chunk(#"{"tool_calls":[\#(call)]}"#, more: usage)
        }
        let stream =
            chunk(Self.headA()) + chunk(Upstream.call(arguments: #""{\"p\"""#))
            + chunk(Upstream.call(arguments: #"":1}""#)) + Upstream.done
        #expect(check(stream).inputs == [Self.inputA])
    }

    @Test(arguments: [nil, "null", "\"\"", "\"  \"", "\"null\"", "\"\\\"\\\"\"", "\"{}\"", "{}"])
    func noArgumentsAreAnEmptyObject(_ arguments: String?) {
        let stream = Upstream.calls(Self.headA(arguments)) + Upstream.end("tool_calls")
        let model = check(stream)
        #expect(model.outline == [Self.a])
        #expect(model.inputs == [.object([:])])
        #expect(Translated(stream).text.contains(#""partial_json":"{}""#))
    }

    @Test func numbersAndKeyOrderSurvive() {
        let arguments = #""{\"b\":1.50,\"a\":12345678901234567890, \"c\":[1e3]}""#
        let stream = Upstream.calls(Self.headA(arguments)) + Upstream.end("tool_calls")
        check(stream)
        #expect(
            Translated(stream, streaming: false).text
                .contains(#""input":{"b":1.50,"a":12345678901234567890, "c":[1e3]}"#))
    }

    // MARK: Ids and indexes that change

    /// A new id with every piece (servers that make one up each time), with and without the name.
    @Test(arguments: [nil, "Read"], [#""""#, #""{""#])
    func aNewIdWithinACallIsNoNewCall(_ name: String?, _ first: String) {
        guard name == nil || first != #""""# else { return }
        let rest = first == #""""# ? #""{\"p\":""# : #""\"p\":""#
        let stream =
            Upstream.calls(Self.headA(first))
            + Upstream.calls(Upstream.call(index: 0, id: "x1", name: name, arguments: rest))
            + Upstream.calls(Upstream.call(index: 0, id: "x2", name: name, arguments: #""1}""#))
        let model = check(stream + Upstream.end("tool_calls"))
        #expect(model.outline == [Self.a])
        #expect(model.inputs == [Self.inputA])
    }

    @Test func aCallMayGoOnAtAnIndexOfItsOwn() {
        let stream =
            Upstream.calls(Self.headA(#""{\"p\":1}""#))
            + Upstream.calls(
                Upstream.call(index: 0, id: "call_b", name: "Write", arguments: #""""#))
            + Upstream.calls(Upstream.call(index: 1, arguments: #""{\"p\":1}""#))
        let model = check(stream + Upstream.end("tool_calls"))
        #expect(model.outline == [Self.a, "tool_use:call_b:Write"])
        #expect(model.inputs == [Self.inputA, Self.inputA])
    }

    @Test func argumentsThatAreWrappedTwiceAreUnwrapped() {
        let stream = Upstream.calls(Self.headA(#""\"{\\\"p\\\":1}\"""#))
        let model = check(stream + Upstream.end("tool_calls"))
        #expect(model.outline == [Self.a])
        #expect(model.inputs == [Self.inputA])
    }

    // MARK: What goes back with a call

    @Test(arguments: [false, true], ["google", "vertex"])
    func aSignatureOfACallIsSealed(_ isLate: Bool, _ vendor: String) throws {
        let extra = #"{"\#(vendor)": {"thought_signature":"c2ln\u002b"}}"#
        let signed = #"{"index":0,"extra_content":\#(extra)}"#
        let call = Upstream.calls(Self.headA(#""{\"p\":1}""#))
        let stream =
            isLate
            ? call + Upstream.calls(signed)
            : Upstream.calls(
                #"{"index":0,"id":"call_a","type":"function","extra_content":\#(extra),"#
                    + #""function":{"name":"Read","arguments":"{\"p\":1}"}}"#)
        let model = check(stream + Upstream.end("tool_calls"))
        let types = model.content.map { $0["type"]?.string }
        #expect(
            types
                == (isLate
                    ? ["tool_use", "redacted_thinking"] : ["redacted_thinking", "tool_use"]))
        let seal = try #require(model.seals.first)
        #expect(seal.dialect == .callExtra)
        let id = model.content.compactMap { $0["id"]?.string }
        #expect(
            String(decoding: seal.content, as: UTF8.self)
                == #"{"id":"\#(id[0])","extra_content":\#(extra)}"#)
    }

    @Test func extraContentThatIsNoObjectIsNothing() {
        let stream = Upstream.calls(
            #"{"index":0,"id":"a","extra_content":"x","function":{"name":"N"}}"#)
        #expect(check(stream + Upstream.end("tool_calls")).outline == ["tool_use:a:N"])
    }

    // MARK: Ids and names

    @Test func badMissingAndRepeatedIdsAreReplaced() {
        let stream = Upstream.calls(
            Upstream.call(index: 0, id: "functions.weather:0", name: "W", arguments: "{}"),
            Upstream.call(index: 1, name: "X", arguments: "{}"),
            Upstream.call(index: 2, id: "call_0", name: "Y", arguments: "{}"),
            Upstream.call(index: 3, id: "call_0", name: "Z", arguments: "{}"))
        let setting = Setting.with { $0.facts.usedToolIDs = [[UInt8]("call_0".utf8)] }
        #expect(
            check(stream + Upstream.end("tool_calls"), setting: setting).outline == [
                "tool_use:cpx_functions_2eweather_3a0:W", "tool_use:call_msg_test_1:X",
                "tool_use:cpx_call_5f0:Y", "tool_use:call_msg_test_3:Z",
            ])
    }

    @Test func callsWithoutIdOrIndexAreToldApartByTheirNames() {
        let stream =
            Upstream.calls(Upstream.call(index: nil, name: "A", arguments: #""{\"p\":""#))
            + Upstream.calls(Upstream.call(index: nil, arguments: #""1}""#))
            + Upstream.calls(Upstream.call(index: nil, name: "A", arguments: #""{\"p\":2}""#))
            + Upstream.calls(Upstream.call(index: nil, name: "B", arguments: #""{}""#))
        let model = check(stream + Upstream.end("tool_calls"))
        #expect(model.outline.count == 3)
        #expect(
            model.inputs == [
                Self.inputA, .object(["p": .number("2")]), .object([:]),
            ])
    }

    @Test func changedToolNamesAreChangedBack() {
        let setting = Setting.with {
            $0.facts.clientToolNames = [[UInt8]("Read".utf8): [UInt8]("mcp.read \"x\"".utf8)]
        }
        let model = check(
            Upstream.calls(Self.headA("{}")) + Upstream.end("tool_calls"), setting: setting)
        #expect(model.outline == ["tool_use:call_a:mcp.read \"x\""])
    }

    @Test func theFunctionCallOfOldIsACall() {
        let stream =
            Upstream.chunk(#"{"function_call":{"name":"Read","arguments":""}}"#)
            + Upstream.chunk(#"{"function_call":{"arguments":"{\"p\":"}}"#)
            + Upstream.chunk(#"{"function_call":{"arguments":"1}"}}"#)
            + Upstream.end("function_call")
        let model = check(stream)
        #expect(model.outline == ["tool_use:call_msg_test_0:Read"])
        #expect(model.inputs == [Self.inputA])
        #expect(model.stopReason == "tool_use")
    }

    // MARK: Text around calls

    @Test func textBeforeBetweenAndAfterCallsKeepsItsPlace() {
        let stream =
            Upstream.text("Let me. ") + Upstream.calls(Self.headA(#""{\"p\":1}""#))
            + Upstream.text(" ") + Upstream.calls(Self.headB(Self.argumentsB))
            + Upstream.text("Done.") + Upstream.end("tool_calls")
        #expect(
            check(stream).outline == ["text:Let me. ", Self.a, "text: ", Self.b, "text:Done."])
    }

    @Test func textWithinACallWaitsForItsEnd() {
        let stream =
            Upstream.calls(Self.headA(#""{\"p\"""#)) + Upstream.text("mean")
            + Upstream.text("while") + Self.piece(#"":1}""#) + Upstream.text("!")
            + Upstream.end("tool_calls")
        let model = check(stream)
        #expect(model.outline == [Self.a, "text:meanwhile!"])
        #expect(model.inputs == [Self.inputA])
        let never = Upstream.calls(Self.headA()) + Upstream.text("x") + Upstream.end()
        #expect(check(never).outline == [Self.a, "text:x"])
    }

    // MARK: Arguments that are none

    @Test(arguments: [
        #""{\"p\":}""#, #""{\"p\":1""#, #""[1]""#, #""hello""#, #""{a:1}""#, "[1]", "7", "true",
        #""{\"p\":01}""#, #""\"[]\"""#, #""\"{\"""#,
    ])
    func argumentsThatAreNoObjectFailTheResponse(_ arguments: String) {
        let call = Upstream.text("a") + Upstream.calls(Self.headA(arguments))
        for rest in [
            Upstream.end("tool_calls"), Upstream.done, Upstream.text("x") + Upstream.end(),
            Upstream.calls(Self.headB("{}")) + Upstream.end(),
            Upstream.details(Upstream.thought("t")) + Upstream.end(),
        ] {
            let model = check(call + rest)
            #expect(model.error?["error"]?["type"] == .string("api_error"))
        }
    }

    @Test func aCallCutOffAtTheTokenLimitStaysInTheMessage() {
        let stream =
            Upstream.text("a") + Upstream.calls(Self.headA(#""{\"p\":\"lo""#))
            + Upstream.end("length", native: "max_tokens")
        let model = check(stream)
        #expect(model.outline == ["text:a", Self.a])
        #expect(model.inputs == [.object([:])])
        #expect(model.stopReason == "max_tokens")
        let headless =
            Upstream.text("a") + Upstream.calls(Upstream.call(id: "call_a"))
            + Upstream.end("length")
        #expect(check(headless).outline == ["text:a"])
    }

    @Test func aCallWithoutANameFailsTheResponse() {
        let stream =
            Upstream.calls(Upstream.call(id: "call_a", arguments: "{}"))
            + Upstream.end("tool_calls")
        check(stream)
        guard case .failed = Translated(stream).progress else {
            Issue.record("did not fail")
            return
        }
    }

    @Test func callsOfNothingAreNone() {
        let void = Upstream.calls(
            "{}", Upstream.call(index: 1, id: "", name: "", arguments: #""""#))
        let model = check(void + Upstream.text("x") + void + Upstream.end())
        #expect(model.outline == ["text:x"] && model.stopReason == "end_turn")
        let real = void + Upstream.calls(Self.headA("{}", index: 5)) + Upstream.end("tool_calls")
        #expect(check(real).outline == [Self.a])
        #expect(Translated(real).text.contains(#""partial_json":"{}""#))
    }

    @Test func callsAreLimited() {
        let setting = Setting.with { $0.limits.toolCallsMax = 3 }
        let calls = (0..<4).map { (number: Int) in
            Upstream.calls(
                Upstream.call(index: number, id: "c\(number)", name: "N", arguments: "{}"))
        }
        #expect(check(calls[..<3].joined() + Upstream.done, setting: setting).outline.count == 3)
        #expect(check(calls.joined() + Upstream.done, setting: setting).error != nil)
    }
}
