// Timers against a plain model: a list of deadlines. The loop's time is whatever the clock says, so
// the tests compare orders and sets, not durations.
import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct TimerTests {
    @Test func `timers fire in the order of their deadlines`() throws {
        let loop = try Loop()
        var generator = SplitMix64(seed: 1)
        var fired: [Int] = []
        let timers = (0..<1000).map { index in Timer(on: loop) { fired.append(index) } }
        for index in (0..<1000).shuffled(using: &generator) {
            timers[index].schedule(at: loop.now + .microseconds(index * 20))
        }
        #expect(turn(loop) { fired.count == 1000 })
        #expect(fired == Array(0..<1000))
        #expect(loop.timers.count == 0)
    }

    @Test func `a timer never fires before its deadline`() throws {
        let loop = try Loop()
        var firedAt: Duration?
        let timer = Timer(on: loop) { [unowned loop] in firedAt = loop.now }
        let deadline = loop.now + .microseconds(2500)
        timer.schedule(at: deadline)
        #expect(turn(loop) { firedAt != nil })
        #expect(firedAt.map { $0 >= deadline } == true)
    }

    @Test func `a deadline moved out costs no heap work and still fires once`() throws {
        let loop = try Loop()
        var count = 0
        let timer = Timer(on: loop) { count += 1 }
        let start = loop.now
        for step in 1...5000 { timer.schedule(at: start + .microseconds(step)) }
        #expect(loop.timers.count == 1)
        #expect(loop.timers.nextDeadline == start + .microseconds(1))
        #expect(turn(loop) { count > 0 })
        #expect(loop.now >= start + .microseconds(5000))
        loop.turn(waitingAtMost: .milliseconds(10))
        #expect(count == 1)
        #expect(timer.deadline == nil)
    }

    @Test func `a deadline moved in fires at the new time`() throws {
        let loop = try Loop()
        var fired: [String] = []
        let late = Timer(on: loop) { fired.append("late") }
        let other = Timer(on: loop) { fired.append("other") }
        late.schedule(at: loop.now + .seconds(3600))
        other.schedule(at: loop.now + .milliseconds(4))
        late.schedule(at: loop.now + .milliseconds(2))
        #expect(loop.timers.nextDeadline == late.deadline)
        #expect(turn(loop) { fired.count == 2 })
        #expect(fired == ["late", "other"])
    }

    @Test func `a cancelled timer does not fire and can be scheduled again`() throws {
        let loop = try Loop()
        var fired: [String] = []
        let cancelled = Timer(on: loop) { fired.append("cancelled") }
        let last = Timer(on: loop) { fired.append("last") }
        cancelled.schedule(at: loop.now + .milliseconds(1))
        last.schedule(at: loop.now + .milliseconds(2))
        cancelled.cancel()
        #expect(turn(loop) { !fired.isEmpty })
        #expect(fired == ["last"])
        cancelled.schedule(at: loop.now)
        #expect(turn(loop) { fired.count == 2 })
        #expect(fired == ["last", "cancelled"])
    }

    @Test func `a timer that is let go of leaves the heap, and the others keep their order`() throws
    {
        let loop = try Loop()
        var generator = SplitMix64(seed: 2)
        var fired: [Int] = []
        let start = loop.now
        var timers: [Timer?] = []
        var delays: [Int] = []
        for index in 0..<2000 {
            delays.append(Int.random(in: 0..<9000, using: &generator))
            timers.append(Timer(on: loop) { fired.append(index) })
            timers[index]?.schedule(at: start + .seconds(delays[index]))
        }
        #expect(loop.timers.count == 2000)
        for index in timers.indices.shuffled(using: &generator).prefix(1500) { timers[index] = nil }
        #expect(loop.timers.count == 500)
        loop.timers.fire(at: start + .seconds(9000))
        #expect(Set(fired) == Set(timers.indices.filter { timers[$0] != nil }))
        #expect(fired.map { delays[$0] } == fired.map { delays[$0] }.sorted())
    }

    @Test func `a timer may let go of itself and of others while it fires`() throws {
        let loop = try Loop()
        var timers: [Timer?] = []
        var fired = 0
        for _ in 0..<10 {
            timers.append(
                Timer(on: loop) {
                    fired += 1
                    timers.removeAll()
                })
        }
        for timer in timers { timer?.schedule(at: loop.now) }
        #expect(turn(loop) { fired > 0 })
        loop.turn(waitingAtMost: .milliseconds(5))
        #expect(fired == 1)
        #expect(loop.timers.count == 0)
    }

    @Test func `a timer that is due again at once does not hold the loop`() throws {
        let loop = try Loop()
        var count = 0
        var again: () -> Void = {}
        let timer = Timer(on: loop) {
            count += 1
            again()
        }
        again = { [unowned loop, unowned timer] in timer.schedule(at: loop.now) }
        timer.schedule(at: loop.now)
        loop.turn()
        #expect(count == 1)
        loop.turn()
        #expect(count == 2)
        again = {}
    }

    @Test func `steady traffic does not starve timers`() throws {
        let loop = try Loop()
        let pair = try SocketPair()
        var events = 0
        // Never read: the descriptor is ready on every turn, so epoll_wait never times out.
        try loop.register(pair.first, for: .readable, handler: Probe { _, _ in events += 1 })
        sendBytes("x", to: pair.second)
        var fired = 0
        let timer = Timer(on: loop) { fired += 1 }
        timer.schedule(at: loop.now + .milliseconds(5))
        let deadline = loop.now + .seconds(20)
        var turns = 0
        while fired == 0, loop.now < deadline {
            loop.turn()
            turns += 1
        }
        #expect(fired == 1)
        #expect(events == turns)
        loop.deregister(pair.first)
    }

    /// Ten thousand timers, moved out, in and cancelled at random, against a model of deadlines.
    @Test func `ten thousand timers under random changes agree with the model`() throws {
        let loop = try Loop()
        var generator = SplitMix64(seed: 3)
        var fired: Set<Int> = []
        let timers = (0..<10_000).map { index in Timer(on: loop) { fired.insert(index) } }
        var model = [Int?](repeating: nil, count: timers.count)
        let start = loop.now
        for now in stride(from: 0, through: 1000, by: 50) {
            for _ in 0..<5000 {
                let index = Int.random(in: 0..<timers.count, using: &generator)
                if Int.random(in: 0..<4, using: &generator) == 0 {
                    timers[index].cancel()
                    model[index] = nil
                } else {
                    let deadline = now + Int.random(in: 1...500, using: &generator)
                    timers[index].schedule(at: start + .seconds(deadline))
                    model[index] = deadline
                }
            }
            fired.removeAll()
            loop.timers.fire(at: start + .seconds(now))
            var expected: Set<Int> = []
            for index in model.indices {
                if let deadline = model[index], deadline <= now {
                    expected.insert(index)
                    model[index] = nil
                }
            }
            #expect(fired == expected)
            #expect(loop.timers.count <= timers.count)
        }
    }

    @Test(arguments: [
        (Duration.zero, Int32(0)), (.seconds(-1), 0), (.nanoseconds(1), 1), (.milliseconds(1), 1),
        (.nanoseconds(1_000_001), 2), (.milliseconds(1500), 1500), (.seconds(3599), 3_599_000),
        (.seconds(1_000_000_000), 3_600_000),
    ])
    func `a wait is rounded up to milliseconds`(_ duration: Duration, _ expected: Int32) {
        #expect(duration.millisecondsRoundedUp == expected)
    }
}
