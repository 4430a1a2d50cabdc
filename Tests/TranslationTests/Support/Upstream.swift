// Upstream streams in the shapes that real servers send, written afresh.

@testable import Translation

/// The key of all seals in tests of translation.
let sealKey = SealKey(Array("a key of tests".utf8))

/// Builds the bytes of an upstream's event stream.
enum Upstream {
    static let done = "data: [DONE]\n\n"
    static let comment = ": OPENROUTER PROCESSING\n\n"

    static func event(_ json: String) -> String { "data: \(json)\n\n" }

    /// A chunk whose choice has `delta` (JSON) and, if given, the finish reasons.
    static func chunk(
        _ delta: String, finish: String? = nil, native: String? = nil, more: String = ""
    ) -> String {
        func quoted(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "null" }
        return event(
            #"{"id":"gen-1","object":"chat.completion.chunk","created":1,"model":"vendor/model-1","#
                + #""provider":"Some","choices":[{"index":0,"delta":\#(delta),"#
                + #""finish_reason":\#(quoted(finish)),"native_finish_reason":\#(quoted(native))}]"#
                + "\(more)}")
    }

    static func text(_ text: String) -> String {
        chunk(#"{"role":"assistant","content":"\#(text)"}"#)
    }

    /// The finish chunk, then the usage chunk that repeats it (OpenRouter), then `[DONE]`.
    static func end(_ finish: String = "stop", native: String? = "end_turn") -> String {
        chunk(#"{"content":"","role":"assistant"}"#, finish: finish, native: native)
            + chunk(
                #"{"content":"","role":"assistant"}"#, finish: finish, native: native,
                more: ",\"usage\":\(usage)") + done
    }

    static let usage =
        #"{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"cost":0.00125,"#
        + #""prompt_tokens_details":{"cached_tokens":40,"cache_write_tokens":10},"#
        + #""completion_tokens_details":{"reasoning_tokens":5}}"#

    /// One element of `tool_calls`; arguments are given as JSON (`"\"{\""`, `null`, `{}`).
    static func call(
        index: Int? = 0, id: String? = nil, name: String? = nil, arguments: String? = nil
    ) -> String {
        var members: [String] = []
        if let index { members.append("\"index\":\(index)") }
        if let id { members.append("\"id\":\"\(id)\",\"type\":\"function\"") }
        var function: [String] = []
        if let name { function.append("\"name\":\"\(name)\"") }
        if let arguments { function.append("\"arguments\":\(arguments)") }
        members.append("\"function\":{\(function.joined(separator: ","))}")
        return "{\(members.joined(separator: ","))}"
    }

    static func calls(_ calls: String...) -> String {
        chunk(#"{"content":null,"tool_calls":[\#(calls.joined(separator: ","))]}"#)
    }

    /// A chunk with reasoning details, given as JSON items.
    static func details(_ items: String...) -> String {
        chunk(#"{"content":"","reasoning_details":[\#(items.joined(separator: ","))]}"#)
    }

    static func thought(
        _ text: String, index: Int = 0, format: String = "anthropic-claude-v1"
    ) -> String {
        #"{"type":"reasoning.text","text":"\#(text)","format":"\#(format)","index":\#(index)}"#
    }

    static func signature(_ signature: String, index: Int = 0) -> String {
        #"{"type":"reasoning.text","signature":"\#(signature)","format":"anthropic-claude-v1","#
            + #""index":\#(index)}"#
    }
}

extension MessageModel {
    /// The blocks in short: `text:…`, `thinking:…`, `tool_use:id:name:input keys`, else the type.
    var outline: [String] {
        content.map { block in
            switch block["type"]?.string {
            case "text": "text:\(block["text"]?.string ?? "?")"
            case "thinking": "thinking:\(block["thinking"]?.string ?? "?")"
            case "tool_use":
                "tool_use:\(block["id"]?.string ?? "?"):\(block["name"]?.string ?? "?")"
            default: block["type"]?.string ?? "?"
            }
        }
    }

    /// The inputs of the tool calls.
    var inputs: [JSONValue] { content.compactMap { $0["input"] } }
    var stopReason: String? { stop?["stop_reason"]?.string }

    /// The seals of the thinking blocks, redacted ones too.
    var seals: [ReasoningSeal] {
        content.compactMap { block in
            (block["signature"] ?? block["data"])?.string.flatMap {
                ReasoningSeal.open([UInt8]($0.utf8).span, sealKey)
            }
        }
    }

    /// The reasoning details that go back upstream.
    var details: JSONValue? {
        JSONValue([UInt8]("[".utf8) + ReasoningSeal.details(in: seals) + [UInt8]("]".utf8))
    }
}
