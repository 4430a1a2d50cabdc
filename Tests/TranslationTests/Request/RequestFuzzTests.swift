// What must hold for every input: no trap, valid JSON out or an error of ours, the same bytes for
// the same history.

import TestSupport
import Testing

@testable import Translation

@Suite struct RequestFuzzTests {
    /// Requests that reach every part of the translator.
    static let seeds: [String] =
        FieldFate.all.compactMap { FieldFateTests.sample($0) } + [
            CacheControlTests.session, UpstreamProfileTests.full,
            request(
                ##""system":[{"type":"text","text":"\##(MessageTranslationTests.billing)\nS"}],"tools":[{"name":"a b","description":"d","input_schema":{"type":"object","properties":{"x":{"$ref":"#/$defs/T"}},"$defs":{"T":{"anyOf":[{"type":"string"},{"type":["null","integer"]},{"$ref":"#/$defs/T"}]}}}}]"##,
                messages: #"""
                    [{"role":"user","content":[{"type":"text","text":"é\ud83d\ude00"},{"type":"hologram","content":[{"a":["text"]}]}]},
                    {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"\#(ReasoningTests.seal(ReasoningTests.item1))"},{"type":"tool_use","id":"cpx_a_3a","name":"a b","input":{"k":[1.50,"\u0000"]}}]},
                    {"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]},
                    {"role":"user","content":[{"type":"tool_result","tool_use_id":"cpx_a_3a","is_error":true,"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}},{"type":"text","text":"x"}]},{"type":"tool_result","tool_use_id":"none","content":"o"}]},
                    {"role":"assistant","content":"pre"}]
                    """#),
        ]

    static let targets: [RequestSettings] = [
        settings(), claude, gemini, settings(.deepseek, "deepseek-chat"), settings(.mistral, "m"),
        settings(.llamaCpp, "qwen3"), settings(.openai, "gpt-5"),
        settings(.openrouter, "deepseek/deepseek-v4") {
            $0.capabilities.images = false
            $0.capabilities.efforts = [.low]
            $0.capabilities.outputTokensMax = 5
        },
    ]

    /// Translates `bytes` for `target`; the output must be JSON and the error a 400.
    static func run(_ bytes: [UInt8], _ target: RequestSettings) -> [UInt8]? {
        var document = JSONDocument()
        do { try document.parse(bytes) } catch { return nil }
        var output: [UInt8] = []
        do {
            let outline = try RequestOutline(document)
            _ = try RequestTranslator.translate(
                document, outline: outline, settings: target, into: &output)
        } catch {
            #expect(error.status == 400 && error.type == .invalidRequest)
            return nil
        }
        var check = JSONDocument()
        do {
            // A tool's schema may be as deep as the request; the body puts it a little deeper.
            try check.parse(output, depthMax: JSONDocument.depthMax + 8)
        } catch {
            Issue.record("\(error): \(String(decoding: output, as: UTF8.self))")
        }
        return output
    }

    @Test func everySeedIsTranslatedForEveryUpstreamAndTwiceAlike() {
        for seed in Self.seeds {
            for target in Self.targets {
                #expect(
                    Self.run([UInt8](seed.utf8), target) == Self.run([UInt8](seed.utf8), target))
            }
        }
    }

    /// Changes that keep most texts JSON: values exchanged, members renamed, pieces repeated.
    static func mutate(_ text: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var document = JSONDocument()
        do { try document.parse(text) } catch { return text }
        var nodes: [JSONNode] = []
        collect(.root, document, &nodes)
        // From the back, so that what is before keeps its place.
        var chosen = (0..<Int.random(in: 1...2, using: &random)).map { _ in
            nodes[Int.random(in: 1..<nodes.count, using: &random)]
        }
        chosen.sort { document.literal($0).lowerBound > document.literal($1).lowerBound }
        var result = text
        var end = text.count
        for node in chosen {
            let range = document.literal(node)
            guard range.upperBound <= end else { continue }
            end = range.lowerBound
            // Mostly something of the same kind: it gets further in.
            let kind = document.kind(node)
            let alike = nodes.filter { document.kind($0) == kind }
            let replacement =
                Int.random(in: 0..<4, using: &random) == 0
                ? [UInt8](values[Int.random(in: 0..<values.count, using: &random)].utf8)
                : Array(
                    text[document.literal(alike[Int.random(in: 0..<alike.count, using: &random)])])
            result.replaceSubrange(range, with: replacement)
        }
        return result
    }

    static let values = [
        "null", "true", "0", "-1", "1e999", "99999999999999999999", "\"\"", "[]", "{}", "[[]]",
        "\"\\u0000\"", "\"\\ud800\"", "\"text\"", "\"tool_result\"", "\"tool_use\"", "\"system\"",
        "\"assistant\"", "\"a\"", "{\"type\":\"text\",\"text\":\"x\"}", "\"\\\\n\\n\"",
    ]

    static func collect(_ node: JSONNode, _ document: JSONDocument, _ nodes: inout [JSONNode]) {
        nodes.append(node)
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            nodes.append(key)
            collect(value, document, &nodes)
        }
        var elements = document.elements(of: node)
        while let element = document.next(&elements) { collect(element, document, &nodes) }
    }

    @Test(arguments: 0..<8)
    func mutatedRequestsNeverTrapAndAlwaysGiveJSON(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var translated = 0
        for _ in 0..<rounds(1000) {
            let text = Self.seeds.randomElement(using: &random) ?? ""
            let mutated = Self.mutate([UInt8](text.utf8), &random)
            let target = Self.targets.randomElement(using: &random) ?? claude
            if Self.run(mutated, target) != nil { translated += 1 }
        }
        // The mutations are worth something only if many get through.
        #expect(translated > rounds(200))
    }

    @Test func randomBytesNeverTrap() {
        var random = SplitMix64(seed: 99)
        for _ in 0..<rounds(2000) {
            var text = [UInt8]((Self.seeds.randomElement(using: &random) ?? "").utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) where !text.isEmpty {
                let index = Int.random(in: 0..<text.count, using: &random)
                text[index] = UInt8.random(in: 0...255, using: &random)
            }
            _ = Self.run(text, Self.targets.randomElement(using: &random) ?? claude)
        }
    }

    // MARK: Prefixes

    /// What stands before the end of `messages` in the body.
    static func prefix(_ body: [UInt8]) throws -> ArraySlice<UInt8> {
        var document = JSONDocument()
        try document.parse(body)
        let list = try #require(document.member(.root, "messages"))
        return body[..<(document.literal(list).upperBound - 1)]
    }

    @Test func eachTurnsBodyBeginsWithThatOfTheTurnBefore() throws {
        for target in Self.targets {
            var history: [String] = [
                #"{"role":"user","content":[{"type":"text","text":"<ctx>"},{"type":"text","text":"go"}]}"#,
                #"{"role":"system","content":"Environment"}"#,
            ]
            var before: [UInt8] = []
            for turn in 0..<30 {
                let tokens = 1000 + turn
                let text =
                    #"{"model":"m","max_tokens":\#(tokens),"stream":\#(turn % 2 == 0),"system":[{"type":"text","text":"\#(MessageTranslationTests.billing)"},{"type":"text","text":"S"}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"thinking":{"type":"enabled","budget_tokens":\#(2000 + turn)},"messages":[\#(history.joined(separator: ","))]}"#
                let body = try #require(Self.run([UInt8](text.utf8), target))
                let now = try Self.prefix(body)
                #expect(now.starts(with: before), "turn \(turn)")
                #expect(now.count > before.count)
                before = Array(now)
                let seal = ReasoningTests.seal(
                    #"{"type":"reasoning.text","text":"\#(turn)","signature":"s"}"#,
                    origin: String(decoding: target.upstreamModel, as: UTF8.self))
                history.append(
                    #"{"role":"assistant","content":[{"type":"thinking","thinking":"\#(turn)","signature":"\#(seal)"},{"type":"text","text":"t\#(turn)"},{"type":"tool_use","id":"a\#(turn)","name":"f","input":{"n":\#(turn).0}},{"type":"tool_use","id":"b\#(turn)","name":"f","input":{}}]}"#
                )
                history.append(
                    #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"b\#(turn)","content":[{"type":"text","text":"r"}]},{"type":"tool_result","tool_use_id":"a\#(turn)","content":"r"}\#(turn % 3 == 0 ? #",{"type":"text","text":"more"}"# : "")]}"#
                )
            }
        }
    }

    @Test func aMovingBreakpointChangesNothingButItself() throws {
        func body(_ marked: Int) throws -> String {
            let blocks = (0..<6).map { index in
                #"{"role":"\#(index % 2 == 0 ? "user" : "assistant")","content":[{"type":"text","text":"a"},{"type":"text","text":"\#(index)"\#(index == marked ? ",\(CacheControlTests.mark)" : "")}]}"#
            }
            return try messages("[\(blocks.joined(separator: ","))]", claude)
        }
        for marked in 0..<6 {
            #expect(try body(marked).replacing(",\(CacheControlTests.mark)", "") == body(-1))
        }
    }

    // MARK: Size

    /// Many times more of anything takes many times as long, not the square of it.
    @Test(.enabled(if: measuresTime)) func workGrowsWithTheRequestAndNoFaster() {
        let count = 20_000
        let call = { (id: Int) in #"{"type":"tool_use","id":"\#(id)","name":"f","input":{}}"# }
        let result = { (id: Int) in #"{"type":"tool_result","tool_use_id":"\#(id)","content":"r"}"#
        }
        let mark = CacheControlTests.mark
        let shapes: [String] = [
            (0..<count).map { #"{"role":"user","content":"\#($0)"}"# }.joined(separator: ","),
            (0..<count).map {
                #"{"role":"system","content":"\#($0)","clear_at":"next_user_message"}"#
            }
            .joined(separator: ",") + #",{"role":"user","content":"x"}"#,
            #"{"role":"assistant","content":[\#((0..<count).map(call).joined(separator: ","))]},{"role":"user","content":[\#((0..<count).reversed().map(result).joined(separator: ","))]}"#,
            #"{"role":"user","content":[\#((0..<count).map(result).joined(separator: ","))]}"#,
            #"{"role":"user","content":[\#(repeatElement(#"{"type":"image","source":{"type":"url","url":"u"},\#(mark)}"#, count: count).joined(separator: ","))]}"#,
            #"{"role":"user","content":[\#(repeatElement(#"{"type":"text","text":"u",\#(mark)}"#, count: count).joined(separator: ","))]}"#,
            #"{"role":"user","content":[\#((0..<count).map { #"{"type":"t\#($0)","x\#($0)":1}"# }.joined(separator: ",")),{"type":"text","text":"u"}]}"#,
        ]
        let clock = ContinuousClock()
        for shape in shapes {
            let text = [UInt8](request("", messages: "[\(shape)]").utf8)
            let time = clock.measure { #expect(Self.run(text, claude) != nil) }
            // A square of it would take minutes in a debug build.
            #expect(time < .seconds(20))
        }
    }
}

extension String {
    /// Every `target` replaced.
    func replacing(_ target: String, _ replacement: String) -> String {
        var rest = utf8[...]
        var result: [UInt8] = []
        let pattern = [UInt8](target.utf8)
        while !rest.isEmpty {
            if rest.starts(with: pattern) {
                result += replacement.utf8
                rest = rest.dropFirst(pattern.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
