// What epoll is asked to tell. The bits are the kernel's own, so that no table translates them.
import CLinux

/// What a registered descriptor is watched for. Errors and hang-ups are always told.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// There is something to read, a connection to accept, or the end of input.
    package static let readable = Interest(rawValue: EPOLLIN.rawValue)
    /// There is room to write.
    package static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    /// The peer has shut its sending side, told even when nothing is read.
    package static let peerClosed = Interest(rawValue: EPOLLRDHUP.rawValue)
    /// Of several loops that watch one listening socket, wake one (or a few), not all. Such a
    /// registration cannot be changed, only removed (epoll_ctl(2)).
    package static let exclusive = Interest(rawValue: EPOLLEXCLUSIVE.rawValue)
}
