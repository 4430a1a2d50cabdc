// Numbers that look random, made of numbers that do not: for identifiers, for jitter and for spreading
// sessions over keys. None of it is a secret.

extension UInt64 {
    /// What SplitMix64 adds for each number (Steele, Lea and Flood 2014).
    static let splitMixStep: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// SplitMix64's finisher: each bit of the number changes half of the result's bits, and no two
    /// numbers have one result.
    var mixed: UInt64 {
        var word = self
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
