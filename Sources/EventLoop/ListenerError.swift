// Why there is no listener. Starting fails with these, so each says what to do next.
import Glibc

/// Why a socket does not listen.
package enum ListenerError: Error, CustomStringConvertible {
    /// A system call failed.
    case failed(ListenAddress, SystemError)
    /// Somebody listens there already.
    case inUse(ListenAddress)
    /// Something that is no socket is at the path, and is left alone.
    case notASocket(path: String)
    /// The descriptor that was handed over is no listening stream socket of a family we serve.
    case unfit(descriptor: Int32)

    package var description: String {
        switch self {
        case .failed(let address, let error):
            "cannot listen on \(address): \(error)\(Self.advice(address, error.code))"
        case .inUse(let address):
            "cannot listen on \(address): somebody listens there already; "
                + "stop that process or choose another address"
        case .notASocket(let path):
            "cannot listen on unix:\(path): the file there is no socket; "
                + "move it away or choose another path"
        case .unfit(let descriptor):
            "the descriptor \(descriptor) that was handed over is no listening TCP or unix socket; "
                + "a socket unit for this service has ListenStream= and Accept=no"
        }
    }

    /// Whether a second try can help only when the configuration, or what it names, was changed.
    package var isOfConfiguration: Bool {
        switch self {
        case .notASocket, .unfit: true
        case .inUse: false
        case .failed(_, let error):
            [EACCES, EPERM, ENOENT, ENOTDIR, EROFS, EAFNOSUPPORT].contains(error.code)
        }
    }

    private static func advice(_ address: ListenAddress, _ code: Int32) -> String {
        switch (address, code) {
        case (.ip(_, 1..<1024), EACCES):
            "; ports below 1024 need CAP_NET_BIND_SERVICE or a systemd socket unit"
        case (.unix, EACCES): "; the directory must be writable for this user"
        case (.unix, ENOENT): "; the directory does not exist"
        case (.ip, EADDRNOTAVAIL): "; no interface of this machine has that address"
        case (.ip(.v6, _), EAFNOSUPPORT): "; this machine has no IPv6"
        default: ""
        }
    }
}
