// Byte-pair encoding of one piece: it starts as parts of one byte each; as long as two neighbours
// together are a token, those of the lowest rank are joined, the leftmost first. O(n log n) for
// any piece, in 8 to 16 bytes of scratch for a byte of the piece.

/// Merges pieces into tokens; holds the scratch space for it.
struct PieceMerger: ~Copyable {
    /// At the start of every part: the rank of the part joined with the one after it.
    private var joins = RankTree()
    private var starts = PartStarts()

    /// Merges the bytes of a piece until no two neighbours make a token.
    /// - Returns: the number of parts, each of which is a token.
    mutating func merge(_ piece: Range<Int>, of text: Span<UInt8>) -> Int {
        let base = piece.lowerBound
        let count = piece.count
        starts.reset(count: count)
        joins.reset(count: count)
        var first = text[base]
        for index in 0..<count &- 1 {
            let second = text[base &+ index &+ 1]
            joins.fill(index, with: Vocabulary.rank(ofPair: first, second))
            first = second
        }
        joins.build()

        var parts = count
        while let left = joins.leftmostLowest() {
            let right = starts.next(after: left)
            starts.remove(right)
            joins.update(right, to: Vocabulary.absent)
            parts &-= 1

            let end = starts.next(after: left)
            var rank = Vocabulary.absent
            if end < count {
                let nextEnd = starts.next(after: end)
                rank = Vocabulary.rank(of: text, from: base &+ left, to: base &+ nextEnd)
            }
            joins.update(left, to: rank)
            if left > 0 {
                let previous = starts.previous(before: left)
                let rank = Vocabulary.rank(of: text, from: base &+ previous, to: base &+ end)
                joins.update(previous, to: rank)
            }
        }
        return parts
    }

    /// Appends the tokens of the piece that was merged last.
    func appendParts(of piece: Range<Int>, in text: Span<UInt8>, to tokens: inout [Int]) {
        var start = 0
        while start < piece.count {
            let end = starts.next(after: start)
            let part = piece.lowerBound &+ start..<piece.lowerBound &+ end
            tokens.append(Int(Vocabulary.rank(of: part, in: text)))
            start = end
        }
    }
}
