// The borders between the parts of a piece, a bit for every byte. Neighbours are found by scanning
// words: at most three of them, because no part is longer than a token, 128 bytes.

/// The set of offsets at which parts of a piece start; the end of the piece counts as one.
struct PartStarts {
    private var words: [UInt64] = []

    /// Every byte of a piece of `count` bytes starts a part.
    mutating func reset(count: Int) {
        let wordCount = count &>> 6 &+ 1
        if words.count < wordCount { words = Array(repeating: 0, count: wordCount) }
        for index in 0..<wordCount { words[index] = .max }
    }

    /// Joins the part that starts at `offset` with the one before it.
    mutating func remove(_ offset: Int) {
        words[offset &>> 6] &= ~(1 &<< UInt64(truncatingIfNeeded: offset & 63))
    }

    /// The first start after `offset`, which must lie before the end.
    func next(after offset: Int) -> Int {
        let first = offset &+ 1
        var index = first &>> 6
        var word = words[index] & (.max &<< UInt64(truncatingIfNeeded: first & 63))
        while word == 0 {
            index &+= 1
            word = words[index]
        }
        return index &<< 6 &+ word.trailingZeroBitCount
    }

    /// The last start before `offset`, which must not be 0.
    func previous(before offset: Int) -> Int {
        let last = offset &- 1
        var index = last &>> 6
        var word = words[index] & (.max &>> UInt64(truncatingIfNeeded: 63 &- last & 63))
        while word == 0 {
            index &-= 1
            word = words[index]
        }
        return index &<< 6 &+ 63 &- word.leadingZeroBitCount
    }
}
