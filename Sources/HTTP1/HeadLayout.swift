// What lies where in the bytes of a request's head, and what it means.
//
// RequestHead is the bytes together with their layout. They are two types because the parser reads
// the one through a Span while it writes the other. HeadLayout+Parsing.swift fills it.

/// Offsets into a head's bytes, and the meaning of the fields that this module acts on.
struct HeadLayout: Sendable, Equatable {
    var method = RequestMethod.get
    var versionMinor = 1
    var target = ByteRange(0..<0)
    var path = ByteRange(0..<0)
    var query: ByteRange?
    var host: ByteRange?
    var fields: [Field] = []

    var hasHostField = false
    var contentLength: Int?
    var transferEncoding = TransferEncoding.absent
    var expectation = Expectation.absent
    var connectionSaysClose = false
    var connectionSaysKeepAlive = false

    /// A piece of the head. 16 bits do: see `RequestLimits.headBytesMax`.
    struct ByteRange: Sendable, Equatable {
        let start: UInt16
        let end: UInt16

        init(_ range: Range<Int>) {
            start = UInt16(range.lowerBound)
            end = UInt16(range.upperBound)
        }

        var range: Range<Int> { Int(start)..<Int(end) }
    }

    /// A field line; the value is without the white space round it.
    struct Field: Sendable, Equatable {
        let name: ByteRange
        let value: ByteRange
    }

    enum TransferEncoding: Sendable { case absent, chunked, unsupported }

    enum Expectation: Sendable { case absent, continuation, unsupported }

    /// Forgets everything but the memory of `fields`. 32 fields are more than Claude Code sends.
    mutating func reset() {
        var next = HeadLayout()
        swap(&next.fields, &fields)
        next.fields.removeAll(keepingCapacity: true)
        next.fields.reserveCapacity(32)
        self = next
    }
}
