// The clocks of a running exchange. Each event only moves them; the shell asks for the nearest
// one and comes back when it is due.

/// When something must happen to an exchange unless something else happens first.
struct Deadlines {
    /// A stream's status is sent although upstream has said nothing yet.
    var statusHold: MonotonicTime?
    /// The upstream has been silent for too long.
    var upstream: MonotonicTime?
    /// The call that was put off is to be made.
    var delayedCall: MonotonicTime?
    /// The model has had its time for the first content.
    var firstContent: MonotonicTime?
    /// The client has heard nothing for a while: it gets a ping.
    var ping: MonotonicTime?

    /// The nearest of them.
    var nearest: MonotonicTime? {
        var nearest = upstream
        if let time = statusHold, time < nearest ?? time + .nanoseconds(1) { nearest = time }
        if let time = delayedCall, time < nearest ?? time + .nanoseconds(1) { nearest = time }
        if let time = firstContent, time < nearest ?? time + .nanoseconds(1) { nearest = time }
        if let time = ping, time < nearest ?? time + .nanoseconds(1) { nearest = time }
        return nearest
    }
}
