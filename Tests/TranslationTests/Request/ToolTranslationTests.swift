// Tools and tool_choice.

import Testing

@testable import Translation

@Suite struct ToolTranslationTests {
    static let schema = #"{"type":"object","properties":{"x":{"type":"number","minimum":1.50}}}"#

    /// One that OpenAI takes as a strict one.
    static let closed =
        #"{"type":"object","properties":{"x":{"type":"number"}},"required":["x"],"additionalProperties":false}"#

    static func tools(_ tools: String, _ settings: RequestSettings = settings()) throws -> String? {
        try member("tools", request(#""tools":[\#(tools)]"#), settings)
    }

    @Test(arguments: [
        (
            #"{"name":"f","description":"d \"q\"","input_schema":\#(schema)}"#,
            #"{"type":"function","function":{"name":"f","description":"d \"q\"","parameters":\#(schema)}}"#
        ),
        (
            #"{"type":"custom","name":"f","input_schema":\#(schema),"eager_input_streaming":true,"allowed_callers":["direct"]}"#,
            #"{"type":"function","function":{"name":"f","parameters":\#(schema)}}"#
        ),
        (
            #"{"name":"f","description":"","strict":true,"input_schema":\#(closed)}"#,
            #"{"type":"function","function":{"name":"f","description":"","parameters":\#(closed),"strict":true}}"#
        ),
        (
            #"{"name":"f","description":"","strict":true,"input_schema":\#(schema)}"#,
            #"{"type":"function","function":{"name":"f","description":"","parameters":\#(schema)}}"#
        ),
        (
            #"{"name":"f","input_schema":{}}"#,
            #"{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}"#
        ),
        (
            #"{"name":"f","input_schema":{"type":"object"}}"#,
            #"{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}"#
        ),
        (
            #"{"name":"f","input_schema":{ "type":"object" , "additionalProperties":false }}"#,
            #"{"type":"function","function":{"name":"f","parameters":{ "type":"object" , "additionalProperties":false ,"properties":{}}}}"#
        ),
        (
            #"{"name":"f","description":"d","input_examples":[{"x": 1},{"x":"\n"}],"input_schema":\#(schema)}"#,
            #"{"type":"function","function":{"name":"f","description":"d\n\nExamples of inputs:\n{\"x\": 1}\n{\"x\":\"\\n\"}","parameters":\#(schema)}}"#
        ),
        (
            #"{"type":"web_search_20250305","name":"web_search","max_uses":8,"allowed_domains":["a.b"],"blocked_domains":["c.d"],"user_location":{"type":"approximate","city":"C"}}"#,
            #"{"type":"openrouter:web_search","parameters":{"max_uses":8,"allowed_domains":["a.b"],"excluded_domains":["c.d"],"user_location":{"type":"approximate","city":"C"}}}"#
        ),
        (
            #"{"type":"web_search_20260318","name":"web_search"}"#,
            #"{"type":"openrouter:web_search"}"#
        ),
        (
            #"{"type":"web_fetch_20250910","name":"web_fetch","max_content_tokens":5,"blocked_domains":["c.d"],"use_cache":true}"#,
            #"{"type":"openrouter:web_fetch","parameters":{"max_content_tokens":5,"blocked_domains":["c.d"]}}"#
        ),
    ])
    func translatesATool(_ tool: String, _ expected: String) throws {
        #expect(try Self.tools(tool) == "[\(expected)]")
    }

    @Test(arguments: [
        ("bash_20250124", "bash", #""command":{"type":"string""#),
        ("bash_20241022", "bash", #""restart":{"type":"boolean""#),
        ("text_editor_20250124", "str_replace_editor", "undo_edit"),
        ("text_editor_20241022", "str_replace_editor", "undo_edit"),
        ("text_editor_20250728", "str_replace_based_edit_tool", "insert_text"),
        ("text_editor_20250429", "str_replace_based_edit_tool", "view_range"),
        ("memory_20250818", "memory", "old_path"),
    ])
    func knowsTheSchemasOfToolsThatClientsExecute(
        _ type: String, _ name: String, _ part: String
    ) throws {
        let tools = try #require(
            try Self.tools(#"{"type":"\#(type)","name":"\#(name)","max_characters":10}"#))
        #expect(
            tools.hasPrefix(#"[{"type":"function","function":{"name":"\#(name)","description":""#))
        #expect(tools.contains(part))
        let isOld = type.hasPrefix("text_editor_2024") || type == "text_editor_20250124"
        #expect(tools.contains("undo_edit") == isOld)
    }

    @Test(arguments: [
        "computer_20250124", "code_execution_20250825", "advisor_20260301", "mcp_toolset",
        "browser_toolset_20260801", "computer_toolset_20260801",
    ])
    func refusesToolsThatRunElsewhere(_ type: String) {
        let error = failure(request(#""tools":[{"type":"\#(type)","name":"n"}]"#))
        #expect(error?.status == 400 && error?.type == .invalidRequest)
        #expect(error?.message.hasPrefix("tools.0.type: ") == true)
    }

    @Test func takesUnknownTypesForFunctionsWhenTheyHaveASchemaAndElseNamesThem() throws {
        let translated = try translate(
            request(
                #""tools":[{"type":"oracle_20270101","name":"o"},{"type":"mine_1","name":"f","input_schema":\#(Self.schema)}]"#
            ))
        #expect(
            translated.body.contains(
                #""tools":[{"type":"function","function":{"name":"f","parameters":\#(Self.schema)}}]"#
            ))
        #expect(
            translated.request.dropped.headerValue == "tools:oracle_20270101,tools:mine_1")
    }

    // MARK: Search

    @Test func tellsTheModelThatItCannotSearchWhereTheUpstreamCannot() throws {
        let text = request(
            #""system":"S","tools":[{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"tool","name":"web_search"}"#
        )
        let translated = try translate(text, settings(.openai, "gpt-5"))
        #expect(
            translated.body
                == #"{"model":"gpt-5","messages":[{"role":"system","content":"S\n\nSearching or fetching "#
                + #"from the web is not possible in this conversation. When asked to, say so; do not make "#
                + #"up results."},{"role":"user","content":"Hi"}],"max_completion_tokens":100"#
                + ending)
        #expect(
            translated.request.dropped.headerValue == "tools:web_search_20250305,tool_choice")
        #expect(!translated.request.facts.offersWebSearch)
        let refused = failure(
            text, settings(.openai, "gpt-5") { $0.unsupportedServerTool = .refuse })
        #expect(refused?.message.hasPrefix("tools.0.type: ") == true)
    }

    @Test func offersTheSearchOfOpenRouter() throws {
        let translated = try translate(
            request(
                #""tools":[{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"tool","name":"web_search"}"#
            ))
        #expect(
            translated.body.contains(
                #""tools":[{"type":"openrouter:web_search"}],"tool_choice":{"type":"openrouter:web_search"}"#
            ))
        #expect(translated.request.facts.offersWebSearch)
    }

    // MARK: Names

    @Test func changesNamesThatDoNotFitAndKnowsTheWayBack() throws {
        let long = String(repeating: "mcp__server__", count: 6)
        let odd = "größe.f"
        let translated = try translate(
            request(
                #""tools":[{"name":"\#(long)","input_schema":\#(Self.schema)},{"name":"\#(odd)","input_schema":\#(Self.schema)},{"name":"fine-_1","input_schema":\#(Self.schema)}],"tool_choice":{"type":"tool","name":"\#(long)"}"#,
                messages:
                    #"[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"\#(long)","input":{}}]}]"#
            ))
        let form = ToolName.upstreamForm(of: [UInt8](long.utf8))
        let name = String(decoding: form, as: UTF8.self)
        #expect(form.count == 64 && long.hasPrefix(name.prefix(55)))
        let oddForm = ToolName.upstreamForm(of: [UInt8](odd.utf8))
        #expect(String(decoding: oddForm, as: UTF8.self).hasPrefix("gr____e_f_"))
        #expect(translated.body.contains(#""function":{"name":"\#(name)","arguments":"{}"}"#))
        #expect(
            translated.body.contains(
                #"{"type":"function","function":{"name":"\#(name)","parameters""#))
        #expect(
            translated.body.contains(
                #""tool_choice":{"type":"function","function":{"name":"\#(name)"}}"#))
        #expect(
            translated.request.facts.clientToolNames == [
                form: [UInt8](long.utf8), oddForm: [UInt8](odd.utf8),
            ])
    }

    @Test func refusesRepeatedNamesAsTheAPIDoes() {
        let tool = #"{"name":"f","input_schema":{"type":"object"}}"#
        #expect(
            failure(request(#""tools":[\#(tool),\#(tool)]"#))?.message
                == "tools: Tool names must be unique.")
    }

    // MARK: Deferred tools

    static func tool(_ name: String, deferred: Bool = false) -> String {
        #"{"name":"\#(name)","input_schema":\#(schema)\#(deferred ? #","defer_loading":true"# : "")}"#
    }

    static func names(_ request: String, _ settings: RequestSettings = settings()) throws
        -> [String]
    {
        let body = try translate(request, settings).body
        var document = JSONDocument()
        try document.parse([UInt8](body.utf8))
        var names: [String] = []
        guard let tools = document.member(.root, "tools") else { return [] }
        var elements = document.elements(of: tools)
        while let tool = document.next(&elements) {
            let function = try #require(document.member(tool, "function"))
            names.append(
                try #require(document.member(function, "name").flatMap { document.string($0) }))
        }
        return names
    }

    @Test func offersDeferredToolsOnceSomethingHasLoadedThem() throws {
        let tools =
            #""tools":[\#(Self.tool("ToolSearch")),\#(Self.tool("A", deferred: true)),\#(Self.tool("B", deferred: true)),\#(Self.tool("DeferredToolPlaceholder", deferred: true)),\#(Self.tool("C", deferred: true))]"#
        #expect(try Self.names(request(tools)) == ["ToolSearch"])
        let loading = #"""
            [{"role":"user","content":"x"},
            {"role":"assistant","content":[{"type":"tool_use","id":"s","name":"ToolSearch","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"s","content":[{"type":"tool_reference","tool_name":"B"}]}]}]
            """#
        #expect(try Self.names(request(tools, messages: loading)) == ["ToolSearch", "B"])
        let used =
            #"[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"s","name":"C","input":{}}]}]"#
        #expect(try Self.names(request(tools, messages: used)) == ["ToolSearch", "C"])
        let searched =
            #"[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_search_tool_result","tool_use_id":"s","content":{"type":"tool_search_tool_search_result","tool_references":[{"type":"tool_reference","tool_name":"A"}]}}]}]"#
        #expect(try Self.names(request(tools, messages: searched)) == ["ToolSearch", "A"])
        #expect(
            try Self.names(request(tools + #","tool_choice":{"type":"tool","name":"A"}"#))
                == ["ToolSearch", "A"])
        // A search by the server cannot be had: everything is there at once.
        #expect(
            try Self.names(
                request(
                    #""tools":[{"type":"tool_search_tool_regex_20251119","name":"t"},\#(Self.tool("A", deferred: true))]"#
                )) == ["A"])
    }

    @Test func followsToolAdditionsAndRemovals() throws {
        func system(_ type: String, _ tool: String) -> String {
            #"{"role":"system","content":[{"type":"\#(type)","tool":\#(tool)}]}"#
        }
        let tools = #""tools":[\#(Self.tool("A")),\#(Self.tool("B", deferred: true))]"#
        let reference = #"{"type":"tool_reference","name":"B"}"#
        let user = #"{"role":"user","content":"x"}"#
        #expect(
            try Self.names(
                request(tools, messages: "[\(user),\(system("tool_addition", reference))]"))
                == ["A", "B"])
        #expect(
            try Self.names(
                request(
                    tools,
                    messages:
                        "[\(user),\(system("tool_addition", reference)),\(system("tool_removal", reference)),\(system("tool_removal", #"{"type":"tool_reference","name":"A"}"#))]"
                )) == [])
        let inline = #"{"name":"C","description":"c","input_schema":\#(Self.schema)}"#
        let translated = try translate(
            request(tools, messages: "[\(user),\(system("tool_addition", inline))]"))
        #expect(
            translated.body.contains(
                #"{"type":"function","function":{"name":"C","description":"c","parameters":\#(Self.schema)}}]"#
            ))
    }

    // MARK: Choice

    @Test(arguments: [
        (#"{"type":"auto"}"#, #","tool_choice":"auto""#),
        (#"{"type":"any"}"#, #","tool_choice":"required""#),
        (#"{"type":"none"}"#, #","tool_choice":"none""#),
        (
            #"{"type":"tool","name":"f"}"#,
            #","tool_choice":{"type":"function","function":{"name":"f"}}"#
        ),
        (
            #"{"type":"auto","disable_parallel_tool_use":true}"#,
            #","tool_choice":"auto","parallel_tool_calls":false"#
        ),
        (#"{"type":"auto","disable_parallel_tool_use":false}"#, #","tool_choice":"auto""#),
        ("null", ""),
    ])
    func translatesTheChoice(_ choice: String, _ expected: String) throws {
        let body = try translate(
            request(#""tool_choice":\#(choice),"tools":[\#(Self.tool("f"))]"#)
        ).body
        #expect(
            body.hasSuffix(
                #""parameters":\#(Self.schema)}}]\#(expected),"max_tokens":100"# + ending))
    }

    @Test func adaptsTheChoiceToTheUpstream() throws {
        let text = request(
            #""tool_choice":{"type":"any","disable_parallel_tool_use":true},"tools":[\#(Self.tool("f"))]"#
        )
        let mistral = try translate(text, settings(.mistral, "m"))
        #expect(mistral.body.contains(#","tool_choice":"any","parallel_tool_calls":false,"#))
        let moonshot = try translate(text, settings(.moonshot, "m"))
        #expect(moonshot.body.contains(#","tool_choice":"required","max_tokens""#))
        #expect(
            moonshot.request.dropped.headerValue == "tool_choice.disable_parallel_tool_use")
    }

    @Test func dropsTheChoiceWithTheTools() throws {
        let translated = try translate(request(#""tool_choice":{"type":"any"},"tools":[]"#))
        #expect(!translated.body.contains("tool_choice"))
        #expect(translated.request.dropped.headerValue == "tool_choice")
        let incapable = try translate(
            request(#""tool_choice":{"type":"any"},"tools":[\#(Self.tool("f"))]"#),
            settings { $0.capabilities.tools = false })
        #expect(!incapable.body.contains("tool"))
        #expect(incapable.request.dropped.headerValue == "tools,tool_choice")
    }

    @Test func refusesAChoiceOfWhatIsNotThere() {
        #expect(
            failure(
                request(#""tool_choice":{"type":"tool","name":"g"},"tools":[\#(Self.tool("f"))]"#))?
                .message == "tool_choice.name: no tool of this name is among the tools on offer")
    }

    @Test func leavesStrictOutWhereItMayNotBe() throws {
        let text = request(
            #""tools":[{"name":"f","strict":true,"input_schema":\#(Self.schema)}]"#)
        for bare in [
            settings(.generic, "m"), settings { $0.isWithoutStrict = true },
            settings { $0.omittedFields = ["strict"] },
        ] {
            #expect(try !translate(text, bare).body.contains("strict"))
        }
        let translated = try translate(text, claude)
        #expect(translated.body.contains(#""strict":true"#))
        #expect(translated.request.headers.anthropicBeta == "structured-outputs-2025-11-13")
    }
}
