// The language of scenarios: what a model's server does, whether it streams or not. Renderers turn
// acts into steps, which are bytes and pauses.

/// One thing that a simulated model does.
enum Act {
    /// The response's head, status 200. Before it a client sees nothing; acts that need it make it.
    case head
    /// Nothing, for a while.
    case wait(Duration)
    /// A sign of life: a comment in a stream, white space before a JSON body.
    case keepAlive
    /// A piece of the answer, so many times, each after a pause.
    case text(String, times: Int = 1, every: Duration = .zero)
    /// A piece of reasoning.
    case reasoning(String)
    /// What proves the reasoning, when it is sent back.
    case signature(String)
    /// A call of a tool; the arguments are JSON in pieces.
    case toolCall(name: String, arguments: [String])
    /// The end of the answer.
    case finish(FinishReason, withUsage: Bool = false)
    /// The token counts.
    case usage(UsageForm)
    /// From here on every chunk has the token counts so far.
    case usageOnEveryChunk
    /// An error after the 200 of the head.
    case failure(Failure)
    /// `data: [DONE]`.
    case done
    /// From here on a JSON body, whatever the request asked for.
    case asBody
    /// Nothing more, for ever.
    case stall
    /// The connection ends within the body.
    case cut
    /// The connection is reset; what was not sent yet is lost.
    case reset
    /// A whole response instead of a completion.
    case respond(CannedResponse)
}

/// Why an answer ends: OpenRouter's word, and the provider's.
enum FinishReason: String {
    case stop
    case length
    case toolCalls = "tool_calls"
    case contentFilter = "content_filter"
    case error

    /// As Anthropic's models behind OpenRouter say it.
    var native: String {
        switch self {
        case .stop: "end_turn"
        case .length: "max_tokens"
        case .toolCalls: "tool_use"
        case .contentFilter: "refusal"
        case .error: "error"
        }
    }
}

/// The chunk that has the token counts, when it is one of its own.
enum UsageForm {
    /// With a choice that repeats the finish reason: OpenRouter.
    case repeatingFinish
    /// Without a choice: OpenAI.
    case emptyChoices
}

/// An error as OpenRouter reports it.
struct Failure {
    var code: Int
    var message: String
    /// One of OpenRouter's `error_type` words.
    var type: String
}

/// What the player does; text and framing are ready.
enum Step {
    case head(CannedHead)
    case wait(Duration)
    /// Body bytes, so many times, each after a pause.
    case send([UInt8], times: Int, every: Duration)
    case stall
    case cut
    case reset
    case respond(CannedResponse)
}
