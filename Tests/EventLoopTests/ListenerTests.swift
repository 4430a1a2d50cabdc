// Listening and accepting, on ports that the kernel chooses and in directories of the test's own.
import CLinux
import Glibc
import Testing

@testable import EventLoop

/// What an acceptor has accepted.
final class Accepted {
    var peers: [PeerAddress] = []
    var sockets: [Int32] = []
    var starved: [Int32] = []

    deinit {
        for socket in sockets { close(socket) }
    }

    func acceptor(
        _ listener: Listener, on loop: Loop, isShared: Bool = false, acceptsPerTurnMax: Int = 64
    ) throws -> Acceptor {
        try Acceptor(
            listener, on: loop, isShared: isShared, acceptsPerTurnMax: acceptsPerTurnMax,
            starved: { [unowned self] in starved.append($0.code) },
            accepted: { [unowned self] socket, peer in
                sockets.append(socket.release())
                peers.append(peer)
            })
    }
}

/// A client socket that connects at once: the backlog takes it.
func connected(to address: ListenAddress) throws -> Descriptor {
    let name = SocketAddress(address)
    let number = socket(name.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw SystemError("socket") }
    let descriptor = Descriptor(owning: number)
    // SAFETY: the address is lent for the call.
    guard unsafe name.read(by: { unsafe connect(number, $0, $1) }) == 0 else {
        throw SystemError("connect")
    }
    let flags = linux_fcntl(number, F_GETFL, 0)
    _ = linux_fcntl(number, F_SETFL, flags | O_NONBLOCK)
    return descriptor
}

/// A directory that goes with its content.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/eventloop-tests-XXXXXX".utf8CString)
        // SAFETY: the template is terminated and long enough to be filled in.
        guard unsafe mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        // SAFETY: the paths are terminated.
        unsafe unlink(path + "/socket")
        unsafe rmdir(path)
    }

    var socketPath: String { path + "/socket" }
}

private func option(_ level: Int, _ name: Int32, of socket: Int32) -> Int32 {
    var value: Int32 = -1
    var size = socklen_t(MemoryLayout<Int32>.size)
    // SAFETY: the kernel fills the local value of the size told.
    unsafe getsockopt(socket, Int32(level), name, &value, &size)
    return value
}

private func exists(_ path: String) -> Bool {
    // SAFETY: the path is terminated.
    unsafe access(path, F_OK) == 0
}

@Suite struct ListenerTests {
    static let hasIPv6: Bool = {
        guard let address = try? ListenAddress("[::1]:0") else { return false }
        return (try? Listener(on: address)) != nil
    }()

    @Test func `a TCP listener on port 0 knows its port and accepts`() throws {
        let loop = try Loop()
        let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
        let accepted = Accepted()
        let acceptor = try accepted.acceptor(listener, on: loop)
        #expect(listener.port != 0)
        let client = try connected(to: listener.address)
        #expect(turn(loop) { !accepted.peers.isEmpty })
        let socket = try #require(accepted.sockets.first)
        #expect(accepted.peers.first?.isLoopback == true)
        #expect(option(Int(IPPROTO_TCP), TCP_NODELAY, of: socket) == 1)
        #expect(linux_fcntl(socket, F_GETFL, 0) & O_NONBLOCK != 0)
        #expect(linux_fcntl(socket, F_GETFD, 0) & FD_CLOEXEC != 0)
        acceptor.close()
        client.close()
    }

    @Test(.enabled(if: ListenerTests.hasIPv6, "this machine has no IPv6"))
    func `IPv4 and IPv6 listen on the same port side by side`() throws {
        let loop = try Loop()
        let accepted = Accepted()
        let v4 = try Listener(on: ListenAddress("0.0.0.0:0"))
        let port = try #require(v4.port)
        let v6 = try Listener(on: ListenAddress("[::]:\(port)"))
        let acceptors = try [v4, v6].map { try accepted.acceptor($0, on: loop) }
        let one = try connected(to: ListenAddress("127.0.0.1:\(port)"))
        #expect(turn(loop) { accepted.peers.count == 1 })
        let two = try connected(to: ListenAddress("[::1]:\(port)"))
        #expect(turn(loop) { accepted.peers.count == 2 })
        #expect(accepted.peers.allSatisfy { $0.isLoopback })
        #expect(accepted.peers[1].description.hasPrefix("[::1]:"))
        for acceptor in acceptors { acceptor.close() }
        one.close()
        two.close()
    }

    @Test func `a port in use is refused with advice`() throws {
        let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
        let error = #expect(throws: ListenerError.self) { try Listener(on: listener.address) }
        #expect(error?.description.contains("somebody listens there already") == true)
    }

