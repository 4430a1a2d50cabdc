// One client connection, without the connection: HTTP requests in, answers out, and actions for
// whoever has the sockets. It is told bytes, events and the time; it never looks for itself, so that
// tests and the simulation drive it as the daemon does.
//
//   receiving ──▶ inflating ──▶ preparing ──▶ counting ──▶ exchanging ──▶ receiving …  (for a message)
//   receiving ──▶ inflating ──▶ preparing ──▶ asking ──▶ counting ──▶ receiving …  (for a token count)
//   receiving ──▶ receiving …                                              (everything else)
//   any ──▶ closing                                             (final)
//
// +Admission judges heads, +LocalEndpoints answers what needs no upstream, +Launch begins exchanges,
// +Preparing has large bodies read and translated beside the loop (small ones are at once),
// +Upstream has what calls bring, which MessagesExchange follows; +Counting counts tokens.
// Invariants: each complete request is answered exactly once; answers come in the order of the
// requests; nothing is read as a request after a protocol error.

import HTTP1
import Translation

/// The state of one client connection.
package struct ClientSession: ~Copyable {
    enum Phase {
        /// Between requests, or within one. → inflating, preparing, asking, counting, exchanging, closing
        case receiving
        /// A gzip body is with the shell. → preparing, asking, counting, exchanging, receiving, closing
        case inflating
        /// A large body is parsed or translated beside the loop.
        /// → asking, counting, exchanging, receiving, closing
        case preparing
        /// The upstream is asked for a count of tokens, or was in vain.
        /// → preparing, counting, receiving, closing
        case asking
        /// The tokens of a request are counted, a step at a time: for their own sake, or because
        /// there may be no room for the answer. → preparing, exchanging, receiving, closing
        case counting
        /// The upstream is being asked. → receiving, closing
        case exchanging
        /// Whatever comes is dropped.
        case closing
    }

    let state: GatewayState
    let peer: Peer
    /// Whether the daemon had room for this connection when it came.
    let isAdmitted: Bool
    /// Whether the peer has shown on this connection that it may use the proxy. Until then it is a
    /// stranger, who costs little: short times, small buffers, no place but what is left over.
    package internal(set) var isGuest = false
    /// Whether nothing that the peer could show would help. It gets one answer.
    let isUnwelcome: Bool
    var phase = Phase.receiving
    var decoder: RequestDecoder
    /// The request being received.
    var request: IncomingRequest?
    /// The way of the present answer, while no exchange has it.
    var channel: ResponseChannel
    var running: RunningExchange?
    /// The count of the present request's tokens, while it is under way: what a request for a count
    /// waits for, and what an exchange uses once it is there.
    var count: PromptCount?
    /// What follows once a large body is parsed or translated.
    var preparing: Preparing?
    /// The work on a large body that the session waits for: to prepare the request, or within an exchange
    /// to ask again.
    var work: WorkID?
    /// The first step of a large prompt's count.
    var countWork: WorkID?
    private var lastWork = WorkID()
    /// The count that the upstream is asked for. Not within the phase: each event of a stream would copy
    /// it with that.
    var askedCount: UpstreamCount?
    /// What the session holds of the process's memory.
    var memory = MemoryAccount()
    /// The size of the upstream call's body.
    var callBytes = 0
    /// What has come of the answer since the memory that it takes was counted last.
    var answerBytesUncounted = 0
    /// What the present request is served by, from its first byte on.
    var settings: Settings
    /// Bytes of requests that the client has sent ahead.
    var pipelined: [UInt8] = []
    private var isReadingPaused = false
    /// Whether the present request is one of those that `requestsMax` counts.
    private var holdsPlace = false
    /// The call that the exchange waits for; nil without one. What others bring is dropped, and one
    /// that was not started when the exchange turned from it never is.
    var call: CallID?
    private var lastCall = CallID()
    private var actions: [SessionAction] = []
    private var nextActionIndex = 0
    private var receiveDeadline: MonotonicTime?
    /// Whether a request has been answered on this connection.
    private var hasAnswered = false

    /// A fresh connection.
    ///
    /// - Parameter isAdmitted: false if there are too many connections: the first request is then
    ///   answered with 529.
    package init(_ state: GatewayState, peer: Peer, isAdmitted: Bool, at now: MonotonicTime) {
        self.state = state
        self.peer = peer
        self.isAdmitted = isAdmitted
        settings = state.settings
        isUnwelcome = settings.access.canNeverServe(peer)
        var limits = RequestLimits()
        limits.bodyBytesMax = state.settings.configuration.bodyBytesMax
        decoder = RequestDecoder(limits: limits)
        channel = ResponseChannel(requestID: [], head: nil)
        receiveDeadline = now + waitingTime
    }

    /// Whether the connection has a place, or may get one.
    private var isSeated: Bool { isGuest || (isAdmitted && !isUnwelcome) }

    /// How long the connection may wait for a request.
    private var waitingTime: Duration {
        // One that there is no room for has time to say what it wants, no more.
        guard isSeated else { return Limits.firstRequestGrace }
        let time = state.settings.configuration.idleTimeout
        return isGuest || !state.settings.access.asksForTokens
            ? time : min(time, Limits.strangerTime)
    }

    // MARK: What the shell asks

    /// The next thing to do; nil when there is nothing more for now.
    package mutating func nextAction() -> SessionAction? {
        while nextActionIndex < actions.count {
            let action = actions[nextActionIndex]
            nextActionIndex += 1
            if case .startCall(let id, _) = action, id != call { continue }
            return action
        }
        actions.removeAll(keepingCapacity: true)
        nextActionIndex = 0
        return nil
    }

    /// Whether `nextAction` may have one.
    var hasActions: Bool { !actions.isEmpty }

    /// After each event phase and parts belong together.
    func checkState() {
        switch phase {
        case .exchanging:
            precondition(
                running != nil && (call != nil || isPausing || work != nil),
                "an exchange waits for a call")
            precondition(running?.exchange.isOver == false, "an exchange that is over is taken")
        case .asking:
            precondition(
                running == nil && count == nil && askedCount?.isInVain == (call == nil),
                "a count is asked for, or was in vain")
        case .counting:
            precondition(
                running == nil && (count == nil) == (countWork != nil), "a count is under way")
        case .preparing:
            precondition(
                running == nil && work != nil && preparing != nil, "a body is worked on")
        case .receiving, .inflating, .closing:
            precondition(
                running == nil && count == nil && askedCount == nil && work == nil
                    && countWork == nil && preparing == nil, "nothing is under way")
        }
    }

    /// When `deadlineReached` is to be called; nil for never.
    package var deadline: MonotonicTime? {
        switch phase {
        case .receiving: receiveDeadline
        case .exchanging: exchangeDeadline
        case .asking: askedCount?.deadline
        case .inflating, .preparing, .counting, .closing: nil
        }
    }

    /// Whether the next call of an exchange is put off for a moment.
    var isPausing: Bool {
        running?.exchange.isPausing ?? false
    }

    private var exchangeDeadline: MonotonicTime? {
        running?.exchange.deadline
    }

    /// Whether no request is under way, so that the connection can be closed without loss.
    package var isIdle: Bool {
        switch phase {
        case .receiving: decoder.phase == .idle
        case .inflating, .preparing, .asking, .counting, .exchanging, .closing: false
        }
    }

    /// Whether requests wait for the output to leave, or memory that was granted for it: then
    /// `outputDrained` is to be called when all of it has.
    package var awaitsOutput: Bool {
        switch phase {
        case .receiving: !pipelined.isEmpty || (request == nil && memory.granted > 0)
        case .inflating, .preparing, .asking, .counting, .exchanging, .closing: false
        }
    }

    /// The client's bytes that are kept: of a body that is not complete, and sent ahead.
    package var heldBytes: Int { pipelined.count + (request?.body.count ?? 0) }

    func turn(at now: MonotonicTime) -> Turn { Turn(now: now, state: state) }

    mutating func act(_ action: SessionAction) { actions.append(action) }

    /// Has work done beside the loop.
    mutating func startWork(_ task: BodyWork.Task) -> WorkID {
        lastWork = lastWork.next
        act(.work(lastWork, BodyWork(task)))
        return lastWork
    }

    /// Has the upstream called, from now on for the exchange, or for the count that is asked for.
    mutating func startCall(_ upstreamCall: UpstreamCall) {
        precondition(call == nil && !isPausing, "a session has one call")
        lastCall = lastCall.next
        call = lastCall
        callBytes = upstreamCall.body.count
        act(.startCall(lastCall, upstreamCall))
    }
}

