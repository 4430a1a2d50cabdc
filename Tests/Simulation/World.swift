// The whole of a run: clock, clients, connections, upstream, and what may happen to them. One step is
// one event; a turn of the loop ends after some of them. Everything is chosen by one seeded generator,
// so that a seed and a number of steps are a run.

import Gateway
import TestSupport

/// A simulated daemon with all that is round it.
package final class World: ShellContext {
    package private(set) var coverage = Coverage()
    package private(set) var step = 0
    /// Called with every event, to watch a run.
    package var watch: ((String) -> Void)?

    private(set) var now: MonotonicTime = .seconds(1000)
    var random: SplitMix64
    private(set) var state: GatewayState
    private let settings: [Settings]
    /// The settings that there have been, in order; the last are those of new requests.
    private(set) var served: [Settings] = []
    /// The lists of models before the reloads of the present turn, or since a body is worked on, by their
    /// upstreams' addresses.
    private(set) var forgotten: [String: [ModelCatalogue?]] = [:]
    /// The longest that any of them waits for an upstream that says nothing.
    private let silenceMax: Duration
    private var connections: [Connection] = []
    private var connectionsMade = 0
    private var markers = 0
    private var trace = Trace()
    /// The connection that the present event belongs to.
    private var current = -1
    /// The calls of each request that is not answered yet.
    var calls: [Int: (count: Int, last: Call)] = [:]
    /// What the requests ask for, by their markers.
    private var asks: [Int: RequestPlan.Ask] = [:]
    var requestIDs: Set<String> = []
    private var interruptAt: MonotonicTime?
    /// How soon a turn of the loop ends: the longer it is, the more comes together in one.
    private var turnEndPercent = 60
    /// How the upstreams fare that do not fare well, by their names.
    private var moods: [String: AnswerGenerator.Mood] = [:]

    private static let connectionsAtOnce = 12
    /// What may wait for a client at most: the high-water mark, what libcurl may bring at once with
    /// its translation, and one whole answer.
    private static let outputMax = Limits.outputHighWater + (1 << 20)

    package init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        settings = try Self.settings()
        silenceMax =
            settings.map {
                max($0.configuration.firstByteTimeout, $0.configuration.upstreamIdleTimeout)
            }.max() ?? .zero
        state = GatewayState(
            settings: settings[0], version: "0.0.0", startedAt: .seconds(900), seed: seed)
        state.timeOfDay = .seconds(1_800_000_000)
        state.bodyAtOnceMax = Self.bodyAtOnceMax(seed)
        served = [settings[0]]
    }

    /// No client sends what the daemon takes for a large body: in half of the worlds much less is.
    private static func bodyAtOnceMax(_ chance: UInt64) -> Int {
        chance % 2 == 0 ? 0 : Limits.bodyAtOnceMax
    }

    // MARK: Running

    /// Runs up to `steps`; the error says where.
    package func run(steps: Int) throws {
        do {
            while step < steps { try takeStep() }
        } catch let violation as Violation {
            var text = trace.lines(of: current).suffix(200).joined(separator: "\n")
            text += "\nstep \(step), connection \(current): \(violation)"
            throw Violation(text)
        }
    }

    private func takeStep() throws {
        step += 1
        while connections.count < Self.connectionsAtOnce, !state.isDraining { connect() }
        let rare = random.below(20_000)
        if rare < 6, !state.isDraining {
            try beginDrain()
        } else if rare < 60 {
            reload()
        } else if rare < 600 {
            try passTime()
        } else if !connections.isEmpty {
            try happen(to: connections[random.below(connections.count)])
        }
        if random.chance(turnEndPercent) { try endTurn() }
        if state.isDraining { try followDrain() }
    }

    private func note(_ what: StaticString, _ connection: Connection? = nil, _ detail: Int = 0) {
        let number = connection?.number ?? -1
        trace.note(
            .init(step: step, time: now, connection: number, what: what, detail: detail))
        watch?("step \(step) at \(now) connection \(number): \(what) \(detail)")
    }

    private func connect() {
        connectionsMade += 1
        let connection = Connection(
            connectionsMade, state, client: Client(&random), isLocal: random.chance(95),
            isAdmitted: random.chance(98), outboundMax: random.pick([700, 8 << 10, 64 << 10]),
            at: now)
        connections.append(connection)
        note("connects", connection)
        guard random.below(200) == 0 else { return }
        // Small requests in great number, and none of them waits for an answer.
        let path = random.pick(["/health", "/v1/models"])
        let head =
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\n"
            + "x-api-key: client-token-0123456789\r\n\r\n"
        let plans = (0..<random.number(100...6000)).map { _ in
            var plan = RequestPlan(kind: .local([200]), marker: 0)
            plan.bytes = Array(head.utf8)
            return plan
        }
        connection.client.flood(plans)
    }

    // MARK: Events of one connection

    private func happen(to connection: Connection) throws {
        current = connection.number
        // A client that goes while something is still to be done for it.
        if connection.isQueued, connection.call == nil || random.chance(4), random.chance(20) {
            reached(.clientLeftBeforeActions)
            try leave(connection)
            try shell.read(connection, upTo: 64 << 10)
        }
        switch random.below(100) {
        case ..<28: send(connection)
        case ..<45: try shell.read(connection, upTo: random.size(upTo: 64 << 10))
        case ..<72: try upstreamActs(connection)
        case ..<94: try receive(connection)
        case ..<97: try shell.noticeLeaving(connection)
        case 97:
            let isSoon = !connection.isReading || connection.client.isFlooding
            if random.chance(isSoon ? 50 : 12) { try leave(connection) }
        default: if connection.client.isIdle { try leave(connection) }
        }
        try check(connection)
    }

    private var shell: Shell<World> { Shell(world: self) }

    private func send(_ connection: Connection) {
        repeat {
            let room = Connection.inboundMax - connection.inbound.count
            guard !connection.isClosed, !connection.client.hasFinished, room > 0 else { return }
            let bytes = bytesToSend(connection)
            guard !bytes.isEmpty else { return }
            let count = random.size(upTo: min(bytes.count, room))
            connection.inbound += bytes.prefix(count)
            connection.client.sent(count)
            note("client sends", connection, count)
        } while connection.client.isFlooding
    }

    private func bytesToSend(_ connection: Connection) -> ArraySlice<UInt8> {
        let wasWaiting = !connection.client.waiting.isEmpty
        return connection.client.bytesToSend(&random) { random in
            self.markers += 1
            let plan = RequestGenerator.next(&random, marker: self.markers)
            self.asks[self.markers] = plan.ask
            if wasWaiting { self.reached(.pipelined) }
            return plan
        }
    }

    private func receive(_ connection: Connection) throws {
        if connection.call?.isPaused == true, random.chance(10) { connection.client.hurry() }
        guard random.below(connection.client.slowness) == 0, !connection.client.hasReset else {
            return
        }
        if !connection.outbound.isEmpty {
            let bytes = Array(
                connection.outbound.prefix(random.size(upTo: connection.outbound.count)))
            connection.outbound.removeFirst(bytes.count)
            note("client reads", connection, bytes.count)
            try connection.client.received(
                bytes[...], answered: { try self.answered($0, $1, on: connection) },
                continued: { self.reached(.continueSent) })
        } else if connection.isOutboundEnded {
            note("client sees the end", connection)
            try ended(connection)
        }
    }

    private func ended(_ connection: Connection) throws {
        let wasCut = connection.wasCut || connection.client.hasFinished
        let saidSo = try connection.client.connectionEnded(wasCut: wasCut) {
            try self.answered($0, $1, on: connection)
        }
        if !connection.isClosed {
            // The client closes too, which ends the lingering.
            connection.client.hasFinished = true
            return
        }
        connections.removeAll { $0 === connection }
        for plan in connection.client.waiting {
            calls[plan.marker] = nil
            asks[plan.marker] = nil
        }
        let isExcused =
            wasCut || saidSo || connection.client.isHostile || connection.isInterrupted
            || connection.wasSlow || (state.isDraining && connection.client.answers > 0)
        guard !isExcused, let end = connection.client.unansweredEnd else { return }
        try require(
            connection.receivedBytes < end.upperBound, "a complete request is never answered")
        try require(
            connection.receivedBytes <= end.lowerBound || state.isDraining,
            "the connection ends within a request without a word")
        reached(.idleTimedOut)
    }

    private func leave(_ connection: Connection) throws {
        guard !connection.isClosed, !connection.client.hasFinished else { return }
        connection.client.hasFinished = true
        if connection.call != nil {
            reached(connection.outputBytes > 0 ? .clientLeftWhileStreaming : .clientLeftWhileAsked)
        }
        if random.chance(40) {
            note("client resets", connection)
            reached(.clientReset)
            connection.client.hasReset = true
            connection.outbound = []
            try shell.reset(connection)
            connections.removeAll { $0 === connection }
            for plan in connection.client.waiting { calls[plan.marker] = nil }
        } else {
            note("client half-closes", connection)
            reached(.clientHalfClosed)
        }
    }

    // MARK: Events of the upstream

    private func upstreamActs(_ connection: Connection) throws {
        guard let call = connection.call, !call.isPaused, let piece = call.rest.first else {
            return
        }
        switch piece {
        case .head(let head):
            call.rest.removeFirst()
            note("upstream responds", connection, head.status)
            shell.upstreamResponded(connection, head)
        case .end(let failure):
            call.rest.removeFirst()
            call.isOver = true
            note("upstream ends", connection, failure == nil ? 0 : 1)
            shell.upstreamEnded(connection, failure)
        case .silence(let time):
            guard now - call.heardAt >= time else { return }
            call.rest.removeFirst()
        case .bytes:
            // Pieces are cut and joined as a network would.
            var bytes: [UInt8] = []
            while case .bytes(let more)? = call.rest.first, bytes.count < 64 << 10 {
                bytes += more
                call.rest.removeFirst()
                if random.chance(60) { break }
            }
            let taken = random.size(upTo: min(bytes.count, 64 << 10))
            let isTaken = shell.upstreamReceived(connection, bytes[..<taken])
            note("upstream sends", connection, isTaken ? taken : 0)
            if !isTaken {
                call.isPaused = true
                reached(.upstreamPaused)
            }
            let left = isTaken ? bytes[taken...] : bytes[...]
            if !left.isEmpty {
                call.rest = [.bytes(Array(left))] + call.rest
            }
        }
    }

    func startCall(
        _ id: CallID, _ call: UpstreamCall, for connection: Connection
    ) throws -> Call {
        try require(connection.isOpen, "a call for a connection that is closed")
        guard let root = ReferenceJSON.parse(call.body, depthMax: 200) else {
            throw Violation("the upstream is sent what is no JSON: \(excerpt(call.body))")
        }
        try require(root["stream"] == .bool(true), "a call without stream")
        let key = try Self.key(of: call.upstream)
        let marker = Self.marker(in: call.body)
        try require(
            marker > 0 || connection.client.isHostile, "a call without its request's marker")
        let earlier = calls[marker]
        let ask = connection.client.isHostile ? nil : asks[marker]
        let plan = AnswerGenerator.next(
            &random, marker: marker, hasTopK: root["top_k"] != nil, session: ask?.session,
            mood: moods[call.upstream.configuration.name] ?? .well, key: key)
        var history = earlier?.last.history ?? Call.History([])
        if let ask {
            let settings = try checkDestination(
                of: call, root, ask, marker: marker, on: connection)
            if earlier == nil { history = Call.History(settings) }
            try checkCall(root, to: call.upstream, ask, isFirst: earlier == nil)
        }
        if let earlier {
            try checkNextDestination(call, root, ask, after: earlier.last)
            let isElsewhere = call.upstream != earlier.last.upstream
            if isElsewhere, hasStatus(marker, since: earlier.last.firstAt, on: connection) {
                reached(.fellBackAfterStatus)
            }
            noteRetry(earlier.last.plan)
            if hasStatus(marker, since: earlier.last.firstAt, on: connection) {
                reached(.retriedAfterStatus)
            }
        }
        let started = Call(
            id, plan, marker: marker, call, root["model"]?.text, history, at: now)
        if let earlier { started.firstAt = earlier.last.firstAt }
        connection.called.insert(marker)
        if marker > 0 { calls[marker] = ((earlier?.count ?? 0) + 1, started) }
        note("call", connection, marker)
        return started
    }

    private func noteRetry(_ plan: AnswerPlan) {
        var pieces = plan.pieces[...]
        if case .silence? = pieces.first { pieces.removeFirst() }
        switch pieces.first {
        case .end: reached(.retriedConnection)
        case .head, .bytes, .silence, nil:
            if case .empty = plan.expectation {
                reached(.retriedEmptyAnswer)
            } else {
                reached(.retriedRefusal)
            }
        }
    }

    private static func marker(in body: [UInt8]) -> Int {
        guard let range = body.firstRange(of: Array("marker-".utf8)) else { return 0 }
        let digits = body[range.upperBound...].prefix { (0x30...0x39).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self)) ?? 0
    }

    private func changeMoods(percent: Int) {
        moods = [:]
        for name in ["main", "second", "pool", "third"] where random.chance(percent) {
            moods[name] = random.chance(50) ? .down : .limited
        }
    }

    func callDropped(_ call: Call, isReleased: Bool) {
        if !isReleased { call.wasCancelled = true }
        reached(isReleased ? .upstreamReleased : .upstreamCancelled)
        call.isOver = true
    }

    func reached(_ milestone: Milestone) { coverage.reach(milestone) }

    // MARK: Time

    private func passTime() throws {
        let nearest = connections.compactMap(\.deadline).min()
        switch random.below(100) {
        case ..<60: now += .milliseconds(random.number(0...20))
        case ..<90: if let nearest, nearest > now { now = nearest }
        case ..<98: now += .milliseconds(random.number(0...5000))
        default:
            now += .seconds(random.number(10...400))
            reached(.clockJumped)
            changeMoods(percent: 25)
        }
        state.timeOfDay = .seconds(1_800_000_000) + now
        note("time passes")
    }

    private func endTurn() throws {
        for connection in connections {
            current = connection.number
            // Events of other threads come before timers.
            if random.chance(70) { try shell.work(connection) }
            try shell.serveTimers(connection)
            if connection.isQueued { try shell.performActions(connection) }
            if random.chance(70) { try shell.count(connection) }
            try shell.flush(connection, upTo: random.size(upTo: 64 << 10))
            try check(connection)
            try checkAfterTurn(connection)
        }
        if !connections.contains(where: { $0.pump.session.awaitsWork }) { forgotten = [:] }
        try checkMemory()
    }

    /// What the sessions have been granted is what is counted.
    private func checkMemory() throws {
        let held = state.holdMemory(0, 0) ?? -1
        let granted = connections.reduce(0) { $0 + $1.pump.session.memoryGranted }
        try require(held == granted, "\(held) bytes are counted and \(granted) held")
    }

    // MARK: The daemon

    private func reload() {
        if connections.contains(where: { $0.isQueued || $0.pump.session.awaitsWork }) {
            // The daemon has no list of an upstream that is not configured at the moment.
            for upstream in Set(settings.map(\.upstream)) {
                forgotten[upstream.url.description, default: []].append(
                    state.known(of: upstream).catalogue)
            }
        }
        state.settings = random.pick(settings)
        served.append(state.settings)
        turnEndPercent = random.pick([60, 60, 60, 60, 20, 5])
        changeMoods(percent: 10)
        // A call is made by the list of the moment in which its request was complete.
        if !connections.contains(where: \.isQueued) { state.catalogue = random.pick(Self.lists) }
        note("reload")
        reached(.reloaded)
    }

    private func beginDrain() throws {
        note("drain")
        reached(.drained)
        state.isDraining = true
        for connection in connections {
            current = connection.number
            try shell.drain(connection)
            if connection.isClosed { reached(.drainedIdle) }
        }
        interruptAt = now + state.settings.configuration.drainTimeout
    }

    /// Nothing may outlive an interrupt but what is still being sent.
    private func followDrain() throws {
        if random.below(40) == 0 { now += .milliseconds(random.number(0...2000)) }
        if let time = interruptAt, time <= now {
            interruptAt = nil
            note("interrupt")
            reached(.interrupted)
            for connection in connections {
                current = connection.number
                if connection.call != nil, connection.outputBytes + connection.outbound.count > 0 {
                    reached(.interruptedStream)
                }
                try shell.interrupt(connection)
                try require(
                    !connection.isOpen && connection.call == nil, "a session outlives an interrupt")
            }
        }
        guard connections.isEmpty else { return }
        try require(state.exchangesOpen == 0, "\(state.exchangesOpen) exchanges outlive the drain")
        let places = state.countRequests(0)
        try require(places == 0, "\(places) requests keep their places after the drain")
        let held = state.holdMemory(0, 0) ?? -1
        try require(held == 0, "\(held) bytes are held after the drain")
        state = GatewayState(
            settings: random.pick(settings), version: "0.0.0", startedAt: now, seed: random.next())
        served.append(state.settings)
        state.timeOfDay = .seconds(1_800_000_000) + now
        state.catalogue = random.pick(Self.lists)
        state.bodyAtOnceMax = Self.bodyAtOnceMax(random.next())
        interruptAt = nil
        note("restart")
    }

    // MARK: Rules that hold after every step

    private func check(_ connection: Connection) throws {
        try require(
            connection.outputBytes <= Self.outputMax
                && connection.output.count <= 2 * Self.outputMax,
            "\(connection.outputBytes) bytes wait for a client")
        if connection.outputBytes > Limits.outputHighWater { reached(.outputBackedUp) }
        try require(
            connection.pump.session.heldBytes
                <= Limits.heldBytesMax(
                    body: RequestGenerator.bodyBytesMax + (16 << 10)),
            "a session holds \(connection.pump.session.heldBytes) bytes")
        guard connection.isClosed else { return }
        try require(connection.call == nil, "a call outlives its connection")
        let recorded = connection.records.count { !$0.upstreamModel.isEmpty }
        try require(
            recorded >= connection.called.count || connection.client.isHostile,
            "\(recorded) records of \(connection.called.count) requests that went upstream")
    }

    /// Rules that hold once the loop has nothing more to do.
    private func checkAfterTurn(_ connection: Connection) throws {
        if connection.isOpen, connection.pump.session.isIdle, connection.output.isEmpty {
            try require(
                connection.pump.session.memoryGranted == 0,
                "\(connection.pump.session.memoryGranted) bytes are held for no request")
        }
        guard connection.isOpen else {
            return try require(connection.call == nil, "a call outlives its session")
        }
        guard let deadline = connection.pump.session.deadline else {
            return try require(
                connection.pump.session.isCounting || connection.inflating != nil
                    || connection.pump.session.awaitsWork && !connection.work.isEmpty
                    || connection.call?.isPaused == true
                        && connection.isBlocked,
                "a session without a deadline")
        }
        try require(deadline > now, "a deadline that was served is still due")
        try require(
            connection.call.map { $0.isPaused || now - $0.heardAt <= silenceMax } ?? true,
            "a silent upstream is waited for")
        if connection.call != nil, connection.client.hasFinished, connection.inbound.isEmpty {
            reached(.callOutlived)
        }
    }
}
