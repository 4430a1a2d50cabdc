// The JSON tape: what it accepts and refuses (RFC 8259), how values read back, and that no input
// whatever makes it trap.

import TestSupport
import Testing

@testable import Translation

@Suite struct JSONDocumentTests {
    static func parse(_ text: String) throws(JSONError) -> JSONDocument {
        var document = JSONDocument()
        try document.parse([UInt8](text.utf8))
        return document
    }

    static func error(_ bytes: [UInt8]) -> JSONError? {
        var document = JSONDocument()
        do throws(JSONError) {
            try document.parse(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "null", " true ", "false", "0", "-0", "1", "-1", "10", "1.5", "1.50", "1e3", "1E+3", "1e-3",
        "0.1e1", "12345678901234567890", "\"\"", "\"a\"", "\"\\\"\"", "\"\\u00e9\"", "\"\\ud800\"",
        "\"\u{7F}\"", "\"é€😀\"", "[]", "[ ]", "{}", "{ }", "[1,2]", "[[],[[]],{}]", "{\"a\":1}",
        "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":[]}", "\t\r\n 1 \t\r\n", "{\"\":\"\"}",
        "{\"a\":1,\"a\":2}", "\"123456789\"", "\"1234567\\n\"", "\"12345678\\\\\"",
    ])
    func acceptsWhatTheStandardAllows(_ text: String) {
        #expect(Self.error([UInt8](text.utf8)) == nil)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5",
        "1e",
        "1e+", "0x1", "1 2", "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "'a'",
        "\"a\nb\"", "\"\u{00}\"", "\"1234567\u{1F}\"", "[", "]", "[1", "[1,", "[1,]", "[,1]",
        "[1 2]",
        "[1}", "{", "}", "{]", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":1", "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\",1}", "{\"a\":1]", "[1]]", "{}{}", "[] x",
        "\u{FEFF}1",
        "/* */1", "[1]//", "tru\u{65}\u{301}",
    ])
    func refusesWhatTheStandardForbids(_ text: String) {
        #expect(Self.error([UInt8](text.utf8)) != nil)
    }

    @Test func refusesInvalidUTF8WhereverItStandsInAString() {
        let bad: [[UInt8]] = [
            [0x80], [0xC3], [0xC0, 0xAF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xF0, 0x9F, 0x98], [0xFF], [0xC3, 0x28],
        ]
        for sequence in bad {
            for prefix in 0..<18 {
                let text =
                    [UInt8(ascii: "\"")] + [UInt8](repeating: 0x61, count: prefix) + sequence
                    + [UInt8](repeating: 0x62, count: prefix % 3) + [UInt8(ascii: "\"")]
                #expect(Self.error(text) == .invalidUTF8(offset: 1), "\(sequence) after \(prefix)")
            }
        }
    }

    @Test func findsTheEndOfAStringAtEveryAlignment() throws {
        for length in 0..<40 {
            let content =
                String(repeating: "é", count: length / 2)
                + String(repeating: "x", count: length % 9)
            let document = try Self.parse("[\"\(content)\",1]")
            var cursor = document.elements(of: .root)
            let first = try #require(document.next(&cursor))
            #expect(document.string(first) == content)
            #expect(document.next(&cursor).flatMap { document.integer($0) } == 1)
        }
    }

