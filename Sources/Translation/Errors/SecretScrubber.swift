// Keeps keys out of what people and logs read: upstreams quote the key they refuse.

/// Removes secrets from texts.
package enum SecretScrubber {
    private static var replacement: StaticString { "[removed]" }

    /// `text` without `secret` and without anything that looks like an API key (`sk-…`).
    package static func scrub(_ text: String, secret: [UInt8]) -> String {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let length = max(
                secretLength(bytes, index, secret), keyLength(bytes, index))
            if length > 0 {
                output.append(replacement)
                index += length
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func secretLength(_ bytes: [UInt8], _ index: Int, _ secret: [UInt8]) -> Int {
        // A secret of a few bytes would take ordinary words out.
        guard secret.count >= 6, bytes.count - index >= secret.count,
            bytes[index..<(index + secret.count)].elementsEqual(secret)
        else { return 0 }
        return secret.count
    }

    /// The length of the key at `index`: `sk-` at the begin of a word, and at least 8 characters
    /// more. A key that is masked already (`sk-or-****1234`) is left alone.
    private static func keyLength(_ bytes: [UInt8], _ index: Int) -> Int {
        guard matches(bytes.span, index, "sk-"), index == 0 || !isPart(bytes[index - 1]) else {
            return 0
        }
        var end = index + 3
        while end < bytes.count, isPart(bytes[end]) { end += 1 }
        return end - index >= 11 ? end - index : 0
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
