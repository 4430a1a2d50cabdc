// Answers in Anthropic's Messages API, as OpenRouter and others serve it.
import Translation

/// Writes the events of a stream of the Messages API, and whole messages.
struct MessagesVocabulary: BlockVocabulary {
    private let head: [UInt8]
    private let generation: Int
    private let inputTokens: Int

    init(_ completion: Completion) {
        generation = completion.generation
        var head: [UInt8] = []
        head.append("{\"id\":")
        head.append(jsonString: "msg_sim_\(completion.generation)")
        head.append(",\"type\":\"message\",\"role\":\"assistant\",\"model\":")
        head.append(jsonString: completion.model)
        head.append(",\"content\":[")
        self.head = head
        inputTokens = completion.promptTokens
    }

    func opening() -> [UInt8] {
        var text = Self.event("message_start")
        text.append(",\"message\":")
        text.append(contentsOf: head)
        text.append("],\"stop_reason\":null,\"stop_sequence\":null,")
        appendUsage(outputTokens: 1, to: &text)
        text.append("}")
        return Self.ended(text)
    }

    func begin(_ block: AnswerBlock) -> [UInt8] {
        var text = Self.event("content_block_start", block)
        text.append(",\"content_block\":")
        append(AnswerBlock(kind: block.kind, index: block.index), to: &text)
        return Self.ended(text)
    }

    func delta(_ piece: String, of block: AnswerBlock) -> [UInt8] {
        var text = Self.event("content_block_delta", block)
        switch block.kind {
        case .text: text.append(",\"delta\":{\"type\":\"text_delta\",\"text\":")
        case .reasoning: text.append(",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":")
        case .toolCall: text.append(",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":")
        }
        text.append(jsonString: piece)
        text.append("}")
        return Self.ended(text)
    }

    func end(_ block: AnswerBlock) -> [UInt8] {
        var text: [UInt8] = []
        if !block.signature.isEmpty {
            text = Self.event("content_block_delta", block)
            text.append(",\"delta\":{\"type\":\"signature_delta\",\"signature\":")
            text.append(jsonString: block.signature)
            text.append("}")
            text = Self.ended(text)
        }
        return text + Self.ended(Self.event("content_block_stop", block))
    }

    func finish(_ reason: FinishReason, _ completion: Completion) -> [UInt8] {
        var text = Self.event("message_delta")
        text.append(",\"delta\":{\"stop_reason\":")
        text.append(jsonString: reason.native)
        text.append(",\"stop_sequence\":null},\"usage\":{\"output_tokens\":")
        text.append(decimal: completion.completionTokens)
        text.append("}")
        return Self.ended(text)
    }

    func done(
        _ reason: FinishReason, _ blocks: [AnswerBlock], _ completion: Completion
    ) -> [UInt8] {
        Self.ended(Self.event("message_stop"))
    }

    func failure(_ failure: Failure) -> [UInt8] {
        var text = Self.event("error")
        text.append(",\"error\":{\"type\":")
        text.append(jsonString: Self.errorType(of: failure.code))
        text.append(",\"message\":")
        text.append(jsonString: failure.message)
        text.append("}")
        return Self.ended(text)
    }

    /// Anthropic's word for a status.
    static func errorType(of status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 429: "rate_limit_error"
        case 529: "overloaded_error"
        case 400..<500: "invalid_request_error"
        default: "api_error"
        }
    }

    func keepAlive() -> [UInt8] { Self.ended(Self.event("ping")) }

    func body(
        _ reason: FinishReason, _ blocks: [AnswerBlock], _ completion: Completion
    ) -> [UInt8] {
        var text = head
        for block in blocks {
            if block.index > 0 { text.append(",") }
            append(block, to: &text)
        }
        text.append("],\"stop_reason\":")
        text.append(jsonString: reason.native)
        text.append(",\"stop_sequence\":null,")
        appendUsage(outputTokens: completion.completionTokens, to: &text)
        text.append("}")
        return text
    }

    private func append(_ block: AnswerBlock, to text: inout [UInt8]) {
        switch block.kind {
        case .text:
            text.append("{\"type\":\"text\",\"text\":")
            text.append(jsonString: block.content)
        case .reasoning:
            text.append("{\"type\":\"thinking\",\"thinking\":")
            text.append(jsonString: block.content)
            text.append(",\"signature\":")
            text.append(jsonString: block.signature)
        case .toolCall(let name):
            text.append("{\"type\":\"tool_use\",\"id\":")
            text.append(jsonString: "toolu_sim_\(generation)_\(block.index)")
            text.append(",\"name\":")
            text.append(jsonString: name)
            text.append(",\"input\":")
            text.append(
                contentsOf: block.content.isEmpty ? Array("{}".utf8) : Array(block.content.utf8))
        }
        text.append("}")
    }

    private func appendUsage(outputTokens: Int, to text: inout [UInt8]) {
        text.append("\"usage\":{\"input_tokens\":")
        text.append(decimal: inputTokens)
        text.append(
            ",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":")
        text.append(decimal: outputTokens)
        text.append("}")
    }

    /// An event up to its type, and the block it is of.
    private static func event(_ type: String, _ block: AnswerBlock? = nil) -> [UInt8] {
        var text = Array("event: \(type)\ndata: {\"type\":\"\(type)\"".utf8)
        if let block {
            text.append(",\"index\":")
            text.append(decimal: block.index)
        }
        return text
    }

    private static func ended(_ text: [UInt8]) -> [UInt8] { text + Array("}\n\n".utf8) }
}
