// Acts → one JSON body, for a request that asked for no stream: white space while the model works,
// then the whole completion at once. An end that comes before its time has no body.
import Translation

/// Renders one completion that is not streamed.
struct BodyRenderer {
    private(set) var steps: [Step] = []
    private var completion: Completion
    private var text = ""
    private var reasoning = ""
    private var signature = ""
    private var calls: [(name: String, arguments: String)] = []
    private var finish: FinishReason?
    private var hasUsage = false
    private var failure: Failure?
    private var isWhole = true

    /// What text repeated may grow to; the rest is left out.
    private static let textBytesMax = 64 << 20

    init(_ completion: Completion) {
        self.completion = completion
    }

    mutating func render(_ act: Act) {
        switch act {
        case .head: steps.append(.head(CannedHead(isStream: false, id: completion.id)))
        case .wait(let duration): steps.append(.wait(duration))
        case .keepAlive: send(Array("\n         \n".utf8))
        case .text(let piece, let times, let every): add(piece, times, every)
        case .reasoning(let piece):
            completion.completionTokens += 1
            reasoning += piece
        case .signature(let text): signature = text
        case .toolCall(let name, let arguments):
            completion.completionTokens += arguments.count
            calls.append((name, arguments.joined()))
        case .finish(let reason, let withUsage):
            finish = reason
            hasUsage = hasUsage || withUsage
        case .usage, .usageOnEveryChunk: hasUsage = true
        case .failure(let failure):
            self.failure = failure
            finish = .error
        case .done, .asBody: break
        case .stall: end(with: .stall)
        case .cut: end(with: .cut)
        case .reset: end(with: .reset)
        case .respond(let response): end(with: .respond(response))
        }
    }

    /// To be called after the last act.
    mutating func close() {
        if isWhole { send(body) }
    }

    private mutating func send(_ bytes: [UInt8]) {
        steps.append(.send(bytes, times: 1, every: .zero))
    }

    private mutating func end(with step: Step) {
        steps.append(step)
        isWhole = false
    }

    private mutating func add(_ piece: String, _ times: Int, _ every: Duration) {
        if !piece.isEmpty { completion.completionTokens += times }
        if every > .zero { steps.append(.wait(every * times)) }
        let room = Self.textBytesMax - text.utf8.count
        text += String(repeating: piece, count: min(times, room / max(1, piece.utf8.count)))
    }

    // MARK: The body

    private var body: [UInt8] {
        var body: [UInt8] = []
        // Nothing was produced: the error alone, still under the head's 200.
        if let failure, text.isEmpty {
            body.append("{")
            body.append(failure)
            body.append("}")
            return body
        }
        body = completion.opening(object: "chat.completion")
        body.append("{\"index\":0,\"logprobs\":null,")
        body.append(finish)
        body.append(",\"message\":{\"role\":\"assistant\",\"content\":")
        if text.isEmpty, !calls.isEmpty {
            body.append("null")
        } else {
            body.append(jsonString: text)
        }
        body.append(",\"refusal\":null")
        appendReasoning(to: &body)
        appendCalls(to: &body)
        body.append("}")
        if let failure {
            body.append(",")
            body.append(failure)
        }
        body.append("}]")
        if hasUsage {
            body.append(",")
            body.append(contentsOf: completion.usage)
        }
        body.append("}")
        return body
    }

    private func appendReasoning(to body: inout [UInt8]) {
        guard !reasoning.isEmpty else { return }
        body.append(",\"reasoning\":")
        body.append(jsonString: reasoning)
        body.append(",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":")
        body.append(jsonString: reasoning)
        body.append(",\"signature\":")
        body.append(jsonString: signature)
        body.append(",\"format\":\"anthropic-claude-v1\",\"index\":0}]")
    }

    private func appendCalls(to body: inout [UInt8]) {
        guard !calls.isEmpty else { return }
        body.append(",\"tool_calls\":[")
        for (index, call) in calls.enumerated() {
            if index > 0 { body.append(",") }
            body.append("{\"type\":\"function\",\"index\":")
            body.append(decimal: index)
            body.append(",\"id\":")
            body.append(jsonString: completion.toolCallID(index))
            body.append(",\"function\":{\"name\":")
            body.append(jsonString: call.name)
            body.append(",\"arguments\":")
            body.append(jsonString: call.arguments)
            body.append("}}")
        }
        body.append("]")
    }
}
