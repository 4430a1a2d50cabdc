// Calls and results: where results go, and what becomes of histories that are not whole.

import Testing

@testable import Translation

@Suite struct ToolResultTests {
    static func call(_ id: String, _ input: String = "{}") -> String {
        #"{"type":"tool_use","id":"\#(id)","name":"f","input":\#(input)}"#
    }
    static func result(_ id: String, _ rest: String) -> String {
        #"{"type":"tool_result","tool_use_id":"\#(id)"\#(rest.isEmpty ? "" : ",")\#(rest)}"#
    }
    /// The upstream's messages for a call `a` and the user content `content`.
    static func answers(
        _ content: String, _ settings: RequestSettings = settings()
    ) throws -> String {
        let all = try messages(
            #"[{"role":"assistant","content":[\#(call("a"))]},{"role":"user","content":[\#(content)]}]"#,
            settings)
        let prefix =
            #"[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","#
            + #""function":{"name":"f","arguments":"{}"}}]},"#
        #expect(all.hasPrefix(prefix))
        return String(all.dropFirst(prefix.count).dropLast())
    }

    @Test(arguments: [
        (#""content":"text""#, #""text""#),
        (#""content":"a \"b\"\n\u00e9""#, #""a \"b\"\n\u00e9""#),
        (#""content":"text","is_error":true"#, #""Error: text""#),
        (#""content":"text","is_error":false"#, #""text""#),
        (#""content":"text","is_error":null"#, #""text""#),
        (#""content":"""#, #""(no output)""#),
        (#""content":"  \n""#, #""(no output)""#),
        (#""content":[]"#, #""(no output)""#),
        (#""content":null"#, #""(no output)""#),
        ("", #""(no output)""#),
        (#""content":"","is_error":true"#, #""Error: (no output)""#),
        (#""content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#, #""a\nb""#),
        (
            #""content":[{"type":"tool_reference","tool_name":"A"},{"type":"tool_reference","tool_name":"B"}]"#,
            #""Tool loaded: A\nTool loaded: B""#
        ),
        (
            #""content":[{"type":"search_result","title":"T","source":"https://x","content":[{"type":"text","text":"R"}]}]"#,
            #""[Search result] T\nhttps://x\nR""#
        ),
        (#""content":[{"type":"browser_state","x":1}]"#, #""(no output)""#),
        (
            #""content":[{"type":"document","source":{"type":"text","data":"D"}}]"#, #""D""#
        ),
    ])
    func writesAResultAsAToolMessage(_ rest: String, _ expected: String) throws {
        #expect(
            try Self.answers(Self.result("a", rest))
                == #"{"role":"tool","tool_call_id":"a","content":\#(expected)}"#)
    }

    @Test func putsResultsInTheOrderOfTheCallsAndEverythingElseAfterThem() throws {
        let text = try messages(
            #"""
            [{"role":"user","content":"go"},
            {"role":"assistant","content":[{"type":"text","text":"ok"},\#(Self.call("a", #"{"x":1.50, "y":[true]}"#)),\#(Self.call("b"))]},
            {"role":"user","content":[{"type":"text","text":"before"},\#(Self.result("b", #""content":"B""#)),{"type":"text","text":"between"}]},
            {"role":"system","content":"S"},
            {"role":"user","content":[\#(Self.result("a", #""content":"A""#)),{"type":"text","text":"after"}]},
            {"role":"assistant","content":"done"}]
            """#)
        #expect(
            text
                == [
                    #"[{"role":"user","content":"go"},"#,
                    #"{"role":"assistant","content":"ok","tool_calls":["#,
                    #"{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1.50, \"y\":[true]}"}},"#,
                    #"{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},"#,
                    #"{"role":"tool","tool_call_id":"a","content":"A"},"#,
                    #"{"role":"tool","tool_call_id":"b","content":"B"},"#,
                    #"{"role":"user","content":"before\n\nbetween"},{"role":"system","content":"S"},"#,
                    #"{"role":"user","content":"after"},{"role":"assistant","content":"done"}]"#,
                ].joined())
    }

    @Test func makesUpMissingResults() throws {
        let translated = try translate(
            request(
                "",
                messages: #"""
                    [{"role":"assistant","content":[\#(Self.call("a")),\#(Self.call("b"))]},
                    {"role":"user","content":[\#(Self.result("b", #""content":"B""#))]},
                    {"role":"assistant","content":[\#(Self.call("c"))]}]
                    """#))
        #expect(
            translated.body.contains(
                #"{"role":"tool","tool_call_id":"a","content":"[interrupted]"},"#
                    + #"{"role":"tool","tool_call_id":"b","content":"B"},"#))
        #expect(
            translated.body.contains(
                #"{"role":"tool","tool_call_id":"c","content":"[interrupted]"}]"#))
        #expect(translated.request.dropped.headerValue == "tool_result:missing")
    }

    @Test func turnsResultsWithoutACallIntoText() throws {
        #expect(
            try messages(
                #"""
                [{"role":"user","content":[\#(Self.result("x", #""content":"X","is_error":true"#)),
                {"type":"text","text":"t"}]},{"role":"assistant","content":"a"},
                {"role":"user","content":[\#(Self.result("y", #""content":[{"type":"image","source":{"type":"url","url":"u"}}]"#))]}]
                """#)
                == #"[{"role":"user","content":"[Tool result, an error]\n\nX\n\nt"},"#
                + #"{"role":"assistant","content":"a"},{"role":"user","content":["#
                + #"{"type":"text","text":"[Tool result]"},{"type":"image_url","image_url":{"url":"u"}}]}]"#
        )
    }

    @Test func keepsTheFirstOfRepeatedCallsAndTheLastOfRepeatedResults() throws {
        let translated = try translate(
            request(
                "",
                messages: #"""
                    [{"role":"assistant","content":[\#(Self.call("a", #"{"n":1}"#)),\#(Self.call("a", #"{"n":2}"#))]},
                    {"role":"user","content":[\#(Self.result("a", #""content":"1""#)),\#(Self.result("a", #""content":"2""#))]}]
                    """#))
        #expect(
            translated.body.contains(
                #""tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\":1}"}}]},"#
                    + #"{"role":"tool","tool_call_id":"a","content":"2"}],"#))
        #expect(translated.request.dropped.headerValue == "tool_use:repeated")
        #expect(translated.request.facts.usedToolIDs == [[UInt8]("a".utf8)])
    }

    @Test func aResultBelongsToTheTurnOfItsCall() throws {
        // The same id in two turns, as other proxies leave it: each result goes to its own.
        #expect(
            try messages(
                #"""
                [{"role":"assistant","content":[\#(Self.call("a"))]},
                {"role":"user","content":[\#(Self.result("a", #""content":"1""#))]},
                {"role":"assistant","content":[\#(Self.call("a"))]},
                {"role":"user","content":[\#(Self.result("a", #""content":"2""#))]}]
                """#
            ).contains(#""content":"1"},{"role":"assistant""#))
    }

    static let image =
        #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}"#
    static let pdf =
        #"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"BB"}}"#

    @Test func putsMediaOfResultsIntoOneUserMessageAfterAllResults() throws {
        let text = try messages(
            #"""
            [{"role":"assistant","content":[\#(Self.call("a")),\#(Self.call("b"))]},
            {"role":"system","content":"S"},
            {"role":"user","content":[{"type":"text","text":"see"},\#(Self.result("b", #""content":[\#(Self.pdf)]"#)),
            \#(Self.result("a", #""content":[{"type":"text","text":"read"},\#(Self.image)]"#))]}]
            """#)
        #expect(
            text.hasSuffix(
                [
                    #"{"role":"tool","tool_call_id":"a","content":"read"},"#,
                    #"{"role":"tool","tool_call_id":"b","content":"(see the attachments of this call)"},"#,
                    #"{"role":"system","content":"S"},{"role":"user","content":["#,
                    #"{"type":"text","text":"Attachments from tool call a:"},"#,
                    #"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},"#,
                    #"{"type":"text","text":"Attachments from tool call b:"},"#,
                    #"{"type":"file","file":{"filename":"document.pdf","file_data":"data:application/pdf;base64,BB"}},"#,
                    #"{"type":"text","text":"see"}]}]"#,
                ].joined()))
    }

    @Test func leavesMediaInTheResultWhereTheUpstreamTakesThem() throws {
        var profile = UpstreamProfile.openrouter
        profile.toolMedia = .inline
        #expect(
            try Self.answers(
                Self.result(
                    "a", #""content":[{"type":"text","text":"t"},\#(Self.image)],"is_error":true"#),
                settings(profile))
                == #"{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"Error: t"},"#
                + #"{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}"#)
    }

    // MARK: Ids

    @Test func givesUpstreamsTheirOwnIdsBack() throws {
        let id = ToolCallIdentifier.clientForm(
            of: [UInt8]("functions.f:0".utf8), isRepeated: false, seed: [], ordinal: 0, taken: [])
        let text = String(decoding: id, as: UTF8.self)
        let all = try messages(
            #"[{"role":"assistant","content":[\#(Self.call(text))]},{"role":"user","content":[\#(Self.result(text, ""))]}]"#
        )
        #expect(all.contains(#""tool_calls":[{"id":"functions.f:0","#))
        #expect(all.contains(#""tool_call_id":"functions.f:0","#))
    }

    @Test func givesMistralNineLettersAndDigits() throws {
        let mistral = settings(.mistral, "mistral-large")
        let all = try messages(
            #"""
            [{"role":"assistant","content":[\#(Self.call("toolu_long")),\#(Self.call("abcDEF123"))]},
            {"role":"user","content":[\#(Self.result("toolu_long", "")),\#(Self.result("abcDEF123", ""))]}]
            """#, mistral)
        var document = JSONDocument()
        try document.parse([UInt8](all.utf8))
        var ids: [String] = []
        var elements = document.elements(of: .root)
        while let message = document.next(&elements) {
            guard let id = document.member(message, "tool_call_id") else { continue }
            ids.append(try #require(document.string(id)))
        }
        try #require(ids.count == 2)
        #expect(ids[1] == "abcDEF123")
        let alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        #expect(ids[0].count == 9)
        #expect(ids[0].allSatisfy { alphabet.contains($0) })
        #expect(all.contains(#""tool_calls":[{"id":"\#(ids[0])","#))
        let again = try messages(
            #"[{"role":"assistant","content":[\#(Self.call("toolu_long"))]}]"#, mistral)
        #expect(again.contains(#""id":"\#(ids[0])""#))
    }

    // MARK: Work of Anthropic's servers

    @Test(arguments: [
        (
            #"{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}"#,
            #""[server_tool_use: web_search]\n{\"query\":\"q\"}""#
        ),
        (
            #"{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"https://x","title":"T","encrypted_content":"E","page_age":null}]}"#,
            #""[web_search_tool_result]\nhttps://x\nT""#
        ),
        (
            #"{"type":"web_search_tool_result","tool_use_id":"s","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}}"#,
            #""[web_search_tool_result]\nunavailable""#
        ),
        (
            #"{"type":"web_fetch_tool_result","tool_use_id":"s","content":{"type":"web_fetch_result","url":"https://x","content":{"type":"document","source":{"type":"text","media_type":"text/plain","data":"D"},"title":"T"}}}"#,
            #""[web_fetch_tool_result]\nhttps://x\nD\nT""#
        ),
        (
            #"{"type":"web_fetch_tool_result","tool_use_id":"s","content":{"type":"web_fetch_result","url":"https://x","content":{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}}}"#,
            #""[web_fetch_tool_result]\nhttps://x""#
        ),
        (
            #"{"type":"bash_code_execution_tool_result","tool_use_id":"s","content":{"type":"bash_code_execution_result","stdout":"out","stderr":"err","return_code":1}}"#,
            #""[bash_code_execution_tool_result]\nout\nerr""#
        ),
        (
            #"{"type":"mcp_tool_use","id":"s","name":"n","server_name":"x","input":{}}"#,
            #""[mcp_tool_use: n]\n{}""#
        ),
        (
            #"{"type":"mcp_tool_result","tool_use_id":"s","is_error":false,"content":[{"type":"text","text":"t"}]}"#,
            #""[mcp_tool_result]\nt""#
        ),
        (#"{"type":"compaction","content":"summary"}"#, #""summary""#),
        (#"{"type":"fallback"},{"type":"text","text":"t"}"#, #""t""#),
    ])
    func flattensWhatServersDid(_ block: String, _ expected: String) throws {
        #expect(
            try messages(
                #"[{"role":"user","content":"q"},{"role":"assistant","content":[\#(block)]}]"#)
                == #"[{"role":"user","content":"q"},{"role":"assistant","content":\#(expected)}]"#)
    }

    @Test func anIDThatStandsForNoTextGoesAsItIs() throws {
        let body = try messages(
            #"[{"role":"assistant","content":[{"type":"tool_use","id":"cpx__ff","name":"f","input":{}}]},"#
                + #"{"role":"user","content":"a"}]"#)
        #expect(body.contains(#""tool_call_id":"cpx__ff""#))
    }
}
