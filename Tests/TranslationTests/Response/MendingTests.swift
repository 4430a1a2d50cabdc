// What is mended on the way to the client: halves of characters, arguments that are JSON but for a
// trifle, and code fences round an answer that was to be JSON. Each in every pair of pieces that it can
// be cut into.

import Testing

@testable import Translation

@Suite("Mending") struct MendingTests {
    /// The pieces that an escaped text can come in: whole, and cut in two between its escapes.
    static func cuts(_ text: String) -> [[String]] {
        let bytes = [UInt8](text.utf8)
        var cuts: [[String]] = [[text]]
        var index = 0
        while index < bytes.count {
            index += EscapedText.character(bytes.span, index).length
            guard index < bytes.count else { break }
            // Not within a character of several bytes.
            guard bytes[index] & 0xC0 != 0x80 else { continue }
            cuts.append(
                [bytes[..<index], bytes[index...]].map { String(decoding: $0, as: UTF8.self) })
        }
        var single: [String] = []
        index = 0
        while index < bytes.count {
            var end = index + EscapedText.character(bytes.span, index).length
            while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
            single.append(String(decoding: bytes[index..<end], as: UTF8.self))
            index = end
        }
        return cuts + [single]
    }

    // MARK: Halves of characters

    /// Escaped text, and what it is.
    static let halves: [(String, String)] = [
        (#"a\ud83d b"#, "a\u{FFFD} b"), (#"\ude00"#, "\u{FFFD}"), (#"\ud83d"#, "\u{FFFD}"),
        (#"\ud83d\ude00"#, "😀"), (#"\uD83D\uDE00x"#, "😀x"), (#"\ud83d\ud83d\ude00"#, "\u{FFFD}😀"),
        (#"\ude00\ud83d"#, "\u{FFFD}\u{FFFD}"), (#"\\ud83d"#, #"\ud83d"#),
        (#"\\\ud83d"#, "\\\u{FFFD}"), (#"é\ud83d\né"#, "é\u{FFFD}\né"),
        (#"\ud7ff\ue000"#, "\u{D7FF}\u{E000}"),
        (#"\ud83d\u0041"#, "\u{FFFD}A"),
    ]

    @Test(arguments: halves) func noHalfOfACharacterGoesOut(_ text: String, _ meant: String) {
        for pieces in Self.cuts(text) {
            let content = pieces.map { Upstream.text($0) }.joined() + Upstream.end()
            #expect(
                check(content, everySplit: false).outline == ["text:" + meant], "\(pieces)")
            let reasoning =
                pieces.map { Upstream.chunk(#"{"reasoning_content":"\#($0)"}"#) }.joined()
                + Upstream.end()
            #expect(
                check(reasoning, everySplit: false).outline == ["thinking:" + meant], "\(pieces)")
        }
    }

    @Test func halvesInNamesAreMended() {
        let call = Upstream.call(id: "c", name: #"a\ud83d"#, arguments: #""{}""#)
        let model = check(Upstream.calls(call) + Upstream.end("tool_calls"))
        #expect(model.outline == ["tool_use:c:a\u{FFFD}"])
    }

    @Test func halvesInSealedReasoningAreMended() {
        let stream =
            Upstream.details(Upstream.thought(#"a\ud83d"#))
            + Upstream.details(Upstream.thought(#"\ude00b\ud83d"#))
            + Upstream.text("x") + Upstream.end()
        let text = check(stream).details?[0]?["text"]?.string
        #expect(text == "a😀b\u{FFFD}")
    }

    @Test(arguments: halves) func noHalfOfACharacterGoesUpstream(
        _ text: String, _ meant: String
    ) throws {
        let body = try translate(
            #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"\#(text)"}]}"#
        ).body
        let content = JSONValue([UInt8](body.utf8))?["messages"]?[0]?["content"]?.string
        #expect(content == meant)
        let call = try translate(
            #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":"\#(text)"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}]}"#
        ).body
        let arguments =
            JSONValue([UInt8](call.utf8))?["messages"]?[1]?["tool_calls"]?[0]?["function"]?[
                "arguments"]?.string ?? ""
        #expect(JSONValue([UInt8](arguments.utf8))?["a"] == .string(meant))
    }

    // MARK: Arguments

    /// Arguments as a model writes them, and what they mean: both JSON, or nearly.
    static let arguments: [(String, String)] = [
        (#"{"a":1,}"#, #"{"a":1}"#), (#"{"a":1 , }"#, #"{"a":1}"#),
        (#"{"a":[1,2,],"b":{"c":3,},}"#, #"{"a":[1,2],"b":{"c":3}}"#),
        (#"{"a":",}"}"#, #"{"a":",}"}"#), (#"{"a":"x,]", "b":2}"#, #"{"a":"x,]","b":2}"#),
        (#"{"a":"\",}"}"#, #"{"a":"\",}"}"#), ("{\"a\":\"x\ny\"}", #"{"a":"x\ny"}"#),
        ("{\"a\":\"x\t\u{1}\r\"}", #"{"a":"x\t\u0001\r"}"#),
        ("{\"a\":\"x\\\ny\"}", #"{"a":"x\ny"}"#),
        ("{\n\t\"a\":\n1\n}", #"{"a":1}"#), (#"{"a":"\ud83d"}"#, #"{"a":"\ufffd"}"#),
        (#"{"a":"\ud83d\ude00"}"#, #"{"a":"😀"}"#),
        (#"{"a":"\ud83d\ud83d\ude00"}"#, #"{"a":"\ufffd😀"}"#),
        (#"{"a":"\ud83d\n"}"#, #"{"a":"\ufffd\n"}"#),
        (#"{"a":"\ud83d\u0041"}"#, #"{"a":"\ufffdA"}"#),
        (#"{"a":"\ude00x"}"#, #"{"a":"\ufffdx"}"#), (#"{"a":"\\ud83d"}"#, #"{"a":"\\ud83d"}"#),
        (#"{"a":"é\u00e9😀","b":[]}"#, #"{"a":"éé😀","b":[]}"#),
        (#"{"\ud83d":"\ud83d",}"#, #"{"\ufffd":"\ufffd"}"#),
    ]

    @Test(arguments: arguments) func argumentsThatAreNearlyJSONAreMended(
        _ text: String, _ meant: String
    ) {
        let expected = JSONValue([UInt8](meant.utf8))
        var escaped: [UInt8] = []
        escaped.append(jsonEscaping: text)
        for pieces in Self.cuts(String(decoding: escaped, as: UTF8.self)) {
            let head = Upstream.calls(Upstream.call(id: "c", name: "f", arguments: #""""#))
            let rest = pieces.map { Upstream.calls(Upstream.call(arguments: "\"\($0)\"")) }
            let model = check(
                head + rest.joined() + Upstream.end("tool_calls"), everySplit: false)
            #expect(model.inputs == [expected], "\(pieces)")
        }
    }

    @Test func argumentsWithOuterHalvesAreMended() {
        for pieces in Self.cuts(#"{\"a\":\"\ud83d\ude00\ud83d!\"}"#) {
            let head = Upstream.calls(Upstream.call(id: "c", name: "f", arguments: #""""#))
            let rest = pieces.map { Upstream.calls(Upstream.call(arguments: "\"\($0)\"")) }
            let model = check(
                head + rest.joined() + Upstream.end("tool_calls"), everySplit: false)
            #expect(model.inputs == [.object(["a": .string("😀\u{FFFD}!")])], "\(pieces)")
        }
    }

    @Test func argumentsInAStringWithinAStringAreMendedToo() {
        let call = Upstream.call(id: "c", name: "f", arguments: #""\"{\\\"a\\\":1,}\"""#)
        let model = check(Upstream.calls(call) + Upstream.end("tool_calls"))
        #expect(model.inputs == [.object(["a": .number("1")])])
    }

    @Test(arguments: [#"{\"a\":1,,}"#, #"{\"a\":}"#, #"{\"a\" 1,}"#, #"{'a':1}"#])
    func whatIsNoJSONStaysAFailure(_ arguments: String) {
        let call = Upstream.call(id: "c", name: "f", arguments: "\"\(arguments)\"")
        let translated = Translated(Upstream.calls(call) + Upstream.end("tool_calls"))
        switch translated.progress {
        case .failed, .failedMidStream: break
        case .waiting, .started, .finished, .empty: Issue.record("\(translated.progress)")
        }
    }

    // MARK: Fences

    /// Escaped text, and what is left of it.
    static let fences: [(String, String)] = [
        (#"```json\n{\"a\":1}\n```"#, #"{"a":1}"#), (#"```\n[1]\n```\n"#, "[1]"),
        (#"\n ```JSON \r\n{}\n```"#, "{}"), (#"{\"a\":\"```\"}"#, #"{"a":"```"}"#),
        (#"```json\n{\"a\":\"```\\n\"}\n````"#, #"{"a":"```\n"}"#), ("7", "7"),
        (#"``{}``"#, "``{}``"), (#"See ```json\n1\n```"#, "See ```json\n1\n```"),
        (#"```json\n{\n  \"a\": 1\n}"#, "{\n  \"a\": 1\n}"),
        (#"```json {\"a\":1} ```"#, #"```json {"a":1} ```"#),
    ]

    @Test(arguments: fences) func aFenceRoundAFormatThatWeAskedForIsTakenOff(
        _ text: String, _ meant: String
    ) {
        let setting = Setting.with { $0.facts.takesFenceOff = true }
        for pieces in Self.cuts(text) {
            let stream = pieces.map { Upstream.text($0) }.joined() + Upstream.end()
            let said = check(stream, setting: setting).content.compactMap { $0["text"]?.string }
            #expect(said.joined() == meant, "\(pieces)")
        }
        let untouched = check(Upstream.text(text) + Upstream.end()).content[0]["text"]?.string
        #expect(untouched == JSONValue([UInt8]("\"\(text)\"".utf8))?.string)
    }
}
