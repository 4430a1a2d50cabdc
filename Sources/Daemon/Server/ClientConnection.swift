// A client's socket with its session: bytes go in, and what the session wants is done. It decides
// nothing itself but back-pressure.
//
// Actions are carried out right after a client's event. After an upstream's event they wait until the
// end of the turn, because libcurl's callbacks must not start, cancel or resume transfers.

import EventLoop
import Gateway
import Upstream

/// One client connection of a worker.
final class ClientConnection: Connection {
    private unowned let worker: Worker
    /// The connection's number among all of its worker.
    let number: UInt64
    /// Whether it got a place when it came.
    let isAdmitted: Bool
    fileprivate var session: ClientSession
    private var timer: Timer?
    private var link: UpstreamLink?
    /// The call of the session that runs, and libcurl's part of it.
    private var call: CallID?
    private var transfer: Transfer?
    /// The body that is being inflated, by steps, as tokens are counted.
    private var inflating: GzipBody?
    /// Whether `performActions` is due at the end of the turn.
    private var isQueued = false
    /// Whether what is done is because something took too long.
    private var isAtDeadline = false

    init(
        on worker: Worker, number: UInt64, socket: consuming Descriptor, peer: Peer,
        isAdmitted: Bool
    ) throws(SystemError) {
        self.worker = worker
        self.number = number
        self.isAdmitted = isAdmitted
        session = ClientSession(
            worker.state, peer: peer, isAdmitted: isAdmitted, at: worker.loop.now)
        try super.init(on: worker.loop, socket: socket)
        readBytesMax = Limits.strangerReadMax
        sendTimeout = worker.state.settings.configuration.writeTimeout
        timer = Timer(on: worker.loop) { [unowned self] in deadlineReached() }
        link = UpstreamLink(self)
        updateTimer()
    }

    /// Whether the peer has shown that it may use the proxy.
    var isGuest: Bool { session.isGuest }

    // MARK: The client's events

    override func received(_ bytes: Span<UInt8>) {
        worker.updateTimeOfDay()
        session.received(bytes, at: loop.now, into: &output)
        performActions()
    }

    override func peerFinished() {
        session.clientLeft(at: loop.now)
        performActions()
    }

    override func peerLeftWhilePaused() {
        session.clientLeft(at: loop.now)
        performActions()
    }

    override func drained() {
        session.outputDrained(at: loop.now, into: &output)
        performActions()
        guard let transfer else { return }
        worker.upstream.resume(transfer)
        // Its bytes may have come already, after the turn's actions were carried out.
        if isQueued { loop.requestTurn() }
    }

    override func closed(_ cause: CloseCause) {
        session.clientLeft(at: loop.now)
        performActions()
        session.connectionEnded()
        inflating = nil
        timer?.cancel()
        worker.connectionClosed(self)
    }

    private func deadlineReached() {
        session.deadlineReached(at: loop.now, into: &output)
        isAtDeadline = true
        performActions()
        isAtDeadline = false
    }

    // MARK: Counting

    var isCounting: Bool { !isClosed && (inflating != nil || session.isCounting) }

    /// Does a step of the session's count, or of what comes before it.
    func countFurther() {
        worker.updateTimeOfDay()
        if let inflating {
            inflateFurther(inflating)
        } else {
            session.countFurther(at: loop.now, into: &output)
        }
        performActions()
    }

    private func inflateFurther(_ body: GzipBody) {
        let result = body.proceed()
        guard session.bodyInflating(to: body.bytes, at: loop.now, into: &output) else {
            inflating = nil
            return
        }
        guard let result else { return }
        inflating = nil
        session.bodyInflated(result, at: loop.now, into: &output)
    }

    // MARK: The daemon's events

    /// Closes now if nothing is under way, else after the present answer.
    func drain() {
        session.drain(at: loop.now)
        performActions()
    }

    /// Ends the present answer with an error.
    func interrupt() {
        session.interrupt(at: loop.now, into: &output)
        performActions()
    }

    // MARK: The upstream's events, within libcurl's callbacks

    fileprivate func upstreamTookBody() {
        guard let call else { return }
        session.upstreamTookBody(call, at: loop.now)
    }

    fileprivate func upstreamResponded(_ head: UpstreamHead) {
        guard let call else { return }
        session.upstreamResponded(call, head)
    }

