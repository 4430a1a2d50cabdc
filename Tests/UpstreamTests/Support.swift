// A client of an upstream on a loop that the test itself turns, and what an owner of a transfer hears.
import EventLoop
import Simulator
import Testing
import Translation

@testable import Gateway
@testable import Upstream

/// One loop with its client. Simulators run on threads of their own.
final class InProcess {
    let loop: Loop
    let client: UpstreamClient

    private static let library: Void = UpstreamClient.initializeLibrary()

    init(_ upstreams: [Upstream]) throws {
        Self.library
        loop = try Loop()
        client = UpstreamClient(
            on: loop, upstreams: upstreams, version: "test", proxies: ProxyEnvironment { _ in nil })
    }

    /// An upstream on a port of this machine. Those of two names have nothing in common.
    static func upstream(port: Int, name: String = "main") -> Upstream {
        Upstream(
            UpstreamConfiguration(
                name: "main",
                url: UpstreamURL(scheme: .http, host: "127.0.0.1", port: port, basePath: "/v1"),
                key: nil, profile: .openrouter, certificates: nil, siteURL: nil, siteName: name,
                connectTimeout: .seconds(10), firstByteTimeout: .seconds(10),
                idleTimeout: .seconds(10)))
    }

    func start(_ model: String, at upstream: Upstream, padding: Int = 0) -> (Transfer, Owner) {
        let owner = Owner()
        let text = String(repeating: "x", count: padding)
        let body = """
            {"model":"\(model)","stream":true,"messages":[{"role":"user","content":"\(text)"}]}
            """
        let call = UpstreamCall(to: upstream, body: Array(body.utf8))
        return (client.start(call, owner: owner), owner)
    }

    /// Turns the loop until it has come to that.
    func turn(until isReached: () -> Bool) {
        let deadline = Loop.clock() + .seconds(20)
        while !isReached() {
            guard Loop.clock() < deadline else {
                Issue.record("it did not come to that")
                return
            }
            loop.turn(waitingAtMost: .milliseconds(20))
        }
    }

    /// A whole answer.
    func answer(_ model: String, at upstream: Upstream) -> (transfer: Transfer, owner: Owner) {
        let (transfer, owner) = start(model, at: upstream)
        turn { owner.hasEnded }
        #expect(owner.failure == nil)
        return (transfer, owner)
    }
}

/// Takes note of what it hears.
final class Owner: TransferOwner {
    private(set) var status = 0
    private(set) var text: [UInt8] = []
    private(set) var failure: TransferFailure?
    private(set) var hasEnded = false
    /// Whether it takes more bytes.
    var takes = true
    /// How often bytes have come, taken or not.
    private(set) var offers = 0
    /// Called within libcurl's callback.
    var onBytes: () -> Void = {}
    var onEnd: () -> Void = {}

    override func transferResponded(_ head: UpstreamHead) { status = head.status }

    override func transferReceived(_ bytes: Span<UInt8>) -> Bool {
        offers += 1
        onBytes()
        guard takes else { return false }
        for index in bytes.indices { text.append(bytes[index]) }
        return true
    }

    override func transferEnded(_ failure: TransferFailure?) {
        #expect(!hasEnded, "an end is told once")
        hasEnded = true
        self.failure = failure
        onEnd()
    }
}

/// Runs `body` before a simulator.
func withSimulator(_ body: (SimulatedUpstream) throws -> Void) throws {
    let simulator = try SimulatedUpstream.start(on: "127.0.0.1:0")
    defer { simulator.stop() }
    try body(simulator)
}
