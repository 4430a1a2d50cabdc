// How often an upstream may be asked the same again: a tenth of what it is asked, so that repeats
// cannot double the load of one that is in trouble already.

/// The repeats that an upstream has left.
struct RetryBudget: Sendable, Equatable {
    /// In tenths of a repeat.
    private var tenths = 100
    private var refilledAt: MonotonicTime

    private static let tenthsMax = 100

    init(at now: MonotonicTime) { refilledAt = now }

    /// A request was sent.
    mutating func noteSent() { tenths = min(tenths + 1, Self.tenthsMax) }

    /// Takes a repeat; false when there is none. One grows back each second while there is none.
    mutating func take(at now: MonotonicTime) -> Bool {
        let seconds = Int((now - refilledAt).components.seconds)
        if seconds > 0 {
            refilledAt = now
            if tenths < 10 { tenths = min(10, tenths + 10 * min(seconds, 1)) }
        }
        guard tenths >= 10 else { return false }
        tenths -= 10
        return true
    }
}
