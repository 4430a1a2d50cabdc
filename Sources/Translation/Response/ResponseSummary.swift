// What is worth knowing of a response once it is over: for the log record, the metrics, and the
// decision about a retry.

/// A response in figures.
package struct ResponseSummary: Sendable {
    /// The token counts, estimated where the upstream gave none.
    package var usage = TokenUsage()
    /// Why the message ended; nil while it has not.
    package var stopReason: StopReason?
    /// The upstream's id of the response (OpenRouter: the generation id), decoded.
    package var upstreamID: [UInt8] = []
    /// The model that the upstream says has answered, decoded.
    package var upstreamModel: [UInt8] = []
    /// The provider behind the gateway, decoded.
    package var provider: [UInt8] = []
    /// How many events the upstream sent.
    package var events = 0
    /// How many blocks the message has.
    package var blocks = 0
    /// How many of the blocks are tool calls.
    package var toolCalls = 0
    /// How many bytes of text, reasoning and arguments came, as they stand in JSON.
    package var contentBytes = 0
}
