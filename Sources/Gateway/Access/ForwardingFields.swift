// The fields by which proxies, load balancers and content networks tell for whom they ask. No client
// of this API sends one, so each is proof that the peer is not the sender. There is no complete list:
// these are the standard ones, those of the common servers, and the patterns that they follow.

/// Fields that only a server in front adds.
enum ForwardingFields {
    /// Whether a field of this name says that the request was forwarded. An underscore counts as a
    /// hyphen, since some servers write the one for the other.
    static func isOne(_ name: ArraySlice<UInt8>) -> Bool {
        switch name.last.map({ $0 | 0x20 }) {
        // X-Real-IP, True-Client-IP, X-Client-IP, X-Cluster-Client-IP, CF-Connecting-IP, …
        case UInt8(ascii: "p") where ends(name, with: "-ip"): return true
        case UInt8(ascii: "r") where ends(name, with: "-addr"): return true
        default: return hasPrefixOfOne(name)
        }
    }

    private static func hasPrefixOfOne(_ name: ArraySlice<UInt8>) -> Bool {
        switch name.first.map({ $0 | 0x20 }) {
        case UInt8(ascii: "f"):
            // RFC 7239; Fly; Fastly
            return begins(name, with: "forwarded") || begins(name, with: "fly-")
                || begins(name, with: "fastly-")
        case UInt8(ascii: "v"):
            // RFC 9110 §7.6.3
            return name.count == 3 && begins(name, with: "via")
        case UInt8(ascii: "c"):
            // Cloudflare; RFC 8586; Amazon's content network
            return begins(name, with: "cf-") || begins(name, with: "cdn-")
                || begins(name, with: "cloudfront-")
        case UInt8(ascii: "a"):
            return begins(name, with: "akamai-")
        case UInt8(ascii: "x"):
            return begins(name, with: "x-") && beginsAfterX(name.dropFirst(2))
        default:
            return false
        }
    }

    /// The names of those who put `X-` before theirs: everybody; Envoy, Azure, AWS, App Engine,
    /// Vercel, Netlify, IIS.
    private static func beginsAfterX(_ name: ArraySlice<UInt8>) -> Bool {
        switch name.first.map({ $0 | 0x20 }) {
        case UInt8(ascii: "f"): begins(name, with: "forwarded")
        case UInt8(ascii: "o"): begins(name, with: "original-")
        case UInt8(ascii: "e"): begins(name, with: "envoy-")
        case UInt8(ascii: "a"):
            begins(name, with: "azure-") || begins(name, with: "amzn-")
                || begins(name, with: "amz-cf-") || begins(name, with: "appengine-")
                || begins(name, with: "arr-")
        case UInt8(ascii: "v"): begins(name, with: "vercel-")
        case UInt8(ascii: "n"): begins(name, with: "nf-")
        default: false
        }
    }

    private static func ends(_ name: ArraySlice<UInt8>, with text: StaticString) -> Bool {
        begins(name.suffix(text.utf8CodeUnitCount), with: text)
    }

    /// `text` is in lower case.
    private static func begins(_ name: ArraySlice<UInt8>, with text: StaticString) -> Bool {
        guard name.count >= text.utf8CodeUnitCount else { return false }
        for offset in 0..<text.utf8CodeUnitCount {
            // SAFETY: the offset is below the text's count.
            let expected = unsafe text.utf8Start[offset]
            let byte = name[name.startIndex + offset]
            // The bit is the case of a letter.
            let isSame =
                expected == UInt8(ascii: "-")
                ? byte == expected || byte == UInt8(ascii: "_")
                : byte | 0x20 == expected
            guard isSame else { return false }
        }
        return true
    }
}
