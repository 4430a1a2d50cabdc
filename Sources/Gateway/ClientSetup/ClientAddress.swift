// Where a client on this machine reaches the daemon, out of where the daemon listens.

/// An address as clients want it: a URL, and perhaps the local socket to use instead of its host.
package struct ClientAddress: Sendable, Equatable {
    /// Without a path and without a slash at its end.
    package let url: String
    /// The path of a local socket; nil for TCP.
    package let socketPath: String?

    /// An address of a daemon elsewhere, as a person gave it.
    package init(url: String) {
        var url = url[...]
        while url.last == "/" { url.removeLast() }
        self.url = String(url)
        socketPath = nil
    }

    private init(socketPath: String) {
        // The host plays no part, but the daemon looks at it: one that is this machine.
        url = "http://localhost"
        self.socketPath = socketPath
    }

    /// The first of several places, TCP before local sockets: every client can use TCP.
    ///
    /// - Returns: nil when the kernel chooses all ports, so that nobody can know them.
    package init?(listening places: [ListenSpecification]) {
        var sockets: [String] = []
        for place in places {
            switch place {
            case .tcp(_, port: 0): continue
            case .tcp(let host, let port):
                self.init(url: "http://\(Self.reachable(host)):\(port)")
                return
            case .unix(let path): sockets.append(path)
            }
        }
        guard let path = sockets.first else { return nil }
        self.init(socketPath: path)
    }

    /// All addresses of the machine are reached by its loopback address.
    private static func reachable(_ host: String) -> String {
        let host = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        return host.contains(":") ? "[\(host)]" : host
    }
}
