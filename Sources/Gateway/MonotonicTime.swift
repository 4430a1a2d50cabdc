// Time as the core knows it: it is told, it never looks.

/// A point in time as the duration since the machine booted (CLOCK_MONOTONIC). Never goes back and
/// knows nothing of the calendar.
package typealias MonotonicTime = Duration
