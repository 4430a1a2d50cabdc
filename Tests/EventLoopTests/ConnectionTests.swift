// Connections on real sockets: bytes both ways, back-pressure, the peer's leaving, the end.
import EventLoop
import Glibc
import TestSupport
import Testing

/// Notes what it is told. What it does about it is up to the test.
final class Recorder: Connection {
    var input: [UInt8] = []
    var calls: [String] = []
    var onReceive: (Recorder) -> Void = { _ in }
    var onDrain: (Recorder) -> Void = { _ in }
    var closesAtEnd = true

    override func received(_ bytes: Span<UInt8>) {
        #expect(!isClosed)
        for index in bytes.indices { input.append(bytes[index]) }
        onReceive(self)
    }

    override func peerFinished() {
        #expect(!isClosed)
        calls.append("peer finished")
        if closesAtEnd { close() }
    }

    override func peerLeftWhilePaused() {
        #expect(!isClosed)
        calls.append("peer left")
        if closesAtEnd { close() }
    }

    override func drained() {
        #expect(!isClosed)
        calls.append("drained")
        onDrain(self)
    }

    override func closed(_ cause: CloseCause) {
        #expect(isClosed)
        switch cause {
        case .byOwner: calls.append("closed by owner")
        case .lingered: calls.append("lingered")
        case .peerGone: calls.append("peer gone")
        case .stalled: calls.append("stalled")
        case .failed(let error): calls.append("failed \(error.code)")
        }
    }

    func write(_ bytes: some Sequence<UInt8>) {
        output.append(contentsOf: bytes)
        markDirty()
    }
}

/// Sends all it receives back, holding no more than its limit.
private final class Echo: Connection {
    static let highWater = 128 * 1024
    var outputBytesMax = 0

    override func received(_ bytes: Span<UInt8>) {
        for index in bytes.indices { output.append(bytes[index]) }
        outputBytesMax = max(outputBytesMax, outputBytes)
        markDirty()
        if outputBytes > Echo.highWater { pauseReading() }
    }

    override func drained() {
        resumeReading()
    }
}

/// A loop with a recorder on one end of a socket pair; the test is the peer on the other.
private struct Scene {
    let loop: Loop
    let pair: SocketPair
    let connection: Recorder
    let peer: Int32

    init() throws {
        loop = try Loop()
        pair = try SocketPair()
        peer = pair.second
        connection = try Recorder(on: loop, socket: pair.take(pair.first))
    }

    /// Everything the peer can read, turning the loop meanwhile, until the end of input or `count`.
    func drainPeer(upTo count: Int = .max) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = turn(loop) {
            while bytes.count < count, let more = receiveBytes(from: peer) {
                if more.isEmpty { return true }
                bytes += more
            }
            return bytes.count >= count
        }
        return bytes
    }
}

/// A TCP connection's two ends: a close with unread input resets it, which a socket pair does not.
private func tcpScene() throws -> (loop: Loop, connection: Recorder, peer: Int32) {
    let loop = try Loop()
    let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
    var connection: Recorder?
    let acceptor = try Acceptor(
        listener, on: loop, starved: { _ in },
        accepted: { socket, _ in connection = try? Recorder(on: loop, socket: socket) })
    let peer = try connected(to: listener.address).release()
    _ = turn(loop) { connection != nil }
    acceptor.close()
    return (loop, try #require(connection), peer)
}

/// Bytes in which a piece that is lost, doubled or moved shows: random ones, repeated with a period
/// that is prime, as no buffer's size is.
private func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SplitMix64(seed: UInt64(count))
    let block = (0..<65521).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += block.prefix(count - bytes.count) }
    return bytes
}

/// Expects large arrays to be the same. `#expect(a == b)` would compute and print their difference,
/// which takes hours for megabytes.
private func expectSame(
    _ one: [UInt8], _ other: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
) {
    guard one != other else { return }
    let place = zip(one, other).enumerated().first { $1.0 != $1.1 }?.offset
    Issue.record(
        "\(one.count) and \(other.count) bytes, different from \(place ?? -1)",
        sourceLocation: sourceLocation)
}

