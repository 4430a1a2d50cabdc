// One event loop with all that it owns: its client connections, its upstream transfers, its state.
// Workers share nothing but the counters and the listening sockets; they hear from the daemon through
// a mailbox. The first worker runs on the main thread.

import EventLoop
import Gateway
import Glibc
import Logging
import Synchronization
import Upstream

/// One loop's share of the daemon.
final class Worker {
    /// What the daemon tells its workers.
    enum Message: Sendable {
        /// Serve new requests by these settings.
        case apply(Settings)
        /// Go by what this says of the models of the upstream at an address.
        case know(ModelCatalogue?, of: String)
        /// Accept no more; end when everything is answered.
        case drain
        /// Answer what is under way with an error, now.
        case interrupt
        /// An upstream has told the size of a prompt.
        case learn(TokenObservation)
        /// What others have learnt from refusals.
        case remember([UpstreamLesson])
        /// Show that the loop turns.
        case ping(round: Int)
        /// Let the loop end.
        case stop
    }

    /// What workers tell the daemon.
    enum Report: Sendable {
        /// Nothing is left to do after a drain.
        case drained
        /// New requests are served by the settings that came last.
        case applied
        /// The loop turns, with so many calls of the upstream under way.
        case alive(round: Int, calls: Int)
        /// For all workers to learn from.
        case observed(TokenObservation)
        /// For all other workers to know.
        case taught([UpstreamLesson])
    }

    let loop: Loop
    let state: GatewayState
    let upstream: UpstreamClient
    private let counters: Counters
    private let logger: Logger
    private var requestLog: RequestLog
    private var refusalTimer: Timer?
    private let report: (Report) -> Void
    private var acceptors: [Acceptor] = []
    /// By their numbers, which are given in the order of arrival.
    private var connections: [UInt64: ClientConnection] = [:]
    private var lastNumber: UInt64 = 0
    private var strangers = ArrivalQueue()
    private var turnedAway = ArrivalQueue()
    private let heapTrim: HeapTrim
    private var queued: [ClientConnection] = []
    private var performing: [ClientConnection] = []
    private var counting = CountingTurns<ClientConnection>()
    private var bodies: BodyWorker?
    private var isDrained = false
    private var timeOfDayUpdatedAt: Duration?

    /// - Parameters:
    ///   - listeners: held by the acceptors alone, so that they close when the last of them does.
    ///   - report: called on this worker's thread.
    init(
        _ environment: WorkerEnvironment, listeners: [Listener],
        report: @escaping (Report) -> Void
    ) throws(SystemError) {
        loop = try Loop()
        heapTrim = HeapTrim(on: loop)
        counters = environment.counters
        logger = environment.logger
        requestLog = RequestLog(environment.log)
        self.report = report
        state = GatewayState(
            settings: environment.settings, version: environment.version,
            startedAt: environment.startedAt, seed: Self.randomSeed())
        state.usageTotals = { [counters] in counters.usageTotals }
        state.countRequests = { [counters] in
            counters.requestsOpen.add($0, ordering: .relaxed).newValue
        }
        state.memoryOfMachine = environment.memoryOfMachine
        state.holdMemory = { [counters, unowned state] change, own in
            let total = counters.memoryHeld.add(change, ordering: .relaxed).newValue
            if change <= 0 || state.memoryBudget.allows(total: total, own: own) { return total }
            counters.memoryHeld.subtract(change, ordering: .relaxed)
            return nil
        }
        state.seatGuest = { [counters, unowned state] hasPlace in
            guard hasPlace || state.settings.admission.hasRoomForGuest(counters.places) else {
                return false
            }
            counters.guestsOpen.add(1, ordering: .relaxed)
            if !hasPlace { counters.turnedAwayOpen.subtract(1, ordering: .relaxed) }
            return true
        }
        state.ownerSeed = environment.ownerSeed
        state.withRouting = { [routing = environment.routing] body in routing.withLock { body(&$0) }
        }
        state.calibration = environment.calibration
        state.remember(environment.lessons, at: loop.now)
        upstream = UpstreamClient(
            on: loop, upstreams: environment.settings.upstreams,
            version: environment.version, proxies: environment.proxies)
        bodies = try BodyWorker(on: loop) { [unowned self] piece in
            connections[piece.connection]?.workDone(piece.id, piece.work)
        }
        loop.addTurnEndHook { [unowned self] in
            performQueued()
            countWhenIdle()
        }
        refusalTimer = Timer(on: loop) { [unowned self] in
            requestLog.writeRefusals(at: loop.now)
            scheduleRefusals()
        }
        for listener in listeners {
            acceptors.append(
                try Acceptor(
                    listener, on: loop, isShared: environment.workerCount > 1,
                    acceptsPerTurnMax: environment.workerCount > 1 ? 2 : 64,
                    starved: { [unowned self] in starved($0) },
                    accepted: { [unowned self] in accepted($0, $1) }))
        }
    }

