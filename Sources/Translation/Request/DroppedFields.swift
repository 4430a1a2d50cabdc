// What a translation left out or replaced, for the response header `x-claude-proxy-dropped` and the
// log. Some of the names come from clients, so they are cut to harmless characters and to a length,
// and their number is limited: neither header nor log can be made to grow or to lie.

/// The names of fields and blocks that did not reach the upstream as they were.
package struct DroppedFields: Sendable, Equatable {
    /// The names, each once, in the order in which they were met.
    package private(set) var names: [String] = []
    /// The digests of the names met, so that one that is met a million times is made once.
    private var met: Set<Int> = []

    /// More than any real request has; the rest is not worth a header.
    package static var countMax: Int { 24 }
    /// Longer than every field name of the API.
    package static var nameBytesMax: Int { 48 }

    /// Names that become the same when they are cleaned count here, too.
    private static var metMax: Int { 1024 }

    package init() {}

    /// The value of `x-claude-proxy-dropped`; empty when there is nothing to say.
    package var headerValue: String { names.joined(separator: ",") }

    mutating func note(_ name: StaticString) { note("\(name)") }

    /// Notes `prefix` followed by the string at `node`.
    mutating func note(_ prefix: StaticString, _ document: JSONDocument, _ node: JSONNode) {
        guard names.count < Self.countMax, met.count < Self.metMax else { return }
        let range = document.content(node)
        let end = range.lowerBound + min(range.count, Self.nameBytesMax)
        var hasher = Hasher()
        hasher.combine(prefix.utf8CodeUnitCount)
        hasher.combine(document.bytes[range.lowerBound..<end])
        guard met.insert(hasher.finalize()).inserted else { return }
        var name = "\(prefix)"
        for byte in document.bytes[range.lowerBound..<end] {
            name.unicodeScalars.append(Self.isHarmless(byte) ? Unicode.Scalar(byte) : "?")
        }
        note(name)
    }

    private mutating func note(_ name: String) {
        guard names.count < Self.countMax, !names.contains(name) else { return }
        names.append(name)
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "."):
            true
        default: false
        }
    }
}