    fileprivate func upstreamReceived(_ bytes: Span<UInt8>) -> Bool {
        guard let call else { return true }
        // A slow client holds its upstream back rather than fill memory.
        guard outputBytes < Limits.outputHighWater else {
            session.upstreamHeldBack(call)
            performActionsAtTurnEnd()
            return false
        }
        worker.updateTimeOfDay()
        if bytes.count > Self.burstBytesMin { borrowRoom() }
        session.upstreamReceived(call, bytes, at: loop.now, into: &output)
        performActionsAtTurnEnd()
        return true
    }

    /// Whose events do not fit the buffer that a connection keeps.
    private static let burstBytesMin = 2048

    fileprivate func upstreamEnded(_ failure: TransferFailure?) {
        transfer = nil
        guard let ended = call.take() else { return }
        worker.updateTimeOfDay()
        session.upstreamEnded(ended, failure, at: loop.now, into: &output)
        performActionsAtTurnEnd()
    }

    // MARK: Actions

    private func performActionsAtTurnEnd() {
        if outputBytes > 0 { markDirty() }
        guard !isQueued else { return }
        isQueued = true
        worker.queue(self)
    }

    /// Carries out what the session wants.
    func performActions() {
        isQueued = false
        while let action = session.nextAction() { perform(action) }
        guard !isClosed else { return }
        // All output may have left after the session began to wait for that, and before this turn's
        // end: then nobody else tells it.
        if outputBytes == 0, session.awaitsOutput {
            session.outputDrained(at: loop.now, into: &output)
            return performActions()
        }
        if session.isGuest { readBytesMax = Limits.socketReadMax }
        // Requests that wait have their turn when all is sent, an upstream that waits before.
        outputLowWater = session.awaitsOutput ? 0 : Limits.outputLowWater
        if outputBytes > 0 { markDirty() }
        updateTimer()
    }

    private func perform(_ action: SessionAction) {
        switch action {
        case .startCall(let id, let upstreamCall):
            precondition(call == nil, "the session ends a call before it starts the next")
            guard let link else { return }
            call = id
            transfer = worker.upstream.start(upstreamCall, owner: link)
        case .cancelCall(let id):
            guard id == call, let transfer = endCall() else { return }
            worker.upstream.cancel(transfer, isTimeout: isAtDeadline)
        case .releaseCall(let id):
            guard id == call, let transfer = endCall() else { return }
            worker.upstream.release(transfer)
        case .inflate(let body, let bytesMax):
            inflating = GzipBody(body, bytesMax: bytesMax)
            worker.startCounting(self)
        case .count:
            worker.startCounting(self)
        case .learn(let observation):
            worker.learned(observation)
        case .teach(let lessons):
            worker.taught(lessons)
        case .tell(let notices):
            worker.tell(notices)
        case .pauseReading:
            pauseReading()
        case .resumeReading:
            resumeReading()
        case .close(let lingering):
            guard lingering || outputBytes > 0 else { return close() }
            // A client that sends its body without waiting reads the refusal after it.
            let most = worker.state.settings.configuration.bodyBytesMax
            closeLingering(droppingAtMost: session.isGuest ? max(1 << 20, most) : 1 << 20)
        case .record(let record):
            worker.requestEnded(record)
        }
    }

    private func endCall() -> Transfer? {
        call = nil
        return transfer.take()
    }

    private func updateTimer() {
        if let deadline = session.deadline {
            timer?.schedule(at: deadline)
        } else {
            timer?.cancel()
        }
    }
}

extension ClientConnection: Counting {
    var bytesToCount: Int { inflating?.bytesLeft ?? session.bytesToCount }
}

/// Passes the upstream's news on. An object of its own because a connection has its base class.
private final class UpstreamLink: TransferOwner {
    private unowned let connection: ClientConnection

    init(_ connection: ClientConnection) { self.connection = connection }

    override func transferTookBody() { connection.upstreamTookBody() }

    override func transferResponded(_ head: UpstreamHead) { connection.upstreamResponded(head) }

    override func transferReceived(_ bytes: Span<UInt8>) -> Bool {
        connection.upstreamReceived(bytes)
    }

    override func transferEnded(_ failure: TransferFailure?) { connection.upstreamEnded(failure) }
}