@Suite struct ConnectionTests {
    @Test func `input is received and output is sent at the end of the turn`() throws {
        let scene = try Scene()
        scene.connection.onReceive = { connection in
            connection.write("wor".utf8)
            connection.write("ld".utf8)
            #expect(receiveBytes(from: scene.peer) == nil)
        }
        sendBytes("hello", to: scene.peer)
        scene.loop.turn(waitingAtMost: .seconds(10))
        #expect(scene.connection.input == Array("hello".utf8))
        #expect(receiveBytes(from: scene.peer) == Array("world".utf8))
        #expect(scene.connection.outputBytes == 0)
        scene.connection.close()
    }

    @Test func `eight MiB come back byte for byte through a small window`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        var small: Int32 = 32 * 1024
        for end in [pair.first, pair.second] {
            // SAFETY: the kernel reads the local value.
            unsafe setsockopt(end, SOL_SOCKET, SO_SNDBUF, &small, 4)
        }
        let peer = pair.second
        let echo = try Echo(on: loop, socket: pair.take(pair.first))
        let sent = randomBytes(8 << 20)
        var received: [UInt8] = []
        var position = 0
        let isComplete = turn(loop) {
            // The peer writes as much as it can but reads in small bites: partial writes both ways.
            if position < sent.count {
                position += max(0, sendBytes(sent[position...], to: peer))
            }
            if let bytes = receiveBytes(from: peer, atMost: 9973) { received += bytes }
            loop.requestTurn()
            return received.count >= sent.count
        }
        #expect(isComplete)
        expectSame(received, sent)
        #expect(echo.outputBytesMax > Echo.highWater)
        #expect(echo.outputBytesMax <= Echo.highWater + 64 * 1024)
        echo.close()
    }

    @Test func `output waits for the reader and drained asks for more`() throws {
        let scene = try Scene()
        let block = randomBytes(512 * 1024)
        var blocks = 1
        scene.connection.onDrain = { connection in
            guard blocks < 8 else { return }
            blocks += 1
            connection.write(block)
        }
        scene.connection.write(block)
        // The peer does not read: nothing is asked for beyond what the kernel took.
        for _ in 0..<20 { scene.loop.turn(waitingAtMost: .milliseconds(1)) }
        #expect(blocks == 1)
        let waiting = scene.connection.outputBytes
        #expect(waiting > 0 && waiting < block.count)
        // An idle turn sends nothing and wakes for nothing.
        scene.connection.markDirty()
        scene.loop.turn(waitingAtMost: .zero)
        #expect(scene.connection.outputBytes == waiting)
        let received = scene.drainPeer(upTo: 8 * block.count)
        expectSame(received, Array(repeatElement(block, count: 8).joined()))
        #expect(scene.connection.calls == Array(repeating: "drained", count: 8))
        #expect(scene.connection.output.capacity <= 8 * 1024)
        scene.connection.close()
    }

    @Test func `output made while flushing goes out without a sleep`() throws {
        let scene = try Scene()
        scene.connection.onDrain = { connection in
            connection.onDrain = { _ in }
            connection.write("two".utf8)
        }
        scene.connection.write("one".utf8)
        scene.loop.turn(waitingAtMost: .zero)
        #expect(receiveBytes(from: scene.peer) == Array("one".utf8))
        let start = Loop.clock()
        scene.loop.turn(waitingAtMost: .seconds(30))
        #expect(Loop.clock() - start < .seconds(15))
        #expect(receiveBytes(from: scene.peer) == Array("two".utf8))
        scene.connection.close()
    }

    @Test func `drained comes when output falls to the low water, not before`() throws {
        let scene = try Scene()
        scene.connection.outputLowWater = 100_000
        scene.connection.write(randomBytes(99_999))
        scene.loop.turn(waitingAtMost: .zero)
        #expect(scene.connection.calls.isEmpty)
        _ = scene.drainPeer(upTo: 99_999)
        let block = randomBytes(1 << 20)
        var waitingAtDrain: Int?
        scene.connection.onDrain = { waitingAtDrain = $0.outputBytes }
        scene.connection.write(block)
        expectSame(scene.drainPeer(upTo: block.count), block)
        #expect(scene.connection.calls == ["drained"])
        #expect(waitingAtDrain.map { $0 <= 100_000 } == true)
        scene.connection.close()
    }

    @Test func `a chatty connection reads once a turn`() throws {
        let scene = try Scene()
        var reads = 0
        scene.connection.onReceive = { _ in reads += 1 }
        let bytes = randomBytes(150_000)
        #expect(sendBytes(bytes[...], to: scene.peer) == bytes.count)
        scene.loop.turn(waitingAtMost: .seconds(10))
        #expect(reads == 1)
        #expect(scene.connection.input.count <= 64 * 1024)
        #expect(turn(scene.loop) { scene.connection.input.count == bytes.count })
        expectSame(scene.connection.input, bytes)
        scene.connection.close()
    }

    @Test func `a paused connection receives nothing until it is resumed`() throws {
        let scene = try Scene()
        scene.connection.pauseReading()
        sendBytes("later", to: scene.peer)
        for _ in 0..<3 { scene.loop.turn(waitingAtMost: .milliseconds(2)) }
        #expect(scene.connection.input.isEmpty)
        scene.connection.resumeReading()
        #expect(turn(scene.loop) { scene.connection.input == Array("later".utf8) })
        scene.connection.close()
    }

    @Test func `a pause within received takes effect at once`() throws {
        let scene = try Scene()
        scene.connection.onReceive = { $0.pauseReading() }
        sendBytes("one", to: scene.peer)
        scene.loop.turn(waitingAtMost: .seconds(10))
        sendBytes("two", to: scene.peer)
        for _ in 0..<3 { scene.loop.turn(waitingAtMost: .milliseconds(2)) }
        #expect(scene.connection.input == Array("one".utf8))
        scene.connection.close()
    }
}

