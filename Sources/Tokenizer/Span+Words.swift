// Reads words of a text, to hash and compare eight bytes at a time.

extension Span<UInt8> {
    /// The `length` bytes at `offset`, 1 to 8, as the low bytes of a little-endian word.
    @inline(__always)
    func word(at offset: Int, length: Int) -> UInt64 {
        if offset &+ 8 <= count { return wholeWord(at: offset).lowBytes(length) }
        // Near the end: the last word of the text holds the bytes, if the text is that long.
        if count >= 8 {
            let before = (offset &+ 8 &- count) &* 8
            return (wholeWord(at: count &- 8) &>> before).lowBytes(length)
        }
        var word: UInt64 = 0
        for index in 0..<length {
            word |= UInt64(self[offset &+ index]) &<< (index &* 8)
        }
        return word
    }

    @inline(__always)
    private func wholeWord(at offset: Int) -> UInt64 {
        // SAFETY: the read is checked against the bounds; the bytes of UInt8 have no padding, and
        // every bit pattern is a UInt64.
        unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}

extension UInt64 {
    /// The word with all but its `count` lowest bytes, 1 to 8, set to zero.
    @inline(__always)
    func lowBytes(_ count: Int) -> UInt64 {
        self & (.max &>> (64 &- count &* 8))
    }
}
