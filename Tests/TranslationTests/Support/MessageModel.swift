// A client of the Messages API as strict as the strictest: it follows an event stream, notes every
// breach of the protocol, and puts the message together. What it accepts, the client libraries
// accept; what it builds must equal the message that a client without streaming gets.

@testable import Translation

/// Follows the events of one response.
struct MessageModel {
    private struct Block {
        var start: JSONValue
        var text = ""
        var signature: String?
        var citations: [JSONValue] = []
    }

    /// What is wrong with the stream; empty when it is legal so far.
    private(set) var problems: [String] = []
    /// The error that ended the stream.
    private(set) var error: JSONValue?
    private(set) var isFinished = false
    private(set) var pings = 0
    /// The content of the finished blocks.
    private(set) var content: [JSONValue] = []
    private(set) var stop: JSONValue?
    private(set) var usage: JSONValue?
    private(set) var message: JSONValue?
    private var open: Block?
    private var toolIDs: Set<String> = []

    /// Follows the whole of `output`.
    init(_ output: [UInt8]) {
        var text = Substring(String(decoding: output, as: UTF8.self))
        while !text.isEmpty {
            guard let end = text.firstRange(of: "\n\n") else {
                problems.append("the last event has no end: \(text)")
                return
            }
            receive(text[..<end.lowerBound])
            text = text[end.upperBound...]
        }
    }

    /// Whether the stream, taken as a complete one, ends as it must.
    var isComplete: Bool { problems.isEmpty && (isFinished || error != nil) }

    private mutating func receive(_ event: Substring) {
        let lines = event.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 2, lines[0].hasPrefix("event: "), lines[1].hasPrefix("data: "),
            let data = JSONValue(String(lines[1].dropFirst(6)))
        else { return problems.append("malformed event: \(event)") }
        let name = String(lines[0].dropFirst(7))
        if data["type"]?.string != name { problems.append("\(name) has another type inside") }
        if isFinished || error != nil { problems.append("\(name) after the end") }
        switch name {
        case "ping": pings += 1
        case "error": received(error: data)
        case "message_start": received(start: data)
        case "content_block_start": received(blockStart: data)
        case "content_block_delta": received(delta: data)
        case "content_block_stop": received(blockStop: data)
        case "message_delta": received(messageDelta: data)
        case "message_stop":
            if usage == nil { problems.append("message_stop before message_delta") }
            isFinished = true
        default: problems.append("unknown event \(name)")
        }
    }

    private mutating func received(error data: JSONValue) {
        error = data
        if data["error"]?["type"]?.string == nil || data["error"]?["message"]?.string == nil {
            problems.append("malformed error: \(data)")
        }
    }

    private mutating func received(start data: JSONValue) {
        guard message == nil, let message = data["message"] else {
            return problems.append("a second or malformed message_start")
        }
        self.message = message
        if message["content"] != .array([]) || message["role"] != .string("assistant")
            || message["type"] != .string("message") || message["stop_reason"] != .null
            || message["id"]?.string?.isEmpty != false || message["model"]?.string == nil
            || (message["usage"]?["input_tokens"]?.int ?? 0) < 1
        {
            problems.append("malformed message_start: \(message)")
        }
        check(usage: message["usage"])
    }

    private mutating func received(blockStart data: JSONValue) {
        guard message != nil, usage == nil else {
            return problems.append("a block outside of the message")
        }
        if open != nil { problems.append("a second open block") }
        if data["index"]?.int != content.count { problems.append("wrong index: \(data)") }
        guard let start = data["content_block"], let type = start["type"]?.string else {
            return problems.append("a block without a type")
        }
        open = Block(start: start)
        let expected: JSONValue? =
            switch type {
            case "text": .object(["type": .string("text"), "text": .string("")])
            case "thinking":
                .object([
                    "type": .string("thinking"), "thinking": .string(""), "signature": .string(""),
                ])
            default: nil
            }
        if let expected, start != expected { problems.append("block starts wrong: \(start)") }
        if type == "tool_use" || type == "server_tool_use" {
            if start["input"] != .object([:]) { problems.append("input at start: \(start)") }
            check(id: start["id"]?.string ?? "")
            if start["name"]?.string?.isEmpty != false { problems.append("call without a name") }
        }
    }

