// A value behind a lock. Under the thread sanitizer this also proves that it sees the lock.
import EventLoop
import Testing

@Suite struct GuardedTests {
    @Test func `no addition of four threads is lost`() throws {
        let counts = Guarded([0, 0])
        let threads = try (0..<4).map { number in
            try Thread(named: "counter \(number)") {
                for round in 0..<5000 { counts.withLock { $0[round % 2] += 1 } }
            }
        }
        for thread in threads { thread.join() }
        #expect(counts.withLock { $0 } == [10_000, 10_000])
    }
}
