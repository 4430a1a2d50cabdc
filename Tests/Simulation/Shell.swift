// Connections without sockets: the session's bytes go to and come from buffers of limited size. What is
// decided about them is decided by the daemon's own `SessionPump` and `ConnectionFlow`; here are the
// system calls and libcurl's part.

import EventLoop
import Gateway

/// A call of the upstream, as libcurl would run it.
final class Call {
    let id: CallID
    let plan: AnswerPlan
    let marker: Int
    let upstream: Upstream
    let model: String?
    /// What the upstream has still to do.
    var rest: ArraySlice<AnswerPlan.Piece>
    /// Bytes that the session has not taken because its client is slow.
    var isPaused = false
    var isOver = false
    /// What was sent.
    let body: [UInt8]
    /// What has happened to its request so far.
    let history: History
    /// Whether it was broken off.
    var wasCancelled = false
    /// When the upstream was asked for this request for the first time.
    var firstAt: MonotonicTime
    let startedAt: MonotonicTime
    /// When the upstream was asked, or was last heard of.
    var heardAt: MonotonicTime

    init(
        _ id: CallID, _ plan: AnswerPlan, marker: Int, _ call: UpstreamCall, _ model: String?,
        _ history: History, at now: MonotonicTime
    ) {
        upstream = call.upstream
        body = call.body
        self.history = history
        self.model = model
        self.id = id
        self.plan = plan
        firstAt = now
        startedAt = now
        heardAt = now
        self.marker = marker
        rest = plan.pieces[...]
    }
}

extension Call {
    struct Target: Equatable {
        let upstream: Upstream
        let model: String?
    }

    /// What has happened to a request that is asked again.
    final class History {
        /// The settings that may have made its first call.
        let settings: [Settings]
        var repeats = 0
        /// Who was asked in vain.
        var left: [Target] = []

        init(_ settings: [Settings]) { self.settings = settings }
    }
}

/// One connection: session, shell, socket buffers and client.
final class Connection {
    let number: Int
    let isLocal: Bool
    let isAdmitted: Bool
    var pump: SessionPump
    var flow = ConnectionFlow()
    var client: Client

    /// From the client: what the server has not read.
    var inbound: [UInt8] = []
    /// To the client: what it has not read.
    var outbound: [UInt8] = []
    let outboundMax: Int
    /// Whether the server has closed or shut its sending side.
    var isOutboundEnded = false
    static let inboundMax = 128 << 10

    var output: [UInt8] = []
    /// Whether the session knows that its client is gone.
    var hasLeft = false
    /// The upstream's part of the pump's call.
    var call: Call?
    /// A body that is being inflated, and how far it is.
    var inflating: (body: [UInt8], bytesMax: Int, done: Int)?

    /// Work on large bodies that is not done yet.
    var work: [(id: WorkID, work: BodyWork)] = []

    /// How many of the client's bytes the session was given.
    var receivedBytes = 0
    /// By which of the world's settings each request began, and whether no other was before it.
    var begun: [(index: Int, isAlone: Bool)] = []
    var isInterrupted = false
    /// Whether much output waited when the session asked for the end.
    var wasSlow = false
    /// Whether the session has asked for the end.
    var hasAskedForClose = false
    /// The end came while answers were still owed or unsent, for a reason that is not the session's.
    var wasCut = false
    var records: [RequestRecord] = []
    /// The markers of the requests for which the upstream was called.
    var called: Set<Int> = []

    init(
        _ number: Int, _ state: GatewayState, client: Client, isLocal: Bool, isAdmitted: Bool,
        outboundMax: Int, at now: MonotonicTime
    ) {
        self.number = number
        self.client = client
        self.isLocal = isLocal
        self.isAdmitted = isAdmitted
        self.outboundMax = outboundMax
        pump = SessionPump(
            ClientSession(
                state, peer: Peer(isLocal: isLocal, name: "client"), isAdmitted: isAdmitted,
                at: now))
        flow.sendTimeout = state.settings.configuration.writeTimeout
    }

    var outputBytes: Int { flow.outputBytes(of: output) }
    var isClosed: Bool { flow.isClosed }
    var isOpen: Bool { flow.isOpen }
    var isReading: Bool { flow.isReading }
    var isBlocked: Bool { flow.isBlocked }
    var isQueued: Bool { pump.isQueued }

    /// When something is due, of the session or of the socket.
    var deadline: MonotonicTime? {
        guard isOpen else { return flow.deadline }
        return [pump.deadline, flow.deadline].compactMap { $0 }.min()
    }
}

/// What a connection needs of the world round it.
protocol ShellContext: AnyObject {
    var now: MonotonicTime { get }
    var state: GatewayState { get }
    var served: [Settings] { get }
    func startCall(_ id: CallID, _ call: UpstreamCall, for connection: Connection) throws -> Call
    func callDropped(_ call: Call, isReleased: Bool)
    func recorded(_ record: RequestRecord, on connection: Connection) throws
    func reached(_ milestone: Milestone)
}

