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
/// about 2 MB, and then no count allocates.
package struct TokenCounter: ~Copyable {
    private var merger = PieceMerger()

    /// A counter that has no scratch space yet.
    package init() {}

    /// The number of tokens of a text of UTF-8 bytes: exact, but for pieces longer than 256 KiB (one
    /// word or one run of symbols), which count as if they were cut there.
    package mutating func count(_ text: Span<UInt8>) -> Int {
        var tokens = 0
        var cursor = PieceCursor()
        while let piece = cursor.next(in: text) {
            if Vocabulary.rank(of: piece, in: text) != Vocabulary.absent {
                tokens += 1
            } else {
                tokens += merger.merge(piece, of: text)
            }
        }
        return tokens
    }

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
