// Drives a ClientSession as the daemon does, without sockets: bytes and events in, bytes and actions
// out. Tests read as scripts.

import TestSupport
import Testing

@testable import Gateway

/// A session with its output and what it has asked for.
final class SessionDriver {
    let state: GatewayState
    var session: ClientSession
    var now: MonotonicTime = .seconds(1000)
    var output: [UInt8] = []
    private(set) var calls: [UpstreamCall] = []
    /// The last call that was started: what the upstream brings is of it.
    private(set) var call = CallID()
    private(set) var records: [RequestRecord] = []
    private(set) var taught: [UpstreamLesson] = []
    private(set) var told: [RoutingNotice] = []
    /// Names of the actions, in order, for scripts.
    private(set) var actions: [String] = []
    private(set) var isClosed = false
    /// False leaves counts where they are: `countFurther` goes on with them.
    var countsAtOnce = true
    /// False leaves work on large bodies to `work`.
    var worksAtOnce = true
    private(set) var waitingWork: [(id: WorkID, work: BodyWork)] = []
    /// False leaves bodies that are to be inflated to the test.
    var inflatesAtOnce = true
    /// Whether the client takes each answer before its next request is looked at. What it has taken
    /// stays in `output` all the same.
    var readsAtOnce = true
    /// Whether the moment before a repeated call passes by itself.
    var repeatsAtOnce = true
    /// False while actions have to wait, as they do within libcurl's callbacks.
    var performsActions = true {
        didSet { perform() }
    }

    init(
        _ settings: [(key: String, value: String)] = [("OPENROUTER_API_KEY", "sk-or-secret")],
        peer: Peer = Peer(isLocal: true, name: "127.0.0.1"), isAdmitted: Bool = true
    ) throws {
        state = GatewayState(
            settings: Settings(try Self.configuration(settings)), version: "0.0.0",
            startedAt: .seconds(900), seed: 1)
        state.timeOfDay = .seconds(1_800_000_000)
        if takesBodiesForLarge { state.bodyAtOnceMax = 0 }
        session = ClientSession(state, peer: peer, isAdmitted: isAdmitted, at: now)
    }

    private static func configuration(
        _ settings: [(key: String, value: String)]
    ) throws -> Configuration {
        let seal = (key: "CLAUDE_PROXY_SEAL_KEY", value: String(repeating: "k", count: 32))
        let resolution = Configuration.resolve([.environment([seal] + settings)])
        return try #require(resolution.configuration, "\(resolution.faults)")
    }

    /// Another connection to the same proxy, at the same time.
    init(of other: SessionDriver) {
        state = other.state
        now = other.now
        session = ClientSession(
            state, peer: Peer(isLocal: true, name: "127.0.0.1"), isAdmitted: true, at: now)
    }

    var isGuest: Bool { session.isGuest }
    var heldBytes: Int { session.heldBytes }
    var text: String { String(decoding: output, as: UTF8.self) }

    // MARK: Events

    func receive(_ bytes: [UInt8]) {
        let taken = output
        if readsAtOnce { output = [] }
        session.received(bytes.span, at: now, into: &output)
        if readsAtOnce { output = taken + output }
        perform()
    }

    func receive(_ text: String) { receive([UInt8](text.utf8)) }

    /// A request with a JSON body.
    func post(_ path: String, _ body: String, fields: String = "") {
        receive(Self.request(path, body, fields: fields))
    }

    static func request(_ path: String, _ body: String, fields: String = "") -> String {
        """
        POST \(path) HTTP/1.1\r
        Host: localhost\r
        Content-Type: application/json\r
        \(fields)Content-Length: \(body.utf8.count)\r
        \r
        \(body)
        """
    }

    func respond(status: Int = 200, generationID: String = "") {
        var head = UpstreamHead()
        head.status = status
        head.generationID = [UInt8](generationID.utf8)
        respond(head)
    }

    func respond(_ head: UpstreamHead) {
        session.upstreamResponded(call, head)
        perform()
    }

    func upstream(_ bytes: [UInt8]) {
        session.upstreamReceived(call, bytes.span, at: now, into: &output)
        perform()
        waitForRepeat()
    }

