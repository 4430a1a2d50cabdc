// Walks over the pieces of a text, in order. The pattern sets no limit on a piece (a megabyte of
// one letter is one piece), and a merge needs eight bytes of scratch and some time for each of its
// bytes: so the pattern sees a window of the text, and a longer piece is cut at the window's end.
// Merges look no further than a token's length, so a cut changes the count by a few tokens.

/// A place between two pieces of a text.
struct PieceCursor {
    /// 16 KiB: far above any word, and less than two milliseconds of merging.
    static let pieceBytesMax = 1 << 14

    private(set) var position: Int

    init(at position: Int = 0) { self.position = position }

    /// The next piece, or nil at the end of the text.
    mutating func next(in text: Span<UInt8>) -> Range<Int>? {
        let start = position
        if text.count &- start <= Self.pieceBytesMax {
            if start == text.count { return nil }
            position = PieceScanner.end(of: start, in: text)
        } else {
            let window = text.extracting(start..<windowEnd(from: start, in: text))
            position = start &+ PieceScanner.end(of: 0, in: window)
        }
        return start..<position
    }

    /// The window's end, between two characters where the text is UTF-8.
    private func windowEnd(from start: Int, in text: Span<UInt8>) -> Int {
        var end = start &+ Self.pieceBytesMax
        for _ in 0..<3 where text[end] & 0xC0 == 0x80 { end &-= 1 }
        return end
    }
}