    @Test func `an address of another machine is refused with advice`() throws {
        let error = #expect(throws: ListenerError.self) {
            try Listener(on: ListenAddress("192.0.2.1:0"))
        }
        #expect(error?.description.contains("no interface of this machine") == true)
    }

    @Test func `a unix listener accepts, has its mode, and takes its file along`() throws {
        let directory = try TemporaryDirectory()
        let loop = try Loop()
        let accepted = Accepted()
        do {
            let listener = try Listener(on: .unix(path: directory.socketPath))
            #expect(listener.port == nil)
            #expect(listener.address == .unix(path: directory.socketPath))
            var status = stat()
            // SAFETY: the path is terminated and the call fills the local value.
            #expect(unsafe stat(directory.socketPath, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o660)
            let acceptor = try accepted.acceptor(listener, on: loop)
            let client = try connected(to: listener.address)
            #expect(turn(loop) { !accepted.peers.isEmpty })
            #expect(accepted.peers == [.localSocket])
            acceptor.close()
            client.close()
        }
        #expect(!exists(directory.socketPath))
    }

    @Test func `a stale unix socket is replaced`() throws {
        let directory = try TemporaryDirectory()
        let address = ListenAddress.unix(path: directory.socketPath)
        let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        // SAFETY: the address is lent for the call.
        #expect(unsafe SocketAddress(address).read(by: { unsafe bind(stale, $0, $1) }) == 0)
        close(stale)
        #expect(exists(directory.socketPath))
        let listener = try Listener(on: address)
        let client = try connected(to: listener.address)
        client.close()
    }

    @Test func `a unix socket that answers is refused and left alone`() throws {
        let directory = try TemporaryDirectory()
        let address = ListenAddress.unix(path: directory.socketPath)
        let first = try Listener(on: address)
        let error = #expect(throws: ListenerError.self) { try Listener(on: address) }
        #expect(error?.description.contains("somebody listens there already") == true)
        let client = try connected(to: first.address)
        client.close()
    }

    @Test func `a file that is no socket is refused and left alone`() throws {
        let directory = try TemporaryDirectory()
        // SAFETY: the path is terminated.
        let file = unsafe creat(directory.socketPath, 0o600)
        #expect(file >= 0)
        close(file)
        let error = #expect(throws: ListenerError.self) {
            try Listener(on: .unix(path: directory.socketPath))
        }
        #expect(error?.description.contains("is no socket") == true)
        #expect(exists(directory.socketPath))
    }

    @Test func `a socket file that another process has replaced stays`() throws {
        let directory = try TemporaryDirectory()
        let address = ListenAddress.unix(path: directory.socketPath)
        var first: Listener? = try Listener(on: address)
        #expect(first != nil)
        // SAFETY: the path is terminated.
        unsafe unlink(directory.socketPath)
        let second = try Listener(on: address)
        first = nil
        #expect(exists(directory.socketPath))
        withExtendedLifetime(second) {}
    }

    @Test func `a missing directory is refused with advice`() throws {
        let error = #expect(throws: ListenerError.self) {
            try Listener(on: .unix(path: "/nonexistent/socket"))
        }
        #expect(error?.description.contains("the directory does not exist") == true)
    }

    @Test func `a socket that is handed over is adopted`() throws {
        let loop = try Loop()
        let original = try Listener(on: ListenAddress("127.0.0.1:0"))
        let copy = dup(original.descriptor.rawValue)
        let listener = try Listener(adopting: Descriptor(owning: copy))
        #expect(listener.address == original.address)
        #expect(linux_fcntl(copy, F_GETFD, 0) & FD_CLOEXEC != 0)
        let accepted = Accepted()
        let acceptor = try accepted.acceptor(listener, on: loop)
        let client = try connected(to: listener.address)
        #expect(turn(loop) { !accepted.peers.isEmpty })
        acceptor.close()
        client.close()
    }

    @Test func `the file of an adopted unix socket stays`() throws {
        let directory = try TemporaryDirectory()
        let original = try Listener(on: .unix(path: directory.socketPath))
        do {
            let copy = Descriptor(owning: dup(original.descriptor.rawValue))
            let adopted = try Listener(adopting: copy)
            #expect(adopted.address == original.address)
        }
        #expect(exists(directory.socketPath))
    }

    @Test func `what is no listening stream socket is not adopted`() throws {
        let pair = try SocketPair()
        let datagram = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        // SAFETY: the path is terminated.
        let file = unsafe open("/dev/null", O_RDONLY)
        for number in [pair.take(pair.first).release(), datagram, file] {
            #expect(throws: ListenerError.self) {
                try Listener(adopting: Descriptor(owning: number))
            }
        }
    }
}

@Suite struct AcceptorTests {
    @Test func `at most so many connections are accepted a turn`() throws {
        let loop = try Loop()
        let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
        let accepted = Accepted()
        let acceptor = try accepted.acceptor(listener, on: loop, acceptsPerTurnMax: 3)
        let clients = try (0..<7).map { _ in try connected(to: listener.address).release() }
        for expected in [3, 6, 7] {
            loop.turn(waitingAtMost: .seconds(10))
            #expect(accepted.peers.count == expected)
        }
        acceptor.close()
        for client in clients { close(client) }
    }

