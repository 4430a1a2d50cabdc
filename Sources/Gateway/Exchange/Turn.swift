// What an exchange is told with every event: the time, and what the sessions of its loop share. It
// travels as one value, because neither is the exchange's own: the core looks at no clock, and the
// state is everybody's.

/// The moment of an event.
struct Turn {
    let now: MonotonicTime
    let state: GatewayState
}
