// What is known of a request when it is over: one value that becomes one log record and feeds the
// counters. It never holds text of the conversation, nor anything secret.

package import Translation

/// The account of one request.
package struct RequestRecord: Sendable {
    /// How the request ended.
    package enum Outcome: String, Sendable {
        /// Answered as it should be.
        case completed
        /// Refused or failed with a status before the answer began.
        case failed
        /// Failed after the answer had begun: the client got `event: error`.
        case interrupted
        /// The client went away.
        case cancelled
    }

    package var requestID: [UInt8] = []
    package var method = ""
    /// When its first byte came.
    package var receivedAt: MonotonicTime = .zero
    /// The path without its query, at most 128 bytes.
    package var path: [UInt8] = []
    package var client: String = ""
    package var userAgent: [UInt8] = []
    package var outcome: Outcome = .completed
    /// The status sent, 0 when none was.
    package var status = 0
    /// The kind of the upstream's failure, if that is why.
    package var failure: FailureKind?
    /// Type and message of the error the client got; of the message, at the end, what a log may hold.
    package var errorType: APIErrorType?
    package var errorMessage: String?

    package var isStreaming = false
    package var requestedModel: [UInt8] = []
    package var upstreamModel: [UInt8] = []
    package var provider: [UInt8] = []
    /// The upstream's identifier of the answer, for its own logs and bills.
    package var generationID: [UInt8] = []
    package var sessionHash: [UInt8] = []
    package var stopReason: String?
    package var inputTokens = 0
    package var outputTokens = 0
    package var cacheReadTokens = 0
    package var cacheWriteTokens = 0
    package var reasoningTokens = 0
    /// US dollars as the upstream writes them.
    package var cost: [UInt8] = []
    /// Whether the cost is ours to tell, from the list of prices and the tokens used.
    package var isCostListed = false
    /// What caching has saved; nil when prices are not known.
    package var cacheSaving: MoneyAmount?
    /// Where the prompt does not go on from the session's last turn.
    package var divergence: PromptDivergence?
    /// Names of fields that the translation left out.
    package var dropped: [String] = []
    /// What its refusals have taught.
    package var lessons: [String] = []
    /// How often the upstream was asked again.
    package var retries = 0
    /// The name of the upstream that was asked last; empty when none was.
    package var upstream = ""
    /// Who was asked first, and why not last; empty when the first has answered.
    package var fallbackFrom = ""
    package var fallbackReason: FailureKind?
    /// The rule that has chosen the models.
    package var route = ""
    /// What the client says of who asks; nil if nothing.
    package var hints: RequestHints?

    package var requestBytes = 0
    package var responseBytes = 0
    package var duration: Duration = .zero
    /// From the complete request to the first event with content.
    package var timeToFirstToken: Duration?

    package init() {}

    /// Whether it is a sign of life that was asked for and given: monitoring asks every few seconds.
    package var isProbe: Bool {
        status == 200 && path.elementsEqual("/health".utf8)
    }

    /// Takes note of what the answer has cost, and caches have saved.
    mutating func notePrice(
        of usage: TokenUsage, by prices: ModelPrices?, cachesForAnHour: Bool
    ) {
        cost = usage.cost
        guard let prices, usage.prompt > 0 || usage.output > 0 else { return }
        cacheSaving = prices.saving(of: usage, cachesForAnHour: cachesForAnHour)
        guard usage.cost.isEmpty else { return }
        isCostListed = true
        cost = Array(
            prices.cost(of: usage, cachesForAnHour: cachesForAnHour).description.utf8)
    }

    /// Leaves of what peers wrote what a log may hold: no request can fill it, and no error that
    /// quotes a conversation.
    mutating func cutTexts(to bytesMax: Int) {
        Self.cut(&requestedModel, to: bytesMax)
        Self.cut(&upstreamModel, to: bytesMax)
        Self.cut(&provider, to: bytesMax)
        Self.cut(&generationID, to: bytesMax)
        Self.cut(&cost, to: bytesMax)
        errorMessage = errorMessage.flatMap(ErrorSummary.text)
    }

    private static func cut(_ text: inout [UInt8], to bytesMax: Int) {
        if text.count > bytesMax { text.removeSubrange(bytesMax...) }
    }
}
