// How long a key, a model or an upstream is left alone because of what it has said itself. Unlike a
// breaker, which guesses, this is somebody's word, or a fault that does not pass by itself.

import Translation

/// What is left alone until a time.
struct CoolDown: Sendable, Equatable {
    var until: MonotonicTime
    var kind: FailureKind
    /// How often in a row no time was named; the pause doubles.
    var guesses = 0
    /// Whether the first request after it is a probe, until whose end others stay away.
    var needsProbe = false
    var probeUntil: MonotonicTime?

    private static let probeTime = Duration.seconds(30)

    /// Until when nobody is to ask; nil when somebody may.
    func heldUntil(at now: MonotonicTime) -> MonotonicTime? {
        if now < until { return until }
        guard let probeUntil, now < probeUntil else { return nil }
        return probeUntil
    }

    /// Somebody asks. Returns whether to find out.
    mutating func beginProbe(at now: MonotonicTime) -> Bool {
        guard needsProbe else { return false }
        probeUntil = now + Self.probeTime
        return true
    }
}

/// What a failed call means for later ones to the same target.
enum FailureEffect: Equatable {
    case none
    /// It counts against the connections to the upstream.
    case connection(weight: Int)
    /// It counts against the model at the upstream.
    case model(weight: Int)
    /// Something is left alone: for a time, or, where nobody has named one, for one that doubles.
    case coolDown(Scope, Duration?)

    enum Scope: Equatable {
        case upstream, model, key
        /// The model when it is asked with this key.
        case keyAndModel
    }

    /// A rate limit is believed for a day at most; overload, for ten minutes.
    private static let limitMax = Duration.seconds(24 * 3600)
    private static let overloadMax = Duration.seconds(600)

    /// The effect of a failure before any content.
    ///
    /// - Parameters:
    ///   - transfer: what has become of the connection, if that is the failure.
    ///   - isClientsKey: whether the upstream was asked with the client's own key: what that account may
    ///     not, or does not have, is nothing to the others.
    static func of(
        _ failure: UpstreamFailure, _ transfer: TransferFailure.Kind?, isClientsKey: Bool = false
    ) -> FailureEffect {
        if let transfer { return of(transfer) }
        if isClientsKey, isOfAccount(failure.kind) { return .none }
        let wait = failure.waitSeconds.map { Duration.seconds($0) }
        switch failure.kind {
        case .keyRefused:
            // A 403 may be about the one model, which a client has chosen.
            return .coolDown(failure.status == 403 ? .keyAndModel : .key, .seconds(600))
        case .outOfCredit:
            // A shorter answer may still be affordable.
            return failure.remedies.isEmpty ? .coolDown(.key, .seconds(300)) : .none
        case .rateLimited:
            if failure.isQuotaSpent, wait == nil { return .coolDown(.keyAndModel, .seconds(3600)) }
            return .coolDown(.keyAndModel, wait.map { min($0, limitMax) })
        case .modelMissing:
            return failure.isOfRequestAlone ? .none : .coolDown(.model, .seconds(600))
        case .overloaded, .unavailable, .internalFault, .timeout:
            if let wait, wait > .zero { return .coolDown(.model, min(wait, overloadMax)) }
            return failure.error.shouldRetry == false ? .none : .model(weight: 1)
        case .brokenAnswer, .badAnswer, .emptyAnswer, .misconfigured: return .model(weight: 1)
        case .unreachable, .unanswered: return .connection(weight: 1)
        case .requestFault, .contextTooLong, .contentRefused, .notPermitted, .noSocket, .noMemory,
            .shuttingDown:
            return .none
        }
    }

    /// Whether another account might have been answered.
    private static func isOfAccount(_ kind: FailureKind) -> Bool {
        switch kind {
        case .keyRefused, .outOfCredit, .rateLimited, .modelMissing, .notPermitted: true
        case .overloaded, .unavailable, .internalFault, .timeout, .brokenAnswer, .badAnswer,
            .emptyAnswer, .misconfigured, .unreachable, .unanswered, .requestFault,
            .contextTooLong, .contentRefused, .noSocket, .noMemory, .shuttingDown:
            false
        }
    }

    private static func of(_ transfer: TransferFailure.Kind) -> FailureEffect {
        switch transfer {
        // libcurl does not tell a name that is not from a resolver that does not answer.
        case .resolve, .connect, .closedBeforeAnswer, .proxy, .protocolViolation:
            .connection(weight: 1)
        case .connectTimeout: .connection(weight: 2)
        // None of these heals within moments.
        case .certificate, .trustStore, .tls: .coolDown(.upstream, .seconds(60))
        case .brokenAnswer, .other: .model(weight: 1)
        case .noSocket: .none
        }
    }
}
