// A listening socket. Several loops may share one: each registers an Acceptor of its own. So it is
// Sendable and has no `close`: the descriptor closes (and a unix socket's file goes) when the last
// acceptor and the owner have let go of it. Until then no loop can meet a reused number.
import CLinux
import Glibc

/// A socket that listens: non-blocking, close-on-exec.
package final class Listener: Sendable {
    /// Where it listens; the port is the real one also when the kernel chose it.
    package let address: ListenAddress
    let descriptor: Descriptor
    /// The file to remove at the end: a unix socket that we made ourselves.
    private let file: SocketFile?

    /// Connections the kernel completes and keeps for us while we are busy; it caps the value at
    /// net.core.somaxconn.
    private static let backlog: Int32 = 1024

    /// Listens. IPv6 sockets take IPv6 only, so `0.0.0.0:8000` and `[::]:8000` go together. A unix
    /// socket gets mode 0660; one left by a process that is gone is replaced.
    package init(on address: ListenAddress) throws(ListenerError) {
        let socket: Descriptor
        do throws(SystemError) {
            socket = try Listener.makeSocket(for: address)
        } catch {
            throw .failed(address, error)
        }
        file = try Listener.bind(socket, to: address)
        guard listen(socket.rawValue, Listener.backlog) == 0 else {
            let error = SystemError("listen")
            file?.remove()
            // Two TCP sockets may bind with SO_REUSEADDR while neither listens yet.
            throw error.code == EADDRINUSE ? .inUse(address) : .failed(address, error)
        }
        self.address = Listener.name(of: socket) ?? address
        descriptor = socket
    }

    /// Takes over a socket that listens already, for example one of systemd's (sd_listen_fds(3)).
    /// Its file, if it has one, stays at the end: it belongs to whoever made it.
    package init(adopting socket: consuming Descriptor) throws(ListenerError) {
        let number = socket.rawValue
        guard
            Listener.option(SO_TYPE, of: number) == Int32(SOCK_STREAM.rawValue),
            Listener.option(SO_ACCEPTCONN, of: number) == 1,
            let address = Listener.name(of: socket)
        else { throw .unfit(descriptor: number) }
        let flags = linux_fcntl(number, F_GETFL, 0)
        guard
            flags >= 0, linux_fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0,
            linux_fcntl(number, F_SETFD, FD_CLOEXEC) == 0
        else { throw .failed(address, SystemError("fcntl")) }
        if case .ip = address { Listener.setOption(IPPROTO_TCP, TCP_NODELAY, of: number) }
        self.address = address
        descriptor = socket
        file = nil
    }

    deinit {
        file?.remove()
    }

    /// The TCP port; nil for a unix socket.
    package var port: UInt16? {
        switch address {
        case .ip(_, let port): port
        case .unix: nil
        }
    }
}

// MARK: - Making the socket

extension Listener {
    private static func makeSocket(for address: ListenAddress) throws(SystemError) -> Descriptor {
        let family = SocketAddress(address).family
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = socket(family, type, 0)
        guard number >= 0 else { throw SystemError("socket") }
        let descriptor = Descriptor(owning: number)
        guard case .ip(let ip, _) = address else { return descriptor }
        // A port whose old connections still wait out their time may be bound again (socket(7)).
        setOption(SOL_SOCKET, SO_REUSEADDR, of: number)
        // Accepted sockets inherit it, which spares a system call a connection. Without it delayed
        // acknowledgements hold small writes back for 40 ms.
        setOption(IPPROTO_TCP, TCP_NODELAY, of: number)
        if case .v6 = ip { setOption(IPPROTO_IPV6, IPV6_V6ONLY, of: number) }
        return descriptor
    }

    /// Binds; for a unix path the result is the file that has been made.
    private static func bind(
        _ socket: borrowing Descriptor, to address: ListenAddress
    ) throws(ListenerError) -> SocketFile? {
        let number = socket.rawValue
        let name = SocketAddress(address)
        // SAFETY: the address is lent for the call.
        var result = unsafe name.read { unsafe Glibc.bind(number, $0, $1) }
        if result != 0, errno == EADDRINUSE, case .unix(let path) = address {
            try removeStaleSocket(at: path)
            // SAFETY: as above.
            result = unsafe name.read { unsafe Glibc.bind(number, $0, $1) }
        }
        guard result == 0 else {
            let error = SystemError("bind")
            throw error.code == EADDRINUSE ? .inUse(address) : .failed(address, error)
        }
        guard case .unix(let path) = address else { return nil }
        let file = SocketFile(at: path)
        // Nobody can connect before `listen`, so nobody gets in before the mode is right.
        // SAFETY: the path is terminated.
        guard unsafe chmod(path, 0o660) == 0 else {
            let error = SystemError("chmod")
            file?.remove()
            throw .failed(address, error)
        }
        return file
    }

    /// Removes the socket at `path` if nobody answers there. A restart after a crash finds one.
    private static func removeStaleSocket(at path: String) throws(ListenerError) {
        let address = ListenAddress.unix(path: path)
        guard let file = SocketFile(at: path) else { throw .notASocket(path: path) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = socket(AF_UNIX, type, 0)
        guard number >= 0 else { throw .failed(address, SystemError("socket")) }
        let probe = Descriptor(owning: number)
        // SAFETY: the address is lent for the call.
        let result = unsafe SocketAddress(address).read { unsafe connect(probe.rawValue, $0, $1) }
        guard result != 0 else { throw .inUse(address) }
        switch errno {
        case ECONNREFUSED: file.remove()
        // A full backlog, or a socket of another type: somebody is there.
        case EAGAIN, EPROTOTYPE: throw .inUse(address)
        case ENOENT: break
        default: throw .failed(address, SystemError("connect"))
        }
    }

    private static func name(of socket: borrowing Descriptor) -> ListenAddress? {
        let number = socket.rawValue
        // SAFETY: the address is lent for the call.
        let (result, address) = unsafe SocketAddress.written { unsafe getsockname(number, $0, $1) }
        return result == 0 ? address.listenAddress : nil
    }

    private static func option(_ name: Int32, of number: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        // SAFETY: the kernel fills the local value of the size told.
        return unsafe getsockopt(number, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }

    private static func setOption(_ level: Int32, _ name: Int32, of number: Int32) {
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        // SAFETY: the kernel reads the local value of the size told.
        let result = unsafe setsockopt(number, level, name, &one, size)
        precondition(result == 0, "every socket of the family has the option")
    }

    private static func setOption(_ level: Int, _ name: Int32, of number: Int32) {
        setOption(Int32(level), name, of: number)
    }
}