    @Test func `connections wait while the acceptor is paused`() throws {
        let loop = try Loop()
        let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
        let accepted = Accepted()
        let acceptor = try accepted.acceptor(listener, on: loop, isShared: true)
        acceptor.pause()
        acceptor.pause()
        let client = try connected(to: listener.address)
        for _ in 0..<3 { loop.turn(waitingAtMost: .milliseconds(5)) }
        #expect(accepted.peers.isEmpty)
        acceptor.resume()
        #expect(turn(loop) { accepted.peers.count == 1 })
        acceptor.close()
        acceptor.resume()
        client.close()
    }

    @Test func `a callback that pauses stops accepting at once`() throws {
        let loop = try Loop()
        let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
        let clients = try (0..<5).map { _ in try connected(to: listener.address).release() }
        var count = 0
        var pause: () -> Void = {}
        let acceptor = try Acceptor(
            listener, on: loop, starved: { _ in },
            accepted: { _, _ in
                count += 1
                if count == 2 { pause() }
            })
        pause = { [unowned acceptor] in acceptor.pause() }
        for _ in 0..<3 { loop.turn(waitingAtMost: .milliseconds(5)) }
        #expect(count == 2)
        acceptor.resume()
        #expect(turn(loop) { count == 5 })
        acceptor.close()
        for client in clients { close(client) }
    }

    @Test func `after the last acceptor and the owner, connections are refused`() throws {
        let loop = try Loop()
        let accepted = Accepted()
        // An address of its own: no other test's listener may get the port once it is free.
        var listener: Listener? = try Listener(on: ListenAddress("127.77.0.1:0"))
        let address = try #require(listener?.address)
        let acceptor = try accepted.acceptor(#require(listener), on: loop)
        listener = nil
        try connected(to: address).close()
        acceptor.close()
        let error = #expect(throws: SystemError.self) { try connected(to: address).close() }
        #expect(error?.code == ECONNREFUSED)
    }

    @Test func `two loops share a listener and lose no connection`() throws {
        let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
        let counts = try Mailbox<Int>()
        let stops = try (0..<2).map { _ in try Mailbox<Void>() }
        let threads = try stops.enumerated().map { index, stop in
            try Thread(named: "loop \(index)") {
                do {
                    let loop = try Loop()
                    try stop.attach(to: loop) { loop.stop() }
                    let acceptor = try Acceptor(
                        listener, on: loop, isShared: true, acceptsPerTurnMax: 1,
                        starved: { Issue.record("\($0)") }, accepted: { _, _ in counts.send(index) }
                    )
                    loop.run()
                    acceptor.close()
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
        let loop = try Loop()
        var total = 0
        try counts.attach(to: loop) { _ in total += 1 }
        for _ in 0..<200 { try connected(to: listener.address).close() }
        #expect(turn(loop) { total == 200 })
        for stop in stops { stop.send(()) }
        for thread in threads { thread.join() }
    }

    /// In a process of its own, whose limit of descriptors it lowers.
    @Test func `without descriptors it looks away, reports once and recovers`() async {
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            let listener = try Listener(on: ListenAddress("127.0.0.1:0"))
            let accepted = Accepted()
            let acceptor = try accepted.acceptor(listener, on: loop)
            let clients = try (0..<3).map { _ in try connected(to: listener.address).release() }
            // Room for none: the limit is the lowest number that is still free.
            let free = dup(clients[0])
            close(free)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            // SAFETY: the calls fill or read the local value.
            unsafe getrlimit(resource, &limit)
            let old = limit.rlim_cur
            limit.rlim_cur = rlim_t(free)
            // SAFETY: as above.
            unsafe setrlimit(resource, &limit)
            while dup(clients[0]) >= 0 {}
            var turns = 0
            let end = Loop.clock() + .milliseconds(350)
            while Loop.clock() < end {
                loop.turn(waitingAtMost: end - Loop.clock())
                turns += 1
            }
            // A try, then one each 100 ms, each with a turn of its own for the timer.
            #expect(turns >= 4 && turns <= 12)
            // One report for each time that it runs out: the test library may give back a
            // descriptor of its own meanwhile, which then serves one connection.
            #expect(accepted.peers.count < 3)
            #expect(accepted.starved.allSatisfy { $0 == EMFILE })
            #expect(1...(1 + accepted.peers.count) ~= accepted.starved.count)
            let reports = accepted.starved.count
            limit.rlim_cur = old
            // SAFETY: as above.
            unsafe setrlimit(resource, &limit)
            let hasRecovered = turn(loop) { accepted.peers.count == 3 }
            #expect(hasRecovered)
            #expect(accepted.starved.count == reports)
            acceptor.close()
            for client in clients { close(client) }
        }
    }
}
