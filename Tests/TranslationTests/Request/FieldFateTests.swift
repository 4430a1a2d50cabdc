// The table of fates: each row is tried, and docs/translation.md is made from it.

import TestSupport
import Testing

@testable import Translation

@Suite struct FieldFateTests {
    // MARK: Every row is true

    /// A request with what `row` is about; nil when the row has no sample, which is a fault.
    static func sample(_ row: FieldFate) -> String? {
        let name = "\(row.name)"
        switch row.section {
        case .request: return requestSample(name)
        case .outputConfig:
            let values = [
                "effort": #""low""#,
                "format": #"{"type":"json_schema","schema":{"type":"object"}}"#,
                "task_budget": #"{"type":"tokens","total":1}"#,
            ]
            return values[name].map { request(#""output_config":{"\#(name)":\#($0)}"#) }
        case .thinking:
            let values = [
                "type": #""adaptive""#, "budget_tokens": "50", "display": #""omitted""#,
                "block_binding": #""x""#,
            ]
            let others = name == "type" ? "" : #""type":"enabled","budget_tokens":60,"#
            return values[name].map {
                #"{"model":"m","max_tokens":4000,"messages":[{"role":"user","content":"Hi"}],"thinking":{\#(others)"\#(name)":\#($0)}}"#
            }
        case .message:
            let values = [
                "role": #""system""#, "content": #""again""#, "clear_at": #""never""#,
                "output_config": #"{"effort":"low"}"#,
            ]
            return values[name].map {
                request(
                    "",
                    messages:
                        #"[{"role":"user","content":"x"},{"role":"system","content":"s","\#(name)":\#($0)}]"#
                )
            }
        case .block: return blockSample(name)
        case .blockField:
            let value = name == "cache_control" ? #"{"type":"ephemeral"}"# : #"["x"]"#
            return request(
                "",
                messages:
                    #"[{"role":"user","content":[{"type":"text","text":"x","\#(name)":\#(value)}]}]"#
            )
        case .source: return sourceSample(name)
        case .tool: return toolSample(name)
        case .toolType: return toolTypeSample(name)
        case .toolChoice:
            let choice =
                name == "disable_parallel_tool_use"
                ? #"{"type":"auto","disable_parallel_tool_use":true}"#
                : #"{"type":"\#(name)","name":"f"}"#
            return request(
                #""tool_choice":\#(choice),"tools":[{"name":"f","input_schema":{"type":"object"}}]"#
            )
        }
    }

    static func requestSample(_ name: String) -> String? {
        let values = [
            "model": #""n""#, "messages": #"[{"role":"user","content":"x"}]"#, "max_tokens": "5",
            "system": #""s""#, "stop_sequences": #"["x"]"#, "stream": "true", "temperature": "1",
            "top_p": "1", "top_k": "1", "tools": #"[{"name":"f","input_schema":{}}]"#,
            "thinking": #"{"type":"adaptive"}"#, "output_config": "{}",
            "output_format": #"{"type":"json_schema","schema":{"type":"object"}}"#,
            "metadata": #"{"user_id":"u"}"#, "cache_control": #"{"type":"ephemeral"}"#,
            "thread": #"{"type":"create"}"#, "compaction": #"{"type":"summarize"}"#,
            "mcp_servers": #"[{"type":"url","url":"https://x","name":"m"}]"#,
            "context_management": #"{"edits":[{"type":"clear_tool_uses_20250919"}]}"#,
        ]
        if name == "tool_choice" {
            return request(
                #""tool_choice":{"type":"auto"},"tools":[{"name":"f","input_schema":{}}]"#)
        }
        return request(#""\#(name)":\#(values[name] ?? #"{"x":1}"#)"#)
    }

    static func blockSample(_ name: String) -> String? {
        let call = #"{"type":"tool_use","id":"a","name":"f","input":{}}"#
        let result = #"{"type":"tool_result","tool_use_id":"a","content":"r"}"#
        let seal = ReasoningTests.seal(ReasoningTests.item1)
        let assistant = [
            "tool_use": call,
            "thinking": #"{"type":"thinking","thinking":"t","signature":"\#(seal)"}"#,
            "redacted_thinking": #"{"type":"redacted_thinking","data":"\#(seal)"}"#,
            "server_tool_use": #"{"type":"server_tool_use","id":"s","name":"w","input":{}}"#,
            "mcp_tool_use":
                #"{"type":"mcp_tool_use","id":"s","name":"w","server_name":"m","input":{}}"#,
            "compaction": #"{"type":"compaction","content":"c"}"#,
            "fallback": #"{"type":"fallback","from":{},"to":{}}"#,
        ]
        if let block = assistant[name] {
            let answer = name == "tool_use" ? result : #"{"type":"text","text":"x"}"#
            return request(
                "",
                messages:
                    #"[{"role":"assistant","content":[{"type":"text","text":"a"},\#(block)]},{"role":"user","content":[\#(answer)]}]"#
            )
        }
        if name == "tool_addition" || name == "tool_removal" {
            return request(
                "",
                messages:
                    #"[{"role":"user","content":"x"},{"role":"system","content":[{"type":"\#(name)","tool":{"type":"tool_reference","name":"f"}}]}]"#
            )
        }
        if name == "tool_result" {
            return request(
                "",
                messages:
                    #"[{"role":"assistant","content":[\#(call)]},{"role":"user","content":[\#(result)]}]"#
            )
        }
        let user = [
            "text": #""text":"x""#, "image": #""source":{"type":"url","url":"u"}"#,
            "document": #""source":{"type":"url","url":"u"}"#,
            "search_result": #""title":"t","source":"s","content":[{"type":"text","text":"x"}]"#,
            "tool_reference": #""tool_name":"f""#, "container_upload": #""file_id":"f""#,
            "browser_state": #""content":[{"type":"text","text":"x"}]"#,
        ]
        let rest = user[name] ?? #""tool_use_id":"s","content":[{"type":"text","text":"x"}]"#
        return request(
            "", messages: #"[{"role":"user","content":[{"type":"\#(name)",\#(rest)}]}]"#)
    }

    static func sourceSample(_ name: String) -> String? {
        let values = [
            "base64": #""media_type":"application/pdf","data":"AA""#, "url": #""url":"u""#,
            "text": #""media_type":"text/plain","data":"x""#, "content": #""content":"x""#,
            "file": #""file_id":"f""#,
        ]
        return values[name].map {
            request(
                "",
                messages:
                    #"[{"role":"user","content":[{"type":"document","source":{"type":"\#(name)",\#($0)}}]}]"#
            )
        }
    }

    static func toolSample(_ name: String) -> String? {
        let values = [
            "name": #""g""#, "description": #""d""#, "input_schema": #"{"type":"object"}"#,
            "strict": "true", "cache_control": #"{"type":"ephemeral"}"#, "defer_loading": "true",
            "input_examples": "[{}]", "eager_input_streaming": "true",
            "allowed_callers": #"["direct"]"#, "max_characters": "1",
            "citations": #"{"enabled":true}"#, "use_cache": "true",
        ]
        return values[name].map {
            request(#""tools":[{"name":"f","input_schema":{"type":"object"},"\#(name)":\#($0)}]"#)
        }
    }

    static func toolTypeSample(_ name: String) -> String? {
        let type = name.last == "*" ? name.dropLast() + "20250101" : Substring(name)
        let schema = name == "custom" ? #","input_schema":{"type":"object"}"# : ""
        return request(#""tools":[{"type":"\#(type)","name":"n"\#(schema)}]"#)
    }

    @Test(arguments: FieldFate.all.map { "\($0.section) \($0.name)" })
    func doesWithEachFieldWhatTheTableSays(_ title: String) throws {
        let row = try #require(FieldFate.all.first { "\($0.section) \($0.name)" == title })
        let text = try #require(Self.sample(row))
        guard row.fate != .refused else {
            #expect(failure(text, claude)?.status == 400)
            return
        }
        let dropped = try translate(text, claude).request.dropped
        if row.fate == .dropped {
            #expect(dropped.names.count == 1)
            #expect(dropped.headerValue.hasSuffix("\(row.name)"))
        } else {
            #expect(dropped.names.isEmpty, "\(dropped.headerValue)")
        }
    }

    @Test func knowsEveryKindOfBlock() {
        let rows = Set(FieldFate.all.filter { $0.section == .block }.map { "\($0.name)" })
        let kinds = Set(BlockKind.allCases.filter { $0 != .unknown }.map { "\($0.name)" })
        #expect(rows == kinds)
    }

    @Test func hasNoRowTwice() {
        let titles = FieldFate.all.map { "\($0.section) \($0.name)" }
        #expect(Set(titles).count == titles.count)
    }

    // MARK: Names from clients

    @Test func namesOfDroppedFieldsAreShortFewAndHarmless() throws {
        let long = String(repeating: "y", count: 500)
        let odd = #""a\r\nSet-Cookie: x":1,"\#(long)":1,"é,":1"#
        let members = (0..<100).map { #""unknown_\#($0)":1"# }.joined(separator: ",")
        let first = try translate(request(odd)).request.dropped
        #expect(
            first.names == [
                "a?r?nSet-Cookie??x", String(repeating: "y", count: DroppedFields.nameBytesMax),
                "???",
            ])
        let many = try translate(request(members)).request.dropped
        #expect(many.names.count == DroppedFields.countMax)
        #expect(many.names.first == "unknown_0")
    }

    @Test func namesEachFieldOnce() throws {
        let block = #"{"type":"text","text":"x","sparkle":1}"#
        let translated = try translate(
            request(
                #""context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}"#,
                messages:
                    #"[{"role":"user","content":[\#(block),\#(block)],"mood":1},{"role":"user","content":[\#(block)],"mood":2}]"#
            ))
        #expect(
            translated.request.dropped.headerValue == "messages.mood,messages.content.sparkle")
    }

    // MARK: The document

    @Test func theDocumentIsMadeFromTheTables() throws {
        let golden = GoldenFile(path: "docs/translation.md")
        var text = try golden.read()
        text = try Self.replace("fields", in: text, by: Self.fieldTables)
        text = try Self.replace("upstreams", in: text, by: ProfileTables.chat)
        text = try Self.replace("responses", in: text, by: ProfileTables.responses)
        text = try Self.replace("messages", in: text, by: ProfileTables.messages)
        try golden.expect(text)
    }

    /// `text` with what stands between the marks called `name` replaced.
    static func replace(_ name: String, in text: String, by content: String) throws -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "<!-- \(name): generated -->"))
        let end = try #require(lines[start...].firstIndex(of: "<!-- \(name): end -->"))
        return
            (lines[...start].map(String.init) + ["", content, ""] + lines[end...].map(String.init))
            .joined(separator: "\n")
    }

    static var fieldTables: String {
        FieldFate.Section.allCases.map { section in
            let rows = FieldFate.all.filter { $0.section == section }.map {
                "| `\($0.name)` | \($0.fate.rawValue) | \($0.note) |"
            }
            return
                ([
                    "### \(section.rawValue)", "", "| field | fate | where it goes, or why not |",
                    "|---|---|---|",
                ] + rows).joined(separator: "\n")
        }.joined(separator: "\n\n")
    }
}
