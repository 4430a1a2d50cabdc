// Reasoning in Responses streams: what is shown of it, and what the seals carry home.

import Testing

@testable import Translation

@Suite struct ResponsesReasoningTests {
    private func item(_ summary: [String], _ encrypted: String) -> JSONValue? {
        JSONValue(
            #"{"type":"reasoning","summary":[\#(summary.map { #"{"type":"summary_text","text":"\#($0)"}"# }.joined(separator: ","))],"encrypted_content":"\#(encrypted)"}"#
        )
    }

    @Test func theEncryptedContentOfTheEndIsSealedNotThatOfTheBeginning() {
        let stream =
            Responses.created
            + Responses.added(0, Responses.reasoning(encrypted: "early"))
            + Responses.done(0, Responses.reasoning(encrypted: "late"))
            + Responses.whole("ok", 1)
            + Responses.completed(
                Responses.reasoning(encrypted: "third") + "," + Responses.message("ok"))
        let model = checkResponse(stream)
        #expect(model.outline == ["redacted_thinking", "text:ok"])
        #expect(model.sealedItems == [item([], "late")])
    }

    @Test func summariesAreShownWithAParagraphBetweenThem() {
        let stream =
            Responses.created + Responses.added(0, Responses.reasoning())
            + Responses.summary("One", part: 0) + Responses.summary(".", part: 0)
            + Responses.event(
                "reasoning_summary_text.done", #""output_index":0,"summary_index":0,"text":"One.""#)
            + Responses.summary("Two.", part: 1)
            + Responses.event(
                "reasoning_summary_part.done",
                #""output_index":0,"summary_index":1,"part":{"type":"summary_text","text":"Two."}"#)
            + Responses.done(0, Responses.reasoning(["One.", "Two."], encrypted: "e"))
            + Responses.whole("ok", 1) + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["thinking:One.\n\nTwo.", "text:ok"])
        #expect(model.sealedItems == [item(["One.", "Two."], "e")])
    }

    @Test(arguments: ["reasoning_text", "reasoning"])
    func theReasoningItselfIsShownAndItsBlockCarriesIt(_ name: String) {
        let stream =
            Responses.created + Responses.added(0, Responses.reasoning())
            + Responses.event("\(name).delta", #""output_index":0,"content_index":0,"delta":"hm""#)
            + Responses.event("\(name).done", #""output_index":0,"content_index":0,"text":"hm""#)
            + Responses.event(
                "reasoning_part.done",
                #""output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":"hm"}"#)
            + Responses.done(
                0,
                #"{"type":"reasoning","id":"msg_x","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}"#
            ) + Responses.whole("ok", 1) + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["thinking:hm", "text:ok"])
        #expect(model.seals.map(\.dialect) == [.reasoningContent])
        #expect(model.seals[0].content.isEmpty)
        let hidden = checkResponse(stream, Responses.setting { $0.facts.omitsThinkingText = true })
        #expect(hidden.outline == ["thinking:", "text:ok"])
        #expect(hidden.seals[0].content == [UInt8]("hm".utf8))
    }

    @Test func aMessageThatBeginsBeforeTheReasoningEndsClosesIt() {
        let stream =
            Responses.created + Responses.added(0, Responses.reasoning())
            + Responses.thought("hm") + Responses.whole("ok", 1)
            + Responses.event(
                "reasoning_text.done", #""output_index":0,"content_index":0,"text":"hm""#)
            + Responses.done(
                0,
                #"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}"#
            ) + Responses.completed()
        #expect(
            checkResponse(stream).outline == ["thinking:hm", "text:ok"])
    }

    @Test func whatIsEncryptedAndComesTooLateHasABlockOfItsOwn() {
        let stream =
            Responses.created + Responses.added(0, Responses.reasoning())
            + Responses.summary("hm") + Responses.text("ok", 1)
            + Responses.done(0, Responses.reasoning(["hm"], encrypted: "e"))
            + Responses.text("!", 1) + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["thinking:hm", "text:ok!", "redacted_thinking"])
        #expect(model.sealedItems == [item(["hm"], "e")])
    }

    @Test func aCallIsNotCutInTwoByReasoning() {
        let stream =
            Responses.created + Responses.added(0, Responses.call())
            + Responses.arguments(#"{\"p\":"#, 0) + Responses.summary("hm", 1)
            + Responses.done(1, Responses.reasoning(["hm"], encrypted: "e"))
            + Responses.arguments("1}", 0) + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.inputs == [JSONValue("{\"p\":1}")])
        #expect(model.sealedItems == [item(["hm"], "e")])
    }

    @Test func severalItemsHaveSealsOfTheirOwn() {
        let stream =
            Responses.created
            + Responses.summary("a", 0)
            + Responses.done(0, Responses.reasoning(["a"], encrypted: "1"))
            + Responses.summary("b", 1)
            + Responses.done(1, Responses.reasoning(["b"], encrypted: "2"))
            + Responses.done(2, Responses.reasoning(encrypted: "3"))
            + Responses.whole("ok", 3) + Responses.completed()
        let model = checkResponse(stream)
        #expect(
            model.outline == ["thinking:a", "thinking:b", "redacted_thinking", "text:ok"])
        #expect(model.sealedItems == [item(["a"], "1"), item(["b"], "2"), item([], "3")])
    }

    @Test func ofSummaryAndReasoningTheFirstIsShown() {
        let stream =
            Responses.created + Responses.summary("short", 0) + Responses.thought("long", 0)
            + Responses.whole("ok", 1) + Responses.completed()
        #expect(
            checkResponse(stream).outline == ["thinking:short", "text:ok"])
    }
}