// MARK: - Events of the client

extension ClientSession {
    /// Bytes have come from the client.
    package mutating func received(
        _ bytes: Span<UInt8>, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        switch phase {
        case .receiving where pipelined.isEmpty:
            let offset = decode(bytes, at: now, into: &output)
            keep(bytes.extracting(offset...))
        case .receiving, .inflating, .preparing, .asking, .counting, .exchanging:
            keep(bytes)
        case .closing:
            break
        }
    }

    /// The client has taken its output, or during an exchange most of it: requests that waited for
    /// that are answered, and an upstream that was held back goes on.
    package mutating func outputDrained(at now: MonotonicTime, into output: inout [UInt8]) {
        switch phase {
        case .receiving:
            // What is left of the output, if anything, is little. `output` may be much longer: it
            // begins with bytes that have left.
            if request == nil { releaseMemory(keeping: 0) }
            decodePipelined(at: now, into: &output)
        case .exchanging: running?.exchange.letGo(at: now)
        case .inflating, .preparing, .asking, .counting, .closing: break
        }
    }

    /// The client has ended its side, or is gone altogether. Either way nobody waits for an answer.
    package mutating func clientLeft(at now: MonotonicTime) {
        if running != nil {
            let turn = turn(at: now)
            running?.exchange.clientLeft(in: turn)
            endCall(.cancel)
            endExchange(at: now)
        } else {
            switch phase {
            case .asking:
                endCall(.cancel)
                askedCount = nil
                abandonRequest(at: now)
            case .inflating, .preparing, .counting: abandonRequest(at: now)
            case .receiving, .exchanging, .closing: break
            }
        }
        close(lingering: false)
    }

