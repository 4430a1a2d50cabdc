// One request for a message, from the complete client request to the last byte of the answer.
//
// Two things are told apart: whether the client has its status, and whether it has content. Before the
// upstream's first content a failure can be made good: the upstream is quietly asked again
// (`RetryPolicy` decides). A streaming client gets its status when the content is there, or when that
// takes long (`statusHold`), and pings from then on; as long as it has none, a failure that stands
// becomes a true status, which clients retry by, else the last event. A client that wants one message
// gets it when it is complete.
//
//   asking ── first content ──▶ answering ──▶ over
//     │  ▲                          │
//     │  └── asked again,           └── error: `event: error`
//     │      here or elsewhere
//     └── a failure that stands ──▶ over
//
// Here is what events do; +Asking turns to others, +Answer writes, +Record accounts for it.
//
// The exchange is told events and the time; it writes to the connection's output and answers with
// the step that the session must take. It knows no socket and no clock.

import HTTP1
import Translation

/// The exchange of one client request for one upstream answer.
struct MessagesExchange: ~Copyable {
    /// What the session must do after an event.
    enum Step {
        case wait
        /// Make this call. The fate is that of the call before, which is of no more use.
        indirect case call(UpstreamCall, UpstreamFate)
        /// The call before is of no more use, and there will be another in a moment.
        case pause(UpstreamFate)
        /// The call before is of no more use. Do this beside the loop, then tell `translated`. (Not within
        /// the step: each chunk has one.)
        indirect case translate(RequestTranslation, UpstreamFate)
        /// The answer is complete and written.
        case finish(UpstreamFate)
    }

    /// What becomes of an upstream call that the exchange has done with.
    enum UpstreamFate {
        /// It is over already, or was never made.
        case over
        /// It is about to end by itself; its connection is worth keeping.
        case release
        /// It would go on, and bill.
        case cancel

        /// The same after a failure: a call that is not over yet is not worth waiting for.
        var ofFailure: UpstreamFate {
            switch self {
            case .over: .over
            case .release, .cancel: .cancel
            }
        }
    }

    enum Phase {
        /// The upstream has been asked; the client has no content, but may have its status and pings.
        /// → answering, over
        case asking
        /// The upstream's content goes to the client, or is gathered for it. → over
        case answering
        /// The answer is complete. Late events of the upstream are ignored.
        case over
    }

    var phase = Phase.asking
    /// Whom the request is for, from the begin to the end, and who is asked at present.
    var attempt: UpstreamAttempt
    var translator: ResponseTranslator
    var identity: StreamTranslator.Identity
    var errorReader: UpstreamErrorReader
    /// The size of the prompt by byte classes, not calibrated, and as it was counted.
    let quickEstimate: Int
    var measure: PromptMeasure?
    /// The context that the upstream has named when it refused.
    var contextTokens: Int?
    var isContextBelieved = false
    var head = UpstreamHead()
    /// The body of an answer that is no success.
    var errorBody: [UInt8] = []
    /// The answer to a client that wants one message.
    var message: [UInt8] = []
    var deadlines: Deadlines
    /// The call that is made when its time has come.
    var delayed: UpstreamCall?
    /// What is tried while the request is translated for it beside the loop.
    var retry: Retry?
    /// Who has failed so far, in order.
    var failures: [AttemptFailure] = []
    /// What an administrator is to hear of.
    var notices: [RoutingNotice] = []
    /// Whether the upstream is paused because the client takes its answer more slowly than it comes.
    /// Then the upstream's silence is none, and a ping would only wait behind the answer.
    var isHeldBack = false
    let askedAt: MonotonicTime
    let configuration: Configuration
    /// The answer's way to the client: the exchange has it from its begin to its end.
    var channel: ResponseChannel
    var record: RequestRecord

    /// No more of an error's body is read: it is shown to people, and it may be hostile.
    private static let errorBodyBytesMax = 64 << 10

