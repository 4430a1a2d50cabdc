// The calendar's time, for what is compared with other machines' or outlives the process. Everything
// else goes by the loop's monotonic time.

import Glibc

/// The clock that people set.
enum CalendarTime {
    /// Time since 1970 (CLOCK_REALTIME), in whole seconds.
    static func now() -> Duration {
        var time = timespec()
        // SAFETY: the call fills the local value; the clock always exists.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec)
    }
}
