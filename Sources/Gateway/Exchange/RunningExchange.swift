// The place of an exchange while it runs. The exchange is large: where an optional held it in place, the
// compiler copied it for each look at it, eight times for a chunk, which cost more than the chunk's
// translation.

/// Holds one exchange.
final class RunningExchange {
    var exchange: MessagesExchange

    /// - Parameter make: called once; what it makes is made in its place.
    init(_ make: () -> MessagesExchange) { exchange = make() }
}
