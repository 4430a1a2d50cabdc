// What systemd is told, and what it tells us: readiness, status, the watchdog's period, sockets that
// it opened for us. Every call is harmless when the process was not started by systemd.
//
// libsystemd's sd_notify waits when the socket is full, and would hold the loop as long as nobody
// reads it. So the datagram is sent here, without waiting. What did not go out is sent later, in its
// order, if it matters; a status or a sign of life is followed by the next one.

import CSystemd
import EventLoop
import Glibc

/// The link to the service manager (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)).
final class ServiceManager {
    private let socket: NotifySocket?
    /// What has not been sent yet and has to be.
    private var pending: [String] = []
    private var retryTimer: Timer?
    private weak var loop: Loop?

    private static let retryPeriod = Duration.milliseconds(100)
    /// Of each kind of message one is enough; there are three kinds.
    private static let pendingMax = 8

    init() {
        socket = unsafe getenv("NOTIFY_SOCKET").flatMap {
            NotifySocket(unsafe String(cString: $0))
        }
    }

    /// Has what could not be sent tried again on a loop.
    func attach(to loop: Loop) {
        self.loop = loop
        retryTimer = Timer(on: loop) { [unowned self] in sendPending() }
    }

    /// The daemon listens and is configured.
    func ready(status: String) { tell("READY=1\nSTATUS=\(status)") }

    /// The configuration is being read again. `ready` ends it.
    func reloading(now: Duration) {
        let (seconds, attoseconds) = now.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        tell("RELOADING=1\nMONOTONIC_USEC=\(microseconds)\nSTATUS=Reading the configuration again")
    }

    /// The daemon finishes what it has begun and ends.
    func stopping(status: String) { tell("STOPPING=1\nSTATUS=\(status)") }

    /// A line for `systemctl status`.
    func status(_ text: String) { mention("STATUS=\(text)") }

    /// A sign of life.
    func watchdog() { mention("WATCHDOG=1") }

    /// How often a sign of life is due: a third of the time after which systemd kills the daemon. Nil
    /// when it does not watch.
    var watchdogPeriod: Duration? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return .microseconds(Int64(microseconds / 3))
    }

    /// Descriptors of listening sockets that systemd opened, which are ours from now on, and those
    /// that are none.
    func takeListeningDescriptors() -> (sockets: [CInt], others: [CInt]) {
        // The variables are unset: they are not for processes that we might start.
        let count = sd_listen_fds(1)
        guard count > 0 else { return ([], []) }
        let all = (0..<count).map { SD_LISTEN_FDS_START + $0 }
        func isSocket(_ number: CInt) -> Bool {
            sd_is_socket(number, AF_UNSPEC, CInt(SOCK_STREAM.rawValue), 1) > 0
        }
        return (all.filter(isSocket), all.filter { !isSocket($0) })
    }

    // MARK: Sending

    private func tell(_ text: String) {
        if pending.count < Self.pendingMax { pending.append(text) }
        sendPending()
    }

    /// Nothing overtakes what waits.
    private func mention(_ text: String) {
        sendPending()
        if pending.isEmpty { _ = socket?.send(text) }
    }

    private func sendPending() {
        guard let socket else { return pending.removeAll() }
        while let first = pending.first {
            guard socket.send(first) else {
                if let loop { retryTimer?.schedule(at: loop.now + Self.retryPeriod) }
                return
            }
            pending.removeFirst()
        }
    }
}

/// The datagram socket to the service manager.
private final class NotifySocket {
    private let descriptor: Descriptor
    private let address: sockaddr_un
    private let length: socklen_t

    /// - Parameter path: absolute, or `@` and a name of the abstract name space (sd_notify(3)).
    init?(_ path: String) {
        var bytes = Array(path.utf8)
        var address = sockaddr_un()
        let pathStart = MemoryLayout<sa_family_t>.size
        let room = MemoryLayout<sockaddr_un>.size - pathStart
        guard let first = bytes.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            bytes.count < room
        else { return nil }
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: the path fits, as checked; the rest of the address is zero.
        unsafe withUnsafeMutableBytes(of: &address) {
            unsafe $0.baseAddress?.advanced(by: pathStart).copyMemory(
                from: bytes, byteCount: bytes.count)
        }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let number = Glibc.socket(AF_UNIX, type, 0)
        guard number >= 0 else { return nil }
        descriptor = Descriptor(owning: number)
        self.address = address
        // A name of the abstract name space ends with its length, a path with a zero.
        length = socklen_t(pathStart + bytes.count + (first == UInt8(ascii: "/") ? 1 : 0))
    }

    /// False if it has to be tried again.
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        // SAFETY: the address and the bytes are lent for the call, with their lengths.
        let result = unsafe withUnsafePointer(to: address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe sendto(
                    descriptor.rawValue, bytes, bytes.count,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
        return result >= 0 || (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
    }
}
