// What both renderers know of one completion: who it is, and what it has cost.
import Translation

/// The identity and the counts of one completion.
struct Completion {
    /// Names the completion, also in the head.
    let id: String
    /// Counts completions; tool call ids contain it.
    let generation: Int
    let model: String
    let promptTokens: Int
    /// One a piece of text: predictable, and enough for a test to recognise.
    var completionTokens = 0

    /// 1 January 2026: the simulator tells no date, so that its bytes are always the same.
    private static let created = 1_767_225_600

    init(_ request: ModelRequest, generation: Int) {
        id = "gen-sim-\(generation)"
        self.generation = generation
        model = request.model
        promptTokens = request.promptTokens
    }

    /// `{"id":…,` up to `"choices":[`.
    func opening(object: StaticString) -> [UInt8] {
        var text: [UInt8] = []
        text.append("{\"id\":")
        text.append(jsonString: id)
        text.append(",\"object\":\"")
        text.append(object)
        text.append("\",\"created\":")
        text.append(decimal: Self.created)
        text.append(",\"model\":")
        text.append(jsonString: model)
        text.append(",\"provider\":\"Simulator\",\"choices\":[")
        return text
    }

    /// `"usage":{…}`.
    var usage: [UInt8] {
        var text: [UInt8] = []
        text.append("\"usage\":{\"prompt_tokens\":")
        text.append(decimal: promptTokens)
        text.append(",\"completion_tokens\":")
        text.append(decimal: completionTokens)
        text.append(",\"total_tokens\":")
        text.append(decimal: promptTokens + completionTokens)
        text.append(",\"cost\":0,\"is_byok\":false,\"prompt_tokens_details\":{\"cached_tokens\":0}")
        text.append(",\"completion_tokens_details\":{\"reasoning_tokens\":0}}")
        return text
    }

    /// The id of a tool call, which is like no other's.
    func toolCallID(_ index: Int) -> String { "call_sim_\(generation)_\(index)" }
}

extension [UInt8] {
    /// Appends `"finish_reason":…,"native_finish_reason":…`.
    mutating func append(_ finish: FinishReason?) {
        guard let finish else {
            append("\"finish_reason\":null,\"native_finish_reason\":null")
            return
        }
        append("\"finish_reason\":")
        append(jsonString: finish.rawValue)
        append(",\"native_finish_reason\":")
        append(jsonString: finish.native)
    }

    /// Appends `"error":{…}`.
    mutating func append(_ failure: Failure) {
        append("\"error\":{\"code\":")
        append(decimal: failure.code)
        append(",\"message\":")
        append(jsonString: failure.message)
        append(",\"metadata\":{\"error_type\":")
        append(jsonString: failure.type)
        append("}}")
    }
}
