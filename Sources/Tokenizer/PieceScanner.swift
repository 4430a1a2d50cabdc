// Finds where a piece of a text ends: tiktoken's pattern for o200k_base, by hand. The pattern's
// alternatives in their order, the first that matches wins (tiktoken 0.14.0, openai_public.py):
//
//   1  [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+CONTRACTION?
//   2  [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*CONTRACTION?
//   3  \p{N}{1,3}
//   4   ?[^\s\p{L}\p{N}]+[\r\n/]*
//   5  \s*[\r\n]+
//   6  \s+(?!\S)
//   7  \s+
//
// where CONTRACTION is (?i:'s|'t|'re|'ve|'m|'ll|'d). What a regex engine finds by backtracking
// follows here from the classes of the characters; the comments give the argument. A piece is
// never empty, and no character is looked at more than a few times, whatever the text.

/// The pattern that cuts texts into pieces.
enum PieceScanner {
    /// What may stand in the first part of a word, `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`.
    private static let head: CharacterClass = [.upper, .caseless, .mark]
    /// What may stand in the second part of a word, `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
    private static let tail: CharacterClass = [.lower, .caseless, .mark]
    private static let word: CharacterClass = [.upper, .lower, .caseless, .mark]
    private static let symbol: CharacterClass = [.other, .mark]
    private static let blank: CharacterClass = [.space, .lineBreak]

    /// Where the piece ends that starts at `start`, which must lie before the end of the text.
    static func end(of start: Int, in text: Span<UInt8>) -> Int {
        let first = ScannedCharacter(at: start, in: text)
        if first.kind == .lineBreak { return blankEnd(from: start, in: text) }
        if first.kind == .number { return numberEnd(from: first.next, in: text) }
        if first.kind == .mark { return markedEnd(after: first, in: text) }
        if word.contains(first.kind) { return wordEnd(from: start, in: text).contracted(in: text) }

        // A space or a symbol may lead a word: alternatives 1 and 2 come before 4 to 7, and one of
        // them matches wherever a letter or mark follows.
        let second = ScannedCharacter(at: first.next, in: text)
        if word.contains(second.kind) {
            return wordEnd(from: first.next, in: text).contracted(in: text)
        }
        if first.kind == .other { return symbolEnd(from: first.next, in: text) }
        if second.kind == .other && text[start] == UInt8(ascii: " ") {
            return symbolEnd(from: second.next, in: text)
        }
        return blankEnd(from: start, in: text)
    }

    // MARK: Alternatives 1 and 2

    /// The end of a word before its contraction.
    private struct WordEnd {
        let offset: Int
        /// Whether alternative 1 matched, not 2.
        let hasTail: Bool

        func contracted(in text: Span<UInt8>) -> Int {
            offset &+ contractionLength(at: offset, in: text)
        }
    }

    /// Matches `head* tail+`, or else `head+ tail*`, from a letter or mark.
    private static func wordEnd(from start: Int, in text: Span<UInt8>) -> WordEnd {
        var offset = start
        var bothEnd = start
        var character = ScannedCharacter(at: offset, in: text)
        while head.contains(character.kind) {
            offset = character.next
            if character.kind != .upper { bothEnd = offset }
            character = ScannedCharacter(at: offset, in: text)
        }
        if character.kind == .lower {
            repeat {
                offset = character.next
                character = ScannedCharacter(at: offset, in: text)
            } while tail.contains(character.kind)
            return WordEnd(offset: offset, hasTail: true)
        }
        // No lower case follows, so `head*` gives characters back until the last of them is one
        // that `tail+` takes too. It takes just that one: the next is upper case or no letter.
        if bothEnd > start { return WordEnd(offset: bothEnd, hasTail: true) }
        // Upper case only: alternative 2, whose `tail*` stays empty.
        return WordEnd(offset: offset, hasTail: false)
    }

    /// Matches from a mark, which may lead a word or be its first character.
    private static func markedEnd(after mark: ScannedCharacter, in text: Span<UInt8>) -> Int {
        // Alternative 1 with the mark as the leading character.
        if word.contains(ScannedCharacter(at: mark.next, in: text).kind) {
            let end = wordEnd(from: mark.next, in: text)
            if end.hasTail { return end.contracted(in: text) }
        }
        // Alternative 1 again, without a leading character. Upper case only follows, if any: so
        // `head*` gives all back but the mark, which `tail+` takes. Never alternative 2.
        return WordEnd(offset: mark.next, hasTail: true).contracted(in: text)
    }

    /// The length of the contraction at `offset`, or 0.
    private static func contractionLength(at offset: Int, in text: Span<UInt8>) -> Int {
        let room = text.count &- offset
        if room < 2 || text[offset] != UInt8(ascii: "'") { return 0 }
        let first = text[offset &+ 1]
        switch first | 0x20 {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
            return 2
        default:
            break
        }
        if room < 3 { return 0 }
        let second = text[offset &+ 2]
        // U+017F folds to s: the only character beyond ASCII that folds to one of these letters.
        if first == 0xC5 && second == 0xBF { return 3 }
        switch (first | 0x20, second | 0x20) {
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return 3
        default:
            return 0
        }
    }

    // MARK: Alternatives 3 to 7

    /// Alternative 3 after its first number: up to two more.
    private static func numberEnd(from start: Int, in text: Span<UInt8>) -> Int {
        let second = ScannedCharacter(at: start, in: text)
        if second.kind != .number { return start }
        let third = ScannedCharacter(at: second.next, in: text)
        return third.kind == .number ? third.next : second.next
    }

    /// Alternative 4 after its first symbol. `[\r\n/]*` needs no characters back from the symbols,
    /// which take slashes too.
    private static func symbolEnd(from start: Int, in text: Span<UInt8>) -> Int {
        var offset = start
        var character = ScannedCharacter(at: offset, in: text)
        while symbol.contains(character.kind) {
            offset = character.next
            character = ScannedCharacter(at: offset, in: text)
        }
        while offset < text.count {
            let byte = text[offset]
            if byte != 0x0A && byte != 0x0D && byte != UInt8(ascii: "/") { break }
            offset &+= 1
        }
        return offset
    }

    /// Alternatives 5 to 7, from a space or line break that leads nothing.
    private static func blankEnd(from start: Int, in text: Span<UInt8>) -> Int {
        var lineEnd = start
        var last = start
        var offset = start
        var character = ScannedCharacter(at: start, in: text)
        while blank.contains(character.kind) {
            last = offset
            offset = character.next
            if character.kind == .lineBreak { lineEnd = offset }
            character = ScannedCharacter(at: offset, in: text)
        }
        // 5: up to the last line break of the run.
        if lineEnd > start { return lineEnd }
        // 6: the whole run at the end of the text, else all but its last space, which leads what
        // follows. 7: a run of one.
        return character.kind == .end || last == start ? offset : last
    }
}