    private mutating func check(id: String) {
        let isGood = id.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
                || Character(Unicode.Scalar($0)).isASCII
                    && (Character(Unicode.Scalar($0)).isLetter
                        || Character(Unicode.Scalar($0)).isNumber)
        }
        if id.isEmpty || !isGood { problems.append("bad tool id \(id)") }
        if !toolIDs.insert(id).inserted { problems.append("tool id \(id) twice") }
    }

    private mutating func received(delta data: JSONValue) {
        guard open != nil, let block = open, let delta = data["delta"],
            let type = delta["type"]?.string
        else { return problems.append("a delta without a block") }
        if data["index"]?.int != content.count { problems.append("delta of another block") }
        if block.signature != nil { problems.append("a delta after the signature") }
        switch (block.start["type"]?.string, type) {
        case ("text", "text_delta"): open?.text += delta["text"]?.string ?? ""
        case ("thinking", "thinking_delta"): open?.text += delta["thinking"]?.string ?? ""
        case ("thinking", "signature_delta"): open?.signature = delta["signature"]?.string
        case ("tool_use", "input_json_delta"): open?.text += delta["partial_json"]?.string ?? ""
        case ("text", "citations_delta"):
            if let citation = delta["citation"] { open?.citations.append(citation) }
        default: problems.append("\(type) in \(block.start)")
        }
    }

    private mutating func received(blockStop data: JSONValue) {
        guard let block = open else { return problems.append("a stop without a block") }
        if data["index"]?.int != content.count { problems.append("stop of another block") }
        open = nil
        guard case .object(var members) = block.start else { return }
        switch block.start["type"]?.string {
        case "text":
            members["text"] = .string(block.text)
            if !block.citations.isEmpty { members["citations"] = .array(block.citations) }
        case "thinking":
            members["thinking"] = .string(block.text)
            members["signature"] = block.signature.map { .string($0) } ?? .null
            if block.signature == nil { problems.append("thinking without a signature") }
        case "tool_use":
            if let input = JSONValue(block.text), case .object = input {
                members["input"] = input
            } else {
                // As the client libraries do with truncated input.
                members["input"] = .object([:])
                truncatedCalls += 1
            }
        default: break
        }
        content.append(.object(members))
    }

    /// Calls whose input is no JSON object; allowed only at the token limit.
    private(set) var truncatedCalls = 0

    private mutating func received(messageDelta data: JSONValue) {
        guard message != nil else { return problems.append("message_delta before message_start") }
        if open != nil { problems.append("message_delta within a block") }
        if usage != nil { problems.append("a second message_delta") }
        stop = data["delta"]
        usage = data["usage"]
        let reasons: Set = ["end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal"]
        let reason = stop?["stop_reason"]?.string ?? ""
        if !reasons.contains(reason) { problems.append("stop reason \(reason)") }
        if truncatedCalls > 0, reason != "max_tokens" {
            problems.append("truncated input with \(reason)")
        }
        check(usage: usage)
    }

    private mutating func check(usage: JSONValue?) {
        let counts = [
            usage?["input_tokens"], usage?["output_tokens"],
            usage?["cache_creation_input_tokens"], usage?["cache_read_input_tokens"],
            usage?["cache_creation"]?["ephemeral_5m_input_tokens"],
            usage?["cache_creation"]?["ephemeral_1h_input_tokens"],
        ]
        for count in counts where (count?.int ?? -1) < 0 {
            problems.append("malformed usage: \(String(describing: usage))")
            return
        }
    }
}
