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
//     │  └── asked again            └── error: `event: error`
//     └── a failure that stands ──▶ over
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
        /// Ask the upstream again. The fate is that of the call before, which is of no more use.
        case call(UpstreamCall, UpstreamFate)
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

    private enum Phase {
        /// The upstream has been asked; the client has no content, but may have its status and pings.
        /// → answering, over
        case asking
        /// The upstream's content goes to the client, or is gathered for it. → over
        case answering
        /// The answer is complete. Late events of the upstream are ignored.
        case over
    }

    private var phase = Phase.asking
    private var attempt: UpstreamAttempt
    /// Who is asked, from the begin to the end.
    private let upstream: Upstream
    private var translator: ResponseTranslator
    private let identity: StreamTranslator.Identity
    private var errorReader: UpstreamErrorReader
    /// The size of the prompt by byte classes, not calibrated, and as it was counted.
    private let quickEstimate: Int
    private var measure: PromptMeasure?
    /// The context that the upstream has named when it refused.
    private var contextTokens: Int?
    private var isContextBelieved = false
    private var head = UpstreamHead()
    /// The body of an answer that is no success.
    private var errorBody: [UInt8] = []
    /// The answer to a client that wants one message.
    private var message: [UInt8] = []
    private var deadlines: Deadlines
    /// Whether the upstream is paused because the client takes its answer more slowly than it comes.
    /// Then the upstream's silence is none, and a ping would only wait behind the answer.
    private var isHeldBack = false
    private let askedAt: MonotonicTime
    private let configuration: Configuration
    /// The answer's way to the client: the exchange has it from its begin to its end.
    private(set) var channel: ResponseChannel
    private(set) var record: RequestRecord

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
        upstream = attempt.upstream
        self.identity = identity
        self.errorReader = errorReader
        self.configuration = configuration
        self.record = record
        self.quickEstimate = quickEstimate
        translator = attempt.makeTranslator(identity, errorReader: errorReader)
        askedAt = now
        deadlines = Deadlines(
            statusHold: attempt.isStreaming ? now + configuration.statusHold : nil,
            upstream: now + upstream.configuration.firstByteTimeout)
    }

    /// When the session must come back with `deadlineReached`.
    var deadline: MonotonicTime? {
        switch phase {
        case .asking, .answering: isHeldBack ? nil : deadlines.nearest
        case .over: nil
        }
    }

    private var isOver: Bool {
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
            let failure = UpstreamFailure.of(failure, upstream: upstream.url)
            return askAgain(after: failure, .over, at: turn.now)
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
        guard !isHeldBack else { return .wait }
        let now = turn.now
        if let time = deadlines.upstream, time <= now {
            let failure = UpstreamFailure.silence(silenceMax)
            return askAgain(after: failure, .cancel, at: now)
                ?? failed(failure, .cancel, in: turn, into: &output)
        }
        let isHoldOver = deadlines.statusHold.map { $0 <= now } ?? false
        let isPingDue = deadlines.ping.map { $0 <= now } ?? false
        guard isHoldOver || isPingDue else { return .wait }
        let mark = begin(in: turn, into: &output)
        translator.ping(into: &output)
        settle(mark, in: turn, into: &output)
        return .wait
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
        case .over: .wait
        case .asking, .answering: failed(failure, .cancel, in: turn, into: &output)
        }
    }

    /// The client has gone, and the upstream call with it.
    mutating func clientLeft(at now: MonotonicTime) {
        phase = .over
        noteSummary()
        record.outcome = .cancelled
    }
}

// MARK: - The answer

extension MessagesExchange {
    /// What `settle` must know of the output.
    private struct Mark {
        /// Where the output ended before.
        let end: Int
        /// Where it ended once everything was ready for events.
        let contentStart: Int
        let isHeadIncluded: Bool
    }

    /// Opens a chunk for what the translator may write; a client that has no status yet is given the
    /// response head first. `settle` takes both back if nothing was written.
    private mutating func begin(in turn: Turn, into output: inout [UInt8]) -> Mark? {
        guard attempt.isStreaming else { return nil }
        let end = output.count
        let isHeadIncluded = channel.status == 0
        if isHeadIncluded {
            channel.date = turn.state.date
            channel.beginStream(into: &output)
        } else {
            channel.openChunk(in: &output)
        }
        return Mark(end: end, contentStart: output.count, isHeadIncluded: isHeadIncluded)
    }

    private mutating func settle(
        _ mark: Mark?, in turn: Turn, into output: inout [UInt8]
    ) {
        guard let mark else { return }
        let written = output.count - mark.contentStart
        guard written > 0 else {
            channel.takeBack(
                to: mark.end, in: &output, isHeadIncluded: mark.isHeadIncluded)
            return
        }
        channel.closeChunk(in: &output)
        channel.countStreamed(written)
        deadlines.statusHold = nil
        deadlines.ping = turn.now + configuration.pingInterval
    }

