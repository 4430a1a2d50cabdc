// Streams of the Responses API in the shapes that real servers send, written afresh.

import Testing

@testable import Translation

/// Builds the bytes of a response's event stream.
enum Responses {
    static let setting = Setting.with { $0.profile.speaksResponses = true }

    static func setting(_ change: (inout Setting) -> Void) -> Setting {
        var setting = setting
        change(&setting)
        return setting
    }

    /// An event with the members `json` beside its type.
    static func event(_ type: String, _ json: String, isNamed: Bool = true) -> String {
        let name = isNamed ? "event: response.\(type)\n" : ""
        let more = json.isEmpty ? "" : ",\(json)"
        return "\(name)data: {\"type\":\"response.\(type)\"\(more)}\n\n"
    }

    static func response(_ members: String = "", status: String = "in_progress") -> String {
        #""response":{"id":"resp_1","object":"response","status":"\#(status)","#
            + #""model":"gpt-up-1","instructions":"say \"model\":\"no\"","tools":[{"name":"x","#
            + #""parameters":{"properties":{"model":{"type":"string"}}}}]\#(members)}"#
    }

    static let created = event("created", response()) + event("in_progress", response())

    static let usage =
        #"{"input_tokens":100,"input_tokens_details":{"cached_tokens":40,"cache_write_tokens":10},"#
        + #""output_tokens":20,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":120}"#

    static func completed(_ output: String = "") -> String {
        event(
            "completed",
            response(#","output":[\#(output)],"usage":\#(usage)"#, status: "completed"))
    }

    static func incomplete(_ reason: String, _ output: String = "") -> String {
        event(
            "incomplete",
            response(
                #","output":[\#(output)],"incomplete_details":{"reason":"\#(reason)"},"#
                    + #""usage":\#(usage)"#, status: "incomplete"))
    }

    static func added(_ index: Int?, _ item: String) -> String {
        event("output_item.added", place(index) + #""item":\#(item)"#)
    }

    static func done(_ index: Int?, _ item: String) -> String {
        event("output_item.done", place(index) + #""item":\#(item)"#)
    }

    static func place(_ index: Int?) -> String { index.map { "\"output_index\":\($0)," } ?? "" }

    // MARK: Messages

    static func message(_ text: String? = nil, id: String = "msg_1") -> String {
        let content = text.map { #"{"type":"output_text","text":"\#($0)","annotations":[]}"# }
        return #"{"type":"message","id":"\#(id)","role":"assistant","content":[\#(content ?? "")]}"#
    }

    static func text(
        _ text: String, _ index: Int? = 0, part: Int = 0, id: String = "msg_1"
    ) -> String {
        event(
            "output_text.delta",
            place(index) + #""item_id":"\#(id)","content_index":\#(part),"delta":"\#(text)""#)
    }

    static func textDone(_ text: String, _ index: Int? = 0, part: Int = 0) -> String {
        event(
            "output_text.done", place(index) + #""content_index":\#(part),"text":"\#(text)""#)
            + event(
                "content_part.done",
                place(index)
                    + #""content_index":\#(part),"part":{"type":"output_text","text":"\#(text)"}"#)
    }

    /// A message from its beginning to its end, in two pieces.
    static func whole(_ text: String, _ index: Int = 0) -> String {
        let half = text.index(text.startIndex, offsetBy: text.count / 2)
        return added(index, message())
            + Self.text(String(text[..<half]), index) + Self.text(String(text[half...]), index)
            + textDone(text, index) + done(index, message(text))
    }

    // MARK: Calls

    static func call(
        _ arguments: String = "", name: String = "look", callID: String = "call_a",
        id: String = "fc_1"
    ) -> String {
        #"{"type":"function_call","id":"\#(id)","call_id":"\#(callID)","name":"\#(name)","#
            + #""arguments":"\#(arguments)"}"#
    }

    static func arguments(_ piece: String, _ index: Int? = 0, id: String = "fc_1") -> String {
        event(
            "function_call_arguments.delta",
            place(index) + #""item_id":"\#(id)","delta":"\#(piece)""#)
    }

    static func argumentsDone(_ text: String, _ index: Int? = 0, id: String = "fc_1") -> String {
        event(
            "function_call_arguments.done",
            place(index) + #""item_id":"\#(id)","arguments":"\#(text)""#)
    }

    // MARK: Reasoning

    static func reasoning(_ summary: [String] = [], encrypted: String? = nil) -> String {
        let parts = summary.map { #"{"type":"summary_text","text":"\#($0)"}"# }
        let secret = encrypted.map { #","encrypted_content":"\#($0)""# } ?? ""
        return
            #"{"type":"reasoning","id":"rs_1","summary":[\#(parts.joined(separator: ","))]\#(secret)}"#
    }

    static func summary(_ piece: String, _ index: Int = 0, part: Int = 0) -> String {
        event(
            "reasoning_summary_text.delta",
            place(index) + #""summary_index":\#(part),"delta":"\#(piece)""#)
    }

    static func thought(_ piece: String, _ index: Int? = 0, id: String = "rs_1") -> String {
        event(
            "reasoning_text.delta",
            place(index) + #""item_id":"\#(id)","content_index":0,"delta":"\#(piece)""#)
    }
}

/// What every response must fulfil, with the bytes in pieces of some sizes, one byte among them.
@discardableResult
func checkResponse(
    _ stream: String, _ setting: Setting = Responses.setting,
    sourceLocation: SourceLocation = #_sourceLocation
) -> MessageModel {
    check(stream, setting: setting, everySplit: false, sourceLocation: sourceLocation)
}

extension MessageModel {
    /// The items of the Responses API that go back upstream.
    var sealedItems: [JSONValue?] {
        seals.compactMap { $0.responseItem }.map { JSONValue($0.json) }
    }
}
