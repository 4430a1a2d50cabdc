// Asking again, and elsewhere: what follows a call that has failed before its first content, and what
// the table of routing hears of it.

import Translation

/// One call that has failed.
struct AttemptFailure {
    let candidate: Candidate
    let failure: UpstreamFailure

    var kind: FailureKind { failure.kind }
}

/// A failure that may be made good, while the request is translated for that. A reference, because a
/// stream's chunks ask whether there is one.
final class Retry {
    /// What the request is translated for.
    enum Way {
        case repair
        /// To be sent after a moment; if it cannot be, these are left.
        case repetition(Duration, RetryPolicy.Moves)
        /// To be sent to somebody else; the only model that may be asked, if there is one.
        case move(RequestPreparation.Prepared, within: Int?)
    }

    /// How the client hears of a failure that stands.
    enum Standing {
        /// The translator is told.
        case failed
        /// The translator knows, or was never asked.
        case reported
        /// There was no answer to speak of.
        case empty
    }

    var failure: UpstreamFailure
    let transfer: TransferFailure.Kind?
    let standing: Standing
    /// What becomes of the call that has failed.
    var fate: MessagesExchange.UpstreamFate
    var way = Way.repair

    init(
        _ failure: UpstreamFailure, _ transfer: TransferFailure.Kind?, _ standing: Standing,
        _ fate: MessagesExchange.UpstreamFate
    ) {
        self.failure = failure
        self.transfer = transfer
        self.standing = standing
        self.fate = fate
    }
}

extension MessagesExchange {
    /// What the upstream says of the model's context.
    mutating func learn(from failure: UpstreamFailure, in turn: Turn) {
        guard let tokens = failure.contextTokens else { return }
        contextTokens = tokens
        let isBelieved =
            !upstream.takesClientKeys
            && attempt.known.lessons.learn(
                contextTokens: tokens, of: attempt.upstreamModel, promptTokens: promptTokens,
                at: turn.now)
        isContextBelieved = isBelieved
        if isBelieved { record.lessons = ["context \(tokens)"] }
    }

    /// The prompt's size by a count of our own, into which nothing learnt has gone.
    var promptTokens: Int { measure?.tokens ?? quickEstimate }

    /// Asks again, as if nobody had been asked before, if that is of use and the client has no content
    /// yet; nil if the failure stands.
    ///
    /// - Parameters:
    ///   - transfer: what has become of the connection, if that is the failure.
    ///   - standing: how the client hears of it if it stands after all. (A large request is translated
    ///     beside the loop: then this is found out later.)
    mutating func askAgain(
        after failure: UpstreamFailure, _ fate: UpstreamFate, standing: Retry.Standing,
        transfer: TransferFailure.Kind? = nil, in turn: Turn
    ) -> Step? {
        guard case .asking = phase else { return nil }
        let retry = Retry(failure, transfer, standing, fate)
        let decision = attempt.decision(after: failure, head.status, transfer)
        guard case .repair(let remedies) = decision else {
            return turnElsewhere(retry, decision, in: turn)
        }
        return translate(attempt.repair(by: remedies), for: .repair, retry, in: turn)
    }

    /// Has the request translated again: here, or by the session if that takes long.
    private mutating func translate(
        _ translation: RequestTranslation, for way: Retry.Way, _ retry: Retry, in turn: Turn
    ) -> Step? {
        var translation = translation
        retry.way = way
        guard translation.bytes > turn.state.bodyAtOnceMax else {
            translation.run()
            return translated(&translation, retry, in: turn)
        }
        self.retry = retry
        deadlines.upstream = nil
        deadlines.firstContent = nil
        return .translate(translation, retry.fate)
    }

    /// The request is translated again, as the session was asked to.
    mutating func translated(
        _ translation: RequestTranslation, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        guard let retry = retry.take() else { return .wait }
        // Meanwhile the call has been ended.
        retry.fate = .over
        var translation = translation
        return translated(&translation, retry, in: turn) ?? stand(retry, in: turn, into: &output)
    }

    private mutating func translated(
        _ translation: inout RequestTranslation, _ retry: Retry, in turn: Turn
    ) -> Step? {
        attempt.takeBack(&translation)
        switch retry.way {
        case .repair:
            if let call = attempt.repaired(translation, after: retry.failure, head.status) {
                return start(call, retry.fate, at: turn.now)
            }
            retry.failure.remedies = []
            let decision = attempt.decision(after: retry.failure, head.status, retry.transfer)
            return turnElsewhere(retry, decision, in: turn)
        case .repetition(let delay, let moves):
            if let call = attempt.repeated(translation) {
                return pause(before: call, delay, retry.fate, at: turn.now)
            }
            return move(moves, retry, in: turn)
        case .move(let prepared, let entry):
            if let call = attempt.moved(to: prepared, translation) {
                return start(call, toOther: prepared.candidate, retry.fate, in: turn)
            }
            return moveOn(within: entry, retry, in: turn)
        }
    }