    /// Goes on after the translator has been told something.
    ///
    /// - Parameter fate: what becomes of the upstream call if the answer is complete.
    private mutating func proceed(
        _ progress: StreamTranslator.Progress, _ fate: UpstreamFate, in turn: Turn,
        into output: inout [UInt8]
    ) -> Step {
        switch progress {
        case .waiting:
            return .wait
        case .started:
            contentCame(at: turn.now)
            return .wait
        case .finished:
            contentCame(at: turn.now)
            return complete(fate, in: turn, into: &output)
        case .empty:
            return askAgain(after: .emptyAnswer, fate.ofFailure, at: turn.now)
                ?? finishEmpty(fate, in: turn, into: &output)
        case .failed:
            return callFailed(translatorFailure, fate.ofFailure, in: turn, into: &output)
        case .failedMidStream:
            note(translatorFailure, .interrupted)
            return complete(fate.ofFailure, in: turn, into: &output)
        }
    }

    private var translatorFailure: UpstreamFailure {
        guard let failure = translator.failure else {
            preconditionFailure("a translator that has failed says why")
        }
        return failure
    }

    /// A failure that stands, and that the translator does not know of yet.
    private mutating func failed(
        _ failure: UpstreamFailure, _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        let mark = begin(in: turn, into: &output)
        let progress =
            attempt.isStreaming
            ? translator.failed(failure, into: &output)
            : translator.failed(failure, into: &message)
        settle(mark, in: turn, into: &output)
        switch progress {
        case .failed:
            return report(failure, fate, in: turn, into: &output)
        case .failedMidStream:
            note(failure, .interrupted)
            return complete(fate, in: turn, into: &output)
        case .empty:
            // The upstream had said why it stops, but nothing else.
            return report(failure, fate, in: turn, into: &output)
        case .finished, .waiting, .started:
            // The answer was complete but for its last bytes, and now it is.
            return complete(fate, in: turn, into: &output)
        }
    }

    /// The upstream's status is no success, and its body is here, as far as it is read.
    private mutating func refused(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        let text = { (bytes: [UInt8]) in
            bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
        }
        let failure = errorReader.read(
            status: head.status,
            headers: .init(
                retryAfter: text(head.retryAfter), rateLimitReset: text(head.rateLimitReset)),
            body: errorBody)
        return callFailed(failure, fate, in: turn, into: &output)
    }

    /// The upstream has said why it does not answer.
    private mutating func callFailed(
        _ failure: UpstreamFailure, _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        if failure.isCutAnswer, translator.canBeCut, case .asking = phase {
            return finishCut(fate, in: turn, into: &output)
        }
        learn(from: failure, in: turn)
        return askAgain(after: failure, fate, at: turn.now)
            ?? report(failure, fate, in: turn, into: &output)
    }

    /// What the upstream says of the model's context.
    private mutating func learn(from failure: UpstreamFailure, in turn: Turn) {
        guard let tokens = failure.contextTokens else { return }
        contextTokens = tokens
        let isBelieved = attempt.known.lessons.learn(
            contextTokens: tokens, of: attempt.upstreamModel, promptTokens: promptTokens,
            at: turn.now)
        isContextBelieved = isBelieved
        if isBelieved { record.lessons = ["context \(tokens)"] }
    }

    /// The prompt's size by a count of our own, into which nothing learnt has gone.
    private var promptTokens: Int { measure?.tokens ?? quickEstimate }

    /// Asks the upstream again, as if it had not been asked before, if that is of use and the client
    /// has no content yet; nil if the failure stands.
    private mutating func askAgain(
        after failure: UpstreamFailure, _ fate: UpstreamFate, at now: MonotonicTime
    ) -> Step? {
        guard case .asking = phase, let call = attempt.nextCall(after: failure, head.status)
        else { return nil }
        deadlines.upstream = now + upstream.configuration.firstByteTimeout
        isHeldBack = false
        translator = attempt.makeTranslator(identity, errorReader: errorReader)
        // What this try does without is said in the very answer that it brings.
        record.dropped = attempt.translated.dropped.names
        channel.dropped = attempt.translated.dropped.headerValue
        head = UpstreamHead()
        errorBody = []
        message = []
        return .call(call, fate)
    }

    /// The client gets the error: as a status if it has none yet, else as the last event.
    private mutating func report(
        _ failure: UpstreamFailure, _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        precondition(!isOver, "an answer ends once")
        if channel.status == 0 {
            note(failure, .failed)
            channel.date = turn.state.date
            channel.send(failure.error, into: &output)
        } else {
            note(failure, .interrupted)
            channel.openChunk(in: &output)
            failure.lateError.writeEvent(requestID: identity.requestID, into: &output)
            channel.finishStream(into: &output)
        }
        phase = .over
        noteSummary()
        return .finish(fate)
    }

    /// The upstream has nothing to say. A client that waits for its status is told so; one
    /// that has it already gets a message without content.
    private mutating func finishEmpty(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        guard channel.status != 0 else {
            return report(.emptyAnswer, fate, in: turn, into: &output)
        }
        channel.openChunk(in: &output)
        translator.writeEmptyMessage(into: &output)
        return complete(fate, in: turn, into: &output)
    }

