// What is kept of refusals, for whom, for how long, and how much of it.

import Testing
import Translation

@testable import Gateway

@Suite("Lessons of refusals") struct UpstreamLessonsTests {
    private func model(_ name: String) -> [UInt8] { [UInt8](name.utf8) }

    @Test func aLessonBelongsToItsModelForAnHour() {
        var lessons = UpstreamLessons()
        lessons.keep([.dropImages, .dropParameter("top_k")], of: [1], at: .seconds(10))
        #expect(
            lessons.remedies(of: [1], at: .seconds(3609)) == [.dropImages, .dropParameter("top_k")])
        #expect(lessons.remedies(of: [1], at: .seconds(3610)).isEmpty)
        #expect(lessons.remedies(of: [2], at: .seconds(10)).isEmpty)
    }

    @Test func aContextIsBelievedOnlyNearIt() {
        for (prompt, hasSucceeded, isBelieved) in [
            (100, false, false), (7999, false, false), (8000, false, true),
            (4999, true, false), (5000, true, true),
        ] {
            var lessons = UpstreamLessons()
            lessons.learn(
                contextTokens: 10_000, of: [1], promptTokens: prompt, hasSucceeded: hasSucceeded,
                at: .zero)
            #expect((lessons.contextTokens(of: [1], at: .zero) == 10_000) == isBelieved)
        }
    }

    @Test func aContextIsNoSmallerThanAPromptThatWasAnswered() {
        var lessons = UpstreamLessons()
        lessons.answered([1], promptTokens: 30_000, at: .zero)
        lessons.learn(contextTokens: 29_999, of: [1], promptTokens: 90_000, at: .zero)
        #expect(lessons.contextTokens(of: [1], at: .zero) == nil)
        lessons.learn(contextTokens: 30_000, of: [1], promptTokens: 90_000, at: .zero)
        #expect(lessons.contextTokens(of: [1], at: .zero) == 30_000)
    }

    @Test(arguments: [0, 3, 255, 1 << 31, .max])
    func whatIsNoContextIsNotLearnt(tokens: Int) {
        var lessons = UpstreamLessons()
        lessons.learn(contextTokens: tokens, of: [1], promptTokens: .max, at: .zero)
        #expect(lessons.contextTokens(of: [1], at: .zero) == nil)
    }

    @Test func madeUpModelsDriveOutOneAnother() {
        var lessons = UpstreamLessons()
        lessons.keep([.dropImages], of: model("honest"), at: .zero)
        for _ in 0..<3 { lessons.answered(model("honest"), promptTokens: 1, at: .zero) }
        for index in 1...2000 {
            let name = model("made-up-\(index)")
            lessons.answered(name, promptTokens: 1, at: .seconds(index))
            lessons.keep([.dropImages], of: name, at: .seconds(index))
        }
        #expect(lessons.remedies(of: model("honest"), at: .seconds(2000)) == [.dropImages])
        let known = (1...2000).filter {
            !lessons.remedies(of: model("made-up-\($0)"), at: .seconds(2000)).isEmpty
        }
        #expect(known.count == 255 && known.last == 2000)
    }

    @Test func theOldestLessonsOfAModelGo() {
        var lessons = UpstreamLessons()
        for index in 0..<100 {
            lessons.keep([.dropParameter("p\(index)")], of: [1], at: .seconds(index))
        }
        let known = lessons.remedies(of: [1], at: .seconds(100))
        #expect(known == (84..<100).map { .dropParameter("p\($0)") })
    }

    @Test func whatIsTooLongIsNotKept() {
        var lessons = UpstreamLessons()
        let long = String(repeating: "x", count: 65)
        lessons.keep(
            [
                .dropParameter(long), .dropValue(long, [1]), .dropValue("a", []),
                .dropValue("a", [UInt8](repeating: 1, count: 257)),
            ], of: [1], at: .zero)
        lessons.keep([.dropImages], of: [UInt8](repeating: 1, count: 257), at: .zero)
        #expect(lessons.remedies(of: [1], at: .zero).isEmpty)
        #expect(lessons.remedies(of: [UInt8](repeating: 1, count: 257), at: .zero).isEmpty)
    }
}
