// Responses streams: text and calls, in every way in which servers tell of them.

import Testing

@testable import Translation

@Suite struct ResponsesStreamTests {
    private func outline(_ stream: String, setting: Setting = Responses.setting) -> [String] {
        checkResponse(stream, setting).outline
    }

    @Test func aMessageIsAMessage() {
        let stream = Responses.created + Responses.whole("Hello wörld") + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["text:Hello wörld"])
        #expect(model.stopReason == "end_turn")
        #expect(model.usage?["input_tokens"]?.int == 50)
        #expect(model.usage?["cache_read_input_tokens"]?.int == 40)
        #expect(model.usage?["cache_creation_input_tokens"]?.int == 10)
        #expect(model.usage?["output_tokens"]?.int == 20)
        #expect(model.usage?["output_tokens_details"]?["thinking_tokens"]?.int == 5)
    }

    @Test func theEchoNamesTheModelAndNothingOfItsTextIsTakenForIt() {
        let setting = Responses.setting { $0.reportedModel = nil }
        let stream = Responses.created + Responses.whole("ok") + Responses.completed()
        let model = checkResponse(stream, setting)
        #expect(model.message?["model"]?.string == "gpt-up-1")
        let translated = Translated(stream, setting: setting)
        #expect(translated.summary.upstreamID == [UInt8]("resp_1".utf8))
    }

    @Test func anEchoThatIsNoJSONDoesNoHarm() {
        let nested = String(repeating: "[", count: 300) + String(repeating: "]", count: 300)
        let echo = Responses.event("created", "\"response\":{\"tools\":\(nested)}")
        let cut = "event: response.in_progress\ndata: {\"response\":{\"id\":\"x\n\n"
        let stream = echo + cut + Responses.whole("ok") + Responses.completed()
        #expect(outline(stream) == ["text:ok"])
    }

    @Test func namesOfEventsAndDoneMarksAreNotNeeded() {
        let stream =
            ": OPENROUTER PROCESSING\n\n" + Responses.created + Responses.whole("ok")
            + Responses.completed() + "data: [DONE]\n\n"
        let nameless = stream.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("event:") }.joined(separator: "\n")
        #expect(outline(nameless) == ["text:ok"])
    }

    @Test func aTypeMayStandInTheNameAlone() {
        let stream =
            "event: response.output_text.delta\ndata: {\"output_index\":0,\"delta\":\"ok\"}\n\n"
            + "event: response.completed\ndata: {\"response\":{\"status\":\"completed\"}}\n\n"
        #expect(outline(stream) == ["text:ok"])
    }

    @Test func partsOfAMessageAndMessagesAreBlocksOfTheirOwn() {
        let stream =
            Responses.created + Responses.text("a") + Responses.textDone("a")
            + Responses.text("b", part: 1) + Responses.textDone("b", part: 1)
            + Responses.whole("c d", 1) + Responses.completed()
        #expect(outline(stream) == ["text:a", "text:b", "text:c d"])
    }

    @Test(arguments: 0..<5)
    func whatHasNotComeInPiecesIsTakenWhole(_ latest: Int) {
        // Each time one more of the events that bring it is missing.
        let events = [
            Responses.text("Hello"),
            Responses.event(
                "output_text.done", #""output_index":0,"content_index":0,"text":"Hello""#),
            Responses.event(
                "content_part.done",
                #""output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hello"}"#),
            Responses.done(0, Responses.message("Hello")),
        ]
        let stream =
            Responses.created + Responses.added(0, Responses.message())
            + events[latest...].joined() + Responses.completed(Responses.message("Hello"))
        #expect(outline(stream) == ["text:Hello"])
    }

    @Test func unknownEventsAndItemsSayNothing() {
        let stream =
            Responses.created
            + Responses.event("fusion.started", #""output_index":0,"delta":"no""#)
            + Responses.added(0, #"{"type":"mcp_list_tools","id":"m"}"#)
            + Responses.event("mcp_call_arguments.delta", #""output_index":0,"delta":"{}""#)
            + Responses.done(0, #"{"type":"mcp_list_tools","id":"m","tools":[]}"#)
            + "data: {\"copilot_usage\":1}\n\n"
            + "event: keepalive\ndata: {\"type\":\"keepalive\"}\n\n"
            + Responses.whole("ok", 1) + Responses.completed()
        #expect(outline(stream) == ["text:ok"])
    }

    // MARK: Calls

    @Test func aCallIsACall() {
        let stream =
            Responses.created + Responses.whole("see", 0)
            + Responses.added(1, Responses.call()) + Responses.arguments(#"{\"p\""#, 1)
            + Responses.arguments(":1}", 1) + Responses.argumentsDone(#"{\"p\":1}"#, 1)
            + Responses.done(1, Responses.call(#"{\"p\":1}"#)) + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["text:see", "tool_use:call_a:look"])
        #expect(model.inputs == [JSONValue("{\"p\":1}")])
        #expect(model.stopReason == "tool_use")
    }

    @Test(arguments: ["delta", "done", "item", "end"])
    func argumentsMayComeAllAtOnce(_ place: String) {
        let text = #"{\"p\":{\"q\":[1]}}"#
        var stream = Responses.created + Responses.added(0, Responses.call())
        if place == "delta" { stream += Responses.arguments(text) }
        if place == "done" { stream += Responses.argumentsDone(text) }
        if place != "end" { stream += Responses.done(0, Responses.call(text)) }
        stream += Responses.completed(Responses.call(text))
        #expect(checkResponse(stream).inputs == [JSONValue(#"{"p":{"q":[1]}}"#)])
    }

    @Test func aLostPieceIsMadeUpForByTheWhole() {
        let stream =
            Responses.created + Responses.added(0, Responses.call("{}"))
            + Responses.arguments(#"{\"p\""#) + Responses.argumentsDone(#"{\"p\":1}"#)
            + Responses.done(0, Responses.call(#"{\"p\":1}"#)) + Responses.completed()
        #expect(checkResponse(stream).inputs == [JSONValue("{\"p\":1}")])
    }

    @Test func aCallWithoutArgumentsHasNone() {
        let stream =
            Responses.created + Responses.added(0, Responses.call())
            + Responses.argumentsDone("") + Responses.done(0, Responses.call())
            + Responses.whole("after", 1) + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["tool_use:call_a:look", "text:after"])
        #expect(model.inputs == [JSONValue("{}")])
    }

    @Test func callsInterleaveAndAreToldOneByOne() {
        let stream =
            Responses.created
            + Responses.added(0, Responses.call(name: "a", callID: "c1"))
            + Responses.added(1, Responses.call(name: "b", callID: "c2"))
            + Responses.arguments(#"{\"x\""#, 0) + Responses.arguments(#"{\"y\""#, 1)
            + Responses.arguments(":1}", 1) + Responses.arguments(":2}", 0)
            + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["tool_use:c1:a", "tool_use:c2:b"])
        #expect(model.inputs == [JSONValue("{\"x\":2}"), JSONValue("{\"y\":1}")])
    }

    @Test func itemsAreToldApartByIndexWhateverTheirIds() {
        var number = 0
        func next() -> String {
            number += 1
            return "rotating-\(number)"
        }
        let stream =
            Responses.created + Responses.added(0, Responses.message(id: next()))
            + Responses.text("a", id: next()) + Responses.text("b", id: next())
            + Responses.done(0, Responses.message("ab", id: next()))
            + Responses.added(1, Responses.call(id: next()))
            + Responses.arguments(#"{\"p\":"#, 1, id: next())
            + Responses.arguments("1}", 1, id: next())
            + Responses.done(1, Responses.call(#"{\"p\":1}"#, id: next()))
            + Responses.completed(
                Responses.message("ab", id: next()) + ","
                    + Responses.call(#"{\"p\":1}"#, id: next()))
        let model = checkResponse(stream)
        #expect(model.outline == ["text:ab", "tool_use:call_a:look"])
        #expect(model.inputs == [JSONValue("{\"p\":1}")])
    }

    @Test func withoutIndexesTheIdsDo() {
        // llama.cpp.
        let stream =
            Responses.created + Responses.thought("hm", nil)
            + Responses.done(nil, Responses.reasoning())
            + Responses.added(nil, Responses.call(name: "a", callID: "c1", id: "f1"))
            + Responses.added(nil, Responses.call(name: "b", callID: "c2", id: "f2"))
            + Responses.arguments(#"{\"x\":1}"#, nil, id: "f1")
            + Responses.arguments(#"{\"y\":2}"#, nil, id: "f2")
            + Responses.done(nil, Responses.call(#"{\"x\":1}"#, name: "a", callID: "c1", id: "f1"))
            + Responses.done(nil, Responses.call(#"{\"y\":2}"#, name: "b", callID: "c2", id: "f2"))
            + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["thinking:hm", "tool_use:c1:a", "tool_use:c2:b"])
        #expect(model.inputs == [JSONValue("{\"x\":1}"), JSONValue("{\"y\":2}")])
    }

    @Test func aServerThatGivesEveryItemOneIndexIsUnderstood() {
        let stream =
            Responses.created + Responses.whole("ab", 0)
            + Responses.added(0, Responses.call(callID: "c1")) + Responses.arguments("{}")
            + Responses.done(0, Responses.call("{}", callID: "c1"))
            + Responses.added(0, Responses.call(callID: "c2")) + Responses.arguments("{}")
            + Responses.done(0, Responses.call("{}", callID: "c2"))
            + Responses.completed()
        #expect(outline(stream) == ["text:ab", "tool_use:c1:look", "tool_use:c2:look"])
    }

    @Test func whatWasNeverAnnouncedIsOpenedByWhatComes() {
        let stream =
            Responses.created + Responses.text("a")
            + Responses.arguments(#"{\"p\":"#, 1) + Responses.arguments("1}", 1)
            + Responses.done(1, Responses.call(#"{\"p\":1}"#)) + Responses.completed()
        #expect(outline(stream) == ["text:a", "tool_use:call_a:look"])
    }

    @Test func theLastWordOnACallsIdIsTheEnd() {
        let stream =
            Responses.created
            + Responses.arguments("{}", 0) + Responses.done(0, Responses.call("{}", callID: "c9"))
            + Responses.completed(Responses.call("{}", callID: "c9"))
        #expect(outline(stream) == ["tool_use:c9:look"])
    }

    @Test func idsThatRepeatFromAnswerToAnswerAreMadeUnique() {
        let setting = Responses.setting { $0.facts.usedToolIDs = [[UInt8]("call_0".utf8)] }
        let stream =
            Responses.created + Responses.added(0, Responses.call(callID: "call_0"))
            + Responses.arguments("{}") + Responses.completed()
        let model = checkResponse(stream, setting)
        #expect(model.content[0]["id"]?.string != "call_0")
    }

    @Test(arguments: ["parallel", "multi_tool_use.parallel"])
    func theHiddenToolForSeveralCallsIsUnfolded(_ name: String) {
        let inner =
            #"{\"tool_uses\":[{\"recipient_name\":\"functions.a\",\"parameters\":{\"x\":1}},"#
            + #"{\"recipient_name\":\"functions.b\",\"parameters\":{}}]}"#
        let half = inner.index(inner.startIndex, offsetBy: 40)
        let stream =
            Responses.created + Responses.whole("ab", 0)
            + Responses.added(1, Responses.call(name: name))
            + Responses.arguments(String(inner[..<half]), 1)
            + Responses.arguments(String(inner[half...]), 1) + Responses.argumentsDone(inner, 1)
            + Responses.done(1, Responses.call(inner, name: name)) + Responses.completed()
        let model = checkResponse(stream)
        #expect(
            model.content.compactMap { $0["name"]?.string } == ["a", "b"]
                && model.content.count == 3)
        #expect(model.inputs == [JSONValue("{\"x\":1}"), JSONValue("{}")])
        #expect(model.stopReason == "tool_use")
    }

    @Test func aToolOfTheClientsCalledParallelIsItsOwn() {
        let setting = Responses.setting { $0.facts.offersParallelTool = true }
        let inner = #"{\"tool_uses\":[]}"#
        let stream =
            Responses.created + Responses.added(0, Responses.call(name: "parallel"))
            + Responses.arguments(inner) + Responses.completed()
        #expect(outline(stream, setting: setting) == ["tool_use:call_a:parallel"])
    }

    @Test func aWrapperOfNothingThatIsKnownIsShownAsItIs() {
        let inner = #"{\"city\":\"X\"}"#
        let stream =
            Responses.created + Responses.added(0, Responses.call(name: "parallel"))
            + Responses.arguments(inner)
            + Responses.done(0, Responses.call(inner, name: "parallel"))
            + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["tool_use:call_a:parallel"])
        #expect(model.inputs == [JSONValue(#"{"city":"X"}"#)])
    }

    // MARK: Whole responses

    @Test func aBodyThatIsNoStreamIsTheSame() {
        let items = [
            Responses.reasoning(["why"], encrypted: "enc"), Responses.message("hi"),
            Responses.call(#"{\"p\":1}"#),
        ].joined(separator: ",")
        let body =
            #"{"id":"resp_1","object":"response","status":"completed","model":"gpt-up-1","#
            + #""error":null,"output":[\#(items)],"usage":\#(Responses.usage)}"#
        let model = checkResponse(body)
        #expect(model.outline == ["thinking:why", "text:hi", "tool_use:call_a:look"])
        #expect(model.sealedItems.count == 1)
        #expect(model.stopReason == "tool_use")
        #expect(model.usage?["output_tokens"]?.int == 20)
    }

    @Test func aBodyWithoutOutputIsNoAnswer() {
        let body = #"{"id":"resp_1","object":"response","status":"completed"}"#
        let translated = Translated(body, setting: Responses.setting)
        guard case .failed(let error) = translated.progress else {
            Issue.record("\(translated.progress)")
            return
        }
        #expect(error.status == 502)
    }

    @Test func nothingInTheOutputIsAnEmptyAnswer() {
        let translated = Translated(
            Responses.created + Responses.completed(), setting: Responses.setting)
        #expect(translated.progress == .empty)
    }

    // MARK: Bounds

    @Test func itemsAndBlocksAreBounded() {
        var items = Responses.created
        for index in 0...StreamTranslator.responseItemsMax {
            items += Responses.added(index, Responses.message())
        }
        guard case .failed = Translated(items, setting: Responses.setting).progress else {
            Issue.record("items without end")
            return
        }
        var blocks = Responses.created
        for index in 0...StreamTranslator.Limits().blocksMax + 1 {
            blocks += Responses.text("a", 0, part: index % 2)
        }
        guard case .failedMidStream = Translated(blocks, setting: Responses.setting).progress else {
            Issue.record("blocks without end")
            return
        }
    }
}