/// What the shell does.
struct Shell<World: ShellContext> {
    unowned let world: World

    // MARK: The socket

    /// Does what follows from an event of the socket.
    private func take(
        _ consequence: ConnectionFlow.Consequence, _ connection: Connection
    ) throws {
        switch consequence {
        case .nothing, .deliver: break
        case .tellDrained: try drained(connection)
        case .tellPeerFinished, .tellPeerLeft:
            tellLeft(connection)
            try performActions(connection)
        case .shutOutput:
            connection.isOutboundEnded = true
            try take(connection.flow.outputShut(true, at: world.now), connection)
        case .close: try finish(connection)
        }
    }

    /// One `recv`, of at most `count` bytes.
    func read(_ connection: Connection, upTo count: Int) throws {
        guard !connection.isClosed, connection.isReading else { return }
        guard connection.inbound.isEmpty else {
            let most = connection.pump.readBytesMax
            let bytes = Array(connection.inbound.prefix(min(count, most)))
            connection.inbound.removeFirst(bytes.count)
            let consequence = connection.flow.received(bytes.count, at: world.now)
            guard case .deliver = consequence else { return try take(consequence, connection) }
            noteBegun(connection, bytes.count)
            connection.receivedBytes += bytes.count
            connection.pump.received(bytes.span, at: world.now, into: &connection.output)
            return try performActions(connection)
        }
        guard connection.client.hasFinished else { return }
        try take(connection.flow.inputEnded(), connection)
    }

    /// Requests begin with the next `count` bytes.
    private func noteBegun(_ connection: Connection, _ count: Int) {
        var isAlone =
            connection.pump.session.isIdle && connection.output.isEmpty
            && connection.pump.session.heldBytes == 0
        let end = connection.receivedBytes + count
        while connection.begun.count < connection.client.ends.count {
            let number = connection.begun.count
            let start = number > 0 ? connection.client.ends[number - 1] : 0
            guard start < end else { return }
            connection.begun.append((world.served.count - 1, isAlone))
            isAlone = false
        }
    }

    /// What epoll tells of a peer that leaves while nobody reads.
    func noticeLeaving(_ connection: Connection) throws {
        guard connection.isOpen, connection.client.hasFinished,
            connection.flow.interest.contains(.peerClosed)
        else { return }
        world.reached(.clientLeftWhilePaused)
        try take(connection.flow.peerLeft(), connection)
    }

    private func tellLeft(_ connection: Connection) {
        connection.hasLeft = true
        connection.pump.clientLeft(at: world.now)
    }

    /// The connection has been reset.
    func reset(_ connection: Connection) throws {
        connection.wasCut = true
        try take(connection.flow.close(.peerGone), connection)
    }

    /// One `send` of at most `count` bytes, at the end of a turn.
    func flush(_ connection: Connection, upTo count: Int) throws {
        let before = connection.outputBytes
        guard !connection.isClosed, before > 0 else { return }
        let room = max(0, connection.outboundMax - connection.outbound.count)
        let count = min(count, room, before)
        let start = connection.flow.sentBytes
        connection.outbound += connection.output[start..<start + count]
        try take(
            connection.flow.sent(count, of: &connection.output, at: world.now), connection)
    }

    private func finish(_ connection: Connection) throws {
        if connection.outputBytes > 0 { connection.wasCut = true }
        connection.output = []
        connection.isOutboundEnded = true
        tellLeft(connection)
        try performActions(connection)
        connection.inflating = nil
        connection.work = []
        connection.pump.ended()
    }

    // MARK: The upstream

    func upstreamResponded(_ connection: Connection, _ head: UpstreamHead) {
        connection.pump.upstreamResponded(head)
    }

    /// Returns false when the client is too slow: the call is to be paused.
    func upstreamReceived(_ connection: Connection, _ bytes: ArraySlice<UInt8>) -> Bool {
        _ = connection.pump.queue()
        guard connection.pump.takesUpstreamBytes(outputBytes: connection.outputBytes) else {
            return false
        }
        connection.call?.heardAt = world.now
        connection.pump.upstreamReceived(bytes.span, at: world.now, into: &connection.output)
        return true
    }

    func upstreamEnded(_ connection: Connection, _ failure: TransferFailure?) {
        connection.call = nil
        connection.pump.upstreamEnded(failure, at: world.now, into: &connection.output)
        _ = connection.pump.queue()
    }

    private func drained(_ connection: Connection) throws {
        if connection.pump.session.heldBytes > 0 { world.reached(.heldUntilDrained) }
        connection.pump.outputDrained(at: world.now, into: &connection.output)
        try performActions(connection)
        guard let call = connection.call, call.isPaused else { return }
        call.isPaused = false
        call.heardAt = world.now
        world.reached(.upstreamResumed)
    }

