// SHA-256 (FIPS 180-4), for what must be one-way and short: the user and session that an upstream
// is told, the digests of client tokens, the codes of seals. Small and plain.
//
// Feed it with `update`, end it with `finish`: the type is not copyable, so that nothing can be fed
// to a digest that has ended.

/// A SHA-256 computation.
package struct SHA256: ~Copyable {
    private var state: InlineArray<8, UInt32> = [
        0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A,
        0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
    ]
    private var block = InlineArray<64, UInt8>(repeating: 0)
    private var blockCount = 0
    private var totalBytes: UInt64 = 0

    package init() {}

    /// The digest of `bytes`: 32 bytes.
    package static func digest(_ bytes: Span<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// Takes in `bytes`, which follow those of earlier calls.
    package mutating func update(_ bytes: Span<UInt8>) {
        totalBytes &+= UInt64(bytes.count)
        var index = 0
        while index < bytes.count {
            if blockCount == 0, bytes.count &- index >= 64 {
                compress(bytes, index)
                index &+= 64
            } else {
                push(bytes[index])
                index &+= 1
            }
        }
    }

    /// Ends the computation and gives the 32 bytes of the digest.
    package consuming func finish() -> [UInt8] {
        // §5.1.1: a one bit, zeros, and the length in bits as 64 bits, up to a whole block.
        let bits = totalBytes &* 8
        push(0x80)
        while blockCount != 56 { push(0) }
        for shift in stride(from: 56, through: 0, by: -8) {
            push(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        var digest: [UInt8] = []
        digest.reserveCapacity(32)
        for index in state.indices {
            for shift in stride(from: 24, through: 0, by: -8) {
                digest.append(UInt8(truncatingIfNeeded: state[index] >> UInt32(shift)))
            }
        }
        return digest
    }

    private mutating func push(_ byte: UInt8) {
        block[blockCount] = byte
        blockCount += 1
        if blockCount == 64 {
            let full = block
            compress(full.span, 0)
            blockCount = 0
        }
    }

    /// §6.2.2: the 64 bytes from `start` into the state.
    private mutating func compress(_ bytes: Span<UInt8>, _ start: Int) {
        var words = InlineArray<64, UInt32>(repeating: 0)
        for index in 0..<16 {
            var word: UInt32 = 0
            for offset in 0..<4 { word = word << 8 | UInt32(bytes[start + index * 4 + offset]) }
            words[index] = word
        }
        for index in 16..<64 {
            words[index] =
                Self.sigma(words[index - 2], 17, 19, 10) &+ words[index - 7]
                &+ Self.sigma(words[index - 15], 7, 18, 3) &+ words[index - 16]
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for index in 0..<64 {
            let choice = (e & f) ^ (~e & g)
            let majority = (a & b) ^ (a & c) ^ (b & c)
            let first =
                h &+ Self.sum(e, 6, 11, 25) &+ choice &+ Self.constants[index] &+ words[index]
            let second = Self.sum(a, 2, 13, 22) &+ majority
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (index, word) in [a, b, c, d, e, f, g, h].enumerated() {
            state[index] = state[index] &+ word
        }
    }

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
        word >> count | word << (32 - count)
    }

    private static func sum(_ word: UInt32, _ a: UInt32, _ b: UInt32, _ c: UInt32) -> UInt32 {
        rotate(word, a) ^ rotate(word, b) ^ rotate(word, c)
    }

    private static func sigma(_ word: UInt32, _ a: UInt32, _ b: UInt32, _ shift: UInt32) -> UInt32 {
        rotate(word, a) ^ rotate(word, b) ^ word >> shift
    }

    /// §4.2.2: the fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
        0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
        0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
        0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
        0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
        0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
        0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
        0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
        0xc671_78f2,
    ]
}
