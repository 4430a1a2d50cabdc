// The table against what it was made from, and the look-up against the table.

import CVocabulary
import TestSupport
import Testing

@testable import Tokenizer

@Suite struct VocabularyTests {
    @Test func `the table holds the published vocabulary`() {
        // FNV-1a over the length and the bytes of every token in the order of ranks, computed from
        // o200k_base.tiktoken by an independent program.
        var digest: UInt64 = 0xCBF2_9CE4_8422_2325
        for token in tokenBytes {
            for byte in [UInt8(token.count)] + token {
                digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3
            }
        }
        #expect(tokenBytes.count == 199_998)
        #expect(digest == 0xC7BA_5F03_2878_1837)
    }

    @Test func `every token is found by its bytes`() {
        for (rank, token) in tokenBytes.enumerated() {
            let found = Vocabulary.rank(of: 0..<token.count, in: token.span)
            if found != rank { Issue.record("rank \(rank) of \(token) is found as \(found)") }
        }
    }

    @Test func `what is no token is absent`() {
        let tokens = Set(tokenBytes)
        var generator = SplitMix64(seed: 1)
        for token in tokenBytes {
            var near = token
            let index = Int.random(in: 0..<near.count, using: &generator)
            near[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            expectAbsent(near, unlessIn: tokens)
            expectAbsent(token + [token[0]], unlessIn: tokens)
            if token.count > 1 { expectAbsent(Array(token.dropLast()), unlessIn: tokens) }
        }
        for count in 129...300 {
            expectAbsent([UInt8](repeating: UInt8(ascii: " "), count: count), unlessIn: tokens)
        }
    }

    private func expectAbsent(_ bytes: [UInt8], unlessIn tokens: Set<[UInt8]>) {
        let rank = Vocabulary.rank(of: 0..<bytes.count, in: bytes.span)
        if rank != Vocabulary.absent && !tokens.contains(bytes) {
            Issue.record("\(bytes) is no token, but has the rank \(rank)")
        }
    }

    @Test func `a token is found wherever it stands in a text`() {
        // Near its end a text is read backwards: 0 to 9 bytes of room on both sides.
        for token in tokenBytes.indices.filter({ $0 % 97 == 0 }).map({ tokenBytes[$0] }) {
            for before in 0...9 {
                for after in 0...9 {
                    let text =
                        [UInt8](repeating: 0xAA, count: before) + token
                        + [UInt8](repeating: 0x55, count: after)
                    let range = before..<before + token.count
                    let rank = Vocabulary.rank(of: range, in: text.span)
                    #expect(rank < 199_998 && tokenBytes[Int(rank)] == token)
                }
            }
        }
    }

    @Test func `the table of pairs agrees with the look-up`() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let rank = Vocabulary.rank(of: 0..<2, in: [first, second].span)
                if rank != Vocabulary.rank(ofPair: first, second) {
                    Issue.record("\(first), \(second): \(rank)")
                }
            }
        }
    }

    @Test func `every byte is a token, so that every text has tokens`() {
        for byte in UInt8.min...UInt8.max {
            #expect(Vocabulary.rank(of: 0..<1, in: [byte].span) != Vocabulary.absent)
        }
    }
}
