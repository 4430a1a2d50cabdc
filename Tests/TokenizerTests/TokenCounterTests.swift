// Tokens against those that tiktoken makes, and what must hold for every text.

import Glibc
import TestSupport
import Testing

@testable import Tokenizer

@Suite struct TokenCounterTests {
    @Test func `texts have the tokens that tiktoken makes`() {
        var counter = TokenCounter()
        #expect(Vector.all.count == 603)
        for vector in Vector.all {
            let text = String(decoding: vector.text, as: UTF8.self)
            #expect(counter.encode(vector.text.span) == vector.tokens, "\(text)")
            #expect(counter.count(vector.text.span) == vector.tokens.count, "\(text)")
        }
    }

    @Test func `a text has the same tokens wherever it lies in memory`() {
        var counter = TokenCounter()
        for vector in Vector.all where vector.text.count < 80 {
            for room in [1, 7, 8] {
                let padding = [UInt8](repeating: UInt8(ascii: "x"), count: room)
                let bytes = padding + vector.text + padding
                let span = bytes.span.extracting(room..<bytes.count - room)
                #expect(counter.encode(span) == vector.tokens)
            }
        }
    }

    /// Counts by tiktoken 0.14.0.
    @Test(arguments: [
        ("a", 100_000, 12_500), (" ", 100_000, 782), ("\n", 10_000, 625), ("=", 50_000, 781),
        ("ab", 50_000, 25_000), ("A", 30_000, 3_750), ("é", 20_000, 20_000),
        ("中", 20_000, 20_000), ("-=", 8_000, 1_004), ("\u{301}", 5_000, 5_000),
        ("xyzzy", 3_000, 6_000), ("/", 40_000, 625), ("🙂", 5_000, 5_000),
    ])
    func `long pieces have as many tokens as tiktoken makes`(
        unit: String, times: Int, tokens: Int
    ) {
        let text = Array(String(repeating: unit, count: times).utf8)
        var counter = TokenCounter()
        #expect(counter.count(text.span) == tokens)
    }

    /// Counts by tiktoken 0.14.0 of pieces that are cut here.
    @Test(arguments: [("-=", 40_000, 5_004), ("xyzzy", 20_000, 40_000)])
    func `each cut of a piece costs four tokens at most`(unit: String, times: Int, tokens: Int) {
        let text = Array(String(repeating: unit, count: times).utf8)
        let cuts = text.count / PieceCursor.pieceBytesMax
        var counter = TokenCounter()
        let counted = counter.count(text.span)
        #expect(counted >= tokens && counted <= tokens + 4 * cuts)
    }

    @Test func `a counter that has met long pieces counts short ones as before`() {
        var used = TokenCounter()
        _ = used.count([UInt8](repeating: UInt8(ascii: "q"), count: 5_000).span)
        for vector in Vector.all.reversed() {
            #expect(used.encode(vector.text.span) == vector.tokens)
        }
    }

    @Test func `the tokens of any bytes join to these bytes`() {
        var generator = SplitMix64(seed: 3)
        var counter = TokenCounter()
        for round in 0..<rounds(2_000) {
            let count = Int.random(in: 0...300, using: &generator)
            var bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            if round % 2 == 1 {
                // Good text with a few bad bytes.
                bytes = Vector.all[round % Vector.all.count].text
                for _ in 0..<3 where !bytes.isEmpty {
                    let index = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
                }
            }
            let tokens = counter.encode(bytes.span)
            #expect(tokens.flatMap { tokenBytes[$0] } == bytes)
            #expect(counter.count(bytes.span) == tokens.count)
        }
    }

    @Test func `a piece beyond the limit counts as if cut there`() {
        let limit = PieceCursor.pieceBytesMax
        // Eight letters make a token, so the first cut falls between tokens; then 5 are left.
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: limit + 5)
        let rest: [UInt8] = Array("aaaaa".utf8)
        var counter = TokenCounter()
        let tokensOfRest = counter.count(rest.span)
        #expect(counter.count(text.span) == limit / 8 + tokensOfRest)
        #expect(counter.encode(text.span).count == limit / 8 + tokensOfRest)
    }

    @Test(
        .enabled(if: measuresTime),
        arguments: [
            ("", "a"), ("", " "), ("", "="), ("", "xk"), ("", "aB"), ("", "中"), ("", "\u{301}"),
            ("", " \n"), ("\n", " "), ("中", "A"), ("\u{301}", "A"), (" ", "\u{FF}"),
        ])
    func `no text takes more than near-linear time`(start: String, unit: String) {
        // Eight times the text: about ten times the work if it is n log n, 64 times if quadratic.
        let short = cost(of: Array((start + String(repeating: unit, count: 16_384)).utf8))
        let long = cost(of: Array((start + String(repeating: unit, count: 131_072)).utf8))
        #expect(long < short * 28)
    }

    /// The least processor time of three counts, after one that makes the scratch space.
    private func cost(of text: [UInt8]) -> Int {
        var counter = TokenCounter()
        _ = counter.count(text.span)
        return (0..<3).reduce(.max) { least, _ in
            let start = threadNanoseconds()
            _ = counter.count(text.span)
            return min(least, threadNanoseconds() - start)
        }
    }

    /// The time that this thread has run: it stands still while others have the processor.
    private func threadNanoseconds() -> Int {
        var time = timespec()
        // SAFETY: the clock exists, and the call writes one timespec.
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
