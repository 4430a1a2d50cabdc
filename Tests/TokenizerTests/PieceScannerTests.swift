// The pattern's corners, one by one: where pieces end and why. The vectors cover the same with
// tokens; these tell what is wrong when they fail.

import TestSupport
import Testing

@testable import Tokenizer

@Suite struct PieceScannerTests {
    private func pieces(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        var pieces: [String] = []
        var cursor = PieceCursor()
        while let piece = cursor.next(in: bytes.span) {
            pieces.append(String(decoding: bytes[piece], as: UTF8.self))
        }
        return pieces
    }

    @Test func `an empty text has no pieces`() {
        #expect(pieces("") == [])
    }

    @Test func `a space or symbol leads a word, a line break does not`() {
        #expect(pieces("Hello, (big)\nworld") == ["Hello", ",", " (", "big", ")\n", "world"])
        #expect(pieces("a-b _c\td\u{A0}e") == ["a", "-b", " _", "c", "\td", "\u{A0}e"])
    }

    @Test func `a word turns to lower case once`() {
        #expect(pieces("helloWorld") == ["hello", "World"])
        #expect(pieces("HTTPServer") == ["HTTPServer"])
        #expect(pieces("parseHTTPRequestNOW") == ["parse", "HTTPRequest", "NOW"])
        #expect(pieces("aǅbǅ") == ["a", "ǅb", "ǅ"])
    }

    @Test func `letters without case end a word of upper case where the last of them stands`() {
        #expect(pieces("A中B中C") == ["A中B中", "C"])
        #expect(pieces("A中B中Cd") == ["A中B中Cd"])
        #expect(pieces("中AAAA!") == ["中", "AAAA", "!"])
        #expect(pieces(" 中A") == [" 中", "A"])
    }

    @Test func `a mark leads a word only if lower case or a letter without case follows`() {
        #expect(pieces("\u{301}Ab") == ["\u{301}Ab"])
        #expect(pieces("\u{301}AB") == ["\u{301}", "AB"])
        #expect(pieces("\u{301}A中B") == ["\u{301}A中", "B"])
        #expect(pieces("\u{301}\u{301}A") == ["\u{301}\u{301}", "A"])
        #expect(pieces("\u{301}1") == ["\u{301}", "1"])
        #expect(pieces("(\u{301}A") == ["(\u{301}", "A"])
    }

    @Test func `contractions belong to the word before them`() {
        #expect(pieces("it's we'LL I'Ve y'all") == ["it's", " we'LL", " I'Ve", " y", "'all"])
        #expect(pieces("a'sb A'd B'm'T") == ["a's", "b", " A'd", " B'm", "'T"])
        #expect(pieces("x'\u{17F} x'r x'l x'") == ["x'\u{17F}", " x", "'r", " x", "'l", " x", "'"])
        #expect(pieces("中's A\u{301}'re \u{301}'s") == ["中's", " A\u{301}'re", " \u{301}'s"])
        #expect(pieces("1's") == ["1", "'s"])
    }

    @Test func `numbers are cut into threes and never led`() {
        #expect(pieces("12345678") == ["123", "456", "78"])
        #expect(pieces(" 12-3") == [" ", "12", "-", "3"])
        #expect(pieces("1٢Ⅷ½") == ["1٢Ⅷ", "½"])
    }

    @Test func `symbols take one space before and line breaks and slashes after`() {
        #expect(pieces(" --") == [" --"])
        #expect(pieces("  --\n\n/\r\n x") == [" ", " --\n\n/\r\n", " x"])
        #expect(pieces("();\n\n  y") == ["();\n\n", " ", " y"])
        #expect(pieces("\t(\u{3000}(") == ["\t", "(", "\u{3000}", "("])
        #expect(pieces("((\u{301}a") == ["((\u{301}", "a"])
    }

    @Test func `a run of blanks ends at its last line break`() {
        #expect(pieces("a \n \r\n  b") == ["a", " \n \r\n", " ", " b"])
        #expect(pieces("\n\n\tb") == ["\n\n", "\tb"])
        #expect(pieces("\n ") == ["\n", " "])
    }

    @Test func `a run of blanks leaves its last to what follows, but not at the end`() {
        #expect(pieces("a    b") == ["a", "   ", " b"])
        #expect(pieces("a    1") == ["a", "   ", " ", "1"])
        #expect(pieces("a    ") == ["a", "    "])
        #expect(pieces("\t\u{3000} b") == ["\t\u{3000}", " b"])
    }

    @Test func `bad bytes are symbols`() {
        let bytes: [UInt8] = [0x61, 0xFF, 0xC3, 0x62, 0x20, 0xE4, 0xB8]
        var cursor = PieceCursor()
        var ends: [Int] = []
        while let piece = cursor.next(in: bytes.span) { ends.append(piece.upperBound) }
        #expect(ends == [1, 3, 4, 7])
    }

    @Test func `pieces are never empty and join to the text, whatever the bytes`() {
        var generator = SplitMix64(seed: 2)
        // Bytes that make many short sequences of every class, good and bad.
        let alphabet = Array("aA'sl1 \n\r/-\t中\u{301}ǅʰ\u{A0}٣😀".utf8) + [0xFF, 0xC3, 0xE4, 0xF0]
        for _ in 0..<rounds(20_000) {
            let count = Int.random(in: 1...24, using: &generator)
            let bytes = (0..<count).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            var cursor = PieceCursor()
            var position = 0
            while let piece = cursor.next(in: bytes.span) {
                #expect(piece.lowerBound == position && !piece.isEmpty)
                position = piece.upperBound
            }
            #expect(position == count)
        }
    }
}
