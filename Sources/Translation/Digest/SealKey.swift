// The key by which the proxy knows again what it has handed out: reasoning in the signatures of
// thinking blocks comes back through clients, who could write anything there. The code is
// HMAC-SHA256 (RFC 2104), cut to 16 bytes: half of it is more than can be guessed.

/// A secret of the installation, shared by all its instances.
package struct SealKey: Sendable {
    /// The key with the inner and the outer pad.
    private let inner: [UInt8]
    private let outer: [UInt8]

    private static var blockBytes: Int { 64 }
    /// How long a code is.
    static var codeBytes: Int { 16 }

    /// - Parameter secret: of any length; 32 random bytes are as good as any.
    package init(_ secret: [UInt8]) {
        let key =
            secret.count <= Self.blockBytes ? secret : SHA256.digest(secret.span)
        let padded = key + [UInt8](repeating: 0, count: Self.blockBytes - key.count)
        inner = padded.map { $0 ^ 0x36 }
        outer = padded.map { $0 ^ 0x5C }
    }

    /// The whole code of `bytes`: 32 bytes.
    func code(of bytes: Span<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(inner.span)
        hash.update(bytes)
        let digest = hash.finish()
        var second = SHA256()
        second.update(outer.span)
        second.update(digest.span)
        return second.finish()
    }

    /// Whether `code` begins the code of `bytes`. Takes the same time whatever differs.
    func matches(_ code: Span<UInt8>, _ bytes: Span<UInt8>) -> Bool {
        let expected = self.code(of: bytes)
        precondition(code.count == Self.codeBytes, "codes are cut to one length")
        var difference: UInt8 = 0
        for index in code.indices { difference |= code[index] ^ expected[index] }
        return difference == 0
    }
}
