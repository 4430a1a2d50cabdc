// The classes of characters that the pattern of o200k_base tells apart, and the character at a
// place of a text. Unicode 16.0.0, as in the regex engine under tiktoken; the table is made by
// Scripts/make-vocabulary.py.

import CVocabulary

/// A set of character classes. Every character is in exactly one class.
struct CharacterClass: OptionSet {
    let rawValue: UInt16

    /// Letters that are only upper case to the pattern: Lu, Lt.
    static let upper = CharacterClass(rawValue: 1 << 0)
    /// Letters that are only lower case to the pattern: Ll.
    static let lower = CharacterClass(rawValue: 1 << 1)
    /// Letters without case: Lm, Lo.
    static let caseless = CharacterClass(rawValue: 1 << 2)
    /// Mn, Mc, Me.
    static let mark = CharacterClass(rawValue: 1 << 3)
    /// Nd, Nl, No.
    static let number = CharacterClass(rawValue: 1 << 4)
    /// White space but for line breaks.
    static let space = CharacterClass(rawValue: 1 << 5)
    /// CR and LF.
    static let lineBreak = CharacterClass(rawValue: 1 << 6)
    /// Everything else, bad bytes too.
    static let other = CharacterClass(rawValue: 1 << 7)
    /// Not a character: the text ends here.
    static let end = CharacterClass(rawValue: 1 << 8)
}

/// A character of a text: its class, and where the next one begins.
struct ScannedCharacter {
    let kind: CharacterClass
    let next: Int

    /// The character at `offset`. A byte that is not part of valid UTF-8 is a character by itself.
    @inline(__always)
    init(at offset: Int, in text: Span<UInt8>) {
        if offset >= text.count {
            self.init(kind: .end, next: offset)
            return
        }
        let first = text[offset]
        if first < 0x80 {
            // SAFETY: block 0 is ASCII and has 128 classes.
            let bits = unsafe cvocabulary_class_blocks()[Int(first)]
            self.init(kind: CharacterClass(rawValue: UInt16(bits)), next: offset &+ 1)
        } else {
            self.init(beyondASCIIAt: offset, in: text)
        }
    }

    private init(kind: CharacterClass, next: Int) {
        self.kind = kind
        self.next = next
    }

    /// Unicode 16.0.0, table 3-7: the well-formed byte sequences.
    private init(beyondASCIIAt offset: Int, in text: Span<UInt8>) {
        let first = UInt32(text[offset])
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        if first >= 0xC2 && first < 0xF5 && offset &+ length <= text.count {
            var codePoint = first & (0x7F &>> UInt32(length))
            var valid = true
            for index in 1..<length {
                let byte = text[offset &+ index]
                valid = valid && byte & 0xC0 == 0x80
                codePoint = codePoint &<< 6 | UInt32(byte & 0x3F)
            }
            if length == 3 {
                valid = valid && codePoint >= 0x800 && codePoint &>> 11 != 0x1B
            } else if length == 4 {
                valid = valid && codePoint >= 0x10000 && codePoint <= 0x10FFFF
            }
            if valid {
                self.init(kind: Self.kind(of: Int(codePoint)), next: offset &+ length)
                return
            }
        }
        self.init(kind: .other, next: offset &+ 1)
    }

    private static func kind(of codePoint: Int) -> CharacterClass {
        // SAFETY: a code point is at most 0x10FFFF; the index has a byte for every 128 of them.
        let block = unsafe cvocabulary_class_index()[codePoint &>> 7]
        // SAFETY: the index names no block that does not exist; the tests read all of it.
        let bits = unsafe cvocabulary_class_blocks()[Int(block) &<< 7 | codePoint & 0x7F]
        return CharacterClass(rawValue: UInt16(bits))
    }
}