    // MARK: The loop

    /// The timers of the session and of the socket.
    func serveTimers(_ connection: Connection) throws {
        if let deadline = connection.flow.deadline, deadline <= world.now {
            if connection.flow.isBlocked {
                connection.wasCut = true
                world.reached(.outputStalled)
            }
            try take(connection.flow.deadlineReached(at: world.now), connection)
        }
        guard connection.isOpen, let deadline = connection.pump.deadline, deadline <= world.now
        else { return }
        connection.pump.deadlineReached(at: world.now, into: &connection.output)
        try performActions(connection)
    }

    /// The thread beside the loop is done with a piece of work.
    func work(_ connection: Connection) throws {
        guard !connection.isClosed, !connection.work.isEmpty else { return }
        var (id, work) = connection.work.removeFirst()
        work.run()
        connection.pump.workDone(id, work, at: world.now, into: &connection.output)
        world.reached(.workedBesideLoop)
        try performActions(connection)
    }

    /// A step of the session's token count, or of a body that is inflated.
    func count(_ connection: Connection) throws {
        guard connection.isOpen else { return }
        if connection.inflating != nil {
            inflateFurther(connection)
        } else if connection.pump.isCounting {
            connection.pump.countFurther(at: world.now, into: &connection.output)
        } else {
            return
        }
        try performActions(connection)
    }

    private func inflateFurther(_ connection: Connection) {
        guard var body = connection.inflating else { return }
        body.done = min(body.body.count, body.done + (16 << 10))
        connection.inflating = body
        let result =
            body.done == body.body.count ? inflate(body.body, body.bytesMax) : nil
        let isUnfinished = connection.pump.bodyInflated(
            to: body.done, result, at: world.now, into: &connection.output)
        if !isUnfinished { connection.inflating = nil }
    }

    private func inflate(_ body: [UInt8], _ bytesMax: Int) -> InflatedBody {
        switch body.first {
        case UInt8(ascii: "g"):
            return body.count - 1 > bytesMax ? .tooLarge : .body(Array(body[1...]))
        case UInt8(ascii: "l"): return .tooLarge
        default: return .invalid
        }
    }

    func drain(_ connection: Connection) throws {
        guard connection.isOpen else { return }
        connection.pump.drain(at: world.now)
        try performActions(connection)
    }

    func interrupt(_ connection: Connection) throws {
        guard connection.isOpen else { return }
        connection.isInterrupted = true
        connection.pump.interrupt(at: world.now, into: &connection.output)
        try performActions(connection)
    }

    // MARK: Actions

    func performActions(_ connection: Connection) throws {
        while let action = connection.pump.next(at: world.now, into: &connection.output) {
            try perform(action, connection)
        }
        connection.flow.outputLowWater = connection.pump.outputLowWater
    }

    private func perform(_ action: SessionAction, _ connection: Connection) throws {
        switch action {
        case .startCall(let id, let call):
            try require(!connection.hasAskedForClose, "a call after the end")
            try require(!connection.hasLeft, "a call for a client that is gone")
            try require(connection.call == nil, "two calls at once")
            connection.call = try world.startCall(id, call, for: connection)
        case .cancelCall: drop(connection)
        case .releaseCall: drop(connection, isReleased: true)
        case .inflate(let body, let bytesMax):
            connection.inflating = (body, bytesMax, 0)
        case .work(let id, let work):
            connection.work.append((id, work))
        case .dropWork(let id):
            // What the thread is at is done all the same, and told.
            guard connection.work.first?.id != id else { return }
            connection.work.removeAll { $0.id == id }
        case .count:
            // `count` goes on with it, turn by turn.
            world.reached(.counted)
        case .learn(let observation):
            world.state.calibration.learn(observation)
        case .teach, .tell: break
        case .pauseReading:
            connection.flow.pauseReading(true)
            world.reached(.readingPausedBySession)
        case .resumeReading: connection.flow.pauseReading(false)
        case .close(let lingering):
            connection.hasAskedForClose = true
            if connection.outputBytes >= Limits.outputLowWater { connection.wasSlow = true }
            guard lingering else {
                return try take(connection.flow.close(.byOwner), connection)
            }
            try take(
                connection.flow.linger(
                    for: .seconds(2), droppingAtMost: connection.pump.lingeringBytesMax,
                    outputBytes: connection.outputBytes), connection)
        case .record(let record):
            try world.recorded(record, on: connection)
        }
    }

    private func drop(_ connection: Connection, isReleased: Bool = false) {
        guard let call = connection.call.take() else { return }
        world.callDropped(call, isReleased: isReleased)
    }
}
