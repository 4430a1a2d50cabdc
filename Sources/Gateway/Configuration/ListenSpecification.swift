// One place to listen at, as an administrator writes it: `host:port`, `[v6]:port`, `unix:/path`. This
// is the one grammar: what it takes, the daemon can open. A host is a number: a name would make the
// start depend on a resolver, and mean as many addresses as it has. `localhost` is 127.0.0.1; `*` or
// nothing is every IPv4 address, as is 0.0.0.0; `[::]` is every IPv6 address, and no IPv4 one.

/// One place to listen at.
package enum ListenSpecification: Sendable, Equatable {
    /// A TCP socket; the host is an address without brackets, or `localhost`. Port 0 lets the kernel
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
        let isAll = text.hasPrefix("*:") || text.hasPrefix(":") && !text.hasPrefix("::")
        let address = try HostAndPort(
            parsing: isAll ? "0.0.0.0" + text.drop { $0 == "*" } : text)
        guard let port = address.port else {
            throw InvalidValue("\(text.quoted) has no port; add one, such as \(text):8000")
        }
        let isNumber =
            HostSyntax.ipv4Bytes(address.host) != nil || HostSyntax.ipv6Groups(address.host) != nil
        guard isNumber || address.host == "localhost" else {
            throw InvalidValue(
                "\(address.host.quoted) is a name; write the address itself, as `getent hosts"
                    + " \(address.host)` shows it, or 0.0.0.0 for every IPv4 address")
        }
        self = .tcp(host: address.host, port: port)
    }

    /// Whether both cannot be listened at: every address of a family includes each of them.
    func collides(with other: ListenSpecification) -> Bool {
        guard case .tcp(let host, let port) = self, case .tcp(let otherHost, let otherPort) = other,
            port == otherPort, port != 0
        else { return self == other }
        let (one, two) = (Self.groups(host), Self.groups(otherHost))
        guard one.count == two.count else { return false }
        return one == two || one.allSatisfy { $0 == 0 } || two.allSatisfy { $0 == 0 }
    }

    private static func groups(_ host: String) -> [UInt16] {
        if let groups = HostSyntax.ipv6Groups(host) { return groups }
        return (HostSyntax.ipv4Bytes(host) ?? [127, 0, 0, 1]).map(UInt16.init)
    }
}
