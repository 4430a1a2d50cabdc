// Why a connection has closed: its subclass's last news.

/// Why a connection is closed.
public enum CloseCause: Sendable {
    /// Its owner called `close`.
    case byOwner
    /// A lingering close has ended: the peer closed too, or the time or the bytes ran out.
    case lingered
    /// The peer is gone in both directions: nothing more can be read or written.
    case peerGone
    /// The peer has taken nothing of the output that waits for it, for `sendTimeout`.
    case stalled
    /// A read or write failed; `ECONNRESET` and `EPIPE` are the usual codes.
    case failed(SystemError)
}
