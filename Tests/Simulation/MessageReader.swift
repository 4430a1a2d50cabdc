// What a client makes of an answer: a message out of one object or out of events, by the rules of
// Anthropic's Messages API, and written apart from the product.

import TestSupport

/// A message as a client ends up with it.
package struct Message {
    package private(set) var text: [UInt8] = []
    package private(set) var thinking: [UInt8] = []
    /// The inputs of the tool calls, as JSON texts.
    package private(set) var toolInputs: [[UInt8]] = []
    package private(set) var stopReason: String?
    /// The type of the error that ended it.
    package private(set) var errorType: String?
    var pings = 0
    /// Whether message_start has come.
    var hasStarted = false

    // MARK: One object

    package init(object: [UInt8]) throws {
        guard let root = ReferenceJSON.parse(object) else {
            throw Violation("an answer that is no JSON: \(excerpt(object))")
        }
        if root["type"]?.text == "error" {
            try takeError(root)
            return
        }
        try require(root["type"]?.text == "message", "an answer that is neither message nor error")
        try Self.checkMessage(root)
        hasStarted = true
        for block in root["content"]?.elements ?? [] {
            switch block["type"]?.text {
            case "text": text += block["text"]?.bytes ?? []
            case "thinking":
                thinking += block["thinking"]?.bytes ?? []
                try require(block["signature"]?.bytes != nil, "thinking without a signature")
            case "redacted_thinking", "server_tool_use", "web_search_tool_result": break
            case "tool_use":
                try Self.checkTool(block)
                guard case .object? = block["input"] else { throw Violation("input: no object") }
                toolInputs.append([])
            case let other: throw Violation("a block of type \(other ?? "nil")")
            }
        }
        stopReason = root["stop_reason"]?.text
        try require(stopReason != nil, "a message without stop_reason")
        try Self.checkUsage(root["usage"])
    }

    // MARK: Events

    private enum Block { case text, thinking, tool(json: [UInt8]), other }

    private var block: Block?
    private var blocks = 0
    /// Tool input that is no object: only the token limit cuts it off, in the last block.
    private var brokenInput: String?
    private var isOver = false

    /// Follows a whole event stream.
    package init(events body: [UInt8]) throws {
        var start = 0
        while start < body.count {
            guard let end = Self.eventEnd(body, start) else {
                throw Violation("an event without an end: \(excerpt(Array(body[start...])))")
            }
            try receive(body[start..<end])
            start = end + 2
        }
        try require(isOver, "a stream that ends in neither message_stop nor error")
        try require(
            brokenInput == nil || stopReason == "max_tokens" || errorType != nil,
            "tool input that is no object: \(brokenInput ?? "")")
    }

    private static func eventEnd(_ body: [UInt8], _ start: Int) -> Int? {
        var index = start
        while index + 1 < body.count {
            if body[index] == 10, body[index + 1] == 10 { return index }
            index += 1
        }
        return nil
    }

    private mutating func receive(_ event: ArraySlice<UInt8>) throws {
        let lines = event.split(separator: 10, omittingEmptySubsequences: false)
        guard lines.count == 2, lines[0].starts(with: "event: ".utf8),
            lines[1].starts(with: "data: ".utf8),
            let data = ReferenceJSON.parse(Array(lines[1].dropFirst(6)), depthMax: 256)
        else { throw Violation("a malformed event: \(excerpt(Array(event)))") }
        let name = String(decoding: lines[0].dropFirst(7), as: UTF8.self)
        try require(data["type"]?.text == name, "\(name) with another type in its data")
        try require(!isOver, "\(name) after the end")
        switch name {
        case "ping": pings += 1
        case "error":
            try takeError(data)
            isOver = true
        case "message_start":
            try require(!hasStarted, "a second message_start")
            guard let message = data["message"] else { throw Violation("message_start: none") }
            try Self.checkMessage(message)
            hasStarted = true
        case "content_block_start": try blockStarted(data)
        case "content_block_delta": try delta(data)
        case "content_block_stop": try blockStopped(data)
        case "message_delta":
            try require(hasStarted && block == nil && stopReason == nil, "message_delta: misplaced")
            stopReason = data["delta"]?["stop_reason"]?.text
            try require(stopReason != nil, "message_delta without stop_reason")
            try Self.checkUsage(data["usage"])
        case "message_stop":
            try require(stopReason != nil, "message_stop before message_delta")
            isOver = true
        default: throw Violation("the unknown event \(name)")
        }
    }

    private mutating func blockStarted(_ data: ReferenceJSON) throws {
        try require(hasStarted && block == nil && stopReason == nil, "a block out of place")
        try require(data["index"]?.integer == blocks, "a block with the wrong index")
        guard let start = data["content_block"] else { throw Violation("no content_block") }
        switch start["type"]?.text {
        case "text": block = .text
        case "thinking": block = .thinking
        case "tool_use":
            try Self.checkTool(start)
            block = .tool(json: [])
        case "redacted_thinking", "server_tool_use", "web_search_tool_result": block = .other
        case let other: throw Violation("a block of type \(other ?? "nil")")
        }
    }

    private mutating func delta(_ data: ReferenceJSON) throws {
        try require(data["index"]?.integer == blocks, "a delta with the wrong index")
        guard let block, let delta = data["delta"] else { throw Violation("a delta: no block") }
        switch (delta["type"]?.text, block) {
        case ("text_delta", .text): text += delta["text"]?.bytes ?? []
        case ("thinking_delta", .thinking): thinking += delta["thinking"]?.bytes ?? []
        case ("signature_delta", .thinking), ("citations_delta", .text): break
        case ("input_json_delta", .tool(let json)):
            self.block = .tool(json: json + (delta["partial_json"]?.bytes ?? []))
        case (let type, _): throw Violation("\(type ?? "no type") in a block of another kind")
        }
    }

    private mutating func blockStopped(_ data: ReferenceJSON) throws {
        try require(data["index"]?.integer == blocks, "a stop with the wrong index")
        guard let block else { throw Violation("a stop without a block") }
        if case .tool(let json) = block {
            try require(brokenInput == nil, "a block after \(brokenInput ?? "")")
            if !json.isEmpty, !Self.isObject(json) { brokenInput = excerpt(json) }
            toolInputs.append(json)
        }
        self.block = nil
        blocks += 1
    }

    // MARK: Parts

    private static func isObject(_ json: [UInt8]) -> Bool {
        guard case .object? = ReferenceJSON.parse(json) else { return false }
        return true
    }

    private static func checkMessage(_ message: ReferenceJSON) throws {
        try require(message["id"]?.text?.hasPrefix("msg_") == true, "a message without an id")
        try require(message["role"]?.text == "assistant", "a message of another role")
        try require(message["model"]?.text?.isEmpty == false, "a message without a model")
        try require(message["content"]?.elements != nil, "a message without content")
        try checkUsage(message["usage"])
    }

    private static func checkTool(_ block: ReferenceJSON) throws {
        try require(block["id"]?.text?.isEmpty == false, "a tool call without an id")
        try require(block["name"]?.text?.isEmpty == false, "a tool call without a name")
    }

    private static func checkUsage(_ usage: ReferenceJSON?) throws {
        for name in ["input_tokens", "output_tokens"] {
            guard let count = usage?[name]?.integer, count >= 0 else {
                throw Violation("usage without \(name)")
            }
        }
    }

    private mutating func takeError(_ root: ReferenceJSON) throws {
        errorType = root["error"]?["type"]?.text
        try require(errorType != nil, "an error without a type")
        let message = root["error"]?["message"]?.text
        try require(message?.isEmpty == false, "an error without a message")
    }
}

/// The begin of some bytes, for people.
func excerpt(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix(400), as: UTF8.self)
        + (bytes.count > 400 ? "… (\(bytes.count) bytes)" : "")
}
