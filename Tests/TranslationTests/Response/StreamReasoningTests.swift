// Reasoning: which of its many forms is shown, into which blocks it goes, and that what an upstream
// wants back survives in the seals.

import Testing

@testable import Translation

@Suite struct StreamReasoningTests {
    // MARK: Sources

    @Test func detailsAreShownOnceThoughTheyComeTwice() {
        func both(_ text: String) -> String {
            Upstream.chunk(
                #"{"content":"","reasoning":"\#(text)","reasoning_content":"\#(text)","#
                    + #""reasoning_details":[\#(Upstream.thought(text))]}"#)
        }
        let stream =
            both("The ") + both("user") + Upstream.details(Upstream.signature("c2ln"))
            + Upstream.text("Hi") + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["thinking:The user", "text:Hi"])
        #expect(model.seals.first?.dialect == .details)
        #expect(model.seals.first?.origin == [UInt8]("vendor/model".utf8))
        #expect(
            model.details
                == JSONValue(
                    #"[{"type":"reasoning.text","text":"The user","signature":"c2ln","#
                        + #""format":"anthropic-claude-v1","index":0}]"#))
    }

    @Test(arguments: [
        ("reasoning", ReasoningSeal.Dialect.reasoning),
        ("reasoning_content", .reasoningContent),
    ])
    func plainReasoningIsShownAndItsDialectRemembered(
        _ member: String, _ dialect: ReasoningSeal.Dialect
    ) {
        let stream =
            Upstream.chunk(#"{"\#(member)":"a\n"}"#) + Upstream.chunk(#"{"\#(member)":"b"}"#)
            + Upstream.chunk(#"{"\#(member)":null,"content":"Hi"}"#) + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["thinking:a\nb", "text:Hi"])
        #expect(
            model.seals == [
                ReasoningSeal(
                    dialect: dialect, origin: [UInt8]("vendor/model".utf8), content: [])
            ])
    }

    @Test func arraysOfPartsAreSplitByType() {
        func part(_ content: String) -> String { Upstream.chunk(#"{"content":\#(content)}"#) }
        let stream =
            part(#"[{"type":"thinking","thinking":[{"type":"text","text":"so"}]}]"#)
            + part(
                #"[{"type":"thinking","thinking":[{"type":"text","text":" 4."}],"closed":true},"#
                    + #"{"type":"text","text":"1"},{"type":"reference","reference_ids":[1]}]"#)
            + part(#""44""#) + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["thinking:so 4.", "text:144"])
        #expect(model.seals.first?.dialect == .contentParts)
    }

    @Test func reasoningAloneIsStillABlock() {
        let stream = Upstream.details(Upstream.thought("hmm", format: "unknown")) + Upstream.end()
        #expect(check(stream).outline == ["thinking:hmm"])
    }

    @Test func textThatStandsForEncryptedItemsIsNotShown() {
        let stream =
            Upstream.chunk(
                #"{"reasoning":"[REDACTED]","reasoning_details":[{"type":"reasoning.encrypted","#
                    + #""data":"QUJD","format":"anthropic-claude-v1","index":0}]}"#)
            + Upstream.text("ok") + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["redacted_thinking", "text:ok"])
        #expect(model.details?[0]?["data"] == .string("QUJD"))
    }

    // MARK: Blocks

    @Test func aNewIndexIsANewBlock() {
        let stream =
            Upstream.details(Upstream.thought("a")) + Upstream.details(Upstream.signature("s0"))
            + Upstream.details(Upstream.thought("b", index: 1))
            + Upstream.details(Upstream.signature("s1", index: 1))
            + Upstream.text("Hi") + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["thinking:a", "thinking:b", "text:Hi"])
        #expect(model.details?[0]?["signature"] == .string("s0"))
        #expect(model.details?[1]?["signature"] == .string("s1"))
        #expect(model.details?.array.count == 2)
    }

    @Test func aSignatureMayComeALittleAfterTheTextHasBegun() {
        let stream =
            Upstream.details(Upstream.thought("a")) + Upstream.text("H") + Upstream.text("i")
            + Upstream.details(Upstream.signature("late")) + Upstream.text("!") + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["thinking:a", "text:Hi!"])
        #expect(model.details?[0]?["signature"] == .string("late"))
        #expect(model.details?[0]?["text"] == .string("a"))
    }

    @Test func aSignatureThatComesMuchLaterIsNotLost() {
        let words = (0..<12).map { Upstream.text("w\($0) ") }.joined()
        let stream =
            Upstream.details(Upstream.thought("a")) + words
            + Upstream.details(Upstream.signature("late")) + Upstream.text("!") + Upstream.end()
        let model = check(stream)
        #expect(model.outline.count == 3)
        #expect(model.outline.first == "thinking:a" && model.outline.last == "redacted_thinking")
        #expect(
            model.details
                == JSONValue(
                    #"[{"type":"reasoning.text","text":"a","signature":"late","#
                        + #""format":"anthropic-claude-v1","index":0}]"#))
    }

    @Test func textDoesNotWaitWhereNoSignatureIsDue() {
        let thought = Upstream.details(Upstream.thought("a", format: "unknown"))
        let translated = Translated(thought + Upstream.text("Hi"))
        #expect(translated.text.contains(#""text":"Hi""#))
        #expect(
            !Translated(Upstream.details(Upstream.thought("a")) + Upstream.text("Hi"))
                .text.contains(#""text":"Hi""#))
    }

    @Test func waitingTextComesBeforeACallAndMoreReasoning() {
        let start = Upstream.details(Upstream.thought("a")) + Upstream.text("Hi")
        let call = Upstream.calls(Upstream.call(id: "call_a", name: "Read", arguments: "{}"))
        #expect(
            check(start + call + Upstream.end("tool_calls")).outline
                == ["thinking:a", "text:Hi", "tool_use:call_a:Read"])
        #expect(
            check(start + Upstream.details(Upstream.thought("b", index: 1)) + Upstream.end())
                .outline == ["thinking:a", "text:Hi", "thinking:b"])
        #expect(check(start + Upstream.end()).outline == ["thinking:a", "text:Hi"])
    }

    @Test func reasoningBetweenCallsIsABlockOfItsOwn() {
        let stream =
            Upstream.details(Upstream.thought("a"), Upstream.signature("s0"))
            + Upstream.calls(Upstream.call(index: 0, id: "call_a", name: "Read", arguments: "{}"))
            + Upstream.details(Upstream.thought("b", index: 1), Upstream.signature("s1", index: 1))
            + Upstream.calls(Upstream.call(index: 1, id: "call_b", name: "Read", arguments: "{}"))
            + Upstream.end("tool_calls")
        let model = check(stream)
        #expect(
            model.outline == [
                "thinking:a", "tool_use:call_a:Read", "thinking:b", "tool_use:call_b:Read",
            ])
        #expect(model.details?.array.count == 2)
    }

    // MARK: What goes home

    @Test func encryptedItemsBoundToACallComeBeforeIt() {
        let encrypted =
            #"{"type":"reasoning.encrypted","data":"RWpR","format":"google-gemini-v1","#
            + #""id":"tool_add_1","index":0}"#
        let call = Upstream.call(id: "tool_add_1", name: "add", arguments: #""{\"a\":2}""#)
        let apart =
            Upstream.details(encrypted) + Upstream.calls(call) + Upstream.end("tool_calls")
        let together =
            Upstream.chunk(#"{"reasoning_details":[\#(encrypted)],"tool_calls":[\#(call)]}"#)
            + Upstream.end("tool_calls", native: "STOP")
        for stream in [apart, together] {
            let model = check(stream)
            #expect(model.outline == ["redacted_thinking", "tool_use:tool_add_1:add"])
            #expect(model.seals.map { String(decoding: $0.content, as: UTF8.self) } == [encrypted])
        }
        let shown =
            Upstream.details(Upstream.thought("t", format: "google-gemini-v1")) + apart
        let model = check(shown)
        #expect(model.outline == ["thinking:t", "tool_use:tool_add_1:add"])
        #expect(model.details?[1]?["id"] == .string("tool_add_1"))
    }

    @Test func summariesAndTheirEncryptedItemAreOneBlock() {
        func summary(_ text: String) -> String {
            #"{"type":"reasoning.summary","summary":"\#(text)","format":"xai-responses-v1","index":0}"#
        }
        let encrypted =
            #"{"type":"reasoning.encrypted","data":"c0tN","id":"rs_1","format":"xai-responses-v1","#
            + #""index":0}"#
        let stream =
            Upstream.details(summary("The")) + Upstream.details(summary(" user"))
            + Upstream.details(encrypted) + Upstream.text("Hi") + Upstream.end()
        let model = check(stream)
        #expect(model.outline == ["thinking:The user", "text:Hi"])
        #expect(
            model.details
                == JSONValue(
                    #"[{"type":"reasoning.summary","summary":"The user","#
                        + #""format":"xai-responses-v1","index":0},\#(encrypted)]"#))
    }

    @Test func itemsOfOnePieceAndUnknownOnesKeepTheirBytes() {
        let items = [
            #"{"index": 0, "text":"\u0041 b", "type":"reasoning.text","format":null}"#,
            #"{"type":"reasoning.new","x":[1, 2.50]}"#,
            #"{"type":"reasoning.text","text":"c","extra":true,"index":0}"#,
        ]
        let stream =
            Upstream.details(items[0], items[1]) + Upstream.details(items[2])
            + Upstream.text("x") + Upstream.end()
        let contents = check(stream).seals.map { String(decoding: $0.content, as: UTF8.self) }
        #expect(contents == [items.joined(separator: ",")])
    }

    @Test func omittedReasoningLeavesItsSeal() {
        let setting = Setting.with { $0.facts.omitsThinkingText = true }
        let details =
            Upstream.details(Upstream.thought("secret"))
            + Upstream.details(
                Upstream.signature("s")) + Upstream.text("Hi") + Upstream.end()
        let model = check(details, setting: setting)
        #expect(model.outline == ["thinking:", "text:Hi"])
        #expect(model.details?[0]?["text"] == .string("secret"))
        let plain =
            Upstream.chunk(#"{"reasoning_content":"a\n"}"#)
            + Upstream.chunk(#"{"reasoning_content":"b"}"#) + Upstream.text("Hi") + Upstream.end()
        let seal = check(plain, setting: setting).seals.first
        #expect(seal?.content == [UInt8](#"a\nb"#.utf8))
        #expect(seal?.dialect == .reasoningContent)
    }

    // MARK: Tags

    static func tagged(_ pieces: [String], parses: Bool = true) -> MessageModel {
        check(
            pieces.map { Upstream.text($0) }.joined() + Upstream.end(),
            setting: .with { $0.profile.parsesThinkTags = parses })
    }

    @Test(arguments: [
        ["<think>why</think>Hi"], ["<think>", "why", "</think>", "Hi"],
        ["<", "think", ">wh", "y<", "/thi", "nk>", "Hi"],
        ["\\n", " <think>\\n", "why</think>\\n\\nHi"],
        ["\\u003cthink\\u003ewhy\\u003c\\/think\\u003eHi"],
        ["\\u003Cth", "ink>why</", "think\\u003E", "\\n", "Hi"],
    ])
    func tagsAtTheBeginAreReasoning(_ pieces: [String]) {
        let model = Self.tagged(pieces)
        #expect(model.outline == ["thinking:why", "text:Hi"])
        #expect(model.seals.first?.dialect == .thinkTags)
        #expect(Self.tagged(pieces, parses: false).outline.count == 1)
    }

    @Test(arguments: [
        (["<think>a<b</thin", "g></think>c"], ["thinking:a<b</thing>", "text:c"]),
        (["<think>a", "<</think>c"], ["thinking:a<", "text:c"]),
        (["<think>a", "<", "<", "/think>c"], ["thinking:a<", "text:c"]),
        (["<think>never closed </thi"], ["thinking:never closed </thi"]),
        (["<think></think>", "x"], ["text:x"]),
        (["<thinking>x"], ["text:<thinking>x"]),
        (["<", "b>x"], ["text:<b>x"]),
        (["\\n", "\\t", "x <think>y</think>"], ["text:\n\tx <think>y</think>"]),
        (["<th"], ["text:<th"]),
        (["a<think>b</think>"], ["text:a<think>b</think>"]),
        (["<think>a</think>b<think>c</think>"], ["thinking:a", "text:b<think>c</think>"]),
        (["<think>", " \\n"], []),
    ])
    func whatIsNoTagStays(_ pieces: [String], _ outline: [String]) {
        #expect(Self.tagged(pieces).outline == outline)
    }

    @Test func tagsBesideOtherReasoningAreText() {
        let stream =
            Upstream.chunk(#"{"reasoning_content":"r"}"#) + Upstream.text("<think>x</think>")
            + Upstream.end()
        let setting = Setting.with { $0.profile.parsesThinkTags = true }
        #expect(
            check(stream, setting: setting).outline == ["thinking:r", "text:<think>x</think>"])
    }
}
