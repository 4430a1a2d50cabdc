// What is known of everybody who could be asked: who fails, who wants to be left alone, which session
// is where. All loops share one, under a lock that is taken when a request chooses and when a call has
// ended, never for a piece of an answer. It knows no clock: it is told the time.

package import Translation

/// The state of routing.
package struct RoutingTable: Sendable {
    private enum Subject: Hashable, Sendable {
        case upstream(UInt64)
        case model(UInt64, [UInt8])
        case key(UInt64)
        case keyAndModel(UInt64, [UInt8])
    }

    private var breakers: [Subject: CircuitBreaker] = [:]
    private var coolDowns: [Subject: CoolDown] = [:]
    private var budgets: [UInt64: RetryBudget] = [:]
    var marks = SessionMarks()
    private var random: UInt64
    /// Requests without a session take keys in turn.
    private var turns = 0
    /// Whether cool-downs that outlive a restart have changed since `kept` was asked.
    package private(set) var isKeptChanged = false

    private static let subjectsMax = 256
    private static let breakerLifetime = Duration.seconds(600)
    /// Shorter ones are over before a restart is.
    private static let keptMin = Duration.seconds(60)

    package init(seed: UInt64 = 1) { random = seed }

    // MARK: Choice

    /// How a request wants to be served.
    struct Wish {
        /// The session with its agent, by which keys are chosen: the same at every instance, and after
        /// every start. Nil without one.
        var session: UInt64?
        /// The same with its client, by which marks are kept: no client finds another's.
        var mark: UInt64?
        var causes: [Configuration.FallbackCause] = [.unavailable, .limit]
        var keyChoice = Configuration.KeyChoice.sticky
    }

    private struct Hold {
        let until: MonotonicTime
        let cause: Configuration.FallbackCause
        /// Whether it is a guess, and so may be tried when nothing else is left.
        let isGuess: Bool
    }

    /// Whom to ask next; nil when nobody is left. Of those who are left alone, all but for the sake of
    /// one another, the one that is free first is asked rather than nobody.
    mutating func choose(
        in route: Route, _ progress: RouteProgress, _ wish: Wish, at now: MonotonicTime
    ) -> Candidate? {
        var held: (candidate: Candidate, hold: Hold)?
        let start = wish.mark.map { marks.entry(of: $0, at: now) } ?? 0
        let first = start < route.entries.count ? start : 0
        for offset in route.entries.indices {
            let entry = (first + offset) % route.entries.count
            guard !progress.isOut(entry) else { continue }
            var ofEntry: (candidate: Candidate, hold: Hold)?
            for member in members(of: route.entries[entry].pool, wish) {
                let candidate = route.candidate(entry, member)
                guard !candidate.upstream.lacksKey, !progress.isOut(entry, member) else { continue }
                guard let hold = hold(of: candidate, at: now) else { return candidate }
                if progress.hasAsked, !hold.isGuess { continue }
                if hold.until < ofEntry?.hold.until ?? .seconds(Int64.max) {
                    ofEntry = (candidate, hold)
                }
            }
            guard let ofEntry else { continue }
            // The next model is for other failures than this one: this one is to be told.
            if !wish.causes.contains(ofEntry.hold.cause) { return ofEntry.candidate }
            if ofEntry.hold.until < held?.hold.until ?? .seconds(Int64.max) { held = ofEntry }
        }
        return held?.candidate
    }

    /// Whether somebody else than `candidate` could be asked at once.
    func hasAlternative(
        to candidate: Candidate, in route: Route, _ progress: RouteProgress, at now: MonotonicTime
    ) -> Bool {
        route.entries.indices.contains { entry in
            entry != candidate.entry && !progress.isOut(entry)
                && route.entries[entry].pool.members.indices.contains { member in
                    let other = route.candidate(entry, member)
                    return !other.upstream.lacksKey && hold(of: other, at: now) == nil
                }
        }
    }

    /// The keys of a pool in the order in which they are asked.
    private mutating func members(of pool: UpstreamPool, _ wish: Wish) -> [Int] {
        let count = pool.members.count
        guard count > 1, wish.keyChoice == .sticky else { return Array(0..<count) }
        guard let session = wish.session else {
            turns &+= 1
            return (0..<count).map { (turns &+ $0) % count }
        }
        // Rendezvous hashing: a key that goes moves its own sessions and no others.
        let weights = pool.members.map { (session ^ $0.accountID).mixed }
        return (0..<count).sorted { weights[$0] > weights[$1] }
    }

    private mutating func randomPart() -> Double {
        random &+= .splitMixStep
        return Double(random.mixed >> 11) / Double(1 << 53)
    }

    // MARK: Who is left alone

    private func subjects(of candidate: Candidate) -> [Subject] {
        let upstream = candidate.upstream
        return [
            .upstream(upstream.serverID), .model(upstream.serverID, candidate.model),
            .key(upstream.accountID), .keyAndModel(upstream.accountID, candidate.model),
        ]
    }

    private func hold(of candidate: Candidate, at now: MonotonicTime) -> Hold? {
        guard !(breakers.isEmpty && coolDowns.isEmpty) else { return nil }
        var longest: Hold?
        func consider(_ until: MonotonicTime?, _ subject: Subject, isGuess: Bool) {
            guard let until, until > longest?.until ?? .zero else { return }
            let isOfKey =
                switch subject {
                case .key, .keyAndModel: true
                case .upstream, .model: false
                }
            longest = Hold(until: until, cause: isOfKey ? .limit : .unavailable, isGuess: isGuess)
        }
        for subject in subjects(of: candidate) {
            consider(breakers[subject]?.heldUntil(at: now), subject, isGuess: true)
            consider(coolDowns[subject]?.heldUntil(at: now), subject, isGuess: false)
        }
        return longest
    }

    /// Takes the place of the one who finds out, where somebody has to and nobody does. For a candidate
    /// whose call is made: one that was chosen and cannot be asked after all finds out nothing.
    ///
    /// - Returns: whether the call is to find out.
    mutating func beginProbe(of candidate: Candidate, at now: MonotonicTime) -> Bool {
        guard !(breakers.isEmpty && coolDowns.isEmpty), hold(of: candidate, at: now) == nil else {
            return false
        }
        var isProbe = false
        for subject in subjects(of: candidate) {
            if breakers[subject]?.isOpen == true {
                breakers[subject]?.beginProbe(at: now)
                isProbe = true
            }
            if coolDowns[subject]?.beginProbe(at: now) == true { isProbe = true }
        }
        return isProbe
    }

    /// When the first of a route is no longer left alone; nil when nobody is known to be.
    func release(of route: Route, at now: MonotonicTime) -> Duration? {
        var first: MonotonicTime?
        for (index, entry) in route.entries.enumerated() {
            for member in entry.pool.members.indices {
                guard let hold = hold(of: route.candidate(index, member), at: now) else { continue }
                if hold.until < first ?? .seconds(Int64.max) { first = hold.until }
            }
        }
        return first.map { $0 - now }
    }

    // MARK: Repeats

    /// How long to wait before the same is asked of a candidate again; nil when it is not to be.
    mutating func repeatDelay(
        of candidate: Candidate, in route: Route, _ progress: RouteProgress, at now: MonotonicTime
    ) -> Duration? {
        // One network path that dies takes several requests with it, and so opens a breaker at once:
        // where nobody else can be asked, each of them has its repeat all the same.
        if let hold = hold(of: candidate, at: now) {
            guard hold.isGuess, !hasAlternative(to: candidate, in: route, progress, at: now) else {
                return nil
            }
        }
        guard
            budgets[candidate.upstream.serverID, default: RetryBudget(at: now)].take(at: now)
        else { return nil }
        let (least, most) = Limits.repeatDelay
        return .milliseconds(least + Int(randomPart() * Double(most - least)))
    }

    // MARK: Results

    /// What has become of a call.
    enum Result {
        case answered
        case failed(FailureEffect, FailureKind)
        /// It says nothing of whom was asked.
        case withoutVerdict
    }

    /// Takes note of how a call has ended.
    ///
    /// - Returns: what an administrator should hear of.
    mutating func note(
        _ result: Result, of candidate: Candidate, at now: MonotonicTime
    ) -> [RoutingNotice] {
        budgets[candidate.upstream.serverID]?.noteSent()
        switch result {
        case .answered: return noteAnswer(of: candidate, at: now)
        case .failed(let effect, let kind): return note(effect, kind, of: candidate, at: now)
        case .withoutVerdict:
            guard candidate.isProbe else { return [] }
            for subject in subjects(of: candidate) {
                breakers[subject]?.abandonProbe()
                coolDowns[subject]?.probeUntil = nil
            }
            return []
        }
    }

    private mutating func noteAnswer(
        of candidate: Candidate, at now: MonotonicTime
    ) -> [RoutingNotice] {
        guard !(breakers.isEmpty && coolDowns.isEmpty) else { return [] }
        var notices: [RoutingNotice] = []
        for subject in subjects(of: candidate) {
            if breakers[subject]?.succeeded(at: now) == true {
                notices.append(notice(.works, subject, candidate))
            }
            if let ended = coolDowns.removeValue(forKey: subject) {
                isKeptChanged = true
                if Self.isTold(ended.kind) { notices.append(notice(.works, subject, candidate)) }
            }
        }
        return notices
    }

    private mutating func note(
        _ effect: FailureEffect, _ kind: FailureKind, of candidate: Candidate,
        at now: MonotonicTime
    ) -> [RoutingNotice] {
        let upstream = candidate.upstream
        switch effect {
        case .none:
            // It was asked and has answered, if not what was hoped for.
            return candidate.isProbe ? noteAnswer(of: candidate, at: now) : []
        case .connection(let weight):
            return count(
                .upstream(upstream.serverID), CircuitBreaker.connectionFailuresMax, weight, kind,
                candidate, at: now)
        case .model(let weight):
            guard candidate.isConfigured else { return [] }
            return count(
                .model(upstream.serverID, candidate.model), CircuitBreaker.modelFailuresMax, weight,
                kind, candidate, at: now)
        case .coolDown(let scope, let time):
            guard let subject = subject(of: scope, candidate) else { return [] }
            return coolDown(subject, for: time, kind, candidate, at: now)
        }
    }

    private func subject(of scope: FailureEffect.Scope, _ candidate: Candidate) -> Subject? {
        let upstream = candidate.upstream
        switch scope {
        case .upstream: return .upstream(upstream.serverID)
        case .key: return .key(upstream.accountID)
        case .model:
            return candidate.isConfigured ? .model(upstream.serverID, candidate.model) : nil
        case .keyAndModel:
            return candidate.isConfigured ? .keyAndModel(upstream.accountID, candidate.model) : nil
        }
    }

    private mutating func count(
        _ subject: Subject, _ failuresMax: Int, _ weight: Int, _ kind: FailureKind,
        _ candidate: Candidate, at now: MonotonicTime
    ) -> [RoutingNotice] {
        let deviation = 0.8 + 0.4 * randomPart()
        if breakers[subject] == nil { makeRoomForBreaker(at: now) }
        var breaker =
            breakers[subject] ?? CircuitBreaker(failuresMax: failuresMax, at: now)
        let isOpening = breaker.failed(weight: weight, deviation: deviation, at: now)
        breakers[subject] = breaker
        // One that opens again has been told of.
        guard isOpening, breaker.openings == 1 else { return [] }
        return [notice(.fails(kind), subject, candidate)]
    }

    private mutating func makeRoomForBreaker(at now: MonotonicTime) {
        breakers = breakers.filter { now < $0.value.touchedAt + Self.breakerLifetime }
        guard breakers.count >= Self.subjectsMax,
            let oldest = breakers.min(by: { $0.value.touchedAt < $1.value.touchedAt })
        else { return }
        breakers[oldest.key] = nil
    }

    private mutating func coolDown(
        _ subject: Subject, for time: Duration?, _ kind: FailureKind, _ candidate: Candidate,
        at now: MonotonicTime
    ) -> [RoutingNotice] {
        let old = coolDowns[subject]
        var new = CoolDown(until: now, kind: kind)
        if let time {
            new.until = now + time
            if case .key = subject { new.needsProbe = true }
        } else {
            // Requests that were under way when it began say nothing new.
            if let old, now < old.until { return [] }
            new.guesses = min((old?.guesses ?? 0) + 1, 6)
            new.until = now + min(.seconds(1 << new.guesses), .seconds(60))
        }
        if old == nil { makeRoomForCoolDown(at: now) }
        coolDowns[subject] = new
        if new.until - now > Self.keptMin { isKeptChanged = true }
        guard Self.isTold(kind), old.map({ $0.kind != kind }) ?? true else { return [] }
        return [notice(.leftAlone(kind, new.until - now), subject, candidate)]
    }

    private mutating func makeRoomForCoolDown(at now: MonotonicTime) {
        guard coolDowns.count >= Self.subjectsMax else { return }
        coolDowns = coolDowns.filter { now < $0.value.until }
        guard coolDowns.count >= Self.subjectsMax,
            let first = coolDowns.min(by: { $0.value.until < $1.value.until })
        else { return }
        coolDowns[first.key] = nil
    }

    /// Whether a cool-down is told of: rate limits come and go.
    private static func isTold(_ kind: FailureKind) -> Bool {
        switch kind {
        case .rateLimited, .overloaded, .unavailable, .timeout, .internalFault: false
        default: true
        }
    }

    private func notice(
        _ event: RoutingNotice.Event, _ subject: Subject, _ candidate: Candidate
    ) -> RoutingNotice {
        switch subject {
        case .upstream: RoutingNotice(event, upstream: candidate.upstream, .upstream, model: [])
        case .model:
            RoutingNotice(event, upstream: candidate.upstream, .model, model: candidate.model)
        case .key: RoutingNotice(event, upstream: candidate.upstream, .key, model: [])
        case .keyAndModel:
            RoutingNotice(event, upstream: candidate.upstream, .keyAndModel, model: candidate.model)
        }
    }

    // MARK: Reloads and restarts

    /// The administrator has reloaded: keys that were refused or without credit may be good again.
    package mutating func settingsChanged() {
        coolDowns = coolDowns.filter { _, coolDown in
            ![.keyRefused, .outOfCredit, .misconfigured].contains(coolDown.kind)
        }
        isKeptChanged = true
    }

    /// What outlives a restart.
    package mutating func kept(at now: MonotonicTime) -> [KeptCoolDown] {
        isKeptChanged = false
        return coolDowns.compactMap { subject, coolDown in
            let rest = coolDown.until - now
            guard rest > Self.keptMin else { return nil }
            switch subject {
            case .key(let account):
                return KeptCoolDown(account: account, model: nil, rest: rest, kind: coolDown.kind)
            case .keyAndModel(let account, let model):
                return KeptCoolDown(account: account, model: model, rest: rest, kind: coolDown.kind)
            case .upstream, .model: return nil
            }
        }
    }

    /// Takes over what the last run has kept of keys that are still there.
    package mutating func restore(
        _ kept: [KeptCoolDown], for settings: Settings, at now: MonotonicTime
    ) {
        let accounts = Set(settings.upstreams.map(\.accountID))
        for one in kept where accounts.contains(one.account) {
            var coolDown = CoolDown(until: now + one.rest, kind: one.kind)
            coolDown.needsProbe = one.model == nil
            let subject = one.model.map { Subject.keyAndModel(one.account, $0) }
            coolDowns[subject ?? .key(one.account)] = coolDown
        }
    }

    // MARK: For people

    /// What is held against an upstream.
    struct Report: Equatable {
        /// Whether its connections fail.
        var isUnreachable = false
        /// Models that fail there, or are gone.
        var modelsOut = 0
        /// Keys that are left alone altogether.
        var keysOut = 0
        /// Whether its connections fail for a reason that does not pass by itself.
        var isBroken = false
    }

    /// An upstream's state in a word, as /health has it.
    package func state(of pool: UpstreamPool, at now: MonotonicTime) -> String {
        report(of: pool, at: now).word(pool)
    }

    func report(of pool: UpstreamPool, at now: MonotonicTime) -> Report {
        guard !(breakers.isEmpty && coolDowns.isEmpty) else { return Report() }
        let server = pool.members[0].serverID
        var report = Report()
        let subject = Subject.upstream(server)
        report.isUnreachable =
            breakers[subject]?.isOpen == true || coolDowns[subject].map { now < $0.until } ?? false
        report.isBroken = coolDowns[subject].map { now < $0.until } ?? false
        report.keysOut =
            pool.members.count { member in
                coolDowns[.key(member.accountID)].map { now < $0.until } ?? false
            }
        var models: Set<[UInt8]> = []
        for case (.model(server, let model), let breaker) in breakers where breaker.isOpen {
            models.insert(model)
        }
        for case (.model(server, let model), let coolDown) in coolDowns where now < coolDown.until {
            models.insert(model)
        }
        report.modelsOut = models.count
        return report
    }
}

/// A key's cool-down as it outlives a restart.
package struct KeptCoolDown: Sendable, Equatable {
    /// Stands for upstream and key.
    package let account: UInt64
    /// Nil: the key altogether.
    package let model: [UInt8]?
    package let rest: Duration
    package let kind: FailureKind

    package init(account: UInt64, model: [UInt8]?, rest: Duration, kind: FailureKind) {
        self.account = account
        self.model = model
        self.rest = rest
        self.kind = kind
    }
}
