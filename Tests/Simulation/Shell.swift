// The daemon's ClientConnection and its base class Connection, in a few lines and without sockets:
// the session's bytes go to and come from buffers of limited size, its actions are carried out at the
// moments when the daemon does so. What is simulated here must be what Sources/Daemon/Server and
// Sources/EventLoop/Connection.swift do.

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
    enum State {
        case open
        /// `until`: once the output is shut.
        case lingering(until: MonotonicTime, isOutputShut: Bool)
        case closed
    }

    let number: Int
    let isLocal: Bool
    let isAdmitted: Bool
    var session: ClientSession
    var client: Client
    var state = State.open

    /// From the client: what the server has not read.
    var inbound: [UInt8] = []
    /// To the client: what it has not read.
    var outbound: [UInt8] = []
    let outboundMax: Int
    /// Whether the server has closed or shut its sending side.
    var isOutboundEnded = false
    static let inboundMax = 128 << 10

    var output: [UInt8] = []
    var sentBytes = 0
    /// When a client is left that takes nothing of the output that waits for it.
    var stallsAt: MonotonicTime?
    var isReadingPaused = false
    var isInputEnded = false
    var isPeerLeaving = false
    /// Whether the session knows that its client is gone.
    var hasLeft = false
    var isQueued = false
    var call: Call?
    /// A body that is being inflated, and how far it is.
    var inflating: (body: [UInt8], bytesMax: Int, done: Int)?

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
        session = ClientSession(
            state, peer: Peer(isLocal: isLocal, name: "client"), isAdmitted: isAdmitted, at: now)
    }

    var outputBytes: Int { output.count - sentBytes }

    var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    var isReading: Bool { !isReadingPaused && !isInputEnded }
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

    // MARK: Events

    /// One `recv`, of at most `count` bytes.
    func read(_ connection: Connection, upTo count: Int) throws {
        guard !connection.isClosed, connection.isReading else { return }
        guard connection.inbound.isEmpty else {
            let most =
                connection.session.isGuest ? Limits.socketReadMax : Limits.strangerReadMax
            let bytes = Array(connection.inbound.prefix(min(count, most)))
            connection.inbound.removeFirst(bytes.count)
            guard connection.isOpen else { return }
            noteBegun(connection, bytes.count)
            connection.receivedBytes += bytes.count
            connection.session.received(bytes.span, at: world.now, into: &connection.output)
            return try performActions(connection)
        }
        guard connection.client.hasFinished else { return }
        connection.isInputEnded = true
        switch connection.state {
        case .open:
            tellLeft(connection)
            try performActions(connection)
        case .lingering(_, let isOutputShut):
            if isOutputShut { try finish(connection) }
        case .closed: break
        }
    }

    /// Requests begin with the next `count` bytes.
    private func noteBegun(_ connection: Connection, _ count: Int) {
        var isAlone =
            connection.session.isIdle && connection.output.isEmpty
            && connection.session.heldBytes == 0
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
        guard connection.isOpen, connection.isReadingPaused, connection.client.hasFinished,
            !connection.isPeerLeaving
        else { return }
        connection.isPeerLeaving = true
        world.reached(.clientLeftWhilePaused)
        tellLeft(connection)
        try performActions(connection)
    }

    private func tellLeft(_ connection: Connection) {
        connection.hasLeft = true
        connection.session.clientLeft(at: world.now)
    }

    /// The connection has been reset.
    func reset(_ connection: Connection) throws {
        connection.wasCut = true
        try finish(connection)
    }

    func upstreamResponded(_ connection: Connection, _ head: UpstreamHead) {
        guard let call = connection.call else { return }
        connection.session.upstreamResponded(call.id, head)
    }

    /// Returns false when the client is too slow: the call is to be paused.
    func upstreamReceived(_ connection: Connection, _ bytes: ArraySlice<UInt8>) -> Bool {
        guard let call = connection.call else { return true }
        guard connection.outputBytes < Limits.outputHighWater else {
            connection.session.upstreamHeldBack(call.id)
            connection.isQueued = true
            return false
        }
        call.heardAt = world.now
        connection.session.upstreamReceived(
            call.id, bytes.span, at: world.now, into: &connection.output)
        connection.isQueued = true
        return true
    }

    func upstreamEnded(_ connection: Connection, _ failure: TransferFailure?) {
        guard let ended = connection.call.take() else { return }
        connection.session.upstreamEnded(
            ended.id, failure, at: world.now, into: &connection.output)
        connection.isQueued = true
    }

    /// The timers of the session, of output that stands still, and of the lingering close.
    func serveTimers(_ connection: Connection) throws {
        if let stallsAt = connection.stallsAt, stallsAt <= world.now {
            connection.wasCut = true
            world.reached(.outputStalled)
            return try finish(connection)
        }
        switch connection.state {
        case .open:
            guard let deadline = connection.session.deadline, deadline <= world.now else { return }
            connection.session.deadlineReached(at: world.now, into: &connection.output)
            try performActions(connection)
        case .lingering(let end, let isOutputShut):
            if isOutputShut, end <= world.now { try finish(connection) }
        case .closed: break
        }
    }

    /// A step of the session's token count, or of a body that is inflated.
    func count(_ connection: Connection) throws {
        guard connection.isOpen else { return }
        if connection.inflating != nil {
            inflateFurther(connection)
        } else if connection.session.isCounting {
            connection.session.countFurther(at: world.now, into: &connection.output)
        } else {
            return
        }
        try performActions(connection)
    }

    private func inflateFurther(_ connection: Connection) {
        guard var body = connection.inflating else { return }
        body.done = min(body.body.count, body.done + (16 << 10))
        connection.inflating = body
        let isWanted = connection.session.bodyInflating(
            to: body.done, at: world.now, into: &connection.output)
        guard !isWanted || body.done == body.body.count else { return }
        connection.inflating = nil
        guard isWanted else { return }
        connection.session.bodyInflated(
            inflate(body.body, body.bytesMax), at: world.now, into: &connection.output)
    }

    func drain(_ connection: Connection) throws {
        guard connection.isOpen else { return }
        connection.session.drain(at: world.now)
        try performActions(connection)
    }

    func interrupt(_ connection: Connection) throws {
        guard connection.isOpen else { return }
        connection.isInterrupted = true
        connection.session.interrupt(at: world.now, into: &connection.output)
        try performActions(connection)
    }

    // MARK: The end of a turn

    /// One `send` of at most `count` bytes.
    func flush(_ connection: Connection, upTo count: Int) throws {
        let before = connection.outputBytes
        guard !connection.isClosed, before > 0 else { return }
        let room = max(0, connection.outboundMax - connection.outbound.count)
        let count = min(count, room, before)
        connection.outbound +=
            connection.output[
                connection.sentBytes..<connection.sentBytes + count]
        connection.sentBytes += count
        if connection.outputBytes == 0 {
            connection.stallsAt = nil
        } else if count > 0 || connection.stallsAt == nil {
            connection.stallsAt = world.now + world.state.settings.configuration.writeTimeout
        }
        compact(connection)
        switch connection.state {
        case .open:
            let low = connection.session.awaitsOutput ? 0 : Limits.outputLowWater
            if before > low, connection.outputBytes <= low {
                try drained(connection)
            }
        case .lingering:
            if connection.outputBytes == 0 { try shutOutput(connection) }
        case .closed: break
        }
    }

    private func compact(_ connection: Connection) {
        if connection.sentBytes == connection.output.count {
            connection.output = []
            connection.sentBytes = 0
        } else if connection.sentBytes >= connection.outputBytes {
            connection.output.removeFirst(connection.sentBytes)
            connection.sentBytes = 0
        }
    }

    private func drained(_ connection: Connection) throws {
        if connection.session.heldBytes > 0 { world.reached(.heldUntilDrained) }
        connection.session.outputDrained(at: world.now, into: &connection.output)
        try performActions(connection)
        guard let call = connection.call, call.isPaused else { return }
        call.isPaused = false
        call.heardAt = world.now
        world.reached(.upstreamResumed)
    }

    // MARK: Actions

    func performActions(_ connection: Connection) throws {
        connection.isQueued = false
        while let action = connection.session.nextAction() { try perform(action, connection) }
    }

    private func perform(_ action: SessionAction, _ connection: Connection) throws {
        switch action {
        case .startCall(let id, let call):
            try require(!connection.hasAskedForClose, "a call after the end")
            try require(!connection.hasLeft, "a call for a client that is gone")
            try require(connection.call == nil, "two calls at once")
            connection.call = try world.startCall(id, call, for: connection)
        case .cancelCall(let id):
            drop(id, connection)
        case .releaseCall(let id):
            drop(id, connection, isReleased: true)
        case .inflate(let body, let bytesMax):
            connection.inflating = (body, bytesMax, 0)
        case .count:
            // `count` goes on with it, turn by turn.
            world.reached(.counted)
        case .learn(let observation):
            world.state.calibration.learn(observation)
        case .teach, .tell: break
        case .pauseReading:
            if connection.isOpen { connection.isReadingPaused = true }
            world.reached(.readingPausedBySession)
        case .resumeReading:
            if connection.isOpen { connection.isReadingPaused = false }
        case .close(let lingering):
            connection.hasAskedForClose = true
            if connection.outputBytes >= Limits.outputLowWater { connection.wasSlow = true }
            if lingering || connection.outputBytes > 0 {
                try closeLingering(connection)
            } else {
                try finish(connection)
            }
        case .record(let record):
            try world.recorded(record, on: connection)
        }
    }

    private func drop(_ id: CallID, _ connection: Connection, isReleased: Bool = false) {
        guard let call = connection.call, call.id == id else { return }
        world.callDropped(call, isReleased: isReleased)
        connection.call = nil
    }

    private func inflate(_ body: [UInt8], _ bytesMax: Int) -> InflatedBody {
        switch body.first {
        case UInt8(ascii: "g"):
            return body.count - 1 > bytesMax ? .tooLarge : .body(Array(body[1...]))
        case UInt8(ascii: "l"): return .tooLarge
        default: return .invalid
        }
    }

    private func closeLingering(_ connection: Connection) throws {
        guard connection.isOpen else { return }
        connection.state = .lingering(until: world.now + .seconds(2), isOutputShut: false)
        connection.isReadingPaused = false
        if connection.outputBytes == 0 { try shutOutput(connection) }
    }

    private func shutOutput(_ connection: Connection) throws {
        connection.isOutboundEnded = true
        guard !connection.isInputEnded else { return try finish(connection) }
        connection.state = .lingering(until: world.now + .seconds(2), isOutputShut: true)
    }

    private func finish(_ connection: Connection) throws {
        guard !connection.isClosed else { return }
        connection.state = .closed
        if connection.outputBytes > 0 { connection.wasCut = true }
        connection.output = []
        connection.sentBytes = 0
        connection.stallsAt = nil
        connection.isOutboundEnded = true
        tellLeft(connection)
        try performActions(connection)
        connection.inflating = nil
        connection.session.connectionEnded()
    }
}
