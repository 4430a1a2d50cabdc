// Work beside a loop.
import EventLoop
import Testing

@Suite struct SideThreadTests {
    private struct Sum: Sendable {
        let numbers: [Int]
        var result = 0
    }

    @Test func `work comes back done, in the order in which it was given`() throws {
        let loop = try Loop()
        let done = try Mailbox<Sum>()
        var results: [Int] = []
        try done.attach(to: loop) { results.append($0.result) }
        let thread = try SideThread<Sum>(
            named: "sums", run: { $0.result = $0.numbers.reduce(0, +) }, done: done)
        for count in 1...100 { thread.start(Sum(numbers: Array(0...count))) }
        #expect(turn(loop) { results.count == 100 })
        #expect(results == (1...100).map { $0 * ($0 + 1) / 2 })
        thread.stop()
    }

    @Test func `stop waits for the work that has begun`() throws {
        let done = try Mailbox<Int>()
        let thread = try SideThread<Int>(named: "one", run: { $0 += 1 }, done: done)
        thread.start(1)
        thread.stop()
        let loop = try Loop()
        var results: [Int] = []
        try done.attach(to: loop) { results.append($0) }
        #expect(turn(loop) { !results.isEmpty })
        #expect(results == [2])
    }

    @Test func `a thread without work ends`() throws {
        let done = try Mailbox<Int>()
        try SideThread<Int>(named: "idle", run: { _ in }, done: done).stop()
    }
}
