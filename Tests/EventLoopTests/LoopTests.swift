// The loop itself: dispatch, registration, stale events, the order of a turn.
import EventLoop
import Glibc
import Testing

@Suite struct LoopTests {
    @Test func `an event reaches the handler with the descriptor and what happened`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        var seen: [(Readiness, Int32)] = []
        try loop.register(pair.first, for: [.readable], handler: Probe { seen.append(($0, $1)) })
        loop.turn(waitingAtMost: .zero)
        #expect(seen.isEmpty)
        sendBytes("x", to: pair.second)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(seen.count == 1)
        #expect(seen.first?.0 == .readable)
        #expect(seen.first?.1 == pair.first)
        loop.deregister(pair.first)
    }

    @Test func `interest changes take effect and an unchanged one is no change`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        var seen: [Readiness] = []
        try loop.register(pair.first, for: [], handler: Probe { ready, _ in seen.append(ready) })
        sendBytes("x", to: pair.second)
        loop.turn(waitingAtMost: .zero)
        #expect(seen.isEmpty)
        loop.setInterest([.readable, .writable], of: pair.first)
        loop.setInterest([.readable, .writable], of: pair.first)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(seen == [[.readable, .writable]])
        loop.setInterest([], of: pair.first)
        loop.turn(waitingAtMost: .zero)
        #expect(seen.count == 1)
        loop.deregister(pair.first)
    }

    @Test func `the peer's leaving and a hang-up are told apart`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        var seen: [Readiness] = []
        try loop.register(
            pair.first, for: .peerClosed, handler: Probe { ready, _ in seen.append(ready) })
        shutdown(pair.second, Int32(SHUT_WR))
        loop.turn(waitingAtMost: .seconds(10))
        #expect(seen == [.peerClosed])
        pair.closeEnd(pair.second)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(seen.last == [.peerClosed, .hangup])
        loop.deregister(pair.first)
    }

    /// Both are ready in one batch. Whichever comes first closes the other, whose number then names
    /// a new socket that is registered but not ready: the event that still waits is not its own.
    @Test func `an event left over for a closed and reused descriptor is dropped`() throws {
        let loop = try Loop()
        let pairs = try [SocketPair(), SocketPair(), SocketPair()]
        let (one, two) = (pairs[0].first, pairs[1].first)
        var dispatched: [Int32] = []
        var strays = 0
        let probe = Probe { _, descriptor in
            dispatched.append(descriptor)
            guard dispatched.count == 1 else { return }
            let other = descriptor == one ? two : one
            loop.deregister(other)
            // Closes `other` and gives its number to a quiet socket in one step.
            #expect(dup2(pairs[2].first, other) == other)
            #expect(throws: Never.self) {
                try loop.register(other, for: .readable, handler: Probe { _, _ in strays += 1 })
            }
        }
        try loop.register(one, for: .readable, handler: probe)
        try loop.register(two, for: .readable, handler: probe)
        sendBytes("x", to: pairs[0].second)
        sendBytes("x", to: pairs[1].second)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(dispatched.count == 1)
        #expect(strays == 0)
        // The new registration works: the socket behind the old number has something now.
        sendBytes("x", to: pairs[2].second)
        #expect(turn(loop) { strays > 0 })
        loop.deregister(one)
        loop.deregister(two)
    }

    @Test func `a handler lives while registered and no longer`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        weak var handler: Probe?
        do {
            let probe = Probe { _, _ in }
            handler = probe
            try loop.register(pair.first, for: .readable, handler: probe)
        }
        #expect(handler != nil)
        #expect(loop.isRegistered(pair.first))
        loop.deregister(pair.first)
        #expect(handler == nil)
        #expect(!loop.isRegistered(pair.first))
    }

    @Test func `a turn goes from events to timers to hooks`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        var order: [String] = []
        loop.addTurnEndHook { order.append("first hook") }
        loop.addTurnEndHook { order.append("second hook") }
        let timer = Timer(on: loop) { order.append("timer") }
        timer.schedule(at: loop.now)
        let probe = Probe { _, _ in order.append("event") }
        try loop.register(pair.first, for: .readable, handler: probe)
        sendBytes("x", to: pair.second)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(order == ["event", "timer", "first hook", "second hook"])
        loop.deregister(pair.first)
    }

    /// What a timer says did not come may be there, after a pause of the process.
    @Test func `a late timer fires only after what has arrived by then`() throws {
        let loop = try Loop()
        let pairs = try [SocketPair(), SocketPair()]
        var order: [String] = []
        let timer = Timer(on: loop) { order.append("timer") }
        timer.schedule(at: loop.now - .seconds(5))
        try loop.register(
            pairs[0].first, for: .readable,
            handler: Probe { _, descriptor in
                order.append("first")
                loop.deregister(descriptor)
                sendBytes("x", to: pairs[1].second)
            })
        try loop.register(
            pairs[1].first, for: .readable,
            handler: Probe { _, descriptor in
                order.append("second")
                loop.deregister(descriptor)
            })
        sendBytes("x", to: pairs[0].second)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(order == ["first", "second", "timer"])
    }

    @Test func `more events than fit one look come before a timer that is due`() throws {
        let loop = try Loop()
        let pairs = try (0..<300).map { _ in try SocketPair() }
        var seen = 0
        var seenByTimer: Int?
        for pair in pairs {
            sendBytes("x", to: pair.second)
            try loop.register(
                pair.first, for: .readable,
                handler: Probe { _, descriptor in
                    seen += 1
                    loop.deregister(descriptor)
                })
        }
        let timer = Timer(on: loop) { seenByTimer = seen }
        timer.schedule(at: loop.now)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(seenByTimer == 300)
    }

    /// A connection is accepted, then its request is read, and so on: each is ready only once the
    /// one before was dispatched.
    @Test func `a late timer waits for what events lead to, but not for ever`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        var rounds = 0
        var roundsByTimer: Int?
        // Level-triggered and never read: ready at every look.
        try loop.register(pair.first, for: .readable, handler: Probe { _, _ in rounds += 1 })
        sendBytes("x", to: pair.second)
        let timer = Timer(on: loop) { roundsByTimer = rounds }
        timer.schedule(at: loop.now - .seconds(5))
        loop.turn(waitingAtMost: .seconds(10))
        #expect((2...100).contains(roundsByTimer ?? 0))
        loop.deregister(pair.first)
    }

    @Test func `a requested turn does not sleep, the one after it does`() throws {
        let loop = try Loop()
        loop.requestTurn()
        var start = Loop.clock()
        loop.turn(waitingAtMost: .seconds(30))
        #expect(Loop.clock() - start < .seconds(15))
        start = Loop.clock()
        loop.turn(waitingAtMost: .milliseconds(20))
        #expect(Loop.clock() - start >= .milliseconds(20))
    }

    @Test func `the time of a turn is read after its wait`() throws {
        let loop = try Loop()
        let before = Loop.clock()
        loop.turn(waitingAtMost: .milliseconds(20))
        #expect(loop.now >= before + .milliseconds(20))
        #expect(loop.now <= Loop.clock())
    }

    @Test func `a stopped loop leaves run`() throws {
        let loop = try Loop()
        let timer = Timer(on: loop) { [unowned loop] in loop.stop() }
        timer.schedule(at: loop.now + .milliseconds(1))
        loop.run()
        #expect(timer.deadline == nil)
    }

    @Test func `more ready descriptors than a turn takes are all served in the end`() throws {
        let loop = try Loop()
        let pairs = try (0..<300).map { _ in try SocketPair() }
        var served: Set<Int32> = []
        let probe = Probe { _, descriptor in
            #expect(receiveBytes(from: descriptor) == [120])
            served.insert(descriptor)
        }
        for pair in pairs {
            try loop.register(pair.first, for: .readable, handler: probe)
            sendBytes("x", to: pair.second)
        }
        loop.turn(waitingAtMost: .seconds(10))
        #expect(served.count == 256)
        loop.turn(waitingAtMost: .seconds(10))
        #expect(served.count == 300)
        for pair in pairs { loop.deregister(pair.first) }
    }

    @Test func `to register a descriptor twice ends the process`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try Loop()
            let pair = try SocketPair()
            try loop.register(pair.first, for: .readable, handler: Probe { _, _ in })
            try loop.register(pair.first, for: .readable, handler: Probe { _, _ in })
        }
    }

    @Test func `to close a descriptor before its deregistration ends the process`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try Loop()
            let pair = try SocketPair()
            try loop.register(pair.first, for: .readable, handler: Probe { _, _ in })
            pair.closeEnd(pair.first)
            loop.deregister(pair.first)
        }
    }

    @Test func `the limit of descriptors is raised to what is allowed`() throws {
        let limit = try raiseDescriptorLimit()
        #expect(limit >= 256)
        #expect(try raiseDescriptorLimit() == limit)
    }

    @Test func `a failed call tells its name and the system's reason`() {
        let error = SystemError("bind", code: EACCES)
        #expect("\(error)" == "bind: Permission denied (errno 13)")
    }
}
