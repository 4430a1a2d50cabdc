// Answers in OpenAI's Responses API. Events have no `sequence_number`, since a scenario may repeat one.
import Translation

/// Writes the events of a stream of the Responses API, and whole responses.
struct ResponsesVocabulary: BlockVocabulary {
    private let generation: Int
    private let model: String

    init(_ completion: Completion) {
        generation = completion.generation
        model = completion.model
    }

    func opening() -> [UInt8] {
        let response = response("in_progress")
        return ["response.created", "response.in_progress"].flatMap { type in
            Self.event(type, [("response", response)])
        }
    }

    func begin(_ block: AnswerBlock) -> [UInt8] {
        let empty = AnswerBlock(kind: block.kind, index: block.index)
        let added = Self.event(
            "response.output_item.added",
            [place(block), ("item", item(empty, status: "in_progress"))])
        switch block.kind {
        case .text:
            return added
                + Self.event(
                    "response.content_part.added", parts(block) + [("part", textPart(""))])
        case .reasoning:
            return added
                + Self.event(
                    "response.reasoning_summary_part.added",
                    parts(block) + [("part", summaryPart(""))])
        case .toolCall: return added
        }
    }

    func delta(_ piece: String, of block: AnswerBlock) -> [UInt8] {
        Self.event(
            "\(Self.growth(of: block)).delta", parts(block) + [("delta", Self.string(piece))])
    }

    func end(_ block: AnswerBlock) -> [UInt8] {
        let done = "\(Self.growth(of: block)).done"
        let whole = Self.string(block.content)
        let last = Self.event(
            "response.output_item.done",
            [place(block), ("item", item(block, status: "completed"))])
        switch block.kind {
        case .text:
            return Self.event(done, parts(block) + [("text", whole)])
                + Self.event(
                    "response.content_part.done",
                    parts(block) + [("part", textPart(block.content))]) + last
        case .reasoning:
            return Self.event(done, parts(block) + [("text", whole)])
                + Self.event(
                    "response.reasoning_summary_part.done",
                    parts(block) + [("part", summaryPart(block.content))]) + last
        case .toolCall: return Self.event(done, parts(block) + [("arguments", whole)]) + last
        }
    }

    func finish(_ reason: FinishReason, _ completion: Completion) -> [UInt8] { [] }

    func done(
        _ reason: FinishReason, _ blocks: [AnswerBlock], _ completion: Completion
    ) -> [UInt8] {
        Self.event(
            "response.\(Self.status(of: reason))",
            [("response", body(reason, blocks, completion))])
    }

    func failure(_ failure: Failure) -> [UInt8] {
        let error = Self.object([
            ("code", Self.string(failure.code == 429 ? "rate_limit_exceeded" : "server_error")),
            ("message", Self.string(failure.message)),
        ])
        return Self.event(
            "response.failed", [("response", response("failed", [("error", error)]))])
    }

    func keepAlive() -> [UInt8] { Array(": keep-alive\n\n".utf8) }

    func body(
        _ reason: FinishReason, _ blocks: [AnswerBlock], _ completion: Completion
    ) -> [UInt8] {
        var members: [Member] = []
        if reason == .length || reason == .contentFilter {
            let word = reason == .length ? "max_output_tokens" : "content_filter"
            members.append(("incomplete_details", Self.object([("reason", Self.string(word))])))
        }
        let usage =
            "{\"input_tokens\":\(completion.promptTokens),"
            + "\"input_tokens_details\":{\"cached_tokens\":0},"
            + "\"output_tokens\":\(completion.completionTokens),"
            + "\"output_tokens_details\":{\"reasoning_tokens\":0},"
            + "\"total_tokens\":\(completion.promptTokens + completion.completionTokens)}"
        members.append(("usage", Array(usage.utf8)))
        return response(
            Self.status(of: reason), members,
            output: blocks.map { item($0, status: "completed") })
    }

    // MARK: Pieces

