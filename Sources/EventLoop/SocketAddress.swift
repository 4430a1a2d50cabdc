// The kernel's form of an address, and the way between it and ours. Everything that knows the
// layout of a sockaddr is in this file.
import Glibc

/// A sockaddr of any family.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    /// The address to bind to or to connect to.
    init(_ address: ListenAddress) {
        switch address {
        case .ip(.v4(let octets), let port):
            let v4 = sockaddr_in(
                sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
                sin_addr: in_addr(s_addr: octets.bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            Self.store(v4, in: &storage)
        case .ip(.v6(let high, let low), let port):
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            // SAFETY: an in6_addr is sixteen bytes without padding.
            unsafe v6.sin6_addr = unsafeBitCast((high.bigEndian, low.bigEndian), to: in6_addr.self)
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            Self.store(v6, in: &storage)
        case .unix(let path):
            precondition(path.utf8.count <= ListenAddress.pathBytesMax, "ListenAddress checks it")
            storage.ss_family = sa_family_t(AF_UNIX)
            let pathStart = MemoryLayout<sa_family_t>.size
            // SAFETY: the path fits, as checked; the rest of the storage is zero and terminates it.
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.baseAddress?.advanced(by: pathStart).copyMemory(
                    from: Array(path.utf8), byteCount: path.utf8.count)
            }
            length = socklen_t(pathStart + path.utf8.count + 1)
        }
    }

    /// The address that a call such as accept or getsockname writes, with the call's result.
    static func written(
        by call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> (result: Int32, address: SocketAddress) {
        var address = SocketAddress()
        // SAFETY: the storage has room and alignment for every family; the length says how much.
        let result = unsafe withUnsafeMutablePointer(to: &address.storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe call($0, &address.length)
            }
        }
        return (result, address)
    }

    /// Lends the address to a call such as bind or connect.
    func read(by call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        // SAFETY: every sockaddr begins alike, and the length says how far this one goes.
        unsafe withUnsafePointer(to: storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe call($0, length)
            }
        }
    }

    /// `AF_INET`, `AF_INET6` or `AF_UNIX`.
    var family: Int32 { Int32(storage.ss_family) }

    /// In our form; nil for a family that is none of ours and for a unix socket without a path.
    var listenAddress: ListenAddress? {
        switch family {
        case AF_INET:
            let v4 = load(as: sockaddr_in.self)
            let address = IPAddress.v4(UInt32(bigEndian: v4.sin_addr.s_addr))
            return .ip(address, port: UInt16(bigEndian: v4.sin_port))
        case AF_INET6:
            let v6 = load(as: sockaddr_in6.self)
            // SAFETY: an in6_addr is sixteen bytes without padding.
            let (high, low) = unsafe unsafeBitCast(v6.sin6_addr, to: (UInt64, UInt64).self)
            let address = IPAddress.v6(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
            return .ip(address, port: UInt16(bigEndian: v6.sin6_port))
        case AF_UNIX:
            let path = unixPath
            return path.isEmpty ? nil : .unix(path: path)
        default:
            return nil
        }
    }

    /// A unix peer has no name of its own, whatever its sockaddr says.
    var peerAddress: PeerAddress {
        switch listenAddress {
        case .ip(let address, let port): .ip(address, port: port)
        case .unix, nil: .localSocket
        }
    }

    private init() {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    }

    /// Empty for an unnamed socket and for the abstract name space, which begins with a zero.
    private var unixPath: String {
        // SAFETY: reads the initialised bytes of the local value.
        unsafe withUnsafeBytes(of: storage) { bytes in
            let start = MemoryLayout<sa_family_t>.size
            let end = min(Int(length), bytes.count)
            guard end > start else { return "" }
            let path = unsafe bytes[start..<end].prefix { $0 != 0 }
            return unsafe String(decoding: path, as: UTF8.self)
        }
    }

    private func load<Value>(as type: Value.Type) -> Value {
        // SAFETY: the storage is larger than, and aligned for, every sockaddr type; all are plain
        // numbers.
        unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: type) }
    }

    private static func store<Value>(_ value: Value, in storage: inout sockaddr_storage) {
        // SAFETY: as in `load`.
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.storeBytes(of: value, as: Value.self)
        }
    }
}
