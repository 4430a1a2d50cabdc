// What the upstream brings for the present request: to the exchange, or to the count that was asked for,
// and what follows from it for the call. Events of another call than the present one are dropped.

import Translation

extension ClientSession {
    /// The upstream has taken a piece of the request's body.
    package mutating func upstreamTookBody(_ id: CallID, at now: MonotonicTime) {
        guard id == call else { return }
        running?.exchange.upstreamTookBody(at: now)
    }

    /// The shell has paused the upstream, because `outputHighWater` is reached. It goes on with
    /// `outputDrained`.
    package mutating func upstreamHeldBack(_ id: CallID) {
        guard id == call else { return }
        running?.exchange.heldBack()
    }

    /// The upstream's response head has come.
    package mutating func upstreamResponded(_ id: CallID, _ head: UpstreamHead) {
        guard id == call else { return }
        askedCount?.responded(head)
        running?.exchange.upstreamResponded(head)
    }

    /// Bytes of the upstream's body have come.
    package mutating func upstreamReceived(
        _ id: CallID, _ bytes: Span<UInt8>, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard id == call else { return }
        guard running != nil else {
            askedCount?.received(bytes)
            return
        }
        let turn = turn(at: now)
        guard let step = running?.exchange.upstreamReceived(bytes, in: turn, into: &output) else {
            return
        }
        take(step, at: now, into: &output)
        answerBytesUncounted += bytes.count
        guard answerBytesUncounted >= Limits.answerBytesUncountedMax else { return }
        answerBytesUncounted = 0
        if !holdsAnswer(output) { endForWantOfMemory(at: now, into: &output) }
    }

    /// The answer would be more than the process may hold: it ends here. The connection does not;
    /// requests that were sent ahead are answered.
    private mutating func endForWantOfMemory(at now: MonotonicTime, into output: inout [UInt8]) {
        let turn = turn(at: now)
        let step = running?.exchange.end(because: .tooMuchMemory, in: turn, into: &output)
        if let step { take(step, at: now, into: &output) }
    }

    /// The upstream call is over, completely if `failure` is nil.
    package mutating func upstreamEnded(
        _ id: CallID, _ failure: TransferFailure?, at now: MonotonicTime,
        into output: inout [UInt8]
    ) {
        guard id == call else { return }
        if askedCount != nil {
            endCall(.over)
            return upstreamCounted(hasFailed: failure != nil, at: now, into: &output)
        }
        let turn = turn(at: now)
        guard let step = running?.exchange.upstreamEnded(failure, in: turn, into: &output) else {
            return
        }
        take(step, at: now, into: &output)
    }

    mutating func take(
        _ step: MessagesExchange.Step, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        switch step {
        case .wait:
            break
        case .call(let next, let fate):
            endCall(fate)
            startCall(next)
            tellNotices()
        case .pause(let fate):
            endCall(fate)
            tellNotices()
        case .translate(let translation, let fate):
            endCall(fate)
            tellNotices()
            work = startWork(.translate(translation))
        case .finish(let fate):
            endCall(fate)
            endExchange(at: now)
            requestAnswered(at: now, into: &output)
        }
    }

    /// The exchange turns from its call.
    mutating func endCall(_ fate: MessagesExchange.UpstreamFate) {
        guard let ended = call.take() else { return }
        switch fate {
        case .over: break
        case .release: act(.releaseCall(ended))
        case .cancel: act(.cancelCall(ended))
        }
    }

    private mutating func tellNotices() {
        let notices = running?.exchange.notices ?? []
        guard !notices.isEmpty else { return }
        running?.exchange.notices = []
        act(.tell(notices))
    }

    mutating func endExchange(at now: MonotonicTime) {
        guard let ended = running.take() else { return }
        channel = ended.exchange.channel
        endCounting()
        endWork()
        precondition(call == nil, "an exchange that is over waits for no call")
        precondition(state.exchangesOpen > 0, "an exchange is counted until its end")
        callBytes = 0
        state.exchangesOpen -= 1
        if !ended.exchange.notices.isEmpty { act(.tell(ended.exchange.notices)) }
        let lessons = ended.exchange.learnFromOutcome(at: now)
        if !lessons.isEmpty { act(.teach(lessons)) }
        if settings.configuration.calibratesTokenCounts,
            let observation = ended.exchange.observation
        {
            act(.learn(observation))
        }
        record(ended.exchange.record, at: now)
    }

    /// Hands the record of a request out, with what only the session knows.
    mutating func record(_ record: RequestRecord, at now: MonotonicTime) {
        var record = record
        record.status = channel.status
        record.responseBytes = channel.bodyBytes
        record.duration = now - record.receivedAt
        record.cutTexts(to: Limits.loggedBytesMax)
        act(.record(record))
    }
}
