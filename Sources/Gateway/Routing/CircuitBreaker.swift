// Leaves alone for a while what keeps failing, and finds out with a single request whether it works
// again.
//
//   closed ──(5 failures in a row, or of 10 in a minute more than half)──▶ open
//   open   ──(5 s · 2ⁿ, ±20 %, at most 60 s; n openings in a row)──▶ half-open
//   half   ──one request as a probe──▶ closed, or open again

/// The breaker of one model at one upstream, or of the connections to one upstream.
struct CircuitBreaker: Sendable, Equatable {
    /// How many failures in a row open it.
    let failuresMax: Int
    private var failures = 0
    /// How often it has opened without closing.
    private(set) var openings = 0
    /// Until when it is open; nil when it is closed.
    private(set) var openUntil: MonotonicTime?
    /// Until when a probe may take.
    private var probeUntil: MonotonicTime?
    private var results = ResultWindow()
    private(set) var touchedAt: MonotonicTime

    static let modelFailuresMax = 5
    static let connectionFailuresMax = 3
    private static let pauseMin = Duration.seconds(5)
    private static let pauseMax = Duration.seconds(60)
    /// A probe that has no answer by then is given up, and there may be another.
    private static let probeTime = Duration.seconds(30)

    init(failuresMax: Int, at now: MonotonicTime) {
        self.failuresMax = failuresMax
        touchedAt = now
    }

    var isOpen: Bool { openUntil != nil }

    /// Until when nobody is to ask; nil when somebody may, as a probe if it is open.
    func heldUntil(at now: MonotonicTime) -> MonotonicTime? {
        guard let openUntil else { return nil }
        if now < openUntil { return openUntil }
        guard let probeUntil, now < probeUntil else { return nil }
        return probeUntil
    }

    /// Somebody asks, to find out.
    mutating func beginProbe(at now: MonotonicTime) { probeUntil = now + Self.probeTime }

    /// Nothing has come of the probe.
    mutating func abandonProbe() { probeUntil = nil }

    /// A request was answered.
    ///
    /// - Returns: whether that has closed it.
    mutating func succeeded(at now: MonotonicTime) -> Bool {
        touchedAt = now
        results.note(isFailure: false, at: now)
        failures = 0
        guard isOpen else { return false }
        openings = 0
        openUntil = nil
        probeUntil = nil
        results = ResultWindow()
        return true
    }

    /// A request has failed.
    ///
    /// - Parameters:
    ///   - weight: as how many failures it counts.
    ///   - deviation: of the pause, from 0.8 to 1.2.
    /// - Returns: whether that has opened it, for the first time or again.
    mutating func failed(weight: Int, deviation: Double, at now: MonotonicTime) -> Bool {
        touchedAt = now
        failures += weight
        results.note(isFailure: true, at: now)
        if let openUntil {
            // Requests that were under way when it opened say nothing new.
            guard now >= openUntil else { return false }
        } else {
            guard failures >= failuresMax || results.isMostlyFailure(at: now) else { return false }
        }
        let pause = min(Self.pauseMin * (1 << min(openings, 4)), Self.pauseMax)
        openings += 1
        openUntil = now + pause * deviation
        probeUntil = nil
        return true
    }
}

/// Results of the last minute, in six parts.
private struct ResultWindow: Sendable, Equatable {
    private var parts: [Part] = []

    private struct Part: Sendable, Equatable {
        let number: Int64
        var failures = 0
        var count = 0
    }

    private static let partTime = 10
    private static let partsMax = 6
    private static let countMin = 10

    private static func number(at now: MonotonicTime) -> Int64 {
        now.components.seconds / Int64(partTime)
    }

    mutating func note(isFailure: Bool, at now: MonotonicTime) {
        let number = Self.number(at: now)
        if parts.last?.number != number {
            parts.removeAll { $0.number <= number - Int64(Self.partsMax) }
            parts.append(Part(number: number))
        }
        parts[parts.count - 1].count += 1
        if isFailure { parts[parts.count - 1].failures += 1 }
    }

    func isMostlyFailure(at now: MonotonicTime) -> Bool {
        let oldest = Self.number(at: now) - Int64(Self.partsMax)
        let recent = parts.filter { $0.number > oldest }
        let count = recent.reduce(0) { $0 + $1.count }
        return count >= Self.countMin && recent.reduce(0) { $0 + $1.failures } * 2 > count
    }
}
