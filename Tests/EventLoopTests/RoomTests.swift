// The buffers that connections lend one another for bursts.
import EventLoop
import TestSupport
import Testing

@Suite("Room for bursts") struct RoomTests {
    @Test func isUsedAgainByTheNextBurst() throws {
        let loop = try Loop()
        let pairs = [try SocketPair(), try SocketPair()]
        let connections = try pairs.map { try Recorder(on: loop, socket: $0.take($0.first)) }
        connections[0].write(repeatElement(0x61, count: 100_000))
        var received = 0
        _ = turn(loop) {
            while let more = receiveBytes(from: pairs[0].second) { received += more.count }
            return received == 100_000
        }
        #expect(connections[0].output.capacity < 16 << 10, "an idle connection holds little")
        connections[1].borrowRoom()
        #expect(connections[1].output.capacity >= 100_000)
        #expect(connections[1].output.isEmpty)
    }

    @Test func leavesOutputThatWaitsAlone() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        let connection = try Recorder(on: loop, socket: pair.take(pair.first))
        connection.write([0x61])
        connection.borrowRoom()
        #expect(connection.output == [0x61])
    }
}
