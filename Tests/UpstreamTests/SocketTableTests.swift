// The rules of docs/decisions/0021, one script each: what libcurl says of its sockets, what the kernel
// tells of them, and what is then to be done in the loop.
import EventLoop
import Testing

@testable import Upstream

@Suite struct SocketTableTests {
    private final class Lane {}
    private let first = Lane()
    private let second = Lane()
    private var lane: ObjectIdentifier { ObjectIdentifier(first) }
    private var other: ObjectIdentifier { ObjectIdentifier(second) }
    private let both: Interest = [.readable, .writable]

    /// A table with one connection, of descriptor 7 and inode 70, that libcurl has waited to read from.
    private func connected() -> SocketTable {
        var table = SocketTable()
        #expect(table.opened(7, inode: 70, lane: lane) == .nothing)
        #expect(table.watched(7, for: .writable, lane: lane) { 70 } == .register(.writable))
        #expect(table.watched(7, for: .readable, lane: lane) { 70 } == .change(.readable))
        #expect(table.isConnected(7))
        return table
    }

    /// The same, between two requests.
    private func resting() -> SocketTable {
        var table = connected()
        #expect(table.watched(7, for: [], lane: lane) { 70 } == .nothing)
        return table
    }

    // MARK: Resting

    @Test func `a connected socket that libcurl does not wait for stays registered`() {
        var table = resting()
        #expect(table.watched(7, for: .readable, lane: lane) { 70 } == .change(.readable))
        #expect(table.ready(7) == .lane(lane))
    }

    @Test func `an event at rest takes the socket out and is told to nobody`() {
        var table = resting()
        #expect(table.ready(7) == .resting(lane))
        #expect(table.watched(7, for: .readable, lane: lane) { 70 } == .register(.readable))
    }

    @Test func `a socket that is being connected does not rest`() {
        var table = SocketTable()
        _ = table.opened(7, inode: 70, lane: lane)
        _ = table.watched(7, for: .writable, lane: lane) { 70 }
        #expect(!table.isConnected(7))
        #expect(table.watched(7, for: [], lane: lane) { 70 } == .forget)
        #expect(table.watched(7, for: .readable, lane: lane) { 70 } == .register(.readable))
    }

    @Test func `a socket that libcurl has opened by itself does not rest`() {
        var table = SocketTable()
        #expect(table.watched(7, for: .readable, lane: lane) { 70 } == .register(.readable))
        #expect(table.watched(7, for: [], lane: lane) { 70 } == .forget)
    }

    @Test func `a stranger that has got the number of one of ours does not rest`() {
        var table = SocketTable()
        _ = table.opened(7, inode: 70, lane: lane)
        #expect(table.watched(7, for: .readable, lane: lane) { 71 } == .register(.readable))
        #expect(!table.isConnected(7))
        #expect(table.watched(7, for: [], lane: lane) { 71 } == .forget)
    }

    @Test func `a socket without an inode does not rest`() {
        var table = SocketTable()
        _ = table.opened(7, inode: 0, lane: lane)
        _ = table.watched(7, for: .readable, lane: lane) { 0 }
        #expect(table.watched(7, for: [], lane: lane) { 0 } == .forget)
    }

    @Test func `the inode is asked for once a connection`() {
        var table = connected()
        _ = table.watched(7, for: [], lane: lane) { 70 }
        for interest in [both, .readable] {
            _ = table.watched(7, for: interest, lane: lane) {
                Issue.record("asked again")
                return 70
            }
        }
    }

    // MARK: Numbers that come back

    @Test
    func `a closed socket is forgotten if it is registered, and no more is known of its number`() {
        var table = resting()
        #expect(table.closed(7) == .forget)
        #expect(table.closed(7) == .nothing)
        #expect(!table.isConnected(7))
        #expect(table.closed(500) == .nothing)
    }