    /// Takes a message of the daemon's, on this worker's thread.
    func receive(_ message: Message) {
        switch message {
        case .apply(let settings):
            state.settings = settings
            upstream.serve(settings.upstreams)
            report(.applied)
        case .know(let catalogue, let url):
            state.know(catalogue, of: url)
        case .drain:
            drain()
        case .interrupt:
            for connection in connections.values { connection.interrupt() }
        case .learn(let observation):
            state.calibration.learn(observation)
        case .remember(let lessons):
            state.remember(lessons, at: loop.now)
        case .ping(let round):
            report(.alive(round: round, calls: upstream.transferCount))
        case .stop:
            // What was counted in the last second is told as well.
            requestLog.writeRefusals(at: loop.now + RefusalCounts.period)
            bodies?.stop()
            loop.stop()
        }
    }

    // MARK: Connections

    private func accepted(_ socket: consuming Descriptor, _ address: PeerAddress) {
        let peer = Peer(
            isLocal: address.isLoopback || address.isLocalSocket,
            isLocalSocket: address.isLocalSocket, name: address.name)
        let isHopeless = state.settings.access.canNeverServe(peer)
        let arrival = state.settings.admission.arrival(isHopeless: isHopeless, counters.places)
        guard let isAdmitted = makeRoom(arrival) else { return }
        lastNumber += 1
        do throws(SystemError) {
            let connection = try ClientConnection(
                on: self, number: lastNumber, socket: socket, peer: peer, isAdmitted: isAdmitted)
            connections[lastNumber] = connection
            counters.connectionsOpen.add(1, ordering: .relaxed)
            if isAdmitted {
                strangers.append(lastNumber, open: connections.count) { [self] in isStranger($0) }
            } else {
                counters.turnedAwayOpen.add(1, ordering: .relaxed)
                turnedAway.append(lastNumber, open: connections.count) { [self] in isStranger($0) }
            }
            heapTrim.opened(connections.count)
        } catch {
            logger.error("a client connection was dropped: \(error)")
        }
    }

    /// Closes whom a new connection is worth more than. Returns whether the new one has a place; nil
    /// if it is not even to be answered, because other loops have all that can be.
    private func makeRoom(_ arrival: AdmissionPolicy.Arrival) -> Bool? {
        switch arrival {
        case .seated: return true
        case .turnedAway: return false
        case .seatedForOldest:
            if closeOldest(of: &strangers) { return true }
            // The strangers are on other loops.
            return counters.places.turnedAway < Limits.turnedAwayMax ? false : nil
        case .turnedAwayForOldest:
            return closeOldest(of: &turnedAway) ? false : nil
        }
    }

    private func closeOldest(of queue: inout ArrivalQueue) -> Bool {
        guard let number = queue.takeFirst(where: { isStranger($0) }) else { return false }
        connections[number]?.close()
        return true
    }

    private func isStranger(_ number: UInt64) -> Bool { connections[number]?.isGuest == false }

    /// Descriptors have run out. Accepting goes on when some are free again.
    private func starved(_ error: SystemError) {
        logger.error(
            "new connections have to wait: \(error); raise LimitNOFILE or lower CLAUDE_PROXY_MAX_CONNECTIONS"
        )
    }

