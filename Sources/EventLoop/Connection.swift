// A stream socket with batched output; the next commit fills it in.

/// A connected stream socket.
open class Connection: EventHandler {
    /// Sends what has been appended.
    final func flush() {}
}
