// Walks over the pieces of a text, in order. The pattern sets no limit on a piece (a megabyte of
// one letter is one piece), and a merge needs eight bytes of scratch for each of its bytes: so
// longer pieces are cut. Merges look no further than a token's length, so a cut changes the count
// by a token or two.

/// A place between two pieces of a text.
struct PieceCursor {
    /// 256 KiB: far above any word, and 2 MiB of scratch.
    static let pieceBytesMax = 1 << 18

    private var position = 0
    /// Where the piece ends that `position` is in: beyond it only while a long piece is dealt out.
    private var pieceEnd = 0

    /// The next piece, or nil at the end of the text.
    mutating func next(in text: Span<UInt8>) -> Range<Int>? {
        if position == pieceEnd {
            if position == text.count { return nil }
            pieceEnd = PieceScanner.end(of: position, in: text)
        }
        let start = position
        position = pieceEnd - start > Self.pieceBytesMax ? start + Self.pieceBytesMax : pieceEnd
        return start..<position
    }
}
