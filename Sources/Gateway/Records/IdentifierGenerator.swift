// Identifiers of requests and messages. They need to be unique and plain, not secret: they stand in
// logs, headers and bodies. The core has no random source; the shell seeds this once a loop.

/// Makes `req_…` and `msg_…` identifiers: a prefix and 24 characters of base 62.
package struct IdentifierGenerator {
    private var state: UInt64

    /// - Parameter seed: different for every loop and every start of the process.
    package init(seed: UInt64) { state = seed }

    /// The part after the prefix, which a request and its message share.
    package mutating func next() -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(24)
        for _ in 0..<3 {
            var value = nextWord()
            for _ in 0..<8 {
                text.append(Self.digits[Int(truncatingIfNeeded: value % 62)])
                value /= 62
            }
        }
        return text
    }

    private static let digits = [UInt8](
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// SplitMix64: equidistributed, 2^64 values before it repeats.
    private mutating func nextWord() -> UInt64 {
        state &+= .splitMixStep
        return state.mixed
    }
}