    func upstream(_ text: String) { upstream([UInt8](text.utf8)) }

    /// Too much waits for the client: the upstream is paused, until `takeOutput`.
    func holdUpstreamBack() {
        session.upstreamHeldBack(call)
        perform()
    }

    func upstreamTakesBody() { session.upstreamTookBody(call, at: now) }

    func upstreamEnds(_ failure: TransferFailure? = nil) {
        session.upstreamEnded(call, failure, at: now, into: &output)
        perform()
        waitForRepeat()
    }

    func clientLeaves() {
        session.clientLeft(at: now)
        perform()
    }

    private func waitForRepeat() {
        if repeatsAtOnce, performsActions, session.isPausing { wait(.milliseconds(250)) }
    }

    /// Lets time pass, with every deadline met at its time.
    func wait(_ duration: Duration) {
        let end = now + duration
        while let deadline = session.deadline, deadline <= end {
            now = max(now, deadline)
            session.deadlineReached(at: now, into: &output)
            perform()
        }
        now = end
    }

    /// The client takes all of its output.
    func takeOutput() {
        output = []
        session.outputDrained(at: now, into: &output)
        perform()
    }

    /// What comes from now on is served by other settings.
    func reload(_ settings: [(key: String, value: String)]) throws {
        state.settings = Settings(try Self.configuration(settings), replacing: state.settings)
    }

    func drain() {
        state.isDraining = true
        session.drain(at: now)
        perform()
    }

    func interrupt() {
        session.interrupt(at: now, into: &output)
        perform()
    }

    /// Whether a count is under way.
    var isCounting: Bool { session.isCounting }

    /// A step of the count under way.
    func countFurther() {
        session.countFurther(at: now, into: &output)
        perform()
    }

    /// Does the work on large bodies that waits.
    func work() {
        while !waitingWork.isEmpty { workOnce() }
    }

    func workOnce() {
        var (id, work) = waitingWork.removeFirst()
        work.run()
        session.workDone(id, work, at: now, into: &output)
        perform()
    }

    // MARK: Actions

    private func perform() {
        while performsActions, let action = session.nextAction() {
            switch action {
            case .startCall(let id, let upstreamCall):
                call = id
                calls.append(upstreamCall)
                actions.append("start")
            case .cancelCall: actions.append("cancel")
            case .releaseCall: actions.append("release")
            case .inflate(let body, let bytesMax):
                actions.append("inflate")
                guard inflatesAtOnce else { continue }
                // The tests' own "compression": the bytes as they are.
                let result = body.count <= bytesMax ? InflatedBody.body(body) : .tooLarge
                session.bodyInflated(result, at: now, into: &output)
            case .work(let id, let work):
                var work = work
                guard worksAtOnce else {
                    waitingWork.append((id, work))
                    continue
                }
                work.run()
                session.workDone(id, work, at: now, into: &output)
            case .dropWork(let id): waitingWork.removeAll { $0.id == id }
            case .count:
                while countsAtOnce, session.isCounting { countFurther() }
            case .learn(let observation): state.calibration.learn(observation)
            case .teach(let lessons): taught += lessons
            case .tell(let notices): told += notices
            case .pauseReading: actions.append("pause")
            case .resumeReading: actions.append("resume")
            case .close(let lingering):
                isClosed = true
                actions.append(lingering ? "close lingering" : "close")
            case .record(let record): records.append(record)
            }
        }
        if performsActions { session.checkState() }
        guard readsAtOnce, performsActions, session.awaitsOutput else { return }
        var taken: [UInt8] = []
        swap(&taken, &output)
        session.outputDrained(at: now, into: &output)
        output = taken + output
        perform()
    }
}

/// Chunks as upstreams send them, for scripts.
enum Chunk {
    static func text(_ text: String) -> String {
        "data: {\"id\":\"gen-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":"
            + "{\"role\":\"assistant\",\"content\":\"\(text)\"},\"finish_reason\":null}]}\n\n"
    }

    static func end(_ reason: String = "stop") -> String {
        "data: {\"id\":\"gen-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
            + "\"\(reason)\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n"
            + "data: [DONE]\n\n"
    }

    static let comment = ": OPENROUTER PROCESSING\n\n"
}
