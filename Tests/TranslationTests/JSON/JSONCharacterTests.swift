// Which bytes a string may hold: exactly those that the standard library takes for UTF-8.
import TestSupport
import Testing
import Translation

@Suite("Characters in JSON strings") struct JSONCharacterTests {
    /// Bytes at the edges of the ranges of Unicode's table 3-7, where validators go wrong.
    private static let edges: [UInt8] = [
        0x20, 0x61, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
        0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]

    private func expectAgreement(_ content: [UInt8]) {
        var document = JSONDocument()
        let isTaken = (try? document.parse([0x22] + content + [0x22])) != nil
        #expect(isTaken == (String(validating: content, as: UTF8.self) != nil), "\(content)")
    }

    @Test func agreesOnAllThreeBytesAtTheEdges() {
        for first in Self.edges {
            for second in Self.edges {
                expectAgreement([first, second])
                for third in Self.edges { expectAgreement([first, second, third]) }
            }
        }
    }

    @Test func agreesOnFourBytesAtTheEdges() {
        for lead in [0xF0, 0xF1, 0xF3, 0xF4, 0xF5] as [UInt8] {
            for second in Self.edges {
                for third in Self.edges where third >= 0x7F {
                    for fourth in [0x7F, 0x80, 0xBF, 0xC0] as [UInt8] {
                        expectAgreement([lead, second, third, fourth])
                    }
                }
            }
        }
    }

    @Test func agreesWhereverCharactersStandInWords() {
        var random = SplitMix64(seed: 38)
        let pieces = ["a", "plain ascii text", "é", "‘", "漢字", "😀", "\u{7FF}", "\u{FFFF}"]
        for _ in 0..<4000 {
            var content = [UInt8](
                (0..<8).map { _ in pieces[random.below(pieces.count)] }.joined().utf8)
            if random.below(2) == 0 {
                content[random.below(content.count)] = Self.edges[random.below(Self.edges.count)]
            }
            expectAgreement(content)
        }
    }
}