    @Test func readsMembersAndSkipsWhatIsNested() throws {
        let document = try Self.parse(
            #"{"a":{"x":[1,2,{"a":9}]},"b":[true,false],"c":"text","n":null,"a":7}"#)
        #expect(document.count(.root) == 5)
        let a = try #require(document.member(.root, "a"))
        #expect(document.integer(a) == 7, "the last of duplicate keys wins")
        let b = try #require(document.member(.root, "b"))
        #expect(document.count(b) == 2)
        var cursor = document.elements(of: b)
        #expect(document.next(&cursor).flatMap { document.bool($0) } == true)
        #expect(document.next(&cursor).flatMap { document.bool($0) } == false)
        #expect(document.next(&cursor) == nil)
        let c = try #require(document.member(.root, "c"))
        #expect(document.equals(c, "text") && !document.equals(c, "tex"))
        #expect(document.hasPrefix(c, "te") && !document.hasPrefix(c, "text2"))
        #expect(document.member(c, "anything") == nil)
        #expect(document.member(.root, "x") == nil)
    }

    @Test func comparesKeysWhateverTheirEscapes() throws {
        let document = try Self.parse(#"{"\u0074ype":"me\u0073sage"}"#)
        let type = try #require(document.member(.root, "type"))
        #expect(document.equals(type, "message"))
        #expect(document.hasPrefix(type, "mess"))
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("42", 42), ("-42", -42), ("1e3", 1000), ("2.0", 2),
        ("9223372036854775807", Int.max), ("-9223372036854775807", -Int.max),
    ])
    func readsWholeNumbers(_ text: String, _ value: Int) throws {
        let document = try Self.parse(text)
        #expect(document.integer(.root) == value)
    }

    @Test(arguments: [
        "1.5", "9223372036854775808", "1e400", "-1e400", "1e-3", "\"1\"", "null", "1e19",
    ])
    func givesNoIntegerForAnythingElse(_ text: String) throws {
        let document = try Self.parse(text)
        #expect(document.integer(.root) == nil)
    }

    @Test func copiesLiteralsByteForByte() throws {
        let text = #"{"n":1.50,"big":12345678901234567890,"s":"a\u00e9\/b","o":{"z":1, "a":2}}"#
        let document = try Self.parse(text)
        var output: [UInt8] = []
        var cursor = document.members(of: .root)
        while let member = document.next(&cursor) {
            output.append(document, member.value)
            output.append("|")
        }
        #expect(
            String(decoding: output, as: UTF8.self)
                == #"1.50|12345678901234567890|"a\u00e9\/b"|{"z":1, "a":2}|"#)
    }

    @Test func decodesEscapes() throws {
        let document = try Self.parse(#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00\ud83dx\ude00""#)
        #expect(
            document.string(.root) == "\"\\/\u{8}\u{C}\n\r\tAé😀\u{FFFD}x\u{FFFD}")
    }

    @Test func escapesWhatAStringCannotHold() throws {
        var output: [UInt8] = []
        let text = "a\"b\\c\n\r\t\u{0}\u{1F}\u{7F}é😀"
        output.append(jsonString: text)
        #expect(
            String(decoding: output, as: UTF8.self) == #""a\"b\\c\n\r\t\u0000\u001f"# + "\u{7F}é😀\""
        )
        var document = JSONDocument()
        try document.parse(output)
        #expect(document.string(.root) == text)
    }

    @Test(arguments: [0, 7, 10, 99, 100, -1, -100, Int.max, Int.min])
    func writesDecimals(_ value: Int) {
        var output: [UInt8] = []
        output.append(decimal: value)
        #expect(String(decoding: output, as: UTF8.self) == String(value))
    }

    @Test func limitsDepth() {
        let allowed = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(Self.error([UInt8](allowed.utf8)) == nil)
        let tooDeep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(Self.error(tooDeep) == .tooDeep(offset: 128))
    }

    @Test func limitsTheNumberOfValues() {
        let allowed = "[" + String(repeating: "1,", count: 2_000_000) + "1]"
        #expect(Self.error([UInt8](allowed.utf8)) == nil)
        let tooMany = "[" + String(repeating: "1,", count: 3_000_000) + "1]"
        #expect(Self.error([UInt8](tooMany.utf8)) == .tooManyValues)
    }

    @Test func reusesItsBuffers() throws {
        var document = JSONDocument()
        var text = [UInt8](#"{"a":1}"#.utf8)
        try document.parse(exchanging: &text)
        #expect(text.isEmpty)
        text = [UInt8](#"[2]"#.utf8)
        try document.parse(exchanging: &text)
        #expect(document.kind(.root) == .array)
        #expect(String(decoding: text, as: UTF8.self) == #"{"a":1}"#)
        #expect(document.takeBytes() == [UInt8]("[2]".utf8))
    }

    @Test func neverTrapsOnMutatedTextAndRereadsWhatItAccepts() {
        var random = SplitMix64(seed: 20261123)
        let seeds = [
            #"{"a":[1,-2.5e3,true,null,"x\u00e9\n"],"b":{"c":"é😀","d":[[],{}]}}"#,
            #"[{"role":"user","content":"hi"},{"k":"\\\"","n":0.1}]"#,
        ]
        var accepted = 0
        for round in 0..<rounds(30_000) {
            var bytes = [UInt8](seeds[round % seeds.count].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2:
                    bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: index)
                default: bytes.removeSubrange(index...)
                }
                if bytes.isEmpty { bytes = [0x20] }
            }
            var document = JSONDocument()
            guard (try? document.parse(bytes)) != nil else { continue }
            accepted += 1
            var copy: [UInt8] = []
            copy.append(document, .root)
            #expect(Self.error(copy) == nil)
            walk(document, .root)
        }
        #expect(accepted > rounds(1000))
    }

    private func walk(_ document: JSONDocument, _ node: JSONNode) {
        _ = document.integer(node)
        _ = document.string(node)
        var members = document.members(of: node)
        while let member = document.next(&members) {
            _ = document.unescaped(member.key)
            walk(document, member.value)
        }
        var elements = document.elements(of: node)
        while let element = document.next(&elements) { walk(document, element) }
    }
}
