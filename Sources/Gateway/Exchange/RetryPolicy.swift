// What is done about a failure of the upstream while the client has no content yet. This is the one
// place that decides it: a pure table of the failure's kind, of what has been tried before, and of
// what is left to try. Whoever executes a decision tells the history.
//
// | failure                              | the same again | another key | the next model, if set so |
// |--------------------------------------|----------------|-------------|---------------------------|
// | the upstream has named what helps    | changed, once  | then as below                           |
// | no connection, connection lost       | once           |             | unavailable               |
// | no connection in time, certificate   |                |             | unavailable               |
// | 502, 503, a bad or an empty answer   | once           |             | unavailable               |
// | 500, 504, 529, silence, broken off   |                |             | unavailable               |
// | model missing, misconfigured         |                |             | unavailable               |
// | key refused, no credit, rate limit   |                | yes         | limit                     |
// | prompt too long                      |                |             | context, to a larger one  |
// | content refused, not permitted       |                |             | policy                    |
// | request refused, our own trouble     |                |             |                           |
//
// The same is asked once again at most, a moment later, if the upstream does not say no and its retry
// budget has something left.

import Translation

/// The decision over what follows a failure.
enum RetryPolicy {
    enum Decision: Equatable {
        /// Ask the same candidate again, the request changed by the first of these that changes it.
        case repair([UpstreamRemedy])
        /// Ask elsewhere, as these moves allow; else the client hears of it.
        case move(Moves)
        /// The client hears of it.
        case report
    }

    /// What may be tried, in this order.
    struct Moves: Equatable {
        /// Ask the same candidate the same again.
        var same = false
        /// Ask with another key.
        var key = false
        /// Ask the next model, if that is set for this cause.
        var next: Configuration.FallbackCause?
    }

    /// What has been done about earlier failures of the request.
    struct History: Equatable {
        /// How often an upstream was asked again.
        private(set) var retries = 0
        private(set) var hasRepeated = false
        private var remedies: Set<UpstreamRemedy> = []

        init() {}

        /// The same was asked again.
        mutating func noteRepeat() {
            noteRetry()
            hasRepeated = true
        }

        /// Somebody else was asked; what the one before objected to says nothing of this one.
        mutating func noteMove() {
            noteRetry()
            remedies = []
        }

        /// A remedy is tried. It is a retry only if it changes the request.
        mutating func note(_ remedy: UpstreamRemedy, changesRequest: Bool) {
            remedies.insert(remedy)
            if changesRequest { noteRetry() }
        }

        private mutating func noteRetry() {
            precondition(retries < Limits.retriesMax, "the policy has a limit")
            retries += 1
        }

        fileprivate func has(_ remedy: UpstreamRemedy) -> Bool { remedies.contains(remedy) }
    }

    /// What is left to change about the request.
    struct Request {
        /// The answer's length that it asks for.
        var answerTokens: Int
        /// Whether it is still there to be translated again.
        var isRepeatable: Bool
    }

    /// What follows `failure`.
    ///
    /// - Parameter transfer: what has become of the connection, if that is the failure.
    static func decide(
        after failure: UpstreamFailure, _ transfer: TransferFailure.Kind? = nil,
        history: History, request: Request
    ) -> Decision {
        guard request.isRepeatable, history.retries < Limits.retriesMax else { return .report }
        let remedies = failure.remedies.prefix(remediesMax).filter {
            !history.has($0) && isWorthwhile($0, request)
        }
        if !remedies.isEmpty { return .repair(Array(remedies)) }
        var moves = moves(after: failure.kind, failure.status, transfer)
        if history.hasRepeated || failure.error.shouldRetry == false || namesTime(failure) {
            moves.same = false
        }
        return moves == Moves() ? .report : .move(moves)
    }

    /// What is tried of what a refusal suggests: each costs a translation.
    private static let remediesMax = 4

    private static func moves(
        after kind: FailureKind, _ status: Int, _ transfer: TransferFailure.Kind?
    ) -> Moves {
        switch kind {
        case .unreachable: Moves(same: transfer != .connectTimeout, next: .unavailable)
        case .unanswered, .unavailable, .badAnswer, .emptyAnswer:
            Moves(same: true, next: .unavailable)
        // 529 and its like say that it is too much; 503 may be a restart.
        case .overloaded: Moves(same: status == 503, next: .unavailable)
        case .internalFault, .timeout, .brokenAnswer, .modelMissing, .misconfigured:
            Moves(next: .unavailable)
        case .keyRefused, .outOfCredit, .rateLimited: Moves(key: true, next: .limit)
        case .contextTooLong: Moves(next: .context)
        case .contentRefused, .notPermitted: Moves(next: .policy)
        case .requestFault, .noSocket, .noMemory, .shuttingDown: Moves()
        }
    }

    /// An answer is asked for shorter only if it stays worth having.
    private static func isWorthwhile(_ remedy: UpstreamRemedy, _ request: Request) -> Bool {
        switch remedy {
        case .lowerMaxTokens(let tokens):
            tokens >= min(Limits.answerTokensMin, request.answerTokens)
                && tokens < request.answerTokens
        case .raiseMaxTokens(let tokens):
            tokens > request.answerTokens
        case .dropParameter, .dropValue, .dropTopPBesideTemperature, .dropReasoning,
            .keepReasoning, .returnReasoning, .dropStrict, .dropPatterns, .dropImages, .foldSystem,
            .stopReasoningWithTools, .dropBetas, .askByResponses, .askByChat:
            true
        }
    }

    /// Whether the upstream says when to ask again.
    private static func namesTime(_ failure: UpstreamFailure) -> Bool {
        failure.kind == .overloaded && failure.error.retryAfter != nil
    }
}
