// What the response side must know of the request it answers. The request translator fills it in
// while it makes the upstream body; the stream translator reads it.

/// The facts of a translated request that its response depends on.
package struct RequestFacts: Sendable {
    /// The model as the client named it, decoded.
    package var requestedModel: [UInt8] = []
    /// Whether the client asked for events; otherwise it gets one message.
    package var isStreaming = false
    /// The client's `max_tokens`.
    package var maxTokens = 0
    /// The client's `stop_sequences`, decoded.
    package var stopSequences: [[UInt8]] = []
    /// Tool names that had to be changed for the upstream, by their upstream form.
    package var clientToolNames: [[UInt8]: [UInt8]] = [:]
    /// Tool-call ids that stand in the conversation already, in the client's form: a response must
    /// not use them again.
    package var usedToolIDs: Set<[UInt8]> = []
    /// Whether the client wants thinking blocks without their text (`display: "omitted"`).
    package var omitsThinkingText = false
    /// Whether a web search was offered to the upstream as a server tool.
    package var offersWebSearch = false
    /// How long written cache entries live, for the split in `cache_creation`.
    package var cachesForAnHour = false

    package init() {}
}
