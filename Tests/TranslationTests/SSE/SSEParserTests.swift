// The event-stream parser: the standard's rules, our two departures, and that chunk borders never
// matter.

import TestSupport
import Testing

@testable import Translation

@Suite struct SSEParserTests {
    /// Events as `name|data`, fed in pieces of the given sizes (the last one repeats).
    static func events(_ text: [UInt8], pieces: [Int] = [Int.max], max: Int = 1 << 20) -> [String] {
        var parser = SSEParser(eventBytesMax: max)
        var events: [String] = []
        func note() {
            events.append(
                String(decoding: parser.name, as: UTF8.self) + "|"
                    + String(decoding: parser.data, as: UTF8.self))
        }
        var start = 0
        var piece = 0
        while start < text.count {
            let end = Swift.min(text.count, start &+ Swift.min(pieces[piece], text.count))
            if piece + 1 < pieces.count { piece += 1 }
            let bytes = text.span.extracting(start..<end)
            var position = 0
            reading: while true {
                switch parser.next(in: bytes, from: &position) {
                case .event: note()
                case .needsMore: break reading
                case .tooLong: return events + ["too long"]
                }
            }
            start = end
        }
        while parser.finish() == .event { note() }
        return events
    }

    static let scripts: [(stream: String, events: [String])] = [
        ("", []),
        ("\n\n\n", []),
        ("data: a\n\n", ["|a"]),
        ("data:a\n\ndata:  b\n\n", ["|a", "| b"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", ["|a", "|b"]),
        ("data: a\r\rdata: b\r\r", ["|a", "|b"]),
        ("data: a\n\r\ndata: b\r\n\n", ["|a", "|b"]),
        (": comment\n\n:\n\ndata: a\n: inside\n\n", ["|a"]),
        ("\u{FEFF}data: a\n\n", ["|a"]),
        ("\n\u{FEFF}data: a\n\n", []),
        ("data: a\ndata: b\n\n", ["|a\nb"]),
        ("data\ndata\n\n", ["|\n"]),
        ("data\n\n", ["|"]),
        ("event: error\ndata: x\n\ndata: y\n\n", ["error|x", "|y"]),
        ("event: ping\n\ndata: y\n\n", ["|y"]),
        ("id: 7\nretry: 10\nunknown: x\ndata: a\n\n", ["|a"]),
        ("database: x\ndatax\n\n", []),
        ("data: a", ["|a"]),
        ("data: a\n", ["|a"]),
        ("event: error\ndata: {}", ["error|{}"]),
        ("data: {\"a\":\ndata: 1}\n\n", ["|{\"a\":\n1}"]),
        ("data: [{},\ndata: {}]\n\n", ["|[{},\n{}]"]),
        (
            "data: {\"a\":1}\ndata: {\"b\":2}\ndata: [DONE]",
            ["|{\"a\":1}", "|{\"b\":2}", "|[DONE]"]
        ),
        ("data: {\"a\":1} \r\ndata: {\"b\":2}\r\n", ["|{\"a\":1} ", "|{\"b\":2}"]),
        (
            "data: {\"text\":\"é😀 and more than eight bytes\"}\n\ndata: [DONE]\n\n",
            ["|{\"text\":\"é😀 and more than eight bytes\"}", "|[DONE]"]
        ),
        (String(repeating: ": OPENROUTER PROCESSING\n\n", count: 30) + "data: 1\n\n", ["|1"]),
    ]

    @Test(arguments: scripts.indices)
    func followsTheStandard(_ number: Int) {
        let (stream, events) = Self.scripts[number]
        #expect(Self.events([UInt8](stream.utf8)) == events)
    }

    @Test(arguments: scripts.indices)
    func chunkBordersDoNotMatter(_ number: Int) {
        let (stream, events) = Self.scripts[number]
        let bytes = [UInt8](stream.utf8)
        #expect(Self.events(bytes, pieces: [1]) == events)
        for split in 1..<max(2, bytes.count) {
            #expect(Self.events(bytes, pieces: [split, Int.max]) == events, "split at \(split)")
        }
        var random = SplitMix64(seed: UInt64(number))
        for _ in 0..<50 {
            let pieces = (0..<40).map { _ in Int.random(in: 1...9, using: &random) }
            #expect(Self.events(bytes, pieces: pieces) == events)
        }
    }

    @Test func findsLineEndsAtEveryAlignment() {
        for length in 0..<40 {
            let text = String(repeating: "x", count: length)
            for end in ["\n", "\r\n", "\r"] {
                let stream = "data: \(text)\(end)\(end)data: y\(end)\(end)"
                #expect(Self.events([UInt8](stream.utf8)) == ["|\(text)", "|y"])
            }
        }
    }

    @Test func limitsLinesAndEvents() {
        let line = [UInt8]("data: \(String(repeating: "x", count: 100))\n\n".utf8)
        #expect(Self.events(line, max: 106).count == 1)
        #expect(Self.events(line, max: 105) == ["too long"])
        #expect(Self.events(line, pieces: [7], max: 105) == ["too long"])
        let lines = [UInt8](String(repeating: "data: xxxxxxxxxx\n", count: 20).utf8)
        #expect(Self.events(lines, max: 100) == ["too long"])
        let comment = [UInt8](":".utf8) + [UInt8](repeating: 0x20, count: 1000)
        #expect(Self.events(comment, pieces: [50], max: 500) == ["too long"])
    }

    @Test func buffersTakeTurns() {
        var parser = SSEParser()
        var document = JSONDocument()
        for number in 0..<50 {
            let text = [UInt8]("data: {\"n\":\(number)}\n\n".utf8)
            var position = 0
            #expect(parser.next(in: text.span, from: &position) == .event)
            #expect((try? document.parse(exchanging: &parser.data)) != nil)
            #expect(document.member(.root, "n").flatMap { document.integer($0) } == number)
        }
    }

    @Test func noBytesWhateverMakeItTrap() {
        var random = SplitMix64(seed: 42)
        let alphabet = [UInt8]("data: {}[]\r\n\n:event\u{FEFF}".utf8)
        for _ in 0..<rounds(3000) {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let whole = Self.events(bytes)
            #expect(Self.events(bytes, pieces: [1]) == whole)
            let split = Int.random(in: 1...60, using: &random)
            #expect(Self.events(bytes, pieces: [split, 3]) == whole)
        }
    }
}