    /// Reads requests until the bytes are used up, one of them must be answered first, or the client
    /// must take the last answer before there is another: whoever does not read is answered once.
    /// Returns how many bytes were used.
    private mutating func decode(
        _ bytes: Span<UInt8>, at now: MonotonicTime, into output: inout [UInt8]
    ) -> Int {
        var offset = 0
        while case .receiving = phase {
            if decoder.phase == .idle {
                guard output.isEmpty else { return offset }
                if offset < bytes.count { takeSettings() }
            }
            do throws(ProtocolError) {
                switch try decoder.decode(bytes, from: &offset) {
                case .needsMoreInput:
                    updateReceiveDeadline(at: now)
                    return offset
                case .head(let head):
                    headReceived(head, at: now, into: &output)
                case .body(let range):
                    bodyReceived(bytes.extracting(range), at: now, into: &output)
                case .end:
                    requestReceived(at: now, into: &output)
                }
            } catch {
                refuse(error, at: now, into: &output)
            }
        }
        return offset
    }

    /// A request begins: it is served by the settings of this moment, all of it.
    private mutating func takeSettings() {
        guard settings !== state.settings else { return }
        settings = state.settings
        decoder.limits.bodyBytesMax = settings.configuration.bodyBytesMax
    }

    /// A piece of a body has come. Where none is wanted it is dropped.
    private mutating func bodyReceived(
        _ bytes: Span<UInt8>, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        switch request?.route {
        case .messages, .countTokens:
            request?.append(bytes, at: now)
            guard holdsBody(request?.bodyBytes ?? 0) else {
                return fail(.tooMuchMemory, at: now, into: &output)
            }
        case .models, .model, .health, .probe, nil:
            request?.drop(bytes.count, at: now)
        }
    }

    /// Keeps bytes of later requests, within limits.
    private mutating func keep(_ bytes: Span<UInt8>) {
        switch phase {
        case .closing: return
        case .receiving, .inflating, .preparing, .asking, .counting, .exchanging: break
        }
        guard bytes.count > 0 else { return }
        pipelined.append(bytes)
        if pipelined.count >= pipelinedBytesMax, !isReadingPaused {
            isReadingPaused = true
            act(.pauseReading)
        }
    }

    /// A stranger's socket is not read while a request of its waits.
    private var pipelinedBytesMax: Int { isGuest ? Limits.pipelinedBytesMax : 1 }

    /// The present request has its answer: on to the next, or to the end.
    mutating func requestAnswered(at now: MonotonicTime, into output: inout [UInt8]) {
        precondition(running == nil, "a request is answered when its exchange is over")
        request = nil
        endCounting()
        hasAnswered = true
        releasePlace()
        releaseMemory(keeping: output.count)
        guard channel.keepsAlive, !state.isDraining else {
            close(lingering: true)
            return
        }
        phase = .receiving
        receiveDeadline = now + waitingTime
        decodePipelined(at: now, into: &output)
    }

