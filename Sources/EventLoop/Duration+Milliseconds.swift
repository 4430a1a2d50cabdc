// epoll_wait counts in milliseconds. Rounding down would wake before the deadline and spin through
// empty turns until it comes; so up.

extension Duration {
    /// Whole milliseconds, rounded up; never negative and at most one hour.
    var millisecondsRoundedUp: Int32 {
        guard self > .zero else { return 0 }
        guard self < .seconds(3600) else { return 3_600_000 }
        let (seconds, attoseconds) = components
        let attosecondsAMillisecond: Int64 = 1_000_000_000_000_000
        let milliseconds = (attoseconds + attosecondsAMillisecond - 1) / attosecondsAMillisecond
        return Int32(seconds * 1000 + milliseconds)
    }
}
