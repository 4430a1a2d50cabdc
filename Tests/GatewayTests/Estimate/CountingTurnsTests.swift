// Whose turn it is to count.

import Testing

@testable import Gateway

@Suite("Turns of counting") struct CountingTurnsTests {
    private final class Job: Waiting {
        var bytesLeft: Int
        init(_ bytes: Int) { bytesLeft = bytes }
    }

    @Test func nothingIsCountedWhileThereIsSomethingElseToDo() {
        var turns = CountingTurns<Job>()
        turns.add(Job(1))
        #expect(turns.next(isIdle: false) == nil)
        #expect(turns.next(isIdle: true) != nil)
        #expect(turns.isEmpty)
    }

    @Test func onABusyLoopEveryFourthTurnCounts() {
        var turns = CountingTurns<Job>()
        let job = Job(1)
        var steps = 0
        for _ in 0..<400 {
            turns.add(job)
            if turns.next(isIdle: false) != nil { steps += 1 }
        }
        #expect(steps == 100)
    }

    @Test func theShortestComesFirstAndTheLongestComes() {
        var turns = CountingTurns<Job>()
        let long = Job(1_000_000)
        turns.add(long)
        var stepsOfLong = 0
        var stepsOfShort = 0
        for _ in 0..<80 {
            let short = Job(10)
            turns.add(short)
            guard let next = turns.next(isIdle: true) else { continue }
            if next === long {
                stepsOfLong += 1
                turns.add(long)
                turns.remove(short)
            } else {
                stepsOfShort += 1
            }
        }
        #expect(stepsOfLong == 10)
        #expect(stepsOfShort == 70)
    }

    @Test func whoeverIsGoneIsNotAsked() {
        var turns = CountingTurns<Job>()
        let job = Job(1)
        turns.add(job)
        turns.add(job)
        turns.remove(job)
        #expect(turns.next(isIdle: true) == nil)
    }
}
