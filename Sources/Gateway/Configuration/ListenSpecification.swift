// One place to listen at, as an administrator writes it: `host:port`, `[v6]:port`, `unix:/path`.

/// One place to listen at.
package enum ListenSpecification: Sendable, Equatable {
    /// A TCP socket; the host is an address without brackets, or a name. Port 0 lets the kernel
    /// choose one.
    case tcp(host: String, port: Int)
    /// A local socket at an absolute path.
    case unix(path: String)

    /// Whether other machines can reach it.
    package var isReachableFromOutside: Bool {
        switch self {
        case .tcp(let host, _): !HostSyntax.isLoopback(host)
        case .unix: false
        }
    }
}

extension ListenSpecification: CustomStringConvertible {
    /// The value as an administrator writes it.
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// The longest path of a local socket: `sun_path` holds 108 bytes with its final NUL (unix(7)).
    private static let pathBytesMax = 107

    /// Reads one of the three forms.
    package init(parsing text: String) throws(InvalidValue) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/"), path != "/" else {
                throw InvalidValue("\(text.quoted) is not `unix:` and an absolute path")
            }
            guard !path.hasControls, path.utf8.count <= Self.pathBytesMax else {
                throw InvalidValue(
                    "the path has control characters or is longer than \(Self.pathBytesMax) bytes")
            }
            self = .unix(path: path)
            return
        }
        if text.utf8.allSatisfy(HostSyntax.isDigit) {
            throw InvalidValue("\(text.quoted) has no host; all addresses are 0.0.0.0:\(text)")
        }
        if text.hasPrefix("*") || text.hasPrefix(":") && !text.hasPrefix("::") {
            throw InvalidValue(
                "\(text.quoted) has no host; all addresses are 0.0.0.0 for IPv4 and [::] for IPv6")
        }
        let address = try HostAndPort(parsing: text)
        guard let port = address.port else {
            throw InvalidValue("\(text.quoted) has no port; add one, such as \(text):8000")
        }
        self = .tcp(host: address.host, port: port)
    }
}