@Suite struct ConnectionEndTests {
    @Test func `the end of input comes after the last byte`() throws {
        let scene = try Scene()
        sendBytes("last", to: scene.peer)
        shutdown(scene.peer, Int32(SHUT_WR))
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(scene.connection.input == Array("last".utf8))
        #expect(scene.connection.calls == ["peer finished", "closed by owner"])
    }

    @Test func `a peer that only shut its sending side can still be answered`() throws {
        let scene = try Scene()
        scene.connection.closesAtEnd = false
        shutdown(scene.peer, Int32(SHUT_WR))
        #expect(turn(scene.loop) { !scene.connection.calls.isEmpty })
        // The end is told once: no turn wakes for it again.
        var turns = 0
        scene.loop.addTurnEndHook { turns += 1 }
        let start = Loop.clock()
        scene.loop.turn(waitingAtMost: .milliseconds(20))
        #expect(Loop.clock() - start >= .milliseconds(20))
        scene.connection.write("answer".utf8)
        #expect(scene.drainPeer(upTo: 6) == Array("answer".utf8))
        #expect(scene.connection.calls == ["peer finished", "drained"])
        scene.connection.close()
        #expect(turns > 1)
    }

    @Test func `a peer that leaves while reading is paused is noticed, once`() throws {
        let scene = try tcpScene()
        scene.connection.closesAtEnd = false
        scene.connection.pauseReading()
        sendBytes("unread", to: scene.peer)
        shutdown(scene.peer, Int32(SHUT_WR))
        #expect(turn(scene.loop) { !scene.connection.calls.isEmpty })
        #expect(scene.connection.calls == ["peer left"])
        let start = Loop.clock()
        scene.loop.turn(waitingAtMost: .milliseconds(20))
        #expect(Loop.clock() - start >= .milliseconds(20))
        scene.connection.resumeReading()
        #expect(turn(scene.loop) { scene.connection.calls.count > 1 })
        #expect(scene.connection.calls == ["peer left", "peer finished"])
        #expect(scene.connection.input == Array("unread".utf8))
        scene.connection.close()
        close(scene.peer)
    }

