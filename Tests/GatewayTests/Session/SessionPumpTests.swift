// The rules by which a connection drives its session, by scripts of events and of what follows.

import Testing

@testable import Gateway

@Suite("Session pump")
struct SessionPumpTests {
    /// A pump with its output.
    private final class Driver {
        let state: GatewayState
        var pump: SessionPump
        var output: [UInt8] = []
        let now = MonotonicTime.seconds(1000)

        init() throws {
            let resolution = Configuration.resolve([
                .environment([(key: "OPENROUTER_API_KEY", value: "sk-or-secret")])
            ])
            state = GatewayState(
                settings: Settings(try #require(resolution.configuration)), version: "0.0.0",
                startedAt: .seconds(900), seed: 1)
            pump = SessionPump(
                ClientSession(
                    state, peer: Peer(isLocal: true, name: "127.0.0.1"), isAdmitted: true, at: now))
        }

        func receive(_ text: String) {
            pump.received([UInt8](text.utf8).span, at: now, into: &output)
        }

        func askForMessage() {
            let body =
                #"{"model":"m","max_tokens":9,"stream":true,"#
                + #""messages":[{"role":"user","content":"Hi"}]}"#
            receive(SessionDriver.request("/v1/messages", body))
        }

        // `#expect` wants copies of what it looks at, and a pump has none.
        var call: CallID? { pump.call }
        var deadline: MonotonicTime? { pump.deadline }
        var isQueued: Bool { pump.isQueued }
        var isCounting: Bool { pump.isCounting }
        var isAtDeadline: Bool { pump.isAtDeadline }
        var readBytesMax: Int { pump.readBytesMax }
        var lingeringBytesMax: Int { pump.lingeringBytesMax }
        var outputLowWater: Int { pump.outputLowWater }
        func queue() -> Bool { pump.queue() }
        func takesUpstream(outputBytes: Int) -> Bool {
            pump.takesUpstreamBytes(outputBytes: outputBytes)
        }

        /// What there is to do now, by name.
        func deeds() -> [String] {
            var names: [String] = []
            while let action = pump.next(at: now, into: &output) {
                names.append(String("\(action)".prefix { $0 != "(" }))
                if case .close(let lingering) = action {
                    names[names.count - 1] = lingering ? "closeLingering" : "close"
                }
            }
            return names
        }

        func upstream(_ text: String) {
            pump.upstreamReceived([UInt8](text.utf8).span, at: now, into: &output)
        }
    }

    private static let chunk =
        #"data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}"# + "\n\n"

    @Test("a request's call is started after the client's event, and is the pump's until it ends")
    func callIsStarted() throws {
        let driver = try Driver()
        driver.askForMessage()
        #expect(driver.call == nil)
        #expect(driver.deeds() == ["startCall", "count"])
        #expect(driver.call != nil)
        #expect(driver.isCounting)
    }

    @Test("a client that leaves has its call cancelled once, and what that still brings is dropped")
    func clientLeaves() throws {
        let driver = try Driver()
        driver.askForMessage()
        _ = driver.deeds()
        driver.pump.clientLeft(at: driver.now)
        #expect(driver.deeds() == ["cancelCall", "record", "close"])
        #expect(driver.call == nil)
        driver.upstream(Self.chunk)
        #expect(driver.output.isEmpty && driver.deeds().isEmpty)
    }

    @Test("a call that ends by itself before it is cancelled is not cancelled")
    func endedBeforeCancelled() throws {
        let driver = try Driver()
        driver.askForMessage()
        _ = driver.deeds()
        driver.pump.clientLeft(at: driver.now)
        driver.pump.upstreamEnded(nil, at: driver.now, into: &driver.output)
        #expect(driver.deeds() == ["record", "close"])
    }

    @Test("a client that leaves before its call was started starts none")
    func leftBeforeStart() throws {
        let driver = try Driver()
        driver.askForMessage()
        driver.pump.clientLeft(at: driver.now)
        #expect(!driver.deeds().contains("startCall"))
    }

    @Test("events of the upstream queue the connection once a turn")
    func queuedOnce() throws {
        let driver = try Driver()
        driver.askForMessage()
        _ = driver.deeds()
        #expect(driver.queue())
        #expect(!driver.queue())
        #expect(driver.isQueued)
        _ = driver.deeds()
        #expect(!driver.isQueued)
        #expect(driver.queue())
    }

    @Test("a slow client holds its upstream back from the high-water mark on")
    func highWater() throws {
        let driver = try Driver()
        #expect(driver.takesUpstream(outputBytes: .max), "there is no call to hold back")
        driver.askForMessage()
        _ = driver.deeds()
        #expect(driver.takesUpstream(outputBytes: Limits.outputHighWater - 1))
        let waiting = driver.deadline
        #expect(!driver.takesUpstream(outputBytes: Limits.outputHighWater))
        #expect(waiting != nil && driver.deadline == nil, "the upstream is not to blame")
        #expect(driver.outputLowWater == Limits.outputLowWater)
        driver.pump.outputDrained(at: driver.now, into: &driver.output)
        #expect(driver.deadline == waiting)
    }

    @Test("a request that waits for the last answer comes when that has left before the turn's end")
    func answeredWithoutBeingTold() throws {
        let driver = try Driver()
        let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        driver.receive(request + request)
        #expect(driver.deeds() == ["record"], "the second waits for the first answer to leave")
        #expect(driver.outputLowWater == 0)
        driver.output = []
        #expect(driver.deeds() == ["record"])
        #expect(!driver.output.isEmpty)
    }

    @Test("a connection with output to be sent lingers, whatever the session asked for")
    func lingersWithOutput() throws {
        let driver = try Driver()
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(driver.deeds() == ["record", "closeLingering"])
        let other = try Driver()
        other.pump.clientLeft(at: other.now)
        #expect(other.deeds() == ["close"])
        let third = try Driver()
        third.output = [1]
        third.pump.clientLeft(at: third.now)
        #expect(third.deeds() == ["closeLingering"])
    }

    @Test("only what follows from a deadline is a time-out")
    func timeouts() throws {
        let driver = try Driver()
        driver.askForMessage()
        _ = driver.deeds()
        let deadline = try #require(driver.deadline)
        driver.pump.deadlineReached(at: deadline, into: &driver.output)
        #expect(driver.isAtDeadline)
        _ = driver.deeds()
        #expect(!driver.isAtDeadline)
    }

    @Test("a guest is read in larger pieces, and more of what it still sends is dropped at the end")
    func guests() throws {
        let driver = try Driver()
        #expect(driver.readBytesMax == Limits.strangerReadMax)
        #expect(driver.lingeringBytesMax == 1 << 20)
        driver.askForMessage()
        #expect(driver.readBytesMax == Limits.socketReadMax)
        let most = driver.state.settings.configuration.bodyBytesMax
        #expect(driver.lingeringBytesMax == most)
    }
}
