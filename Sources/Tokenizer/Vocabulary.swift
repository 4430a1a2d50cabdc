// Looks byte strings up in the o200k_base vocabulary, which CVocabulary holds as read-only data.
// The table is a perfect hash: a look-up reads one pilot, one slot and, when length and tag agree,
// the bytes of the one token that it can be. Scripts/make-vocabulary.py makes the table and has
// the same hash function; it describes the layout.

import CVocabulary

/// The vocabulary: byte strings and their ranks.
enum Vocabulary {
    /// The rank of byte strings that are no token; higher than every rank.
    static let absent: UInt32 = .max
    static let tokenBytesMax = 128

    /// The rank of the token that these bytes of a text are.
    static func rank(of range: Range<Int>, in text: Span<UInt8>) -> UInt32 {
        rank(of: text, from: range.lowerBound, to: range.upperBound)
    }

    /// The rank of the token that the bytes from `start` to `end` of a text are.
    static func rank(of text: Span<UInt8>, from start: Int, to end: Int) -> UInt32 {
        let length = end &- start
        if length > tokenBytesMax { return absent }
        var state = UInt64(truncatingIfNeeded: length) &* lengthFactor
        var offset = start
        while offset &+ 8 < end {
            state = fold(state ^ text.word(at: offset, length: 8))
            offset &+= 8
        }
        let lastWord = text.word(at: offset, length: end &- offset)
        state = fold(state ^ lastWord)

        let slot = slot(of: state)
        if UInt64(truncatingIfNeeded: length) != slot &>> 18 & 0xFF { return absent }
        if state & 0x1FFFF != slot &>> 47 { return absent }
        var place = Int(truncatingIfNeeded: slot &>> 26 & 0x1F_FFFF)
        var compared = start
        while compared < offset {
            if text.word(at: compared, length: 8) != poolWord(at: place) { return absent }
            compared &+= 8
            place &+= 8
        }
        if lastWord != poolWord(at: place).lowBytes(end &- offset) { return absent }
        return UInt32(truncatingIfNeeded: slot & 0x3FFFF)
    }

    /// The rank of the token of two bytes: what `rank` answers, without its memory accesses.
    @inline(__always)
    static func rank(ofPair first: UInt8, _ second: UInt8) -> UInt32 {
        // SAFETY: the index has 16 bits, and there are 2^16 pairs.
        unsafe cvocabulary_pairs()[Int(first) | Int(second) &<< 8]
    }

    // MARK: The hash function

    private static let lengthFactor: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let foldFactor: UInt64 = 0xD6E8_FEB8_6659_FD93
    private static let pilotFactor: UInt64 = 0xA076_1D64_78BD_642F

    @inline(__always)
    private static func fold(_ word: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: foldFactor)
        return product.high ^ product.low
    }

    // MARK: The table

    @inline(__always)
    private static func slot(of hash: UInt64) -> UInt64 {
        // SAFETY: the bucket has 17 bits, and there are 2^17 pilots.
        let pilot = unsafe cvocabulary_pilots()[Int(truncatingIfNeeded: hash &>> 47)]
        let mixed = (hash ^ UInt64(pilot) &* pilotFactor) &* foldFactor
        let index = ((mixed &>> 32) &* UInt64(CVOCABULARY_SLOTS)) &>> 32
        // SAFETY: the product of a 32-bit fraction and the number of slots is below that number.
        return unsafe cvocabulary_slots()[Int(truncatingIfNeeded: index)]
    }

    @inline(__always)
    private static func poolWord(at offset: Int) -> UInt64 {
        // SAFETY: slots hold offsets of tokens in the pool, no token is compared beyond its
        // length, and the pool ends with 8 bytes more. The tests look up every token.
        unsafe UnsafeRawPointer(cvocabulary_pool()).loadUnaligned(
            fromByteOffset: offset, as: UInt64.self)
    }
}
