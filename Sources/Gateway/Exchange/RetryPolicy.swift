// What is done about a failure of the upstream while the client has no content yet. This is the one
// place that decides it: a pure table of the failure's kind, of what has been tried before, and of
// what is left to try. Whoever executes a decision tells the history.
//
// | failure                                   | then                                              |
// |-------------------------------------------|---------------------------------------------------|
// | the upstream has named what would help    | once each, the request changed so; else reported  |
// | unreachable, unanswered                   | once more                                         |
// | unavailable, overloaded, a bad answer     | once more, unless the upstream says not to, or    |
// |                                           | when                                              |
// | an empty answer                           | once more                                         |
// | all others                                | reported                                          |

import Translation

/// The decision over what follows a failure.
enum RetryPolicy {
    enum Decision: Equatable {
        /// Ask the same candidate again, the request changed by this.
        case repair(UpstreamRemedy)
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

        init() {}

        /// The upstream is asked again because of `failure`.
        mutating func note(_ failure: UpstreamFailure) {
            precondition(retries < Limits.retriesMax, "the policy has a limit")
            retries += 1
            if let cause = Cause(failure) { causes.insert(cause) }
        }

        fileprivate func has(_ cause: Cause) -> Bool { causes.contains(cause) }
    }

    /// What is left to change about the request.
    struct Request {
        /// What it does without already.
        var omittedFields: Set<String> = []
        /// The answer's length that it asks for.
        var answerTokens: Int
        /// Whether it is still there to be translated again.
        var isRepeatable: Bool
    }

    /// What a retry is for. Each is good for one.
    fileprivate enum Cause: Hashable {
        case connection, availability, content, reasoning, strictness, length, parameter(String)

        /// Nil where asking again is of no use.
        init?(_ failure: UpstreamFailure) {
            switch failure.remedy {
            case .dropParameter(let name): self = .parameter(name)
            case .dropReasoning: self = .reasoning
            case .dropStrict: self = .strictness
            case .lowerMaxTokens: self = .length
            case .none:
                switch failure.kind {
                case .unreachable, .unanswered: self = .connection
                case .unavailable, .overloaded, .badAnswer: self = .availability
                case .emptyAnswer: self = .content
                case .requestFault, .contextTooLong, .contentRefused, .modelMissing, .keyRefused,
                    .notPermitted, .outOfCredit, .rateLimited, .internalFault, .timeout,
                    .brokenAnswer, .misconfigured, .noSocket, .shuttingDown:
                    return nil
                }
            }
        }
    }

    /// What follows `failure`.
    static func decide(
        after failure: UpstreamFailure, history: History, request: Request
    ) -> Decision {
        guard request.isRepeatable, history.retries < Limits.retriesMax,
            let cause = Cause(failure), !history.has(cause)
        else { return .report }
        switch failure.remedy {
        case .dropParameter(let name):
            guard !request.omittedFields.contains(name) else { return .report }
        case .lowerMaxTokens(let tokens):
            guard tokens >= Limits.answerTokensMin, tokens < request.answerTokens else {
                return .report
            }
        case .dropReasoning, .dropStrict: break
        case .none: return isWorthwhile(failure) ? .again : .report
        }
        return .repair(failure.remedy)
    }

    /// Whether the upstream may do better at once.
    private static func isWorthwhile(_ failure: UpstreamFailure) -> Bool {
        guard failure.error.shouldRetry != false else { return false }
        return failure.kind != .overloaded || failure.error.retryAfter == nil
    }
}
