// The host that a request is for, and what it says of the way the request has taken. Names are not
// looked up: only those that can be nothing but this machine count as its own (RFC 6761 §6.3).

/// The host of a Host field, without its port.
struct HostName {
    /// As it came; without the brackets of an IPv6 address and the dot that may end a full name.
    let name: ArraySlice<UInt8>
    let isAddress: Bool
    /// Whether the host is an address of the loopback interface, `localhost`, or a name below it.
    let isLoopback: Bool

    init(_ value: [UInt8]) {
        if value.first == UInt8(ascii: "["), let end = value.firstIndex(of: UInt8(ascii: "]")) {
            name = value[1..<end]
            isAddress = true
            isLoopback = Self.isIPv6Loopback(String(decoding: name, as: UTF8.self))
            return
        }
        var host = value.prefix { $0 != UInt8(ascii: ":") }
        if host.last == UInt8(ascii: ".") { host.removeLast() }
        name = host
        // What nearly every client of this machine calls it.
        if host.elementsEqual("127.0.0.1".utf8) || host.elementsEqual("localhost".utf8) {
            isAddress = host.first == UInt8(ascii: "1")
            isLoopback = true
            return
        }
        let text = String(decoding: host, as: UTF8.self)
        let address = HostSyntax.ipv4Bytes(text)
        isAddress = address != nil
        isLoopback = address.map { $0[0] == 127 } ?? Self.isLocalhost(host)
    }

    var text: String { String(decoding: name, as: UTF8.self).lowercased() }

    /// Whether there is no name, or one without dots, which no name of the public DNS is.
    var isWord: Bool { !isAddress && !name.contains(UInt8(ascii: ".")) }

    /// `::1`, or an IPv4 loopback address in an IPv6 one (RFC 4291 §2.5.5.2).
    private static func isIPv6Loopback(_ text: String) -> Bool {
        guard let groups = HostSyntax.ipv6Groups(text.lowercased()) else { return false }
        return groups == [0, 0, 0, 0, 0, 0, 0, 1]
            || (groups.prefix(6) == [0, 0, 0, 0, 0, 0xFFFF] && groups[6] >> 8 == 127)
    }

    private static func isLocalhost(_ host: ArraySlice<UInt8>) -> Bool {
        let label = "localhost".utf8.count
        guard host.suffix(label).equalsIgnoringCase("localhost") else { return false }
        guard host.count > label else { return true }
        let front = host.dropLast(label)
        return front.count > 1 && front.last == UInt8(ascii: ".")
    }
}
