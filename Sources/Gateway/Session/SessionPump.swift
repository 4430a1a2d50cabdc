// A session with what its connection decides: when the session's actions are carried out, when an
// upstream is held back because its client is slow, whose calls and which output count. It is pure, so
// that the daemon's ClientConnection and the simulation drive the same one.
//
// The shell tells events, then carries out what `next` gives it, one after another: at once after an
// event of the client or of the time; at the end of the turn after one of the upstream, because
// libcurl's callbacks must not start, cancel or resume transfers.

/// Drives one session.
package struct SessionPump: ~Copyable {
    package private(set) var session: ClientSession
    /// The session's call that the shell has started and not ended.
    package private(set) var call: CallID?
    /// Whether actions wait for the end of the turn.
    package private(set) var isQueued = false
    /// Whether what is done is because something took too long.
    package private(set) var isAtDeadline = false

    package init(_ session: consuming ClientSession) { self.session = session }

    // MARK: What the shell goes by when there is nothing more to do

    /// When `deadlineReached` is to be called; nil for never.
    package var deadline: MonotonicTime? { session.deadline }

    /// The most that is read from the client at once.
    package var readBytesMax: Int {
        session.isGuest ? Limits.socketReadMax : Limits.strangerReadMax
    }

    /// `outputDrained` is to be called when output falls to so many bytes: requests that wait have
    /// their turn when all is sent, an upstream that waits before.
    package var outputLowWater: Int { session.awaitsOutput ? 0 : Limits.outputLowWater }

    /// What is dropped of what a client still sends when its connection ends. One that sends its body
    /// without waiting for an answer reads the refusal after it.
    package var lingeringBytesMax: Int {
        let most = session.settings.configuration.bodyBytesMax
        return session.isGuest ? max(1 << 20, most) : 1 << 20
    }

    /// The next thing to do; nil when there is nothing more for now. `output` is empty when all of it
    /// has left.
    package mutating func next(
        at now: MonotonicTime, into output: inout [UInt8]
    ) -> SessionAction? {
        isQueued = false
        while true {
            // Most turns of a stream have none.
            while session.hasActions, let action = session.nextAction() {
                switch action {
                case .startCall(let id, _):
                    precondition(call == nil, "the session ends a call before it starts the next")
                    call = id
                    return action
                case .cancelCall(let id), .releaseCall(let id):
                    // It may be over already.
                    guard id == call else { continue }
                    call = nil
                    return action
                case .close(let lingering):
                    return .close(lingering: lingering || !output.isEmpty)
                case .inflate, .work, .dropWork, .count, .learn, .teach, .tell, .pauseReading,
                    .resumeReading, .record:
                    return action
                }
            }
            // All output may have left after the session began to wait for that, and before this
            // turn's end: then nobody else tells it.
            guard output.isEmpty, session.awaitsOutput else { break }
            session.outputDrained(at: now, into: &output)
        }
        isAtDeadline = false
        session.checkState()
        return nil
    }
}

// MARK: - Events after which actions are carried out at once

extension SessionPump {
    /// Bytes have come from the client.
    package mutating func received(
        _ bytes: Span<UInt8>, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        session.received(bytes, at: now, into: &output)
    }

    /// The client has ended its side, or the connection is gone.
    package mutating func clientLeft(at now: MonotonicTime) { session.clientLeft(at: now) }

    /// Output has fallen to `outputLowWater`. An upstream that was held back goes on once the actions
    /// are carried out.
    package mutating func outputDrained(at now: MonotonicTime, into output: inout [UInt8]) {
        session.outputDrained(at: now, into: &output)
    }

    /// The deadline has come.
    package mutating func deadlineReached(at now: MonotonicTime, into output: inout [UInt8]) {
        isAtDeadline = true
        session.deadlineReached(at: now, into: &output)
    }

    /// Whether the session wants `countFurther`.
    package var isCounting: Bool { session.isCounting }

    /// Goes on with a count by a step of bounded work.
    package mutating func countFurther(at now: MonotonicTime, into output: inout [UInt8]) {
        session.countFurther(at: now, into: &output)
    }

    /// A gzip body has been inflated so far, or to its end.
    ///
    /// - Returns: whether the rest is wanted.
    package mutating func bodyInflated(
        to bytes: Int, _ result: InflatedBody?, at now: MonotonicTime, into output: inout [UInt8]
    ) -> Bool {
        guard session.bodyInflating(to: bytes, at: now, into: &output) else { return false }
        guard let result else { return true }
        session.bodyInflated(result, at: now, into: &output)
        return false
    }

    /// A piece of work on a large body is done.
    package mutating func workDone(
        _ id: WorkID, _ work: BodyWork, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        session.workDone(id, work, at: now, into: &output)
    }

    /// The daemon is about to end.
    package mutating func drain(at now: MonotonicTime) { session.drain(at: now) }

    /// The daemon ends now.
    package mutating func interrupt(at now: MonotonicTime, into output: inout [UInt8]) {
        session.interrupt(at: now, into: &output)
    }

    /// The connection is gone, and so is what waited in it: the last call.
    package mutating func ended() { session.connectionEnded() }
}

// MARK: - Events of the upstream, after which actions wait for the end of the turn

extension SessionPump {
    /// Queues the connection for the end of the turn.
    ///
    /// - Returns: false if it is queued already.
    package mutating func queue() -> Bool {
        defer { isQueued = true }
        return !isQueued
    }

    /// The upstream has taken a piece of the request's body.
    package mutating func upstreamTookBody(at now: MonotonicTime) {
        if let call { session.upstreamTookBody(call, at: now) }
    }

    /// The upstream's response head has come.
    package mutating func upstreamResponded(_ head: UpstreamHead) {
        if let call { session.upstreamResponded(call, head) }
    }

    /// Whether bytes of the upstream would be taken. A slow client holds its upstream back rather than
    /// fill memory: then the bytes are to be offered again after `outputDrained`.
    package mutating func takesUpstreamBytes(outputBytes: Int) -> Bool {
        guard let call, outputBytes >= Limits.outputHighWater else { return true }
        session.upstreamHeldBack(call)
        return false
    }

    /// Bytes of the upstream's body have come, and are taken.
    package mutating func upstreamReceived(
        _ bytes: Span<UInt8>, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        if let call { session.upstreamReceived(call, bytes, at: now, into: &output) }
    }

    /// The call is over, completely if `failure` is nil.
    package mutating func upstreamEnded(
        _ failure: TransferFailure?, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard let ended = call.take() else { return }
        session.upstreamEnded(ended, failure, at: now, into: &output)
    }
}
