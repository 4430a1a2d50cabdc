// The first look, and what is refused with which words.

import Testing

@testable import Translation

@Suite struct RequestOutlineTests {
    static func outline(
        _ text: String, _ purpose: RequestOutline.Purpose = .message
    ) throws -> RequestOutline {
        var document = JSONDocument()
        try document.parse([UInt8](text.utf8))
        return try RequestOutline(document, for: purpose)
    }

    @Test func readsWhatRoutingNeeds() throws {
        let outline = try Self.outline(
            #"{"stream":true,"model":"openai\/gpt","max_tokens":1e3,"messages":[1],"metadata":{"user_id":"a_session_b_session_c-d"}}"#
        )
        #expect(outline.model == [UInt8]("openai/gpt".utf8))
        #expect(outline.isStreaming && outline.maxTokens == 1000)
        #expect(outline.userID == [UInt8]("a_session_b_session_c-d".utf8))
        #expect(outline.sessionID == [UInt8]("c-d".utf8))
    }

    @Test(
        arguments: [
            (#"{\"device_id\":\"0\",\"session_id\":\"s\"}"#, "s"), (#"{\"session_id\":1}"#, nil),
            (#"{\"session_id\":\"\"}"#, nil), ("{", nil), ("user", nil), ("x_session_", nil),
            ("", nil),
            ("user_1_account__session_9-a", "9-a"),
        ] as [(String, String?)])
    func findsTheSessionInTheUser(_ user: String, _ session: String?) throws {
        let outline = try Self.outline(request(#""metadata":{"user_id":"\#(user)"}"#))
        #expect(outline.sessionID == session.map { [UInt8]($0.utf8) })
    }

    @Test func countingNeedsNoMaxTokens() throws {
        let text = #"{"model":"m","messages":[{"role":"user","content":"foo"}],"tools":[]}"#
        #expect(try Self.outline(text, .tokenCount).maxTokens == 0)
        #expect(
            try translate(text, for: .tokenCount).body
                == #"{"model":"openai/gpt-oss-120b","messages":[{"role":"user","content":"foo"}]"#
                + ending)
        #expect(failure(text)?.message == "max_tokens: Field required")
    }

    @Test func theLastOfRepeatedFieldsCounts() throws {
        #expect(
            try translate(
                #"{"model":"a","model":"b","max_tokens":1,"max_tokens":20,"messages":[],"messages":[{"role":"user","content":"x"}]}"#
            ).body.contains(#""max_tokens":20"#))
    }

    // MARK: Refusals

    @Test func refusesThreadsWithTheDetailsThatTheSDKReads() throws {
        let error = try #require(failure(request(#""thread":{"type":"create"}"#)))
        var envelope: [UInt8] = []
        error.writeEnvelope(requestID: [UInt8]("req_1".utf8), into: &envelope)
        #expect(error.status == 400)
        #expect(
            String(decoding: envelope, as: UTF8.self)
                == #"{"type":"error","error":{"type":"invalid_request_error","message":"thread: threads are not supported here; send the whole conversation","details":{"error_code":"thread_unsupported_request","unsupported":["thread"]}},"request_id":"req_1"}"#
        )
        #expect(failure(request(#""thread":null"#)) == nil)
    }

    @Test func refusesWhatOnlyAnthropicsServersCanDo() {
        #expect(
            failure(request(#""compaction":{"type":"summarize"}"#))?.message.hasPrefix(
                "compaction: ")
                == true)
        #expect(
            failure(request(#""mcp_servers":[{"type":"url"}]"#))?.message.hasPrefix("mcp_servers: ")
                == true)
        #expect(failure(request(#""mcp_servers":[],"compaction":null"#)) == nil)
    }

    // MARK: Wrong types

    /// A whole body with a fault, and the message for it.
    @Test(arguments: [
        ("[]", "The request body must be a JSON object"),
        (#"{"max_tokens":1,"messages":[]}"#, "model: Field required"),
        (#"{"model":"m","messages":[1]}"#, "max_tokens: Field required"),
        (#"{"model":"m","max_tokens":1}"#, "messages: Field required"),
        (
            #"{"model":"m","max_tokens":1,"messages":[]}"#,
            "messages: at least one message is required"
        ),
        (
            #"{"model":"m","max_tokens":1,"messages":[{"role":"system","content":""}]}"#,
            "messages: at least one message must have content"
        ),
        (#"{"model":1,"max_tokens":1,"messages":[1]}"#, "model: Input should be a valid string"),
        (
            #"{"model":"","max_tokens":1,"messages":[1]}"#,
            "model: String should have at least 1 character"
        ),
        (
            #"{"model":"m","max_tokens":"1","messages":[1]}"#,
            "max_tokens: Input should be a valid integer"
        ),
        (
            #"{"model":"m","max_tokens":1.5,"messages":[1]}"#,
            "max_tokens: Input should be a valid integer"
        ),
        (
            #"{"model":"m","max_tokens":99999999999999999999,"messages":[1]}"#,
            "max_tokens: Input should be a valid integer"
        ),
        (
            #"{"model":"m","max_tokens":null,"messages":[1]}"#,
            "max_tokens: Input should be a valid integer"
        ),
        (
            #"{"model":"m","max_tokens":0,"messages":[1]}"#,
            "max_tokens: Input should be greater than or equal to 1"
        ),
        (#"{"model":"m","max_tokens":1,"messages":{}}"#, "messages: Input should be a valid list"),
    ])
    func namesTheFaultOfTheBody(_ body: String, _ message: String) {
        let error = failure(body)
        #expect(error?.message == message)
        #expect(error?.status == 400 && error?.type == .invalidRequest)
    }

    static let tool = #""name":"f","input_schema":{"type":"object"}"#

    /// Members of the top level with a fault.
    @Test(arguments: [
        (#""stream":"yes""#, "stream: Input should be a valid boolean"),
        (#""metadata":"u""#, "metadata: Input should be an object"),
        (#""metadata":{"user_id":1}"#, "metadata.user_id: Input should be a valid string"),
        (#""system":1"#, "system: Input should be a valid string or list"),
        (#""system":{}"#, "system: Input should be a valid string or list"),
        (#""system":[1]"#, "system.0: Input should be an object"),
        (#""system":[{"type":"text"}]"#, "system.0.text: Field required"),
        (#""system":[{"type":"text","text":1}]"#, "system.0.text: Input should be a valid string"),
        (#""system":[{"text":"a"}]"#, "system.0.type: Field required"),
        (
            #""system":[{"type":"text","text":"a","cache_control":1}]"#,
            "system.0.cache_control: Input should be an object"
        ),
        (
            #""system":[{"type":"text","text":"a","cache_control":{}}]"#,
            "system.0.cache_control.type: Field required"
        ),
        (
            #""system":[{"type":"text","text":"a","cache_control":{"type":"x"}}]"#,
            "system.0.cache_control.type: Input should be 'ephemeral'"
        ),
        (#""cache_control":1"#, "cache_control: Input should be an object"),
        (
            #""cache_control":{"type":"ephemeral","ttl":"2h"}"#,
            "cache_control.ttl: Input should be '5m' or '1h'"
        ),
        (#""stop_sequences":"x""#, "stop_sequences: Input should be a valid list"),
        (#""stop_sequences":["a",1]"#, "stop_sequences.1: Input should be a valid string"),
        (#""temperature":"1""#, "temperature: Input should be a valid number"),
        (#""temperature":2.1"#, "temperature: Input should be between 0 and 2"),
        (#""temperature":-0.1"#, "temperature: Input should be between 0 and 2"),
        (#""temperature":1e999"#, "temperature: Input should be between 0 and 2"),
        (#""top_p":[]"#, "top_p: Input should be a valid number"),
        (#""top_p":1.1"#, "top_p: Input should be between 0 and 1"),
        (#""top_k":1.5"#, "top_k: Input should be a valid integer"),
        (#""top_k":-1"#, "top_k: Input should be greater than or equal to 0"),
        (#""thinking":true"#, "thinking: Input should be an object"),
        (#""thinking":{}"#, "thinking.type: Field required"),
        (
            #""thinking":{"type":"hard"}"#,
            "thinking.type: Input should be 'enabled', 'disabled', 'adaptive' or 'between_tools'"
        ),
        (#""thinking":{"type":"enabled"}"#, "thinking.budget_tokens: Field required"),
        (
            #""thinking":{"type":"enabled","budget_tokens":"1"}"#,
            "thinking.budget_tokens: Input should be a valid integer"
        ),
        (
            #""thinking":{"type":"adaptive","display":1}"#,
            "thinking.display: Input should be a valid string"
        ),
        (#""output_config":[]"#, "output_config: Input should be an object"),
        (#""output_config":{"effort":1}"#, "output_config.effort: Input should be a valid string"),
        (
            #""output_config":{"effort":"most"}"#,
            "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"
        ),
        (#""output_config":{"format":1}"#, "output_config.format: Input should be an object"),
        (
            #""output_config":{"format":{"type":"xml"}}"#,
            "output_config.format.type: Input should be 'json_schema'"
        ),
        (
            #""output_config":{"format":{"type":"json_schema"}}"#,
            "output_config.format.schema: Field required"
        ),
        (#""tools":{}"#, "tools: Input should be a valid list"),
        (#""tools":[1]"#, "tools.0: Input should be an object"),
        (#""tools":[{}]"#, "tools.0.name: Field required"),
        (#""tools":[{"name":1}]"#, "tools.0.name: Input should be a valid string"),
        (#""tools":[{"name":""}]"#, "tools.0.name: String should have at least 1 character"),
        (#""tools":[{"name":"f"}]"#, "tools.0.input_schema: Field required"),
        (
            #""tools":[{\#(tool)},{"name":"g","input_schema":"{}"}]"#,
            "tools.1.input_schema: Input should be an object"
        ),
        (#""tools":[{\#(tool),"type":1}]"#, "tools.0.type: Input should be a valid string"),
        (
            #""tools":[{\#(tool),"description":1}]"#,
            "tools.0.description: Input should be a valid string"
        ),
        (#""tools":[{\#(tool),"strict":1}]"#, "tools.0.strict: Input should be a valid boolean"),
        (
            #""tools":[{\#(tool),"defer_loading":"x"}]"#,
            "tools.0.defer_loading: Input should be a valid boolean"
        ),
        (
            #""tools":[{\#(tool),"input_examples":{}}]"#,
            "tools.0.input_examples: Input should be a valid list"
        ),
        (
            #""tools":[{\#(tool),"cache_control":"x"}]"#,
            "tools.0.cache_control: Input should be an object"
        ),
        (
            #""tools":[{"type":"web_search_20250305","name":"w","max_uses":"1"}]"#,
            "tools.0.max_uses: Input should be a valid integer"
        ),
        (
            #""tools":[{"type":"web_search_20250305","name":"w","allowed_domains":"x"}]"#,
            "tools.0.allowed_domains: Input should be a valid list"
        ),
        (
            #""tools":[{"type":"web_search_20250305","name":"w","user_location":"x"}]"#,
            "tools.0.user_location: Input should be an object"
        ),
        (#""tool_choice":"auto""#, "tool_choice: Input should be an object"),
        (#""tool_choice":{}"#, "tool_choice.type: Field required"),
        (
            #""tool_choice":{"type":"all"}"#,
            "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'"
        ),
        (#""tool_choice":{"type":"tool"}"#, "tool_choice.name: Field required"),
        (
            #""tool_choice":{"type":"auto","disable_parallel_tool_use":1}"#,
            "tool_choice.disable_parallel_tool_use: Input should be a valid boolean"
        ),
        (#""thread":"x""#, "thread: Input should be an object"),
        (#""compaction":"x""#, "compaction: Input should be an object"),
        (#""mcp_servers":{}"#, "mcp_servers: Input should be a valid list"),
    ])
    func namesTheFaultOfAField(_ members: String, _ message: String) {
        #expect(failure(request(members), claude)?.message == message)
    }

    /// A message with a fault.
    @Test(arguments: [
        ("1", ": Input should be an object"),
        (#"{"content":"x"}"#, ".role: Field required"),
        (#"{"role":1,"content":"x"}"#, ".role: Input should be a valid string"),
        (
            #"{"role":"tool","content":"x"}"#,
            ".role: Input should be 'user', 'assistant' or 'system'"
        ),
        (#"{"role":"user"}"#, ".content: Field required"),
        (#"{"role":"user","content":null}"#, ".content: Input should be a valid string or list"),
        (#"{"role":"assistant","content":1}"#, ".content: Input should be a valid string or list"),
        (
            #"{"role":"system","content":"x","clear_at":1}"#,
            ".clear_at: Input should be a valid string"
        ),
        (
            #"{"role":"system","content":"x","output_config":{"effort":2}}"#,
            ".output_config.effort: Input should be a valid string"
        ),
    ])
    func namesTheFaultOfAMessage(_ message: String, _ problem: String) {
        let error = failure(request("", messages: #"[{"role":"user","content":"x"},\#(message)]"#))
        #expect(error?.message == "messages.1" + problem)
    }

    /// A block of a message by `role` with a fault.
    @Test(arguments: [
        ("user", "1", ": Input should be an object"),
        ("user", "{}", ".type: Field required"),
        ("user", #"{"type":1}"#, ".type: Input should be a valid string"),
        ("user", #"{"type":"text"}"#, ".text: Field required"),
        ("user", #"{"type":"text","text":null}"#, ".text: Input should be a valid string"),
        ("user", #"{"type":"image"}"#, ".source: Field required"),
        ("user", #"{"type":"image","source":"x"}"#, ".source: Input should be an object"),
        ("user", #"{"type":"image","source":{}}"#, ".source.type: Field required"),
        (
            "user", #"{"type":"image","source":{"type":"x"}}"#,
            ".source.type: Input should be a known source type"
        ),
        ("user", #"{"type":"image","source":{"type":"url"}}"#, ".source.url: Field required"),
        (
            "user", #"{"type":"image","source":{"type":"base64","data":"x"}}"#,
            ".source.media_type: Field required"
        ),
        (
            "user", #"{"type":"image","source":{"type":"base64","media_type":"x","data":1}}"#,
            ".source.data: Input should be a valid string"
        ),
        (
            "user", #"{"type":"image","source":{"type":"file","file_id":"f"}}"#,
            ".source: files are not supported by this proxy; send the content itself (source type 'base64')"
        ),
        ("user", #"{"type":"document"}"#, ".source: Field required"),
        (
            "user", #"{"type":"document","source":{"type":"file","file_id":"f"}}"#,
            ".source: files are not supported by this proxy; send the content itself (source type 'base64')"
        ),
        (
            "user", #"{"type":"document","title":1,"source":{"type":"text","data":"x"}}"#,
            ".title: Input should be a valid string"
        ),
        (
            "user", #"{"type":"document","context":1,"source":{"type":"text","data":"x"}}"#,
            ".context: Input should be a valid string"
        ),
        ("user", #"{"type":"document","source":{"type":"text"}}"#, ".source.data: Field required"),
        (
            "user", #"{"type":"document","source":{"type":"content"}}"#,
            ".source.content: Field required"
        ),
        (
            "user", #"{"type":"document","source":{"type":"content","content":1}}"#,
            ".source.content: Input should be a valid string or list"
        ),
        (
            "user", #"{"type":"document","source":{"type":"content","content":[{"type":"text"}]}}"#,
            ".source.content.0.text: Field required"
        ),
        ("user", #"{"type":"search_result"}"#, ".title: Field required"),
        (
            "user", #"{"type":"search_result","title":"t","source":"s","content":"x"}"#,
            ".content: Input should be a valid list"
        ),
        ("user", #"{"type":"tool_result","content":"x"}"#, ".tool_use_id: Field required"),
        (
            "user", #"{"type":"tool_result","tool_use_id":1}"#,
            ".tool_use_id: Input should be a valid string"
        ),
        (
            "user", #"{"type":"tool_result","tool_use_id":"a","content":1}"#,
            ".content: Input should be a valid string or list"
        ),
        (
            "user", #"{"type":"tool_result","tool_use_id":"a","is_error":"x"}"#,
            ".is_error: Input should be a valid boolean"
        ),
        (
            "user", #"{"type":"tool_result","tool_use_id":"a","content":["x"]}"#,
            ".content.0: Input should be an object"
        ),
        (
            "user",
            #"{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"x"},{"type":"image"}]}"#,
            ".content.1.source: Field required"
        ),
        (
            "user",
            #"{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference"}]}"#,
            ".content.0.tool_name: Field required"
        ),
        ("assistant", #"{"type":"text","text":1}"#, ".text: Input should be a valid string"),
        ("assistant", #"{"type":"tool_use","name":"f","input":{}}"#, ".id: Field required"),
        (
            "assistant", #"{"type":"tool_use","id":"","name":"f","input":{}}"#,
            ".id: String should have at least 1 character"
        ),
        ("assistant", #"{"type":"tool_use","id":"a","input":{}}"#, ".name: Field required"),
        ("assistant", #"{"type":"tool_use","id":"a","name":"f"}"#, ".input: Field required"),
        (
            "assistant", #"{"type":"tool_use","id":"a","name":"f","input":"{}"}"#,
            ".input: Input should be an object"
        ),
        ("assistant", #"{"type":"thinking","signature":""}"#, ".thinking: Field required"),
        (
            "assistant", #"{"type":"thinking","thinking":"x","signature":1}"#,
            ".signature: Input should be a valid string"
        ),
        ("assistant", #"{"type":"redacted_thinking"}"#, ".data: Field required"),
        ("system", #"{"type":"text"}"#, ".text: Field required"),
        ("system", #"{"type":"tool_addition"}"#, ".tool: Field required"),
    ])
    func namesTheFaultOfABlock(_ role: String, _ block: String, _ problem: String) {
        // Without a call before it, and as the answer to one: two ways through the code.
        let first = failure(
            request(
                "",
                messages: #"[{"role":"\#(role)","content":[{"type":"text","text":"x"},\#(block)]}]"#
            ))
        #expect(first?.message == "messages.0.content.1" + problem)
        let call =
            #"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}"#
        let second = failure(
            request("", messages: #"[\#(call),{"role":"\#(role)","content":[\#(block)]}]"#))
        #expect(second?.message == "messages.1.content.0" + problem)
    }
}