    /// Goes on with the requests that were sent ahead.
    private mutating func decodePipelined(at now: MonotonicTime, into output: inout [UInt8]) {
        guard !pipelined.isEmpty, output.isEmpty else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &pipelined)
        let offset = decode(bytes.span, at: now, into: &output)
        switch phase {
        case .closing: return
        case .receiving, .inflating, .preparing, .asking, .counting, .exchanging: break
        }
        // The array stays: thousands of small requests would copy it as often.
        bytes.removeSubrange(..<offset)
        pipelined = bytes
        if isReadingPaused, pipelined.count < pipelinedBytesMax {
            isReadingPaused = false
            act(.resumeReading)
        }
    }

    mutating func close(lingering: Bool) {
        phase = .closing
        request = nil
        pipelined = []
        releasePlace()
        act(.close(lingering: lingering))
    }

    /// Whether there is a place for the present request among those under way.
    mutating func takesPlace() -> Bool {
        precondition(!holdsPlace, "a session has one request under way")
        holdsPlace = state.countRequests(1) <= settings.configuration.requestsMax
        if !holdsPlace { _ = state.countRequests(-1) }
        return holdsPlace
    }

    private mutating func releasePlace() {
        if holdsPlace { _ = state.countRequests(-1) }
        holdsPlace = false
    }
}

// MARK: - Time

extension ClientSession {
    /// The deadline has come.
    package mutating func deadlineReached(at now: MonotonicTime, into output: inout [UInt8]) {
        guard let deadline, deadline <= now else { return }
        switch phase {
        case .receiving:
            receivingTookTooLong(at: now, into: &output)
        case .exchanging:
            let turn = turn(at: now)
            guard let step = running?.exchange.deadlineReached(in: turn, into: &output) else {
                return
            }
            take(step, at: now, into: &output)
        case .asking:
            endCall(.cancel)
            noteCountFailed(at: now)
        case .inflating, .preparing, .counting, .closing:
            break
        }
    }

    private mutating func receivingTookTooLong(
        at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard decoder.phase != .idle else {
            // A client that still takes its answer is not idle. One that does not is the shell's
            // to leave, which sees it.
            guard output.isEmpty else {
                receiveDeadline = now + waitingTime
                return
            }
            // Nobody waits for an answer on an idle connection.
            close(lingering: false)
            return
        }
        identify(at: now)
        let error = APIError(
            status: 408, type: .timeout,
            message: "The request did not arrive in time; the proxy has given up waiting for it.")
        fail(error, at: now, into: &output)
    }

    /// Sets the time by which the rest of the request must have come. A head has its time in total; a
    /// body has to make progress, and a little of it for every second.
    private mutating func updateReceiveDeadline(at now: MonotonicTime) {
        let configuration = settings.configuration
        switch decoder.phase {
        case .idle, .failed:
            request = nil
        case .head:
            if request == nil {
                request = IncomingRequest(at: now)
                receiveDeadline =
                    now + (isSeated ? configuration.headTimeout : waitingTime)
            }
        case .body:
            guard let request else { return }
            let budget =
                request.bodyStartedAt + configuration.bodyTimeout
                + Limits.bodyTimePerKiB * (request.bodyBytes >> 10)
            receiveDeadline = min(request.lastProgressAt + configuration.bodyTimeout, budget)
        }
    }

    /// The daemon is about to end: an idle connection closes now, a busy one after its answer. One
    /// on which nothing was asked yet has some time, because its first request is on its way.
    package mutating func drain(at now: MonotonicTime) {
        guard isIdle, pipelined.isEmpty else { return }
        guard hasAnswered else {
            receiveDeadline = now + Limits.firstRequestGrace
            return
        }
        close(lingering: false)
    }

    /// The daemon ends now: an answer under way becomes an error that clients retry.
    package mutating func interrupt(at now: MonotonicTime, into output: inout [UInt8]) {
        let turn = turn(at: now)
        switch phase {
        case .inflating, .preparing, .asking, .counting:
            endCall(.cancel)
            askedCount = nil
            endWork()
            channel.keepsAlive = false
            return fail(.shuttingDown, at: now, into: &output)
        case .receiving, .exchanging, .closing: break
        }
        guard let step = running?.exchange.interrupt(in: turn, into: &output) else {
            close(lingering: false)
            return
        }
        take(step, at: now, into: &output)
    }
}
