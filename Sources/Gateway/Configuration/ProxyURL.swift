// The URL of an outgoing proxy, as the environment has it. It is taken apart at the start, so that what
// is wrong with it is said there, and never by libcurl, which quotes the whole of it to whoever made
// the request: it may hold a password. For the same reason no fault says anything of the value.

/// A proxy's URL that libcurl will understand.
package struct ProxyURL: Sendable, Equatable {
    /// As it was written.
    package let text: String
    /// Host and port, without the user's name and password.
    package let authority: String

    /// Why a value is none.
    package struct Fault: Error, Equatable {
        package let reason: String
    }

    /// curl's own list (curl(1), `--proxy`).
    private static let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]

    package init(parsing text: String) throws(Fault) {
        if let first = text.utf8.first, first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            throw Fault(reason: "it begins with a quotation mark, which is taken as part of it")
        }
        guard text.isVisibleASCII else {
            throw Fault(
                reason: "it has a blank or a character outside ASCII; in a password write it as %20"
                    + " and the like")
        }
        self.text = text
        var rest = text[...]
        if let mark = text.firstIndex(of: ":"), text[mark...].hasPrefix("://") {
            guard Self.schemes.contains(text[..<mark].lowercased()) else {
                throw Fault(
                    reason: "its scheme is none of " + Self.schemes.joined(separator: ", "))
            }
            rest = text[text.index(mark, offsetBy: 3)...]
        }
        guard !rest.contains(where: { "#?\\\"'<>`{|}^".contains($0) }) else {
            throw Fault(
                reason: "it has a character that a URL cannot have there; in a password write # as"
                    + " %23, ? as %3F and the like")
        }
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        guard !rest[end...].contains("@") else {
            throw Fault(reason: "it has a / before its host; in a password write %2F")
        }
        var authority = rest[..<end]
        if let at = authority.lastIndex(of: "@") {
            guard Self.isEncoded(authority[..<at]) else {
                throw Fault(reason: "it has a % without two hexadecimal digits; write % as %25")
            }
            authority = authority[authority.index(after: at)...]
        }
        let address: HostAndPort
        do throws(InvalidValue) {
            address = try HostAndPort(parsing: String(authority))
        } catch {
            throw Fault(
                reason: "what stands where its host should is no host with a port from 1 to 65535")
        }
        guard address.port != 0 else { throw Fault(reason: "its port is 0") }
        self.authority = authority.lowercased()
    }

    /// Whether each `%` begins an encoded character, and one that is no control.
    private static func isEncoded(_ text: Substring) -> Bool {
        let parts = text.split(separator: "%", omittingEmptySubsequences: false).dropFirst()
        return parts.allSatisfy { part in
            let digits = part.prefix(2)
            guard digits.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            else { return false }
            return value >= 0x20 && value != 0x7F
        }
    }
}
