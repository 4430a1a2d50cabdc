// Cache breakpoints: none is lost that the upstream knows, none is sent that it does not.

import Testing

@testable import Translation

@Suite struct CacheControlTests {
    static let mark = #""cache_control":{"type":"ephemeral"}"#
    static let hour = #""cache_control":{"type":"ephemeral","ttl":"1h"}"#

    static let session = request(
        #""system":[{"type":"text","text":"S","cache_control":{"ttl":"1h","type":"ephemeral"}}],"#
            + #""tools":[{"name":"f","input_schema":{"type":"object","properties":{}},\#(mark)}]"#,
        messages: #"""
            [{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b",\#(mark)}]},
            {"role":"assistant","content":[{"type":"text","text":"c"},{"type":"tool_use","id":"t","name":"f","input":{},\#(mark)}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r",\#(mark)}]}]
            """#)

    @Test func keepsThemOnPartsAndToolsForClaudeAndGemini() throws {
        let gemini = settings(.openrouter, "google/gemini-2.5-pro")
        for target in [claude, gemini, settings(.openrouter, "qwen/qwen3-max")] {
            let translated = try translate(Self.session, target)
            let expected = [
                #""messages":[{"role":"system","content":[{"type":"text","text":"S",\#(Self.hour)}]},"#,
                #"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b",\#(Self.mark)}]},"#,
                #"{"role":"assistant","content":[{"type":"text","text":"c",\#(Self.mark)}],"tool_calls":"#,
                #"[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"#,
                #"{"role":"tool","tool_call_id":"t","content":[{"type":"text","text":"r",\#(Self.mark)}]}],"#,
                #""tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"#,
            ].joined()
            // Five are one too many: the first in the prompt, the tool's, goes.
            #expect(translated.body.contains(expected))
            #expect(translated.request.dropped.headerValue == "cache_control")
            #expect(translated.request.facts.cachesForAnHour)
        }
    }

    @Test func sendsNoneToOthers() throws {
        for target in [settings(), settings(.openai, "gpt-5"), settings(.generic, "claude")] {
            let translated = try translate(Self.session, target)
            #expect(!translated.body.contains("cache_control"))
            #expect(translated.request.dropped.names.isEmpty)
            #expect(!translated.request.facts.cachesForAnHour)
        }
        var learnt = claude
        learnt.omittedFields = ["cache_control"]
        #expect(try !translate(Self.session, learnt).body.contains("cache_control"))
    }

    @Test func keepsTheLastFourOfMany() throws {
        let blocks = (0..<9).map { #"{"type":"text","text":"\#($0)",\#(Self.mark)}"# }
            .joined(separator: ",")
        let body = try messages(#"[{"role":"user","content":[\#(blocks)]}]"#, claude)
        let plain = (0..<5).map { #"{"type":"text","text":"\#($0)"}"# }.joined(separator: ",")
        let marked = (5..<9).map { #"{"type":"text","text":"\#($0)",\#(Self.mark)}"# }
            .joined(separator: ",")
        #expect(body == #"[{"role":"user","content":[\#(plain),\#(marked)]}]"#)
    }

    @Test func handsAutomaticCachingOnForClaude() throws {
        let text = request(#""cache_control":{"type":"ephemeral"}"#)
        #expect(try member("cache_control", text, claude) == #"{"type":"ephemeral"}"#)
        #expect(try member("cache_control", text, gemini) == nil)
        #expect(try member("cache_control", text) == nil)
    }

    @Test func automaticCachingTakesOneOfTheFour() throws {
        let blocks = (0..<4).map { #"{"type":"text","text":"\#($0)",\#(Self.mark)}"# }
            .joined(separator: ",")
        let body = try translate(
            request(Self.mark, messages: #"[{"role":"user","content":[\#(blocks)]}]"#), claude
        ).body
        #expect(body.split(separator: "cache_control").count - 1 == 4)
        #expect(
            body.contains(#"{"type":"text","text":"0"},{"type":"text","text":"1",\#(Self.mark)}"#))
    }

    @Test func movesMarksOfOtherBlocksOntoTheNearestText() throws {
        let image = #"{"type":"image","source":{"type":"url","url":"u"},\#(Self.mark)}"#
        let url = #"{"type":"image_url","image_url":{"url":"u"}}"#
        #expect(
            try messages(
                #"[{"role":"user","content":[{"type":"text","text":"a"},\#(image),{"type":"text","text":"b"}]}]"#,
                claude)
                == #"[{"role":"user","content":[{"type":"text","text":"a",\#(Self.mark)},\#(url),{"type":"text","text":"b"}]}]"#
        )
        #expect(
            try messages(
                #"[{"role":"user","content":[\#(image),{"type":"text","text":"b"}]}]"#, claude)
                == #"[{"role":"user","content":[\#(url),{"type":"text","text":"b",\#(Self.mark)}]}]"#
        )
        // One that finds no text does not leak into the next message.
        #expect(
            try messages(
                #"[{"role":"user","content":[\#(image)]},{"role":"user","content":"b"}]"#, claude)
                == #"[{"role":"user","content":[\#(url)]},{"role":"user","content":"b"}]"#)
    }

    @Test func theFormOfAMessageDoesNotDependOnWhereTheMarksAre() throws {
        // Two texts stay two parts with and without a mark, so that a moving mark changes no prompt.
        #expect(
            try messages(
                #"[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]"#,
                claude)
                == #"[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]"#
        )
    }
}
