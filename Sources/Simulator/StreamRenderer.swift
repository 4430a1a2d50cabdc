// Acts → the events of a stream, as OpenRouter writes them: `data: {…}`, an empty line, the role
// repeated in every delta, and comments to keep the connection alive.
import Translation

/// Renders one streamed completion.
struct StreamRenderer {
    private(set) var steps: [Step] = []
    private var completion: Completion
    /// What every chunk starts with.
    private let opening: [UInt8]
    private var lastFinish: FinishReason?
    private var toolCallCount = 0
    private var countsOnEveryChunk = false

    init(_ completion: Completion) {
        self.completion = completion
        opening = Array("data: ".utf8) + completion.opening(object: "chat.completion.chunk")
    }

    mutating func render(_ act: Act) {
        switch act {
        case .head: steps.append(.head(CannedHead(isStream: true, id: completion.id)))
        case .wait(let duration): steps.append(.wait(duration))
        case .keepAlive: send(Array(": OPENROUTER PROCESSING\n\n".utf8))
        case .text(let text, let times, let every): renderText(text, times, every)
        case .reasoning(let text): renderReasoning(text)
        case .signature(let signature): renderSignature(signature)
        case .toolCall(let name, let arguments): renderToolCall(name, arguments)
        case .finish(let reason, let withUsage):
            lastFinish = reason
            send(chunk(delta: Self.content(""), finish: reason, withUsage: withUsage))
        case .usage(.repeatingFinish):
            send(chunk(delta: Self.content(""), finish: lastFinish, withUsage: true))
        case .usage(.emptyChoices): send(opening + Array("],".utf8) + completion.usage + Self.end)
        case .usageOnEveryChunk: countsOnEveryChunk = true
        case .failure(let failure): renderFailure(failure)
        case .done: send(Array("data: [DONE]\n\n".utf8))
        case .stall: steps.append(.stall)
        case .cut: steps.append(.cut)
        case .reset: steps.append(.reset)
        case .respond(let response): steps.append(.respond(response))
        case .asBody: preconditionFailure("a body has another renderer")
        }
    }

    // MARK: Deltas

    private mutating func renderText(_ text: String, _ times: Int, _ every: Duration) {
        if !text.isEmpty { completion.completionTokens += times }
        send(chunk(delta: Self.content(text)), times: times, every: every)
    }

    /// Both forms with the same text, as OpenRouter sends it.
    private mutating func renderReasoning(_ text: String) {
        completion.completionTokens += 1
        var delta = Self.content("")
        delta.append(",\"reasoning\":")
        delta.append(jsonString: text)
        delta.append(",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":")
        delta.append(jsonString: text)
        delta.append(",\"format\":\"anthropic-claude-v1\",\"index\":0}]")
        send(chunk(delta: delta))
    }

    private mutating func renderSignature(_ signature: String) {
        var delta = Self.content("")
        delta.append(",\"reasoning\":null")
        delta.append(",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":")
        delta.append(jsonString: signature)
        delta.append(",\"format\":\"anthropic-claude-v1\",\"index\":0}]")
        send(chunk(delta: delta))
    }

    /// First who is called, with no arguments, then the arguments in pieces.
    private mutating func renderToolCall(_ name: String, _ arguments: [String]) {
        let index = toolCallCount
        toolCallCount += 1
        var delta = Array(
            "\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":".utf8)
        delta.append(decimal: index)
        delta.append(",\"id\":")
        delta.append(jsonString: completion.toolCallID(index))
        delta.append(",\"type\":\"function\",\"function\":{\"name\":")
        delta.append(jsonString: name)
        delta.append(",\"arguments\":\"\"}}]")
        send(chunk(delta: delta))
        for piece in arguments {
            completion.completionTokens += 1
            delta = Array(
                "\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":".utf8)
            delta.append(decimal: index)
            delta.append(",\"function\":{\"arguments\":")
            delta.append(jsonString: piece)
            delta.append("}}]")
            send(chunk(delta: delta))
        }
    }

    private mutating func renderFailure(_ failure: Failure) {
        var text = choice(delta: Self.content(""), finish: .error)
        text.append("],")
        text.append(failure)
        text.append(contentsOf: Self.end)
        send(text)
    }

    // MARK: Chunks

    private static let end = Array("}\n\n".utf8)

    private static func content(_ text: String) -> [UInt8] {
        var delta = Array("\"role\":\"assistant\",\"content\":".utf8)
        delta.append(jsonString: text)
        return delta
    }

    private mutating func send(_ bytes: [UInt8], times: Int = 1, every: Duration = .zero) {
        steps.append(.send(bytes, times: times, every: every))
    }

    private func choice(delta: [UInt8], finish: FinishReason?) -> [UInt8] {
        var text = opening
        text.append("{\"index\":0,\"delta\":{")
        text.append(contentsOf: delta)
        text.append("},")
        text.append(finish)
        text.append("}")
        return text
    }

    private func chunk(
        delta: [UInt8], finish: FinishReason? = nil, withUsage: Bool = false
    ) -> [UInt8] {
        var text = choice(delta: delta, finish: finish)
        text.append("]")
        if withUsage || countsOnEveryChunk {
            text.append(",")
            text.append(contentsOf: completion.usage)
        }
        text.append(contentsOf: Self.end)
        return text
    }
}