    /// The upstream had no room for an answer in the length that was asked for.
    private mutating func finishCut(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        let mark = begin(in: turn, into: &output)
        attempt.isStreaming
            ? translator.writeCutMessage(into: &output)
            : translator.writeCutMessage(into: &message)
        settle(mark, in: turn, into: &output)
        contentCame(at: turn.now)
        return complete(fate, in: turn, into: &output)
    }

    /// Everything that belongs to the answer is written.
    private mutating func complete(
        _ fate: UpstreamFate, in turn: Turn, into output: inout [UInt8]
    ) -> Step {
        precondition(!isOver, "an answer ends once")
        if attempt.isStreaming {
            channel.finishStream(into: &output)
        } else {
            channel.date = turn.state.date
            channel.send(message, into: &output)
        }
        phase = .over
        noteSummary()
        return .finish(fate)
    }
}

// MARK: - The size of the prompt

extension MessagesExchange {
    /// The tokens of the prompt have been counted; `estimate` is what the upstream will make of them.
    mutating func promptCounted(_ measure: PromptMeasure, estimate: Int) {
        self.measure = measure
        attempt.inputTokensEstimate = estimate
        errorReader.inputTokensEstimate = estimate
        translator.inputTokensCounted(estimate)
    }

    /// What the answer teaches about the model's tokenizer, if it is complete and tells.
    var observation: TokenObservation? {
        let usage = translator.summary.usage
        // Searches put into the prompt what nobody here has seen.
        guard let measure, !usage.isEstimate, record.outcome == .completed, usage.webSearches == 0,
            usage.webFetches == 0
        else { return nil }
        // Some gateways leave what comes from a cache out of the prompt.
        let cached = usage.cacheRead > usage.prompt ? usage.cacheRead + usage.cacheWrite : 0
        return TokenObservation(
            model: attempt.upstreamModel, measure: measure, quick: quickEstimate,
            prompt: usage.prompt + cached)
    }
}

// MARK: - The record

extension MessagesExchange {
    /// The first content commits the exchange to its present call.
    private mutating func contentCame(at now: MonotonicTime) {
        guard case .asking = phase else { return }
        phase = .answering
        record.timeToFirstToken = now - askedAt
        attempt.commit()
    }

    private mutating func note(_ failure: UpstreamFailure, _ outcome: RequestRecord.Outcome) {
        record.outcome = outcome
        record.failure = failure.kind
        record.errorType = failure.error.type
        record.errorMessage = failure.error.message
    }

    /// What the outcome says of the upstream is kept for those who ask it next.
    ///
    /// - Returns: what the other loops are to know as well.
    func learnFromOutcome(at now: MonotonicTime) -> [UpstreamLesson] {
        let known = attempt.known
        let learnt = teach(&known.lessons, at: now)
        if configuration.pinsProvider, let session = attempt.session {
            known.learnProvider(from: record, of: session)
        }
        return learnt.map {
            UpstreamLesson(
                upstream: upstream.url.description, model: attempt.upstreamModel, content: $0,
                forgottenAt: UpstreamLessons.end(from: now))
        }
    }

    /// Keeps what has helped this request, if it was answered.
    private func teach(
        _ lessons: inout UpstreamLessons, at now: MonotonicTime
    ) -> [UpstreamLesson.Content] {
        let summary = translator.summary
        guard record.outcome == .completed, summary.contentBytes > 0 || summary.toolCalls > 0 else {
            guard isContextBelieved, let window = lessons.window(of: attempt.upstreamModel) else {
                return []
            }
            return [window]
        }
        let model = attempt.upstreamModel
        let usage = summary.usage
        lessons.answered(model, promptTokens: usage.isEstimate ? 0 : usage.prompt, at: now)
        var learnt = lessons.keep(attempt.lessons, of: model, at: now)
        guard let contextTokens else { return learnt }
        let isBelieved = lessons.learn(
            contextTokens: contextTokens, of: model, promptTokens: promptTokens,
            hasSucceeded: true, at: now)
        if isBelieved, let window = lessons.window(of: model) { learnt.append(window) }
        return learnt
    }

    private mutating func noteSummary() {
        let summary = translator.summary
        record.generationID = errorReader.harmless(
            summary.upstreamID.isEmpty ? head.generationID : summary.upstreamID)
        record.provider = errorReader.harmless(summary.provider)
        record.stopReason = summary.stopReason.map { "\($0.word)" }
        record.inputTokens = summary.usage.input
        record.outputTokens = summary.usage.output
        record.cacheReadTokens = summary.usage.cacheRead
        record.cacheWriteTokens = summary.usage.cacheWrite
        record.reasoningTokens = summary.usage.reasoning ?? 0
        record.notePrice(
            of: summary.usage, by: attempt.prices,
            cachesForAnHour: attempt.translated.facts.cachesForAnHour)
        record.retries = attempt.retries
        if record.outcome == .completed { record.lessons += attempt.lessons.map(\.name) }
    }
}