    /// Begins the exchange. The first call is to be made by the session.
    init(
        _ attempt: UpstreamAttempt, identity: StreamTranslator.Identity,
        errorReader: UpstreamErrorReader, configuration: Configuration,
        channel: ResponseChannel, record: RequestRecord, quickEstimate: Int, at now: MonotonicTime
    ) {
        self.channel = channel
        self.attempt = attempt
        self.identity = identity
        self.errorReader = errorReader
        self.configuration = configuration
        self.record = record
        self.quickEstimate = quickEstimate
        translator = attempt.makeTranslator(identity, errorReader: errorReader)
        askedAt = now
        deadlines = Deadlines(
            statusHold: attempt.isStreaming ? now + configuration.statusHold : nil,
            upstream: now + attempt.upstream.configuration.firstByteTimeout)
        startFirstContentClock(at: now)
    }

    /// Who is asked at present.
    var upstream: Upstream { attempt.upstream }

    /// Whether no call is under way, but one is to come.
    var isPausing: Bool { delayed != nil }

    /// Whether no call is under way, and the request is translated for the next.
    var isTranslating: Bool { retry != nil }

    /// When the session must come back with `deadlineReached`.
    var deadline: MonotonicTime? {
        switch phase {
        case .asking, .answering: isHeldBack || isTranslating ? nil : deadlines.nearest
        case .over: nil
        }
    }

    var isOver: Bool {
        if case .over = phase { true } else { false }
    }

    /// The bytes that are kept of the request and its answer. A whole answer is copied twice when it is
    /// complete: into one message, and to the client.
    var heldBytes: Int {
        let answer = translator.heldBytes
        return attempt.heldBytes + errorBody.count + (attempt.isStreaming ? answer : 3 * answer)
    }

    /// How long the upstream may be silent at present.
    private var silenceMax: Duration {
        translator.eventCount == 0
            ? upstream.configuration.firstByteTimeout : upstream.configuration.idleTimeout
    }
}

// MARK: - Events of the upstream

extension MessagesExchange {
    /// The upstream takes the request. One that needs long for a large body is not silent.
    mutating func upstreamTookBody(at now: MonotonicTime) {
        guard head.status == 0 else { return }
        deadlines.upstream = now + upstream.configuration.firstByteTimeout
    }

    /// The upstream's response head has come.
    mutating func upstreamResponded(_ head: UpstreamHead) {
        self.head = head
        self.head.generationID = errorReader.harmless(head.generationID)
        channel.generationID = self.head.generationID
        // Those of the proxy's own accounts are no client's business.
        channel.accountFields =
            upstream.takesClientKeys
            ? head.accountFields.filter { errorReader.harmless($0) == $0 } : []
    }

    /// Bytes of the upstream's body have come.
    mutating func upstreamReceived(
        _ bytes: Span<UInt8>, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        switch phase {
        case .over: return .wait
        case .asking, .answering: break
        }
        guard head.status == 200 else {
            let room = Self.errorBodyBytesMax - errorBody.count
            errorBody.append(bytes.extracting(first: min(bytes.count, room)))
            guard bytes.count >= room else { return .wait }
            return refused(.cancel, in: turn, into: &output)
        }
        let events = translator.eventCount
        let mark = begin(in: turn, into: &output)
        let progress =
            attempt.isStreaming
            ? translator.received(bytes, into: &output)
            : translator.received(bytes, into: &message)
        settle(mark, in: turn, into: &output)
        // Comments and white space prove that a gateway lives, not that a model answers.
        if translator.eventCount != events {
            deadlines.upstream = turn.now + upstream.configuration.idleTimeout
        }
        // What goes on after a stop sequence of the client's would be billed.
        let fate: UpstreamFate = translator.leavesUpstreamRunning ? .cancel : .release
        return proceed(progress, fate, in: turn, into: &output)
    }

