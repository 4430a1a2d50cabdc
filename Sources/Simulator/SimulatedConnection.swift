// One client of the simulated upstream. It reads requests one after the other and plays their
// answers; while an answer plays, nothing more is read, so that a client that leaves is noticed at
// once (peerLeftWhilePaused) and pipelined requests wait.
//
// States: reading → playing → reading, or closed. A play ends by its last step (completed) or with
// the connection (cancelled).
import EventLoop
import Glibc
import HTTP1
import Translation

/// Plays scenarios to a client.
final class SimulatedConnection: Connection {
    private unowned let server: SimulatedServer
    private var decoder = RequestDecoder()
    private var head: RequestHead?
    private var body: [UInt8] = []
    /// Input that came after the request that is being answered.
    private var leftover: [UInt8] = []
    private var player: Player?
    /// Whether the player waits for room.
    private var isHeldBack = false
    /// Whether the last answer has been given: what else the client has sent is no request.
    private var isEnding = false
    private lazy var timer = Timer(on: loop) { [unowned self] in goOn() }

    /// Scripts stop above the first and go on at the second, and so does the reading of requests: a
    /// client that reads slowly costs no more memory than that.
    private static let highWater = 64 * 1024
    private static let lowWater = 16 * 1024

    init(on server: SimulatedServer, socket: consuming Descriptor) throws(SystemError) {
        self.server = server
        try super.init(on: server.loop, socket: socket)
        outputLowWater = Self.lowWater
    }

    override func received(_ bytes: Span<UInt8>) {
        read(bytes)
    }

    override func drained() {
        if isHeldBack || player == nil { goOn() }
    }

    override func closed(_ cause: CloseCause) {
        timer.cancel()
        isEnding = true
        if player != nil { endPlay(\.cancelled) }
        server.connectionClosed(self)
    }
}

// MARK: - Requests

extension SimulatedConnection {
    private func read(_ input: Span<UInt8>) {
        var offset = 0
        do throws(ProtocolError) {
            reading: while player == nil, !isEnding, outputBytes < Self.highWater {
                switch try decoder.decode(input, from: &offset) {
                case .needsMoreInput: break reading
                case .head(let head): begin(head)
                case .body(let range): body.append(input.extracting(range))
                case .end: respond()
                }
            }
        } catch {
            refuse(error)
            return
        }
        guard !isEnding, player != nil || offset < input.count else { return }
        leftover.append(input.extracting(offset..<input.count))
        pauseReading()
    }

    private func begin(_ head: RequestHead) {
        self.head = head
        guard head.expectsContinue else { return }
        ResponseEncoder.appendContinue(to: &output)
        markDirty()
    }

    private func respond() {
        guard let head else { preconditionFailure("a request's end follows its head") }
        var text: [UInt8] = []
        swap(&text, &body)
        let endpoint = Endpoint(head)
        if server.requiresKey, endpoint.takesKey, !Self.hasKey(head) {
            send(CannedResponse(status: 401, message: "Missing Authentication header"))
            return
        }
        switch endpoint {
        case .model(let api): complete(text, for: head, api)
        case .models: send(CannedResponse(status: 200, json: CannedBodies.models))
        case .key: send(CannedResponse(status: 200, json: CannedBodies.key))
        case .stats: send(CannedResponse(status: 200, json: server.statistics.body))
        case .unknown: send(CannedResponse(status: 404, message: "Not Found"))
        case .wrongMethod: send(CannedResponse(status: 405, message: "Method Not Allowed"))
        }
    }

    private static func hasKey(_ head: RequestHead) -> Bool {
        guard let value = head.text("Authorization") else {
            return head.text("x-api-key").map { !$0.isEmpty } ?? false
        }
        return value.hasPrefix("Bearer ") && value.utf8.count > "Bearer ".utf8.count
    }

    private func complete(
        _ text: consuming [UInt8], for head: RequestHead, _ api: UpstreamAPI
    ) {
        server.statistics.requests += 1
        do throws(RequestFault) {
            let request = try ModelRequest(text, api)
            let steps = try Scenario.steps(for: request, generation: server.nextGeneration())
            player = Player(steps, for: head, at: loop.now)
            server.statistics.streamsOpen += 1
            play()
        } catch {
            send(CannedResponse(status: 400, message: error.message))
            server.statistics.completed += 1
        }
    }

    private func refuse(_ error: ProtocolError) {
        let response = CannedResponse(status: error.status, message: error.message)
        send(response, persistence: .close)
    }

    /// A whole response.
    private func send(_ response: CannedResponse) {
        guard let head else { preconditionFailure("a response follows a request") }
        send(response, persistence: head.persistence(for: response.framing))
    }

    private func send(_ response: CannedResponse, persistence: Persistence) {
        response.append(to: &output, persistence: persistence)
        markDirty()
        if persistence == .close { end() }
    }
}

// MARK: - Playing

extension SimulatedConnection {
    /// Plays on from where the script has stopped; when it has ended, reads on.
    private func goOn() {
        play()
        guard player == nil, !isEnding else { return }
        resumeReading()
        var input: [UInt8] = []
        swap(&input, &leftover)
        read(input.span)
    }

    private func play() {
        let room = Self.highWater - outputBytes
        guard let outcome = player?.play(into: &output, room: room, at: loop.now) else { return }
        isHeldBack = false
        markDirty()
        switch outcome {
        case .waits(let deadline): timer.schedule(at: deadline)
        case .isHeldBack: isHeldBack = true
        case .stalls: break
        case .ended(let persistence):
            endPlay(\.completed)
            if persistence == .close { end() }
        case .cut:
            endPlay(\.completed)
            end()
        case .reset:
            endPlay(\.completed)
            resetAtClose()
            close()
        }
    }

    /// Closes when everything is sent.
    private func end() {
        isEnding = true
        closeLingering()
    }

    private func endPlay(_ count: WritableKeyPath<SimulatedServer.Statistics, Int>) {
        player = nil
        server.statistics.streamsOpen -= 1
        server.statistics[keyPath: count] += 1
    }

    /// With nothing to linger for, close sends RST instead of FIN (socket(7), SO_LINGER).
    private func resetAtClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        // SAFETY: the kernel reads the local value of the size told.
        let result = unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, size)
        precondition(result == 0, "every socket has the option")
    }
}