    /// Nothing can be made good by another request: the same once more, or somebody else.
    private mutating func turnElsewhere(
        _ retry: Retry, _ decision: RetryPolicy.Decision, in turn: Turn
    ) -> Step? {
        let (candidate, route, progress) = (attempt.candidate, attempt.route, attempt.progress)
        failures.append(AttemptFailure(candidate: candidate, failure: retry.failure))
        noteFailure(retry.failure, retry.transfer, in: turn)
        guard case .move(let moves) = decision else { return nil }
        guard moves.same,
            let delay = turn.state.routing({
                $0.repeatDelay(of: candidate, in: route, progress, at: turn.now)
            })
        else { return move(moves, retry, in: turn) }
        return translate(
            attempt.repetition(after: retry.failure), for: .repetition(delay, moves), retry,
            in: turn)
    }

    /// The same again, in a moment.
    private mutating func pause(
        before call: UpstreamCall, _ delay: Duration, _ fate: UpstreamFate, at now: MonotonicTime
    ) -> Step {
        prepareForAnswer()
        delayed = call
        deadlines.delayedCall = now + delay
        deadlines.upstream = nil
        deadlines.firstContent = nil
        return .pause(fate)
    }

    /// Another key, or another model.
    private mutating func move(
        _ moves: RetryPolicy.Moves, _ retry: Retry, in turn: Turn
    ) -> Step? {
        guard !attempt.route.isSingle, turn.now < askedAt + Limits.searchTime else { return nil }
        let mayLeave = moves.next.map(attempt.wish.causes.contains) ?? false
        guard mayLeave || moves.key else { return nil }
        let entry = attempt.candidate.entry
        attempt.exclude(keyAlone: moves.key)
        if moves.next == .context {
            attempt.excludeContexts(upTo: retry.failure.contextTokens ?? 0, in: turn)
        } else {
            attempt.excludeTooSmall(in: turn)
        }
        return moveOn(within: mayLeave ? nil : entry, retry, in: turn)
    }

    /// The next who can be asked.
    ///
    /// - Parameter entry: the only model that may be.
    private mutating func moveOn(within entry: Int?, _ retry: Retry, in turn: Turn) -> Step? {
        guard let other = choose(within: entry, in: turn) else { return nil }
        let prepared = attempt.prepare(for: other, in: turn)
        return translate(
            attempt.translation(for: prepared), for: .move(prepared, within: entry), retry,
            in: turn)
    }

    private mutating func start(
        _ call: UpstreamCall, toOther other: Candidate, _ fate: UpstreamFate, in turn: Turn
    ) -> Step {
        attempt.takeProbe(in: turn)
        identity.upstreamModel = other.model
        identity.maker = other.upstream.maker
        attempt.inputTokensEstimate = estimate(of: other, in: turn)
        errorReader = attempt.errorReader(timeOfDay: turn.state.timeOfDay)
        record.upstreamModel = other.model
        channel.target = ResponseChannel.Target(other, attempts: attempt.retries + 1)
        contextTokens = nil
        isContextBelieved = false
        return start(call, fate, at: turn.now)
    }

    private func choose(within entry: Int?, in turn: Turn) -> Candidate? {
        var progress = attempt.progress
        if let entry {
            for other in attempt.route.entries.indices where other != entry {
                progress.exclude(other)
            }
        }
        let (route, wish) = (attempt.route, attempt.wish)
        return turn.state.routing { $0.choose(in: route, progress, wish, at: turn.now) }
    }

    /// The size of the prompt in the tokens of another model.
    private func estimate(of candidate: Candidate, in turn: Turn) -> Int {
        let calibration = turn.state.calibration(by: configuration)
        return measure.map { calibration.estimate($0, model: candidate.calibrationName) }
            ?? calibration.estimate(quick: quickEstimate, model: candidate.calibrationName)
    }

    private mutating func start(
        _ call: UpstreamCall, _ fate: UpstreamFate, at now: MonotonicTime
    ) -> Step {
        prepareForAnswer()
        deadlines.upstream = now + upstream.configuration.firstByteTimeout
        startFirstContentClock(at: now)
        return .call(call, fate)
    }

    /// As if nobody had been asked before.
    private mutating func prepareForAnswer() {
        isHeldBack = false
        translator = attempt.makeTranslator(identity, errorReader: errorReader)
        // What this try does without is said in the very answer that it brings.
        record.dropped = attempt.translated.dropped.names
        channel.dropped = attempt.translated.dropped.headerValue
        channel.target?.attempts = attempt.retries + 1
        head = UpstreamHead()
        errorBody = []
        message = []
    }
}

// MARK: - Models that take long