    @Test func `a local peer that is gone in both directions ends a paused connection`() throws {
        let scene = try Scene()
        scene.connection.pauseReading()
        scene.pair.closeEnd(scene.peer)
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(scene.connection.calls == ["peer gone"])
    }

    @Test(arguments: [false, true])
    func `a reset ends the connection with its error`(_ isPaused: Bool) throws {
        let scene = try tcpScene()
        if isPaused { scene.connection.pauseReading() }
        var lingering = linger(l_onoff: 1, l_linger: 0)
        // SAFETY: the kernel reads the local value. Zero seconds make the close a reset.
        unsafe setsockopt(
            scene.peer, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
        close(scene.peer)
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(scene.connection.calls == ["failed \(ECONNRESET)"])
    }

    @Test func `sending to a peer that is gone fails and ends no process`() throws {
        let scene = try Scene()
        scene.connection.closesAtEnd = false
        scene.pair.closeEnd(scene.peer)
        scene.connection.write("x".utf8)
        scene.loop.requestTurn()
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(scene.connection.calls.last == "failed \(EPIPE)")
    }

    @Test func `closing tells the subclass once and lets go of the object`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        weak var weakConnection: Recorder?
        var calls: [String] = []
        do {
            let connection = try Recorder(on: loop, socket: pair.take(pair.first))
            weakConnection = connection
            connection.write("lost".utf8)
            connection.close()
            connection.close()
            connection.write("ignored".utf8)
            connection.pauseReading()
            connection.resumeReading()
            connection.closeLingering()
            calls = connection.calls
        }
        loop.turn(waitingAtMost: .zero)
        #expect(calls == ["closed by owner"])
        #expect(weakConnection == nil)
        #expect(receiveBytes(from: pair.second) == [])
    }

    @Test func `a connection may close itself in every call`() throws {
        let receiving = try Scene()
        receiving.connection.onReceive = { $0.close() }
        sendBytes("x", to: receiving.peer)
        receiving.loop.turn(waitingAtMost: .seconds(10))
        #expect(receiving.connection.calls == ["closed by owner"])
        let draining = try Scene()
        draining.connection.onDrain = { $0.close() }
        draining.connection.write("bye".utf8)
        draining.loop.turn(waitingAtMost: .zero)
        #expect(draining.connection.calls == ["drained", "closed by owner"])
        #expect(receiveBytes(from: draining.peer) == Array("bye".utf8))
    }
}

@Suite struct LingeringTests {
    /// The peer is in the middle of a large upload. To close at once would reset the connection and
    /// may take the answer with it.
    @Test func `the answer arrives although the peer is still sending`() throws {
        let scene = try tcpScene()
        scene.connection.onReceive = { connection in
            connection.pauseReading()
            connection.write("413 too large".utf8)
            connection.closeLingering(droppingAtMost: 64 << 20)
        }
        let upload = [UInt8](repeating: 120, count: 32 << 20)
        var position = 0
        _ = turn(scene.loop) {
            position += max(0, sendBytes(upload[position...], to: scene.peer))
            return position == upload.count
        }
        #expect(position == upload.count)
        let received = receiveBytes(from: scene.peer)
        #expect(received == Array("413 too large".utf8))
        #expect(receiveBytes(from: scene.peer) == [])
        #expect(!scene.connection.isClosed)
        close(scene.peer)
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(scene.connection.calls == ["lingered"])
    }

    @Test func `queued output is sent to its end first`() throws {
        let answer = randomBytes(3 << 20)
        let scene = try Scene()
        scene.connection.write(answer)
        scene.connection.closeLingering()
        expectSame(scene.drainPeer(), answer)
        scene.pair.closeEnd(scene.peer)
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(scene.connection.calls == ["lingered"])
    }