    @Test
    func `a new socket of the number of one that the lane has closed without a word is watched`() {
        var table = SocketTable()
        _ = table.opened(7, inode: 70, lane: lane)
        _ = table.watched(7, for: .writable, lane: lane) { 70 }
        #expect(table.opened(7, inode: 80, lane: lane) == .renew)
        #expect(table.ready(7) == .lane(lane))
        // It is not connected, whatever its predecessor was.
        #expect(!table.isConnected(7))
        #expect(table.watched(7, for: [], lane: lane) { 80 } == .forget)
    }

    @Test func `a new socket of a number that another lane has left is not watched for that lane`()
    {
        var table = resting()
        #expect(table.opened(7, inode: 80, lane: other) == .forget)
        #expect(table.watched(7, for: .writable, lane: other) { 80 } == .register(.writable))
        #expect(table.ready(7) == .lane(other))
    }

    @Test func `a lane that no longer has a number cannot take it out`() {
        var table = SocketTable()
        _ = table.opened(7, inode: 70, lane: lane)
        _ = table.watched(7, for: .writable, lane: lane) { 70 }
        _ = table.opened(7, inode: 80, lane: other)
        _ = table.watched(7, for: .writable, lane: other) { 80 }
        #expect(table.watched(7, for: [], lane: lane) { 80 } == .nothing)
        #expect(table.ready(7) == .lane(other))
    }

    @Test func `a socket that the kernel would not watch is registered the next time`() {
        var table = SocketTable()
        _ = table.opened(7, inode: 70, lane: lane)
        _ = table.watched(7, for: .readable, lane: lane) { 70 }
        table.registrationFailed(7)
        #expect(table.watched(7, for: .readable, lane: lane) { 70 } == .register(.readable))
    }

    // MARK: Writing in vain

    /// A table whose connection waits to write and has been writable for nothing.
    private func heldBack() -> SocketTable {
        var table = connected()
        #expect(table.watched(7, for: both, lane: lane) { 70 } == .change(both))
        #expect(table.wasWritable(7, hasWritten: false) == .nothing)
        #expect(table.wasWritable(7, hasWritten: false) == .change(.readable))
        #expect(table.isHeldBack(7))
        return table
    }

    @Test func `a socket that is writable twice for nothing is held back, and what comes is heard`()
    {
        var table = heldBack()
        #expect(table.ready(7) == .lane(lane))
        // libcurl says the same again, and changes nothing.
        #expect(table.watched(7, for: both, lane: lane) { 70 } == .change(.readable))
    }

    @Test func `after a pause it is tried once`() {
        var table = heldBack()
        #expect(table.retryWriting(7) == .change(both))
        #expect(table.wasWritable(7, hasWritten: false) == .change(.readable))
        #expect(table.retryWriting(7) == .change(both))
        #expect(table.wasWritable(7, hasWritten: true) == .nothing)
        // It moves again: two more in vain.
        #expect(table.wasWritable(7, hasWritten: false) == .nothing)
        #expect(table.wasWritable(7, hasWritten: false) == .change(.readable))
    }

    @Test func `whoever only writes, or only connects, is not held back`() {
        var table = SocketTable()
        _ = table.opened(7, inode: 70, lane: lane)
        _ = table.watched(7, for: .writable, lane: lane) { 70 }
        for _ in 0..<5 { #expect(table.wasWritable(7, hasWritten: false) == .nothing) }
    }

    @Test func `a wait for something else, or of another lane, begins anew`() {
        var table = heldBack()
        #expect(table.watched(7, for: .readable, lane: lane) { 70 } == .change(.readable))
        #expect(!table.isHeldBack(7))
        #expect(table.watched(7, for: both, lane: lane) { 70 } == .change(both))
        table = heldBack()
        #expect(table.watched(7, for: both, lane: other) { 70 } == .change(both))
    }

    @Test func `at rest, or closed, nothing is tried`() {
        var table = heldBack()
        _ = table.watched(7, for: [], lane: lane) { 70 }
        #expect(table.retryWriting(7) == .nothing)
        table = heldBack()
        _ = table.closed(7)
        #expect(table.retryWriting(7) == .nothing)
        #expect(table.retryWriting(900) == .nothing)
    }
}
