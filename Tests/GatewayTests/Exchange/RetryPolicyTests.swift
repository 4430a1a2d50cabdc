// The table of what follows a failure, row by row.

import Testing
import Translation

@testable import Gateway

@Suite("What follows a failure") struct RetryPolicyTests {
    typealias Decision = RetryPolicy.Decision
    typealias Moves = RetryPolicy.Moves

    private static func failure(
        _ kind: FailureKind, _ remedies: UpstreamRemedy..., retryAfter: Int? = nil,
        shouldRetry: Bool? = nil
    ) -> UpstreamFailure {
        let error = APIError(
            status: 500, type: .api, message: "", retryAfter: retryAfter, shouldRetry: shouldRetry)
        return UpstreamFailure(kind, error: error, remedies: remedies)
    }

    private static func decide(
        _ failure: UpstreamFailure, _ status: Int = 0, _ transfer: TransferFailure.Kind? = nil,
        history: RetryPolicy.History = .init(), answerTokens: Int = 8000, isRepeatable: Bool = true
    ) -> Decision {
        var failure = failure
        failure.status = status
        return RetryPolicy.decide(
            after: failure, transfer, history: history,
            request: .init(answerTokens: answerTokens, isRepeatable: isRepeatable))
    }

    private static func history(_ note: (inout RetryPolicy.History) -> Void) -> RetryPolicy.History
    {
        var history = RetryPolicy.History()
        note(&history)
        return history
    }

    // MARK: Rows

    struct Row: Sendable {
        let kind: FailureKind
        var status = 0
        var transfer: TransferFailure.Kind?
        var moves = Moves()
    }

    static let rows = [
        Row(kind: .unreachable, transfer: .connect, moves: .init(same: true, next: .unavailable)),
        Row(kind: .unreachable, transfer: .resolve, moves: .init(same: true, next: .unavailable)),
        Row(kind: .unreachable, transfer: .connectTimeout, moves: .init(next: .unavailable)),
        Row(
            kind: .unanswered, transfer: .closedBeforeAnswer,
            moves: .init(same: true, next: .unavailable)),
        Row(kind: .misconfigured, transfer: .certificate, moves: .init(next: .unavailable)),
        Row(kind: .keyRefused, status: 401, moves: .init(key: true, next: .limit)),
        Row(kind: .outOfCredit, status: 402, moves: .init(key: true, next: .limit)),
        Row(kind: .rateLimited, status: 429, moves: .init(key: true, next: .limit)),
        Row(kind: .contentRefused, status: 403, moves: .init(next: .policy)),
        Row(kind: .notPermitted, status: 403, moves: .init(next: .policy)),
        Row(kind: .modelMissing, status: 404, moves: .init(next: .unavailable)),
        Row(kind: .timeout, status: 504, moves: .init(next: .unavailable)),
        Row(kind: .timeout, moves: .init(next: .unavailable)),
        Row(kind: .requestFault, status: 400),
        Row(kind: .requestFault, status: 413),
        Row(kind: .contextTooLong, status: 400, moves: .init(next: .context)),
        Row(kind: .internalFault, status: 500, moves: .init(next: .unavailable)),
        Row(kind: .unavailable, status: 502, moves: .init(same: true, next: .unavailable)),
        Row(kind: .overloaded, status: 503, moves: .init(same: true, next: .unavailable)),
        Row(kind: .overloaded, status: 529, moves: .init(next: .unavailable)),
        Row(kind: .brokenAnswer, status: 200, moves: .init(next: .unavailable)),
        Row(kind: .badAnswer, status: 200, moves: .init(same: true, next: .unavailable)),
        Row(kind: .emptyAnswer, status: 200, moves: .init(same: true, next: .unavailable)),
        Row(kind: .noSocket), Row(kind: .noMemory), Row(kind: .shuttingDown),
    ]

    @Test("Every row", arguments: rows) func row(_ row: Row) {
        let decision = Self.decide(Self.failure(row.kind), row.status, row.transfer)
        #expect(decision == (row.moves == Moves() ? .report : .move(row.moves)))
    }

