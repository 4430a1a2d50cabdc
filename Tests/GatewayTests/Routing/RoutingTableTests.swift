// The state machines of routing, driven by told time: breakers, cool-downs, repeats, keys, marks.

import Testing
import Translation

@testable import Gateway

@Suite("The table of routing") struct RoutingTableTests {
    private var table = RoutingTable(seed: 7)
    private var now: MonotonicTime = .seconds(1000)

    /// Two upstreams; the second has three keys.
    private static func settings(_ more: [(key: String, value: String)] = []) throws -> Settings {
        let resolution = Configuration.resolve([
            .environment(
                [
                    ("OPENROUTER_API_KEY", "sk-main"),
                    ("CLAUDE_PROXY_UPSTREAM_GROQ_URL", "https://api.groq.com/openai/v1"),
                    ("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "gsk-1,gsk-2,gsk-3"),
                    ("OPENROUTER_MODEL", "a/one | b/two@groq"),
                ] + more)
        ])
        return Settings(try #require(resolution.configuration, "\(resolution.faults)"))
    }

    private static func route(_ settings: Settings) -> Route {
        Route(entries: settings.defaultEntries)
    }

    private let route: Route

    init() throws { route = Self.route(try Self.settings()) }

    /// Chooses, and has the call made.
    private mutating func choose(
        _ progress: RouteProgress = .init(), _ wish: RoutingTable.Wish = .init()
    ) -> Candidate? {
        guard var chosen = table.choose(in: route, progress, wish, at: now) else { return nil }
        chosen.isProbe = table.beginProbe(of: chosen, at: now)
        return chosen
    }

    @discardableResult
    private mutating func fail(
        _ candidate: Candidate, _ effect: FailureEffect, _ kind: FailureKind = .unavailable,
        times: Int = 1
    ) -> [RoutingNotice] {
        (0..<times).flatMap { _ in table.note(.failed(effect, kind), of: candidate, at: now) }
    }

    // MARK: Breakers

    @Test mutating func fiveFailuresInARowOpenAndAProbeCloses() throws {
        let first = route.first
        #expect(fail(first, .model(weight: 1), times: 4).isEmpty)
        #expect(choose()?.entry == 0)
        #expect(fail(first, .model(weight: 1)).count == 1)
        #expect(choose()?.entry == 1)
        now += .seconds(7)
        let probe = try #require(choose())
        #expect(probe.entry == 0 && probe.isProbe)
        // One finds out; the others go elsewhere meanwhile.
        #expect(choose()?.entry == 1)
        #expect(table.note(.answered, of: probe, at: now).map(\.isRecovery) == [true])
        #expect(choose()?.entry == 0)
    }

    @Test mutating func aFailedProbeOpensForLonger() throws {
        fail(route.first, .model(weight: 1), times: 5)
        var pauses: [Duration] = []
        for _ in 0..<6 {
            let start = now
            while choose()?.entry != 0 { now += .milliseconds(100) }
            pauses.append(now - start)
            #expect(fail(route.candidate(0, 0), .model(weight: 1)).isEmpty, "told only once")
        }
        #expect(pauses[0] >= .seconds(4) && pauses[0] <= .seconds(6.2))
        #expect(pauses[1] > pauses[0] && pauses[2] > pauses[1])
        #expect(pauses.allSatisfy { $0 <= .seconds(72.2) })
    }

    @Test mutating func aProbeWhoseClientLeavesIsFreeForAnother() throws {
        fail(route.first, .model(weight: 1), times: 5)
        now += .seconds(7)
        let probe = try #require(choose())
        #expect(choose()?.entry == 1)
        #expect(table.note(.withoutVerdict, of: probe, at: now).isEmpty)
        #expect(choose()?.isProbe == true)
    }

    @Test mutating func whoIsChosenAndNotAskedFindsOutNothing() {
        fail(route.first, .model(weight: 1), times: 5)
        now += .seconds(7)
        for _ in 0..<3 {
            #expect(table.choose(in: route, .init(), .init(), at: now)?.entry == 0)
        }
        #expect(choose()?.isProbe == true)
    }

    @Test mutating func halfOfTheLastMinuteOpens() {
        let first = route.first
        for index in 0..<11 {
            _ =
                index % 3 == 0
                ? table.note(.answered, of: first, at: now)
                : table.note(.failed(.model(weight: 1), .timeout), of: first, at: now)
            now += .seconds(1)
        }
        #expect(choose()?.entry == 1)
    }

    @Test mutating func threeFailedConnectionsOpenForAllModels() {
        #expect(fail(route.first, .connection(weight: 1), .unreachable, times: 3).count == 1)
        #expect(choose()?.entry == 1)
    }

    @Test mutating func aConnectionThatTimesOutCountsTwice() {
        fail(route.first, .connection(weight: 2), .unreachable)
        #expect(choose()?.entry == 0)
        fail(route.first, .connection(weight: 2), .unreachable)
        #expect(choose()?.entry == 1)
    }

    // MARK: Cool-downs

    @Test mutating func aRateLimitIsOfKeyAndModel() throws {
        let two = route.candidate(1, 0)
        fail(two, .coolDown(.keyAndModel, .seconds(30)), .rateLimited)
        var progress = RouteProgress()
        progress.exclude(0)
        progress.noteAsked()
        let next = try #require(choose(progress))
        #expect(next.entry == 1 && next.member != 0)
        now += .seconds(31)
        let members = Set((0..<6).compactMap { _ in choose(progress)?.member })
        #expect(members == [0, 1, 2])
    }

    @Test mutating func anUnnamedTimeDoublesToAMinuteAndSuccessEndsIt() {
        let first = route.first
        var pauses: [Duration] = []
        for _ in 0..<8 {
            fail(first, .coolDown(.keyAndModel, nil), .rateLimited)
            let start = now
            while choose()?.entry != 0 { now += .seconds(1) }
            pauses.append(now - start)
        }
        #expect(pauses == [2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
        _ = table.note(.answered, of: first, at: now)
        fail(first, .coolDown(.keyAndModel, nil), .rateLimited)
        now += .seconds(2)
        #expect(choose()?.entry == 0)
    }

    @Test mutating func aRefusedKeyIsTriedByOneAfterwards() throws {
        fail(route.first, .coolDown(.key, .seconds(600)), .keyRefused)
        #expect(choose()?.entry == 1)
        now += .seconds(601)
        let probe = try #require(choose())
        #expect(probe.entry == 0 && probe.isProbe)
        #expect(choose()?.entry == 1)
        // A refusal of the request shows that the key is good.
        #expect(table.note(.failed(.none, .requestFault), of: probe, at: now).count == 1)
        #expect(choose()?.entry == 0)
    }

    @Test mutating func nobodyIsEverLeftWithoutAnybodyToAsk() throws {
        fail(route.first, .coolDown(.key, .seconds(600)), .keyRefused)
        for member in 0..<3 {
            fail(route.candidate(1, member), .coolDown(.key, .seconds(300)), .outOfCredit)
        }
        #expect(choose()?.entry == 1, "the one that is free first")
        var progress = RouteProgress()
        progress.exclude(1)
        progress.noteAsked()
        #expect(choose(progress) == nil, "an upstream's own word counts once somebody was asked")
    }

    @Test mutating func aGuessIsTriedWhenNothingElseIsLeft() {
        for member in 0..<3 {
            fail(route.candidate(1, member), .connection(weight: 1), .unreachable)
        }
        var progress = RouteProgress()
        progress.exclude(0)
        progress.noteAsked()
        #expect(choose(progress)?.entry == 1)
    }

    @Test mutating func whatIsNotACauseKeepsTheEntry() {
        fail(route.first, .coolDown(.keyAndModel, .seconds(30)), .rateLimited)
        var wish = RoutingTable.Wish()
        wish.causes = [.unavailable]
        #expect(choose(.init(), wish)?.entry == 0)
        now += .seconds(31)
        fail(route.first, .connection(weight: 3), .unreachable)
        wish.causes = [.limit]
        #expect(choose(.init(), wish)?.entry == 0)
    }

    @Test mutating func modelsThatClientsMakeUpAreNotKept() {
        let target = RouteEntry(
            pool: route.entries[0].pool, model: route.entries[0].model, isConfigured: false)
        let made = Candidate(target: target, entry: 0, member: 0)
        #expect(fail(made, .model(weight: 1), times: 9).isEmpty)
        #expect(fail(made, .coolDown(.model, .seconds(600)), .modelMissing).isEmpty)
        #expect(choose()?.entry == 0)
    }

    @Test mutating func releasesAreThatOfTheFirst() {
        #expect(table.release(of: route, at: now) == nil)
        fail(route.first, .coolDown(.keyAndModel, .seconds(90)), .rateLimited)
        for (member, time) in [(0, 5), (1, 86_400), (2, 3600)] {
            fail(
                route.candidate(1, member), .coolDown(.keyAndModel, .seconds(time)), .rateLimited)
        }
        #expect(table.release(of: route, at: now) == .seconds(5))
    }

    // MARK: Repeats

    @Test mutating func repeatsAreATenthOfWhatIsSent() {
        let first = route.first
        var repeats = 0
        for _ in 0..<200 {
            if let delay = table.repeatDelay(of: first, in: route, .init(), at: now) {
                #expect(delay >= .milliseconds(50) && delay <= .milliseconds(250))
                repeats += 1
            }
            _ = table.note(.failed(.none, .unavailable), of: first, at: now)
            now += .milliseconds(50)
        }
        #expect(repeats <= 200 / 10 + 10 + 10, "a tenth, the stock, and one a second")
        #expect(repeats >= 20)
    }

    private mutating func repeatDelay(_ progress: RouteProgress = .init()) -> Duration? {
        table.repeatDelay(of: route.first, in: route, progress, at: now)
    }

    @Test mutating func whoFailsIsNotRepeatedWhereThereIsAnother() {
        fail(route.first, .model(weight: 1), times: 5)
        #expect(repeatDelay() == nil)
        var alone = RouteProgress()
        alone.exclude(1)
        #expect(repeatDelay(alone) != nil)
        fail(route.first, .coolDown(.key, .seconds(600)), .keyRefused)
        #expect(repeatDelay(alone) == nil)
    }

    // MARK: Keys

    private mutating func members(_ choice: Configuration.KeyChoice, sessions: Int) -> [Int] {
        var progress = RouteProgress()
        progress.exclude(0)
        return (0..<sessions).compactMap { session in
            var wish = RoutingTable.Wish()
            wish.keyChoice = choice
            wish.session = UInt64(session) &* 0x9E37_79B9_7F4A_7C15
            return choose(progress, wish)?.member
        }
    }

    @Test mutating func sessionsSpreadOverKeysAndStay() {
        let first = members(.sticky, sessions: 300)
        #expect(first == members(.sticky, sessions: 300))
        for member in 0..<3 { #expect(first.count { $0 == member } > 60) }
        fail(route.candidate(1, 1), .coolDown(.key, .seconds(600)), .keyRefused)
        let second = members(.sticky, sessions: 300)
        for (old, new) in zip(first, second) { #expect(old == 1 ? new != 1 : new == old) }
        #expect(Set(zip(first, second).filter { $0.0 == 1 }.map(\.1)) == [0, 2])
    }

    @Test mutating func theFirstKeyIsUsedUp() {
        #expect(Set(members(.first, sessions: 20)) == [0])
        fail(route.candidate(1, 0), .coolDown(.key, .seconds(600)), .outOfCredit)
        #expect(Set(members(.first, sessions: 20)) == [1])
    }

    // MARK: Marks

    @Test mutating func aMarkedSessionBeginsElsewhereForFiveMinutes() {
        var wish = RoutingTable.Wish()
        wish.mark = 42
        table.marks.set(42, to: 1, at: now)
        #expect(choose(.init(), wish)?.entry == 1)
        now += .seconds(299)
        #expect(choose(.init(), wish)?.entry == 1, "each use prolongs it")
        now += .seconds(299)
        #expect(choose(.init(), wish)?.entry == 1)
        now += .seconds(301)
        #expect(choose(.init(), wish)?.entry == 0)
        #expect(choose()?.entry == 0)
    }

    @Test mutating func marksAreBounded() {
        for session in 1...UInt64(5000) {
            table.marks.set(session, to: 1, at: now)
            now += .milliseconds(1)
        }
        let kept = (1...UInt64(5000)).count { table.marks.entry(of: $0, at: now) == 1 }
        #expect(kept == SessionMarks.sessionsMax)
        #expect(table.marks.entry(of: 5000, at: now) == 1)
    }

    @Test mutating func aLongSessionStaysOverItsLimit() {
        func isOver(_ tokens: Int, isCompacted: Bool = false) -> Bool {
            table.marks.isOver(
                10_000, session: 9, tokens: tokens, isCompacted: isCompacted, at: now)
        }
        #expect(!isOver(9000))
        #expect(isOver(10_001))
        #expect(isOver(9000) && isOver(6000))
        #expect(!isOver(5999))
        #expect(!isOver(9000))
        #expect(isOver(12_000))
        #expect(!isOver(9000, isCompacted: true))
    }

    // MARK: Restarts and reloads

    @Test mutating func aDailyLimitOutlivesARestartAndAShortOneDoesNot() throws {
        fail(route.first, .coolDown(.keyAndModel, .seconds(5)), .rateLimited)
        fail(route.candidate(1, 0), .coolDown(.keyAndModel, .seconds(7200)), .rateLimited)
        fail(route.candidate(1, 1), .coolDown(.key, .seconds(600)), .keyRefused)
        #expect(table.isKeptChanged)
        let kept = table.kept(at: now)
        #expect(kept.count == 2 && !table.isKeptChanged)
        let file = CoolDownFile.encode(kept, timeOfDay: .seconds(1_800_000_000))
        let read = try #require(
            CoolDownFile.decode(file, timeOfDay: .seconds(1_800_000_000 + 300)))
        #expect(Set(read.map(\.rest)) == [.seconds(6900), .seconds(300)])
        var next = RoutingTable(seed: 1)
        next.restore(read, for: try Self.settings(), at: .seconds(50))
        #expect(Set(next.kept(at: .seconds(50)).map(\.kind)) == [.rateLimited, .keyRefused])
        // Another key is not held to what the old one has done.
        var other = RoutingTable(seed: 1)
        other.restore(
            read, for: try Self.settings([("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "gsk-9")]),
            at: .seconds(50))
        #expect(other.kept(at: .seconds(50)).isEmpty)
    }

    @Test(arguments: [
        "", "{}", "[1]", #"{"version":2,"cooldowns":[]}"#, #"{"version":1,"cooldowns":[{}]}"#,
        #"{"version":1,"cooldowns":[{"account":"x","until":1,"kind":"timeout"}]}"#,
        #"{"version":1,"cooldowns":[{"account":"1","until":-1,"kind":"timeout"}]}"#,
        #"{"version":1,"cooldowns":[{"account":"1","until":9,"kind":"bored"}]}"#,
    ])
    func aFileOfAnotherFormIsNone(_ text: String) {
        #expect(CoolDownFile.decode(Array(text.utf8), timeOfDay: .zero) == nil)
    }

    @Test func noFileHoldsAKeyForMoreThanADay() throws {
        let text = #"{"version":1,"cooldowns":[{"account":"1","until":99999999,"kind":"timeout"}]}"#
        let read = try #require(CoolDownFile.decode(Array(text.utf8), timeOfDay: .zero))
        #expect(read.map(\.rest) == [.seconds(86_400)])
    }

    @Test mutating func aReloadGivesRefusedKeysAnotherChance() {
        fail(route.first, .coolDown(.key, .seconds(600)), .keyRefused)
        fail(route.candidate(1, 0), .coolDown(.keyAndModel, .seconds(7200)), .rateLimited)
        table.settingsChanged()
        #expect(choose()?.entry == 0)
        #expect(table.kept(at: now).count == 1)
    }

    // MARK: Effects

    struct Effect: Sendable {
        let kind: FailureKind
        var status = 0
        var transfer: TransferFailure.Kind?
        var wait: Int?
        var isSpent = false
        var shouldRetry: Bool?
        var remedies: [UpstreamRemedy] = []
        var isOfRequest = false
        let effect: FailureEffect
    }

    static let effects = [
        Effect(kind: .unreachable, transfer: .connect, effect: .connection(weight: 1)),
        Effect(kind: .unanswered, transfer: .closedBeforeAnswer, effect: .connection(weight: 1)),
        Effect(kind: .unreachable, transfer: .connectTimeout, effect: .connection(weight: 2)),
        Effect(
            kind: .misconfigured, transfer: .certificate,
            effect: .coolDown(.upstream, .seconds(60))),
        Effect(kind: .misconfigured, transfer: .tls, effect: .coolDown(.upstream, .seconds(60))),
        Effect(kind: .noSocket, transfer: .noSocket, effect: .none),
        Effect(kind: .keyRefused, effect: .coolDown(.key, .seconds(600))),
        Effect(kind: .keyRefused, status: 401, effect: .coolDown(.key, .seconds(600))),
        Effect(kind: .keyRefused, status: 403, effect: .coolDown(.keyAndModel, .seconds(600))),
        Effect(kind: .outOfCredit, effect: .coolDown(.key, .seconds(300))),
        Effect(kind: .outOfCredit, remedies: [.lowerMaxTokens(2000)], effect: .none),
        Effect(kind: .contentRefused, effect: .none), Effect(kind: .notPermitted, effect: .none),
        Effect(kind: .modelMissing, effect: .coolDown(.model, .seconds(600))),
        Effect(kind: .modelMissing, isOfRequest: true, effect: .none),
        Effect(kind: .timeout, effect: .model(weight: 1)),
        Effect(kind: .requestFault, effect: .none), Effect(kind: .contextTooLong, effect: .none),
        Effect(kind: .rateLimited, wait: 2, effect: .coolDown(.keyAndModel, .seconds(2))),
        Effect(kind: .rateLimited, effect: .coolDown(.keyAndModel, nil)),
        Effect(
            kind: .rateLimited, wait: 200_000, isSpent: true,
            effect: .coolDown(.keyAndModel, .seconds(86_400))),
        Effect(kind: .rateLimited, isSpent: true, effect: .coolDown(.keyAndModel, .seconds(3600))),
        Effect(kind: .internalFault, effect: .model(weight: 1)),
        Effect(kind: .unavailable, effect: .model(weight: 1)),
        Effect(kind: .unavailable, wait: 20, effect: .coolDown(.model, .seconds(20))),
        Effect(kind: .overloaded, wait: 9000, effect: .coolDown(.model, .seconds(600))),
        Effect(kind: .overloaded, shouldRetry: false, effect: .none),
        Effect(kind: .brokenAnswer, effect: .model(weight: 1)),
        Effect(kind: .badAnswer, effect: .model(weight: 1)),
        Effect(kind: .emptyAnswer, effect: .model(weight: 1)),
        Effect(kind: .shuttingDown, effect: .none), Effect(kind: .noMemory, effect: .none),
    ]

    @Test("What a failure means for later requests", arguments: effects)
    func effect(_ row: Effect) {
        var failure = UpstreamFailure(
            row.kind,
            error: APIError(
                status: 500, type: .api, message: "", shouldRetry: row.shouldRetry),
            remedies: row.remedies)
        failure.status = row.status
        failure.waitSeconds = row.wait
        failure.isQuotaSpent = row.isSpent
        failure.isOfRequestAlone = row.isOfRequest
        #expect(FailureEffect.of(failure, row.transfer) == row.effect)
    }

    @Test func everyKindHasAnEffect() {
        let covered = Set(Self.effects.map(\.kind))
        #expect(covered == Set(FailureKind.allCases))
    }
}
