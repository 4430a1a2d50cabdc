// The limits on a request, each with its reason. Exceeding one is a ProtocolError.

/// What a request may cost before it is refused.
package struct RequestLimits: Sendable, Equatable {
    /// Request line and fields with all line ends, answered by 431 beyond it. Claude Code sends
    /// about 1 KiB; 32 KiB is what Envoy recommends at an edge. At most 65 535, because a head
    /// keeps its offsets in 16 bits.
    package let headBytesMax: Int
    /// Field lines in a head: 431. CVE-2026-28980 is a server without this limit.
    package let fieldsMax: Int
    /// Bytes of the request target: 414. RFC 9112 §3 asks for at least 8 000.
    package let targetBytesMax: Int
    /// Bytes of the body after chunks are taken off: 413, before the body when Content-Length
    /// tells. The one limit that is configured.
    package var bodyBytesMax: Int
    /// A chunk's size line with its extensions and line end: 400.
    package let chunkLineBytesMax: Int
    /// The trailer section, last empty line included: 400.
    package let trailerBytesMax: Int

    /// The defaults are those of the daemon.
    package init(
        headBytesMax: Int = 32 * 1024,
        fieldsMax: Int = 128,
        targetBytesMax: Int = 8 * 1024,
        bodyBytesMax: Int = 64 * 1024 * 1024,
        chunkLineBytesMax: Int = 4 * 1024,
        trailerBytesMax: Int = 8 * 1024
    ) {
        precondition(headBytesMax <= UInt16.max, "a head keeps its offsets in 16 bits")
        self.headBytesMax = headBytesMax
        self.fieldsMax = fieldsMax
        self.targetBytesMax = targetBytesMax
        self.bodyBytesMax = bodyBytesMax
        self.chunkLineBytesMax = chunkLineBytesMax
        self.trailerBytesMax = trailerBytesMax
    }

    /// The longest request line: the target, the longest method and version, blanks and line end,
    /// rounded up. A longer one counts as a target that is too long.
    var requestLineBytesMax: Int { targetBytesMax + 32 }
}
