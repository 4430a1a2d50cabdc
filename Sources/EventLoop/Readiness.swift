// What epoll told. The bits are the kernel's own, so that no table translates them.
import CLinux

/// What has happened at a registered descriptor.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// There is something to read, a connection to accept, or the end of input.
    public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    /// There is room to write.
    public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer has shut its sending side.
    public static let peerClosed = Readiness(rawValue: EPOLLRDHUP.rawValue)
    /// Both directions are shut: nothing written will arrive. Unread input may remain.
    public static let hangup = Readiness(rawValue: EPOLLHUP.rawValue)
    /// The descriptor holds an error; the next read or write tells which.
    public static let error = Readiness(rawValue: EPOLLERR.rawValue)
}
