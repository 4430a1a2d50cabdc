// The table of what follows a failure, row by row.

import Testing
import Translation

@testable import Gateway

@Suite("What follows a failure") struct RetryPolicyTests {
    typealias Decision = RetryPolicy.Decision

    private static func failure(
        _ kind: FailureKind, _ remedies: UpstreamRemedy..., retryAfter: Int? = nil,
        shouldRetry: Bool? = nil
    ) -> UpstreamFailure {
        let error = APIError(
            status: 500, type: .api, message: "", retryAfter: retryAfter, shouldRetry: shouldRetry)
        return UpstreamFailure(kind, error: error, remedies: remedies)
    }

    private static func decide(
        _ failure: UpstreamFailure, after earlier: [UpstreamFailure] = [],
        answerTokens: Int = 8000, isRepeatable: Bool = true
    ) -> Decision {
        var history = RetryPolicy.History()
        for one in earlier {
            for remedy in one.remedies { history.note(remedy, changesRequest: true) }
            if one.remedies.isEmpty { history.note(one) }
        }
        return RetryPolicy.decide(
            after: failure, history: history,
            request: .init(answerTokens: answerTokens, isRepeatable: isRepeatable))
    }

    // MARK: Kinds

    static let once: Set<FailureKind> = [
        .unreachable, .unanswered, .unavailable, .overloaded, .badAnswer, .emptyAnswer,
    ]

    @Test("Every kind has its row", arguments: FailureKind.allCases)
    func kinds(_ kind: FailureKind) {
        let failure = Self.failure(kind)
        let isOnce = Self.once.contains(kind)
        #expect(Self.decide(failure) == (isOnce ? .again : .report))
        if isOnce { #expect(Self.decide(failure, after: [failure]) == .report) }
    }

    @Test func twoNamesForOneCauseAreOneRetry() {
        let unreachable = Self.failure(.unreachable)
        let unanswered = Self.failure(.unanswered)
        #expect(Self.decide(unanswered, after: [unreachable]) == .report)
        let unavailable = Self.failure(.unavailable)
        #expect(Self.decide(Self.failure(.badAnswer), after: [unavailable]) == .report)
        #expect(Self.decide(unavailable, after: [unreachable]) == .again)
    }

    @Test func anUpstreamThatNamesATimeIsNotAskedBefore() {
        #expect(Self.decide(Self.failure(.overloaded, retryAfter: 5)) == .report)
        #expect(Self.decide(Self.failure(.unavailable, retryAfter: 5)) == .again)
    }

    @Test(arguments: [FailureKind.overloaded, .unavailable])
    func anUpstreamThatSaysNotToIsNotAskedAgain(_ kind: FailureKind) {
        #expect(Self.decide(Self.failure(kind, shouldRetry: false)) == .report)
    }

    // MARK: Repairs

    @Test(arguments: [
        UpstreamRemedy.dropParameter("top_k"), .dropReasoning, .dropStrict, .lowerMaxTokens(2000),
    ])
    func whatTheUpstreamHasNamedIsTriedOnce(_ remedy: UpstreamRemedy) {
        let failure = Self.failure(.requestFault, remedy)
        #expect(Self.decide(failure) == .repair([remedy]))
        #expect(Self.decide(failure, after: [failure]) == .report)
    }

    @Test func eachParameterIsACauseOfItsOwn() {
        let one = Self.failure(.requestFault, .dropParameter("top_k"))
        let other = Self.failure(.requestFault, .dropParameter("seed"))
        #expect(Self.decide(other, after: [one]) == .repair([.dropParameter("seed")]))
    }

    @Test func whatWasTriedInVainIsNotTriedAgain() {
        var history = RetryPolicy.History()
        let failure = Self.failure(.overloaded, .dropImages, .dropParameter("top_k"))
        history.note(.dropImages, changesRequest: false)
        let request = RetryPolicy.Request(answerTokens: 8000, isRepeatable: true)
        func decide() -> Decision {
            RetryPolicy.decide(after: failure, history: history, request: request)
        }
        #expect(decide() == .repair([.dropParameter("top_k")]) && history.retries == 0)
        history.note(.dropParameter("top_k"), changesRequest: true)
        #expect(decide() == .again && history.retries == 1)
    }

    @Test(arguments: [
        (1023, Decision.report), (1024, .repair([.lowerMaxTokens(1024)])),
        (7999, .repair([.lowerMaxTokens(7999)])), (8000, .report),
    ])
    func anAnswerIsMadeShorterButNotTooShort(_ tokens: Int, _ decision: Decision) {
        #expect(Self.decide(Self.failure(.outOfCredit, .lowerMaxTokens(tokens))) == decision)
    }

    // MARK: Limits

    @Test func threeRetriesAreTheMost() {
        let earlier = [
            Self.failure(.unreachable), Self.failure(.unavailable), Self.failure(.emptyAnswer),
        ]
        #expect(Self.decide(Self.failure(.requestFault, .dropReasoning), after: earlier) == .report)
    }

    @Test func aRequestThatIsNoLongerThereIsNotRepeated() {
        #expect(Self.decide(Self.failure(.unreachable), isRepeatable: false) == .report)
    }
}