    func connectionClosed(_ connection: ClientConnection) {
        guard connections.removeValue(forKey: connection.number) != nil else { return }
        counting.remove(connection)
        bodies?.dropAll(of: connection.number)
        counters.connectionsOpen.subtract(1, ordering: .relaxed)
        if connection.isGuest {
            counters.guestsOpen.subtract(1, ordering: .relaxed)
        } else if !connection.isAdmitted {
            counters.turnedAwayOpen.subtract(1, ordering: .relaxed)
        }
        heapTrim.closed(connections.count)
        finishDrain()
    }

    /// Has the connection's actions carried out at the end of the turn.
    func queue(_ connection: ClientConnection) { queued.append(connection) }

    private func performQueued() {
        guard !queued.isEmpty else { return }
        swap(&queued, &performing)
        for connection in performing { connection.performActions() }
        performing.removeAll(keepingCapacity: true)
        if !queued.isEmpty { loop.requestTurn() }
    }

    // MARK: Large bodies and counts

    /// Has work on a large body done beside the loop, for the connection's `workDone`.
    func start(_ work: BodyWork, _ id: WorkID, for connection: ClientConnection) {
        bodies?.start(.init(connection: connection.number, id: id, work: work))
    }

    /// The work is of no more use.
    func drop(_ id: WorkID, of connection: ClientConnection) {
        bodies?.drop(id, of: connection.number)
    }

    /// Has the connection's `countFurther` called until it has counted.
    func startCounting(_ connection: ClientConnection) {
        counting.add(connection)
        loop.requestTurn()
    }

    /// Goes on with one count, if this turn had nothing else to do. Then the next turn looks for
    /// events before it does so again.
    private func countWhenIdle() {
        guard let connection = counting.next(isIdle: loop.turnEventCount == 0) else {
            if !counting.isEmpty { loop.requestTurn() }
            return
        }
        connection.countFurther()
        if connection.isCounting { counting.add(connection) }
        if !counting.isEmpty { loop.requestTurn() }
    }

    /// An upstream has told the size of a prompt.
    func learned(_ observation: TokenObservation) { report(.observed(observation)) }

    /// Refusals have taught something.
    func taught(_ lessons: [UpstreamLesson]) { report(.taught(lessons)) }

    /// An upstream begins to fail, or works again.
    func tell(_ notices: [RoutingNotice]) {
        for notice in notices { logger.log(notice) }
    }

    // MARK: The end

    private func drain() {
        state.isDraining = true
        for acceptor in acceptors { acceptor.close() }
        acceptors = []
        for connection in connections.values { connection.drain() }
        finishDrain()
    }

    private func finishDrain() {
        guard state.isDraining, connections.isEmpty, !isDrained else { return }
        isDrained = true
        report(.drained)
    }

    // MARK: Records and time

    func requestEnded(_ record: RequestRecord) {
        counters.count(record)
        requestLog.write(record, at: loop.now)
        scheduleRefusals()
        if let divergence = record.divergence { logger.log(divergence, of: record) }
    }

    private func scheduleRefusals() {
        if let deadline = requestLog.deadline { refusalTimer?.schedule(at: deadline) }
    }

    /// The core is told the time of day; a second's precision is plenty.
    func updateTimeOfDay() {
        if let last = timeOfDayUpdatedAt, loop.now - last < .seconds(1) { return }
        timeOfDayUpdatedAt = loop.now
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        state.timeOfDay = .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    static func randomSeed() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

/// What every worker is made from.
struct WorkerEnvironment: Sendable {
    let settings: Settings
    let workerCount: Int
    let counters: Counters
    let log: LogOutput
    let logger: Logger
    let version: String
    let startedAt: Duration
    let proxies: ProxyEnvironment
    let calibration: TokenCalibration
    let lessons: [UpstreamLesson]
    let routing: Guarded<RoutingTable>
    /// Makes the numbers that stand for clients.
    let ownerSeed: UInt64
    let memoryOfMachine: Int
}

extension PeerAddress {
    /// The address without the port, which changes with every connection.
    fileprivate var name: String {
        switch self {
        case .ip(let address, _): "\(address)"
        case .localSocket: "local socket"
        }
    }
}
