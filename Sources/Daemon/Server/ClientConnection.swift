// A client's socket with its session: bytes go in, and what the session wants is done. It decides
// nothing: when actions are carried out and when an upstream is held back says `SessionPump`, and what
// becomes of the socket says `ConnectionFlow`.

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
    private var pump: SessionPump
    private var timer: Timer?
    private var link: UpstreamLink?
    /// libcurl's part of the session's call.
    private var transfer: Transfer?
    /// The body that is being inflated, by steps, as tokens are counted.
    private var inflating: GzipBody?

    init(
        on worker: Worker, number: UInt64, socket: consuming Descriptor, peer: Peer,
        isAdmitted: Bool
    ) throws(SystemError) {
        self.worker = worker
        self.number = number
        self.isAdmitted = isAdmitted
        pump = SessionPump(
            ClientSession(
                worker.state, peer: peer, isAdmitted: isAdmitted, at: worker.loop.now))
        try super.init(on: worker.loop, socket: socket)
        sendTimeout = worker.state.settings.configuration.writeTimeout
        timer = Timer(on: worker.loop) { [unowned self] in deadlineReached() }
        link = UpstreamLink(self)
        settle()
    }

    /// Whether the peer has shown that it may use the proxy.
    var isGuest: Bool { pump.session.isGuest }

    // MARK: The client's events

    override func received(_ bytes: Span<UInt8>) {
        worker.updateTimeOfDay()
        pump.received(bytes, at: loop.now, into: &output)
        performActions()
    }

    override func peerFinished() {
        pump.clientLeft(at: loop.now)
        performActions()
    }

    override func peerLeftWhilePaused() {
        pump.clientLeft(at: loop.now)
        performActions()
    }

    override func drained() {
        pump.outputDrained(at: loop.now, into: &output)
        performActions()
        guard let transfer else { return }
        worker.upstream.resume(transfer)
        // Its bytes may have come already, after the turn's actions were carried out.
        if pump.isQueued { loop.requestTurn() }
    }

    override func closed(_ cause: CloseCause) {
        pump.clientLeft(at: loop.now)
        performActions()
        pump.ended()
        inflating = nil
        timer?.cancel()
        worker.connectionClosed(self)
    }

    private func deadlineReached() {
        pump.deadlineReached(at: loop.now, into: &output)
        performActions()
    }

    // MARK: Counting

    var isCounting: Bool { !isClosed && (inflating != nil || pump.isCounting) }

    /// Does a step of the session's count, or of what comes before it.
    func countFurther() {
        worker.updateTimeOfDay()
        if let inflating {
            let result = inflating.proceed()
            let isUnfinished = pump.bodyInflated(
                to: inflating.bytes, result, at: loop.now, into: &output)
            if !isUnfinished { self.inflating = nil }
        } else {
            pump.countFurther(at: loop.now, into: &output)
        }
        performActions()
    }

    /// A piece of work on a large body is done.
    func workDone(_ id: WorkID, _ work: BodyWork) {
        worker.updateTimeOfDay()
        pump.workDone(id, work, at: loop.now, into: &output)
        performActions()
    }

    // MARK: The daemon's events

    /// Closes now if nothing is under way, else after the present answer.
    func drain() {
        pump.drain(at: loop.now)
        performActions()
    }

    /// Ends the present answer with an error.
    func interrupt() {
        pump.interrupt(at: loop.now, into: &output)
        performActions()
    }

    // MARK: The upstream's events, within libcurl's callbacks

    fileprivate func upstreamTookBody() { pump.upstreamTookBody(at: loop.now) }

    fileprivate func upstreamResponded(_ head: UpstreamHead) { pump.upstreamResponded(head) }

    fileprivate func upstreamReceived(_ bytes: Span<UInt8>) -> Bool {
        let isTaken = pump.takesUpstreamBytes(outputBytes: outputBytes)
        if isTaken {
            worker.updateTimeOfDay()
            if bytes.count > Self.burstBytesMin { borrowRoom() }
            pump.upstreamReceived(bytes, at: loop.now, into: &output)
        }
        performActionsAtTurnEnd()
        return isTaken
    }

    /// A larger piece may not fit the buffer that a connection keeps.
    private static let burstBytesMin = 2048

    fileprivate func upstreamEnded(_ failure: TransferFailure?) {
        transfer = nil
        worker.updateTimeOfDay()
        pump.upstreamEnded(failure, at: loop.now, into: &output)
        performActionsAtTurnEnd()
    }

    // MARK: Actions

    private func performActionsAtTurnEnd() {
        if outputBytes > 0 { markDirty() }
        if pump.queue() { worker.queue(self) }
    }

    /// Carries out what the session wants.
    func performActions() {
        while let action = pump.next(at: loop.now, into: &output) {
            perform(action)
        }
        if !isClosed { settle() }
    }

    /// Waits for what is next.
    private func settle() {
        readBytesMax = pump.readBytesMax
        outputLowWater = pump.outputLowWater
        if outputBytes > 0 { markDirty() }
        if let deadline = pump.deadline {
            timer?.schedule(at: deadline)
        } else {
            timer?.cancel()
        }
    }

    private func perform(_ action: SessionAction) {
        switch action {
        case .startCall(_, let upstreamCall):
            guard let link else { return }
            transfer = worker.upstream.start(upstreamCall, owner: link)
        case .cancelCall:
            guard let transfer = transfer.take() else { return }
            worker.upstream.cancel(transfer, isTimeout: pump.isAtDeadline)
        case .releaseCall:
            guard let transfer = transfer.take() else { return }
            worker.upstream.release(transfer)
        case .inflate(let body, let bytesMax):
            inflating = GzipBody(body, bytesMax: bytesMax)
            worker.startCounting(self)
        case .work(let id, let work):
            worker.start(work, id, for: self)
        case .dropWork(let id):
            worker.drop(id, of: self)
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
        case .close(lingering: false):
            close()
        case .close(lingering: true):
            closeLingering(droppingAtMost: pump.lingeringBytesMax)
        case .record(let record):
            worker.requestEnded(record)
        }
    }
}

extension ClientConnection: Waiting {
    var bytesLeft: Int { inflating?.bytesLeft ?? pump.session.bytesToCount }
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