    @Test("Every kind has a row") func allKinds() {
        #expect(Set(Self.rows.map(\.kind)) == Set(FailureKind.allCases))
    }

    @Test func theSameIsAskedOnceAgainAtMost() {
        let repeated = Self.history { $0.noteRepeat() }
        for row in Self.rows where row.moves.same {
            let decision = Self.decide(
                Self.failure(row.kind), row.status, row.transfer, history: repeated)
            #expect(decision == .move(.init(next: .unavailable)))
        }
    }

    @Test func anUpstreamThatNamesATimeIsNotAskedBefore() {
        let decision = Self.decide(Self.failure(.overloaded, retryAfter: 5), 503)
        #expect(decision == .move(.init(next: .unavailable)))
        #expect(
            Self.decide(Self.failure(.unavailable, retryAfter: 5), 502)
                == .move(.init(same: true, next: .unavailable)))
    }

    @Test(arguments: [FailureKind.overloaded, .unavailable])
    func anUpstreamThatSaysNotToIsNotAskedAgain(_ kind: FailureKind) {
        #expect(
            Self.decide(Self.failure(kind, shouldRetry: false), 503)
                == .move(.init(next: .unavailable)))
    }

    // MARK: Repairs

    @Test(arguments: [
        UpstreamRemedy.dropParameter("top_k"), .dropReasoning, .dropStrict, .lowerMaxTokens(2000),
    ])
    func whatTheUpstreamHasNamedIsTriedOnce(_ remedy: UpstreamRemedy) {
        let failure = Self.failure(.requestFault, remedy)
        #expect(Self.decide(failure) == .repair([remedy]))
        let tried = Self.history { $0.note(remedy, changesRequest: true) }
        #expect(Self.decide(failure, history: tried) == .report)
    }

    @Test func eachParameterIsACauseOfItsOwn() {
        let tried = Self.history { $0.note(.dropParameter("top_k"), changesRequest: true) }
        let other = Self.failure(.requestFault, .dropParameter("seed"))
        #expect(Self.decide(other, history: tried) == .repair([.dropParameter("seed")]))
    }

    @Test func somebodyElseMayObjectToTheSame() {
        let moved = Self.history {
            $0.note(.dropParameter("top_k"), changesRequest: true)
            $0.noteMove()
        }
        let failure = Self.failure(.requestFault, .dropParameter("top_k"))
        #expect(Self.decide(failure, history: moved) == .repair([.dropParameter("top_k")]))
    }

    @Test func whatWasTriedInVainIsNotTriedAgain() {
        var history = RetryPolicy.History()
        let failure = Self.failure(.unavailable, .dropImages, .dropParameter("top_k"))
        history.note(.dropImages, changesRequest: false)
        #expect(Self.decide(failure, history: history) == .repair([.dropParameter("top_k")]))
        #expect(history.retries == 0)
        history.note(.dropParameter("top_k"), changesRequest: true)
        #expect(
            Self.decide(failure, history: history)
                == .move(.init(same: true, next: .unavailable)))
        #expect(history.retries == 1)
    }

    @Test(arguments: [
        (1023, Decision.move(.init(key: true, next: .limit))),
        (1024, .repair([.lowerMaxTokens(1024)])), (7999, .repair([.lowerMaxTokens(7999)])),
        (8000, .move(.init(key: true, next: .limit))),
    ])
    func anAnswerIsMadeShorterButNotTooShort(_ tokens: Int, _ decision: Decision) {
        #expect(Self.decide(Self.failure(.outOfCredit, .lowerMaxTokens(tokens))) == decision)
    }

    // MARK: Limits

    @Test func fourCallsAreTheMost() {
        let full = Self.history {
            $0.noteRepeat()
            $0.noteMove()
            $0.noteMove()
        }
        #expect(Self.decide(Self.failure(.requestFault, .dropReasoning), history: full) == .report)
        #expect(Self.decide(Self.failure(.timeout), history: full) == .report)
    }

    @Test func aRequestThatIsNoLongerThereIsNotRepeated() {
        #expect(Self.decide(Self.failure(.unreachable), isRepeatable: false) == .report)
    }
}
