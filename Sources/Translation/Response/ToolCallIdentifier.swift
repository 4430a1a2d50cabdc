// Ids of tool calls on their way to the client and back. The Messages API wants
// `^[a-zA-Z0-9_-]+$`, unique in the whole conversation; upstreams send `functions.weather:0`,
// `call_0` in every turn, "" or nothing. A good id passes unchanged. Anything else is escaped, so
// that the upstream gets its own id back without a table: the proxy keeps no state.
//
// The escape: a prefix; letters, digits and `-` as they are; any other byte as `_` and two
// hexadecimal digits; then, when the id was taken, `_n` and a number, which decodes away (`n` is no
// hexadecimal digit, so the two cannot be mistaken for one another).
//
// What has no counterpart upstream, a missing or empty or absurdly long id or one used twice within
// one response, is replaced by a made-up id. That one goes back as it is: the call and its result
// carry it alike, which is all that an upstream asks.

/// Translates tool-call ids between upstream and client. Stateless and exact both ways.
package enum ToolCallIdentifier {
    /// Marks an escaped id.
    static var prefix: StaticString { "cpx_" }

    /// Ids above this are replaced. Far above any real id (the longest known carry a signature).
    static var bytesMax: Int { 1024 }

    /// The client's form of the id `upstream`, which is not among `taken`. Made-up ids consist of
    /// `seed`, which must be of `[a-zA-Z0-9_-]` and unique to the response, and a number.
    ///
    /// - Parameters:
    ///   - upstream: the decoded id, empty when there was none.
    ///   - isRepeated: whether an earlier call of the same response had this id.
    ///   - ordinal: the number of the call within the response.
    package static func clientForm(
        of upstream: [UInt8], isRepeated: Bool, seed: [UInt8], ordinal: Int,
        taken: Set<[UInt8]>
    ) -> [UInt8] {
        if upstream.isEmpty || upstream.count > bytesMax || isRepeated {
            return made(seed: seed, ordinal: ordinal, taken: taken)
        }
        if isGood(upstream), !taken.contains(upstream) { return upstream }
        var id: [UInt8] = []
        appendEscaped(upstream, to: &id)
        guard taken.contains(id) else { return id }
        let plain = id.count
        var number = 2
        repeat {
            id.removeSubrange(plain...)
            id.append("_n")
            id.append(decimal: number)
            number += 1
        } while taken.contains(id)
        return id
    }

    /// The upstream's own form of an id that the client sent: exactly what `clientForm(of:)` was
    /// given, for ids that it changed, and the id itself for any other.
    package static func upstreamForm(ofClient id: [UInt8]) -> [UInt8] {
        let bytes = id.span
        guard matches(bytes, 0, prefix) else { return id }
        var upstream: [UInt8] = []
        var index = prefix.utf8CodeUnitCount
        while index < bytes.count {
            let byte = bytes[index]
            guard byte == UInt8(ascii: "_") else {
                upstream.append(byte)
                index += 1
                continue
            }
            if isSuffix(bytes, index) { break }
            guard index + 2 < bytes.count, let high = bytes[index + 1].hexDigitValue,
                let low = bytes[index + 2].hexDigitValue
            else { return id }
            upstream.append(UInt8(truncatingIfNeeded: high << 4 | low))
            index += 3
        }
        return upstream.isEmpty ? id : upstream
    }

    /// Whether the client's API takes the id as it is, and it cannot be mistaken for an escape.
    private static func isGood(_ id: [UInt8]) -> Bool {
        for byte in id where !(isPlain(byte) || byte == UInt8(ascii: "_")) { return false }
        return !matches(id.span, 0, prefix)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func appendEscaped(_ upstream: [UInt8], to id: inout [UInt8]) {
        id.append(prefix)
        for byte in upstream {
            if isPlain(byte) {
                id.append(byte)
            } else {
                id.append(UInt8(ascii: "_"))
                id.append(hexadecimal: byte)
            }
        }
    }

    /// Whether `_n`, digits and the end stand at `index`.
    private static func isSuffix(_ id: Span<UInt8>, _ index: Int) -> Bool {
        guard index + 2 < id.count, id[index + 1] == UInt8(ascii: "n") else { return false }
        for digit in index + 2..<id.count where id[digit] &- UInt8(ascii: "0") >= 10 {
            return false
        }
        return true
    }

    private static func made(seed: [UInt8], ordinal: Int, taken: Set<[UInt8]>) -> [UInt8] {
        var id: [UInt8] = []
        var number = ordinal
        repeat {
            id.removeAll(keepingCapacity: true)
            id.append("call_")
            // OpenAI allows ids of 40 bytes; 28 leave room for the number.
            id.append(contentsOf: seed.suffix(28))
            id.append(UInt8(ascii: "_"))
            id.append(decimal: number)
            number &+= 1
        } while taken.contains(id)
        return id
    }
}

extension [UInt8] {
    /// Appends the two lowercase hexadecimal digits of `byte`.
    package mutating func append(hexadecimal byte: UInt8) {
        let high = byte >> 4
        let low = byte & 0x0F
        append(high < 10 ? UInt8(ascii: "0") + high : UInt8(ascii: "a") + high - 10)
        append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
    }
}
