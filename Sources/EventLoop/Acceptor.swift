// Takes connections from a listener, for one loop. Watched and not watched are its only states
// towards epoll; why it is not watched has two reasons that come and go independently: its owner
// has paused it (a cap, a drain), or the machine has no descriptor or memory left. In the second
// case the kernel goes on telling that connections wait, so to go on watching would spin: the
// acceptor looks away for a while and then tries again, and connections wait in the backlog.
import CLinux
import Glibc

/// Accepts connections on a loop and hands them on. Its owner holds on to it.
package final class Acceptor: EventHandler {
    private let loop: Loop
    private let isShared: Bool
    private let acceptsPerTurnMax: Int
    private let accepted: (consuming Descriptor, PeerAddress) -> Void
    private let starved: (SystemError) -> Void
    private lazy var retry = Timer(on: loop) { [unowned self] in watchAgain() }

    /// nil once closed.
    private var listener: Listener?
    private var isWatched = false
    private var isPaused = false
    private var hasReportedStarvation = false

    /// How long to look away when resources have run out.
    private static let retryDelay = Duration.milliseconds(100)

    /// Starts accepting.
    /// - Parameters:
    ///   - isShared: other loops accept from the same listener; the kernel then wakes one of them.
    ///   - acceptsPerTurnMax: 1 to 4 spreads connections more evenly over several loops.
    ///   - starved: called once when descriptors or memory have run out, and not again before a
    ///     connection has been accepted.
    ///   - accepted: called with each new connection: non-blocking, close-on-exec, TCP_NODELAY.
    package init(
        _ listener: Listener, on loop: Loop, isShared: Bool = false, acceptsPerTurnMax: Int = 64,
        starved: @escaping (SystemError) -> Void,
        accepted: @escaping (consuming Descriptor, PeerAddress) -> Void
    ) throws(SystemError) {
        precondition(acceptsPerTurnMax > 0, "an acceptor that never accepts")
        self.listener = listener
        self.loop = loop
        self.isShared = isShared
        self.acceptsPerTurnMax = acceptsPerTurnMax
        self.starved = starved
        self.accepted = accepted
        super.init()
        try watch(listener)
    }

    /// Leaves new connections in the backlog.
    package func pause() {
        isPaused = true
        lookAway()
    }

    /// Accepts again.
    package func resume() {
        guard isPaused else { return }
        isPaused = false
        watchAgain()
    }

    /// Accepts no more and lets go of the listener.
    package func close() {
        lookAway()
        retry.cancel()
        listener = nil
    }

    override public func ready(_ readiness: Readiness, on descriptor: Int32) {
        for _ in 0..<acceptsPerTurnMax {
            // The callback may have paused or closed.
            guard isWatched else { return }
            let (result, address) = unsafe SocketAddress.written {
                let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
                // SAFETY: the address is lent for the call.
                return unsafe linux_accept4(descriptor, $0, $1, flags)
            }
            if result >= 0 {
                hasReportedStarvation = false
                accepted(Descriptor(owning: result), address.peerAddress)
                continue
            }
            switch errno {
            case EAGAIN:
                return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL:
                // EINVAL: whoever handed the socket over has shut it, and may listen again.
                starve(SystemError("accept4"))
                return
            case EBADF, EFAULT, ENOTSOCK:
                preconditionFailure("a listener that is registered listens")
            default:
                // ECONNABORTED, and the network's errors that Linux hands to the new socket
                // (accept(2)): that connection is gone, the next one may be fine.
                continue
            }
        }
    }

    private func watch(_ listener: Listener) throws(SystemError) {
        let interest: Interest = isShared ? [.readable, .exclusive] : .readable
        try loop.register(listener.descriptor.rawValue, for: interest, handler: self)
        isWatched = true
    }

    private func lookAway() {
        guard isWatched, let listener else { return }
        isWatched = false
        loop.deregister(listener.descriptor.rawValue)
    }

    /// Watches, if nothing speaks against it.
    private func watchAgain() {
        guard let listener, !isPaused, !isWatched, retry.deadline == nil else { return }
        do {
            try watch(listener)
        } catch {
            starve(error)
        }
    }

    private func starve(_ error: SystemError) {
        lookAway()
        retry.schedule(at: loop.now + Acceptor.retryDelay)
        guard !hasReportedStarvation else { return }
        hasReportedStarvation = true
        starved(error)
    }
}