    @Test func `a peer that has finished already needs no waiting`() throws {
        let scene = try Scene()
        scene.connection.closesAtEnd = false
        shutdown(scene.peer, Int32(SHUT_WR))
        #expect(turn(scene.loop) { !scene.connection.calls.isEmpty })
        scene.connection.write("answer".utf8)
        scene.connection.closeLingering()
        scene.loop.turn(waitingAtMost: .zero)
        #expect(scene.connection.calls == ["peer finished", "lingered"])
        #expect(receiveBytes(from: scene.peer) == Array("answer".utf8))
    }

    @Test func `a peer that stays silent is left after the time`() throws {
        let scene = try Scene()
        // By the loop's clock, which the deadline is reckoned by.
        let start = scene.loop.now
        scene.connection.closeLingering(for: .milliseconds(20))
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(Loop.clock() - start >= .milliseconds(19))
        #expect(scene.connection.calls == ["lingered"])
    }

    @Test(arguments: [false, true])
    func `a peer that does not read is left after the time`(isLingering: Bool) throws {
        let scene = try Scene()
        scene.connection.sendTimeout = .milliseconds(20)
        // Before the turn, which starts the time.
        let start = scene.loop.now
        scene.connection.write(randomBytes(4 << 20))
        scene.loop.turn(waitingAtMost: .zero)
        let waiting = scene.connection.outputBytes
        #expect(waiting > 0)
        if isLingering { scene.connection.closeLingering(for: .milliseconds(1)) }
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(Loop.clock() - start >= .milliseconds(19))
        #expect(scene.connection.calls == ["stalled"])
    }

    /// However slow: it has its time anew whenever something has left.
    @Test func `a peer that reads on gets the whole answer`() throws {
        let answer = randomBytes(2 << 20)
        let scene = try Scene()
        scene.connection.sendTimeout = .milliseconds(200)
        scene.connection.write(answer)
        scene.connection.closeLingering(for: .milliseconds(1))
        let start = Loop.clock()
        var received: [UInt8] = []
        func take(upTo count: Int) {
            let end = received.count + count
            while received.count < end, let more = receiveBytes(from: scene.peer), !more.isEmpty {
                received += more
            }
        }
        // In less than the limit something is taken; in all it takes longer.
        var readAt = start
        _ = turn(scene.loop) {
            if Loop.clock() - readAt >= .milliseconds(10) {
                readAt = Loop.clock()
                take(upTo: 64 << 10)
            }
            return scene.connection.isClosed
        }
        #expect(Loop.clock() - start > .milliseconds(200))
        #expect(scene.connection.calls == ["lingered"])
        // What the kernel still holds.
        take(upTo: .max - received.count)
        expectSame(received, answer)
    }

    @Test func `a peer that sends without end is left after the bytes`() throws {
        let scene = try Scene()
        scene.connection.closeLingering(for: .seconds(3600), droppingAtMost: 300_000)
        let block = [UInt8](repeating: 0, count: 50_000)
        var sent = 0
        #expect(
            turn(scene.loop) {
                sent += max(0, sendBytes(block[...], to: scene.peer))
                return scene.connection.isClosed
            })
        // What the kernel holds of a socket pair comes on top.
        #expect(sent > 300_000 && sent < 2_000_000)
        #expect(scene.connection.input.isEmpty)
        #expect(scene.connection.calls == ["lingered"])
    }

    @Test func `too much input does not cut the answer short`() throws {
        let answer = randomBytes(2 << 20)
        let scene = try Scene()
        scene.connection.write(answer)
        scene.connection.closeLingering(for: .seconds(3600), droppingAtMost: 0)
        sendBytes("more and more", to: scene.peer)
        for _ in 0..<3 { scene.loop.turn(waitingAtMost: .milliseconds(1)) }
        #expect(!scene.connection.isClosed)
        let received = scene.drainPeer(upTo: answer.count)
        expectSame(received, answer)
        #expect(turn(scene.loop) { scene.connection.isClosed })
        #expect(scene.connection.calls == ["lingered"])
    }
}