    /// The upstream call is over: properly, or by `failure`.
    mutating func upstreamEnded(
        _ failure: TransferFailure?, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        switch phase {
        case .over: return .wait
        case .asking, .answering: break
        }
        if let failure {
            let kind = failure.kind
            let failure = UpstreamFailure.of(failure, upstream: upstream)
            return askAgain(after: failure, .over, standing: .failed, transfer: kind, in: turn)
                ?? failed(failure, .over, in: turn, into: &output)
        }
        guard head.status == 200 else {
            return refused(.over, in: turn, into: &output)
        }
        let mark = begin(in: turn, into: &output)
        let progress =
            attempt.isStreaming
            ? translator.ended(into: &output) : translator.ended(into: &message)
        settle(mark, in: turn, into: &output)
        return proceed(
            progress, .over, in: turn, into: &output)
    }
}

// MARK: - Other events

extension MessagesExchange {
    /// One of the deadlines has come.
    mutating func deadlineReached(
        in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        switch phase {
        case .over: return .wait
        case .asking, .answering: break
        }
        guard !isHeldBack, !isTranslating else { return .wait }
        let step = dueStep(in: turn, into: &output)
        switch step {
        case .finish: break
        // Whoever is asked next, the client is not to wait for a sign of life.
        case .wait, .call, .pause: pingIfDue(in: turn, into: &output)
        case .translate: break
        }
        return step
    }

    /// What a deadline has come for, but for the client's.
    private mutating func dueStep(in turn: Turn, into output: inout [UInt8]) -> Step {
        let now = turn.now
        if let time = deadlines.delayedCall, time <= now, let call = delayed.take() {
            deadlines.delayedCall = nil
            deadlines.upstream = now + upstream.configuration.firstByteTimeout
            startFirstContentClock(at: now)
            return .call(call, .over)
        }
        if let time = deadlines.upstream, time <= now {
            let failure = UpstreamFailure.silence(silenceMax)
            return askAgain(after: failure, .cancel, standing: .failed, in: turn)
                ?? failed(failure, .cancel, in: turn, into: &output)
        }
        if let time = deadlines.firstContent, time <= now {
            deadlines.firstContent = nil
            return turnFromSlow(in: turn) ?? .wait
        }
        return .wait
    }

    private mutating func pingIfDue(in turn: Turn, into output: inout [UInt8]) {
        let isHoldOver = deadlines.statusHold.map { $0 <= turn.now } ?? false
        let isPingDue = deadlines.ping.map { $0 <= turn.now } ?? false
        guard isHoldOver || isPingDue else { return }
        let mark = begin(in: turn, into: &output)
        translator.ping(into: &output)
        settle(mark, in: turn, into: &output)
    }

    /// The upstream has been paused, because too much of its answer waits for the client.
    mutating func heldBack() { isHeldBack = true }

    /// The client has taken what waited for it, and the upstream goes on.
    mutating func letGo(at now: MonotonicTime) {
        guard isHeldBack else { return }
        isHeldBack = false
        deadlines.upstream = now + silenceMax
        if deadlines.ping != nil { deadlines.ping = now + configuration.pingInterval }
    }

    /// The daemon is about to end, and the connection with it.
    mutating func interrupt(in turn: Turn, into output: inout [UInt8]) -> Step {
        switch phase {
        case .over: break
        case .asking, .answering: channel.keepsAlive = false
        }
        return end(because: .shuttingDown, in: turn, into: &output)
    }

    /// The answer ends here, for a reason that is not the upstream's.
    mutating func end(
        because failure: UpstreamFailure, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        switch phase {
        case .over: return .wait
        case .asking, .answering:
            retry = nil
            noteWithoutVerdict(in: turn)
            return failed(failure, .cancel, in: turn, into: &output)
        }
    }

    /// The client has gone, and the upstream call with it.
    mutating func clientLeft(in turn: Turn) {
        switch phase {
        case .over: break
        case .asking, .answering: noteWithoutVerdict(in: turn)
        }
        phase = .over
        noteSummary()
        record.outcome = .cancelled
    }
}