    private typealias Member = (name: StaticString, json: [UInt8])

    private static func status(of reason: FinishReason) -> String {
        reason == .length || reason == .contentFilter ? "incomplete" : "completed"
    }

    /// What the events are called by which a block grows.
    private static func growth(of block: AnswerBlock) -> String {
        switch block.kind {
        case .text: "response.output_text"
        case .reasoning: "response.reasoning_summary_text"
        case .toolCall: "response.function_call_arguments"
        }
    }

    private func response(
        _ status: String, _ more: [Member] = [], output: [[UInt8]] = []
    ) -> [UInt8] {
        Self.object(
            [
                ("id", Self.string("resp_sim_\(generation)")),
                ("object", Self.string("response")), ("created_at", Array("1767225600".utf8)),
                ("status", Self.string(status)), ("model", Self.string(model)),
                ("output", Self.list(output)),
            ] + more)
    }

    private func place(_ block: AnswerBlock) -> Member {
        ("output_index", Array("\(block.index)".utf8))
    }

    /// The item, and the part of it that there is.
    private func parts(_ block: AnswerBlock) -> [Member] {
        let item: [Member] = [("item_id", Self.string(id(block))), place(block)]
        switch block.kind {
        case .text: return item + [("content_index", Array("0".utf8))]
        case .reasoning: return item + [("summary_index", Array("0".utf8))]
        case .toolCall: return item
        }
    }

    private func id(_ block: AnswerBlock) -> String {
        switch block.kind {
        case .text: "msg_sim_\(generation)_\(block.index)"
        case .reasoning: "rs_sim_\(generation)_\(block.index)"
        case .toolCall: "fc_sim_\(generation)_\(block.index)"
        }
    }

    private func textPart(_ text: String) -> [UInt8] {
        Self.object([
            ("type", Self.string("output_text")), ("text", Self.string(text)),
            ("annotations", Self.list([])),
        ])
    }

    private func summaryPart(_ text: String) -> [UInt8] {
        Self.object([("type", Self.string("summary_text")), ("text", Self.string(text))])
    }

    private func item(_ block: AnswerBlock, status: String) -> [UInt8] {
        let isDone = status == "completed"
        var members: [Member] = [("id", Self.string(id(block)))]
        switch block.kind {
        case .text:
            members += [
                ("type", Self.string("message")), ("status", Self.string(status)),
                ("role", Self.string("assistant")),
                ("content", Self.list(isDone ? [textPart(block.content)] : [])),
            ]
        case .reasoning:
            members += [
                ("type", Self.string("reasoning")),
                ("summary", Self.list(isDone ? [summaryPart(block.content)] : [])),
            ]
            if isDone {
                members.append(("encrypted_content", Self.string(block.signature)))
            }
        case .toolCall(let name):
            members += [
                ("type", Self.string("function_call")), ("status", Self.string(status)),
                ("call_id", Self.string("call_sim_\(generation)_\(block.index)")),
                ("name", Self.string(name)), ("arguments", Self.string(block.content)),
            ]
        }
        return Self.object(members)
    }

    private static func event(_ type: String, _ members: [Member]) -> [UInt8] {
        Array("event: \(type)\ndata: ".utf8) + object([("type", string(type))] + members)
            + Array("\n\n".utf8)
    }

    private static func string(_ text: String) -> [UInt8] {
        var json: [UInt8] = []
        json.append(jsonString: text)
        return json
    }

    private static func list(_ elements: [[UInt8]]) -> [UInt8] {
        Array("[".utf8) + Array(elements.joined(separator: Array(",".utf8))) + Array("]".utf8)
    }

    private static func object(_ members: [Member]) -> [UInt8] {
        var json: [UInt8] = []
        for (index, member) in members.enumerated() {
            json.append(index == 0 ? "{\"" : ",\"")
            json.append(member.name)
            json.append("\":")
            json.append(contentsOf: member.json)
        }
        json.append("}")
        return json
    }
}
