// Where to listen, as an operator writes it. Numbers and paths only: a name that must be looked up
// would make starting the service depend on the resolver. `localhost` is the one exception, and is
// answered here.

/// An address to listen on.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A TCP port; 0 lets the kernel choose one.
    case ip(IPAddress, port: UInt16)
    /// A unix socket at an absolute path.
    case unix(path: String)

    /// The room in `sun_path`, less the terminating zero (unix(7)).
    package static let pathBytesMax = 107

    /// Parses
    /// - `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000` (that is `127.0.0.1`),
    /// - `*:8000` or `:8000`: every IPv4 address; `[::]:8000`: every IPv6 address, and only those,
    /// - `unix:/run/claude-proxy/socket`.
    package init(_ text: String) throws(ListenAddressError) {
        if text.hasPrefix("unix:") {
            self = try .unix(path: Self.path(text.dropFirst("unix:".count)))
            return
        }
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else {
            throw .portMissing(text)
        }
        let host = try Self.host(text[..<colon])
        self = .ip(host, port: try Self.port(text[text.index(after: colon)...]))
    }

    /// As it is written in the configuration.
    package var description: String {
        switch self {
        case .ip(.v4(let octets), let port): "\(IPAddress.v4(octets)):\(port)"
        case .ip(let address, let port): "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    private static func host(_ text: Substring) throws(ListenAddressError) -> IPAddress {
        switch text {
        case "", "*": return .anyV4
        case "localhost": return .loopbackV4
        default: break
        }
        if text.hasPrefix("["), text.hasSuffix("]") {
            guard case .v6(let high, let low)? = IPAddress(String(text.dropFirst().dropLast()))
            else { throw .hostInvalid(String(text)) }
            return .v6(high: high, low: low)
        }
        if text.contains(":") { throw .bracketsMissing(String(text)) }
        guard case .v4(let octets)? = IPAddress(String(text)) else {
            throw .hostInvalid(String(text))
        }
        return .v4(octets)
    }

    private static func port(_ text: Substring) throws(ListenAddressError) -> UInt16 {
        let areDigits = text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard areDigits, let port = UInt16(text) else { throw .portInvalid(String(text)) }
        return port
    }

    private static func path(_ text: Substring) throws(ListenAddressError) -> String {
        guard text.hasPrefix("/"), !text.utf8.contains(0) else { throw .pathInvalid(String(text)) }
        guard text.utf8.count <= pathBytesMax else { throw .pathTooLong(bytes: text.utf8.count) }
        return String(text)
    }
}

/// Why a text is no address to listen on; each case holds the part that is wrong.
package enum ListenAddressError: Error, Equatable, CustomStringConvertible {
    case portMissing(String)
    case portInvalid(String)
    case hostInvalid(String)
    case bracketsMissing(String)
    case pathInvalid(String)
    case pathTooLong(bytes: Int)

    package var description: String {
        switch self {
        case .portMissing(let text):
            "'\(text)' has no port; write HOST:PORT, [IPV6]:PORT or unix:/PATH"
        case .portInvalid(let port):
            "'\(port)' is no port; write a number from 0 to 65535"
        case .hostInvalid(let host):
            "'\(host)' is no address; write an IPv4 address, an IPv6 address in brackets, "
                + "'localhost', or '*' for every IPv4 address"
        case .bracketsMissing(let host):
            "an IPv6 address needs brackets; write '[\(host)]'"
        case .pathInvalid(let path):
            "'\(path)' is no absolute path; write unix:/PATH"
        case .pathTooLong(let bytes):
            "a unix socket's path has at most \(ListenAddress.pathBytesMax) bytes; "
                + "this one has \(bytes)"
        }
    }
}
