// An IPv4 or IPv6 address as numbers in host order: comparable and printable without a socket.
import Glibc

/// An internet address without a port.
package enum IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// Four octets, the first the most significant.
    case v4(UInt32)
    /// Sixteen octets, the first the most significant.
    case v6(high: UInt64, low: UInt64)

    /// `0.0.0.0`: as an address to listen on, every IPv4 address.
    package static let anyV4 = IPAddress.v4(0)
    /// `127.0.0.1`.
    package static let loopbackV4 = IPAddress.v4(0x7F00_0001)

    /// Parses `127.0.0.1` or `::1`; no zone, no port, no name.
    package init?(_ text: String) {
        var v4 = in_addr()
        // SAFETY: the text is terminated, and the calls fill the local value of the family's size.
        if unsafe inet_pton(AF_INET, text, &v4) == 1 {
            self = .v4(UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6: (UInt64, UInt64) = (0, 0)
        // SAFETY: as above; an IPv6 address is sixteen bytes in network order.
        guard unsafe inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        self = .v6(high: UInt64(bigEndian: v6.0), low: UInt64(bigEndian: v6.1))
    }

    /// Whether only this machine can be there: `127.0.0.0/8`, `::1`, or the former mapped into IPv6
    /// (RFC 4291, section 2.5.5.2), as an IPv4 peer of a dual-stack socket appears.
    package var isLoopback: Bool {
        switch self {
        case .v4(let octets): octets >> 24 == 127
        case .v6(high: 0, low: 1): true
        case .v6(high: 0, let low): low >> 32 == 0xFFFF && (low >> 24) & 0xFF == 127
        case .v6: false
        }
    }

    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let size = socklen_t(text.count)
        // SAFETY: the source is of the family's size, and the text has room for either family.
        switch self {
        case .v4(let octets):
            var address = in_addr(s_addr: octets.bigEndian)
            _ = unsafe inet_ntop(AF_INET, &address, &text, size)
        case .v6(let high, let low):
            var address = (high.bigEndian, low.bigEndian)
            _ = unsafe inet_ntop(AF_INET6, &address, &text, size)
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
