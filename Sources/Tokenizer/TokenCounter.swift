// Counts tokens as OpenAI's o200k_base vocabulary makes them: the vocabulary of gpt-4o and gpt-5
// and, with other special tokens, of gpt-oss. For models of other makers the count is an estimate.
//
// A text is cut into pieces (PieceCursor, PieceScanner), a piece that is a token of the vocabulary
// counts one, any other is merged from its bytes (PieceMerger). No special tokens: a text that
// spells one is ordinary text. Texts need not be valid UTF-8: every bad byte is a character of its
// own that is neither letter, number nor space.

/// Counts the o200k_base tokens of texts.
///
/// Keep one and use it again: its scratch space grows with the longest piece met, to at most
/// about 150 KB, and then no count allocates.
package struct TokenCounter: ~Copyable {
    /// A piece ends at the latest after so many bytes. A text that is still growing can be counted
    /// up to this distance from its end.
    package static var pieceBytesMax: Int { PieceCursor.pieceBytesMax }

    private var merger = PieceMerger()

    /// A counter that has no scratch space yet.
    package init() {}

    /// The number of tokens of a text of UTF-8 bytes: exact, but for pieces longer than 16 KiB (one
    /// word or one run of symbols), which count as if they were cut there.
    package mutating func count(_ text: Span<UInt8>) -> Int {
        var position = 0
        var work = Int.max
        return count(text, from: &position, until: text.count, work: &work)
    }

    /// Counts a part of a text: whole pieces from `position`, which must be a border between two,
    /// until one begins at `end` or beyond, or `work` is used up. Leaves `position` behind the last
    /// piece; going on from there gives the rest of the count.
    ///
    /// - Parameter work: what may still be done, about a byte of English text or code a unit. It can
    ///   become negative, by less than the work of one piece (10 units a byte at most).
    package mutating func count(
        _ text: Span<UInt8>, from position: inout Int, until end: Int, work: inout Int
    ) -> Int {
        var tokens = 0
        var cursor = PieceCursor(at: position)
        while cursor.position < end, work > 0, let piece = cursor.next(in: text) {
            work &-= piece.count
            if Vocabulary.rank(of: piece, in: text) != Vocabulary.absent {
                tokens += 1
            } else {
                work &-= Self.mergeWork &* piece.count
                tokens += merger.merge(piece, of: text)
            }
        }
        position = cursor.position
        return tokens
    }

    /// What a byte that is merged costs more than one that is looked up in its word.
    private static var mergeWork: Int { 3 }

    /// The tokens themselves, each as its rank: what `count` counts.
    package mutating func encode(_ text: Span<UInt8>) -> [Int] {
        var tokens: [Int] = []
        var cursor = PieceCursor()
        while let piece = cursor.next(in: text) {
            let rank = Vocabulary.rank(of: piece, in: text)
            if rank != Vocabulary.absent {
                tokens.append(Int(rank))
            } else {
                _ = merger.merge(piece, of: text)
                merger.appendParts(of: piece, in: text, to: &tokens)
            }
        }
        return tokens
    }
}
