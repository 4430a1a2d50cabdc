// The rules of a connection, by scripts of what its system calls have brought.

import EventLoop
import Testing

@Suite("Connection flow")
struct ConnectionFlowTests {
    private var flow = ConnectionFlow()
    private var output: [UInt8] = []

    private mutating func sent(_ count: Int, at seconds: Int = 0) -> String {
        "\(flow.sent(count, of: &output, at: .seconds(seconds)))"
    }

    @Test("while it is open, input is the owner's")
    mutating func openInput() {
        #expect("\(flow.received(5, at: .zero))" == "deliver")
        #expect(flow.interest == .readable)
        #expect("\(flow.inputEnded())" == "tellPeerFinished")
        #expect(flow.interest == [])
    }

    @Test("a peer that leaves while nobody reads is noticed once")
    mutating func leaving() {
        flow.pauseReading(true)
        #expect(flow.interest == .peerClosed)
        #expect("\(flow.peerLeft())" == "tellPeerLeft")
        #expect("\(flow.peerLeft())" == "nothing")
        #expect(flow.interest == [])
        flow.pauseReading(false)
        #expect(flow.interest == .readable)
    }

    @Test("the owner hears when output falls to its mark, and once")
    mutating func lowWater() {
        flow.outputLowWater = 10
        output = [UInt8](repeating: 1, count: 100)
        #expect(sent(50) == "nothing")
        #expect(sent(40) == "tellDrained")
        #expect(sent(5) == "nothing")
        #expect(flow.outputBytes(of: output) == 5)
        #expect(sent(5) == "nothing")
        #expect(output.isEmpty && flow.sentBytes == 0)
    }

    @Test("each byte of output is moved at most once on average")
    mutating func compaction() {
        output = [UInt8](0..<100)
        _ = sent(49)
        #expect(output.count == 100 && flow.sentBytes == 49)
        _ = sent(1)
        #expect(output == [UInt8](50..<100) && flow.sentBytes == 0)
    }

    @Test("output that stands still ends the connection, and progress puts that off")
    mutating func stall() {
        flow.sendTimeout = .seconds(30)
        output = [UInt8](repeating: 1, count: 100)
        _ = sent(0, at: 1)
        #expect(flow.interest == [.readable, .writable])
        #expect(flow.deadline == .seconds(31))
        _ = sent(0, at: 20)
        #expect(flow.deadline == .seconds(31), "an attempt is no progress")
        _ = sent(1, at: 30)
        #expect(flow.deadline == .seconds(60))
        #expect("\(flow.deadlineReached(at: .seconds(59)))" == "nothing")
        #expect(
            "\(flow.deadlineReached(at: .seconds(60)))" == "close(EventLoop.CloseCause.stalled)")
        #expect(flow.isClosed && flow.deadline == nil)
    }

    @Test("all output taken, there is nothing to wait for")
    mutating func unblocked() {
        output = [UInt8](repeating: 1, count: 100)
        _ = sent(10, at: 1)
        #expect(flow.deadline != nil)
        _ = sent(90, at: 2)
        #expect(flow.deadline == nil && flow.interest == .readable)
    }

    // MARK: Lingering

    private mutating func linger(dropping bytes: Int = 100) -> String {
        let waiting = flow.outputBytes(of: output)
        return
            "\(flow.linger(for: .seconds(2), droppingAtMost: bytes, outputBytes: waiting))"
    }

    @Test("nothing waits: the output is shut, and the peer has its time after its last bytes")
    mutating func lingering() {
        #expect(linger() == "shutOutput")
        #expect("\(flow.outputShut(true, at: .seconds(1)))" == "nothing")
        #expect(flow.deadline == .seconds(3))
        #expect("\(flow.received(10, at: .seconds(2)))" == "nothing")
        #expect(flow.deadline == .seconds(4))
        #expect("\(flow.inputEnded())" == "close(EventLoop.CloseCause.lingered)")
    }

    @Test("a peer that goes on sending is not waited for for ever")
    mutating func endOfPatience() {
        _ = linger(dropping: 1 << 20)
        _ = flow.outputShut(true, at: .seconds(1))
        for second in 2...12 { _ = flow.received(10, at: .seconds(second)) }
        #expect(flow.deadline == .seconds(11))
        #expect(
            "\(flow.deadlineReached(at: .seconds(12)))" == "close(EventLoop.CloseCause.lingered)")
    }

    @Test("a peer that sends too much is closed, but not before it has been sent the answer")
    mutating func tooMuch() {
        output = [UInt8](repeating: 1, count: 100)
        #expect(linger(dropping: 20) == "nothing")
        #expect("\(flow.received(21, at: .zero))" == "nothing")
        #expect(!flow.isReading, "the rest waits in the kernel")
        #expect(sent(100) == "close(EventLoop.CloseCause.lingered)")
    }

    @Test("too much after the shutdown closes at once")
    mutating func tooMuchAfterShutdown() {
        _ = linger(dropping: 20)
        _ = flow.outputShut(true, at: .zero)
        #expect("\(flow.received(21, at: .zero))" == "close(EventLoop.CloseCause.lingered)")
    }

    @Test("a peer that has said all is not waited for")
    mutating func finishedPeer() {
        _ = flow.inputEnded()
        #expect(linger() == "close(EventLoop.CloseCause.lingered)")
    }

    @Test("a client that takes nothing of its last answer is left, too")
    mutating func stallWhileLingering() {
        output = [UInt8](repeating: 1, count: 100)
        _ = linger()
        _ = sent(10, at: 1)
        #expect(
            "\(flow.deadlineReached(at: .seconds(61)))" == "close(EventLoop.CloseCause.stalled)")
    }

    @Test("who has stopped reading reads again to see the peer close")
    mutating func readsAgain() {
        flow.pauseReading(true)
        _ = linger()
        #expect(flow.isReading)
    }

    @Test("a socket that cannot be shut is closed")
    mutating func shutdownFails() {
        _ = linger()
        #expect(
            "\(flow.outputShut(false, at: .zero))" == "close(EventLoop.CloseCause.lingered)")
    }

    @Test("the end comes once")
    mutating func closedOnce() {
        #expect("\(flow.close(.byOwner))" == "close(EventLoop.CloseCause.byOwner)")
        #expect("\(flow.close(.peerGone))" == "nothing")
        #expect(linger() == "nothing")
    }
}