extension MessagesExchange {
    /// From now on the model has its time for the first content, where another could be asked.
    mutating func startFirstContentClock(at now: MonotonicTime) {
        guard configuration.fallbackAfter > .zero, attempt.isStreaming,
            attempt.route.entries.count > 1, attempt.wish.causes.contains(.unavailable)
        else { return }
        deadlines.firstContent = now + configuration.fallbackAfter
    }

    /// Turns to another model if one can be asked at once; nil if this one is waited for.
    mutating func turnFromSlow(in turn: Turn) -> Step? {
        guard case .asking = phase, attempt.retries < Limits.retriesMax else { return nil }
        let (candidate, route, progress) = (attempt.candidate, attempt.route, attempt.progress)
        let hasOther = turn.state.routing {
            $0.hasAlternative(to: candidate, in: route, progress, at: turn.now)
        }
        guard hasOther else { return nil }
        return askAgain(
            after: .slow(configuration.fallbackAfter), .cancel, standing: .failed, in: turn)
    }
}

// MARK: - What the table of routing hears

extension MessagesExchange {
    private mutating func tell(_ result: RoutingTable.Result, in turn: Turn) {
        let candidate = attempt.candidate
        notices += turn.state.routing { $0.note(result, of: candidate, at: turn.now) }
    }

    private mutating func noteFailure(
        _ failure: UpstreamFailure, _ transfer: TransferFailure.Kind?, in turn: Turn
    ) {
        let effect = FailureEffect.of(
            failure, transfer, isClientsKey: upstream.takesClientKeys)
        tell(.failed(effect, failure.kind), in: turn)
        guard let mark = attempt.mark else { return }
        let entry = attempt.candidate.entry
        turn.state.routing { $0.marks.remove(mark, from: entry) }
    }

    /// The model has answered: where it has done so in another one's stead, the session stays with it.
    mutating func noteAnswer(in turn: Turn) {
        tell(.answered, in: turn)
        let entry = attempt.candidate.entry
        guard entry > 0, let mark = attempt.mark else { return }
        turn.state.routing { $0.marks.set(mark, to: entry, at: turn.now) }
    }

    /// The answer has died after its first content. Its client is going to ask again at once, and is
    /// better served by somebody else.
    mutating func noteDeath(of failure: UpstreamFailure, in turn: Turn) {
        guard !failure.kind.isOurs else { return noteWithoutVerdict(in: turn) }
        tell(.failed(.model(weight: 1), failure.kind), in: turn)
        guard let mark = attempt.mark else { return }
        let entry = attempt.candidate.entry
        let next = entry + 1 < attempt.route.entries.count ? entry + 1 : 0
        turn.state.routing { $0.marks.set(mark, to: next, at: turn.now) }
    }

    mutating func noteWithoutVerdict(in turn: Turn) {
        guard attempt.candidate.isProbe else { return }
        tell(.withoutVerdict, in: turn)
    }
}

// MARK: - When all have failed

extension MessagesExchange {
    /// The failure that the client hears of when several were asked: the one by which it does the right
    /// thing next. One that may pass comes before a limit, since its model can be asked again at once;
    /// a limit tells when the first of all is over.
    func summed(_ failure: UpstreamFailure, in turn: Turn) -> UpstreamFailure {
        guard failures.count > 1, !attempt.route.isSingle, !failure.kind.isOurs else {
            return failure
        }
        let base =
            failures.first { $0.kind.mayPass && $0.failure.error.shouldRetry != false }
            ?? failures.filter { $0.kind == .rateLimited }.min {
                $0.failure.waitSeconds ?? 0 < $1.failure.waitSeconds ?? 0
            } ?? failures[0]
        var summed = base.failure
        if base.kind == .rateLimited {
            let route = attempt.route
            let release = turn.state.routing { $0.release(of: route, at: turn.now) }
            if let release { summed.error.setRelease(in: release) }
        }
        // The words of refusals are known to clients, and stay as they are.
        guard summed.error.status >= 402 else { return summed }
        let others = failures.filter { $0.candidate != base.candidate }
        let list = others.map { "\($0.candidate.description) (\($0.kind.rawValue))" }
        if !list.isEmpty {
            summed.error.message +=
                " This was \(base.candidate.description); asked in vain as well:"
                + " \(list.joined(separator: ", "))."
        }
        return summed
    }
}

extension APIError {
    /// Tells when a rate limit is over. Clients wait a minute at most; whoever is told to wait longer
    /// waits not at all.
    fileprivate mutating func setRelease(in time: Duration) {
        let seconds = max(1, Int((time / .seconds(1)).rounded(.up)))
        if seconds <= 60 {
            retryAfter = seconds
            shouldRetry = nil
        } else {
            retryAfter = nil
            shouldRetry = false
        }
    }
}
