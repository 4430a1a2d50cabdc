// Who is at the other end of an accepted connection, as far as access rules and logs care.

/// The address of an accepted connection's other end.
package enum PeerAddress: Hashable, Sendable, CustomStringConvertible {
    /// A TCP peer.
    case ip(IPAddress, port: UInt16)
    /// A process of this machine, through a unix socket (whose mode decides who may connect).
    case localSocket

    /// Whether the peer came over the loopback interface.
    package var isLoopback: Bool {
        switch self {
        case .ip(let address, _): address.isLoopback
        case .localSocket: false
        }
    }

    /// Whether the peer came through a unix socket.
    package var isLocalSocket: Bool { self == .localSocket }

    /// `192.0.2.1:50000`, `[2001:db8::1]:50000` or `unix`.
    package var description: String {
        switch self {
        case .ip(let address, let port): ListenAddress.ip(address, port: port).description
        case .localSocket: "unix"
        }
    }
}
