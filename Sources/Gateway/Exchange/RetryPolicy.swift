// What is done about a failure of the upstream while the client has no content yet. This is the one
// place that decides it: a pure table of the failure's kind, of what has been tried before, and of
// what is left to try. Whoever executes a decision tells the history.
//
// | failure                                   | then                                              |
// |-------------------------------------------|---------------------------------------------------|
// | the upstream has named what would help    | once each, the request changed so; else as below  |
// | unreachable, unanswered                   | once more                                         |
// | unavailable, overloaded, a bad answer     | once more, unless the upstream says not to, or    |
// |                                           | when                                              |
// | an empty answer                           | once more                                         |
// | all others                                | reported                                          |

import Translation

/// The decision over what follows a failure.
enum RetryPolicy {
    enum Decision: Equatable {
        /// Ask the same candidate again, the request changed by the first of these that changes it.
        case repair([UpstreamRemedy])
        /// Ask the same candidate the same again.
        case again
        /// The client hears of it.
        case report
    }

    /// What has been done about earlier failures of the request.
    struct History: Equatable {
        /// How often the upstream was asked again.
        private(set) var retries = 0
        private var causes: Set<Cause> = []
        private var remedies: Set<UpstreamRemedy> = []

        init() {}

        /// The upstream is asked the same again because of `failure`.
        mutating func note(_ failure: UpstreamFailure) {
            noteRetry()
            if let cause = Cause(failure) { causes.insert(cause) }
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

        fileprivate func has(_ cause: Cause) -> Bool { causes.contains(cause) }

        fileprivate func has(_ remedy: UpstreamRemedy) -> Bool { remedies.contains(remedy) }
    }

    /// What is left to change about the request.
    struct Request {
        /// The answer's length that it asks for.
        var answerTokens: Int
        /// Whether it is still there to be translated again.
        var isRepeatable: Bool
    }

    /// What a retry is for. Each is good for one.
    fileprivate enum Cause: Hashable {
        case connection, availability, content

        /// Nil where asking again is of no use.
        init?(_ failure: UpstreamFailure) {
            switch failure.kind {
            case .unreachable, .unanswered: self = .connection
            case .unavailable, .overloaded, .badAnswer: self = .availability
            case .emptyAnswer: self = .content
            case .requestFault, .contextTooLong, .contentRefused, .modelMissing, .keyRefused,
                .notPermitted, .outOfCredit, .rateLimited, .internalFault, .timeout,
                .brokenAnswer, .misconfigured, .noSocket, .noMemory, .shuttingDown:
                return nil
            }
        }
    }

    /// What follows `failure`.
    static func decide(
        after failure: UpstreamFailure, history: History, request: Request
    ) -> Decision {
        guard request.isRepeatable, history.retries < Limits.retriesMax else { return .report }
        let remedies = failure.remedies.prefix(remediesMax).filter {
            !history.has($0) && isWorthwhile($0, request)
        }
        if !remedies.isEmpty { return .repair(Array(remedies)) }
        guard let cause = Cause(failure), !history.has(cause), isWorthwhile(failure) else {
            return .report
        }
        return .again
    }

    /// What is tried of what a refusal suggests: each costs a translation.
    private static let remediesMax = 4

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
            .stopReasoningWithTools, .askByResponses, .askByChat:
            true
        }
    }

    /// Whether the upstream may do better at once.
    private static func isWorthwhile(_ failure: UpstreamFailure) -> Bool {
        guard failure.error.shouldRetry != false else { return false }
        return failure.kind != .overloaded || failure.error.retryAfter == nil
    }
}
