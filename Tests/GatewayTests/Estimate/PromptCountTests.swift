// Counts of translated requests: what is counted, that steps are bounded, that the memo is right.

import TestSupport
import Testing
import Tokenizer
import Translation

@testable import Gateway

@Suite("Prompt counts") struct PromptCountTests {
    /// The measure of a chat-completions body, in steps of `step` units.
    private func measure(
        _ body: String, model: String = "openai/gpt-oss-120b", step: Int = PromptCount.stepWork,
        owner: UInt64 = 0, in space: inout CountingSpace
    ) throws -> (PromptMeasure, steps: Int) {
        var count = PromptCount(
            .body([UInt8](body.utf8)), model: [UInt8](model.utf8), owner: owner)
        for steps in 1...1_000_000 {
            var work = step
            if let measure = count.proceed(&space, work: &work) { return (measure, steps) }
        }
        throw Endless()
    }

    private struct Endless: Error {}

    private func tokens(_ body: String, model: String = "openai/gpt-oss-120b") throws -> Int {
        var space = CountingSpace(seed: 1)
        return try measure(body, model: model, in: &space).0.tokens
    }

    private func o200k(_ text: String) -> Int {
        var counter = TokenCounter()
        return counter.count([UInt8](text.utf8).span)
    }

    private func json(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.append(jsonString: text)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func user(_ content: String) -> String {
        #"{"messages":[{"role":"user","content":\#(content)}]}"#
    }

    // MARK: What is counted

    /// The prompt as the chat template of gpt-oss renders it, special tokens written out as one
    /// letter-free character that is a token by itself.
    @Test func gptOSSSeesItsTemplate() throws {
        let body = """
            {"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},
            {"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"read",
            "arguments":"{\\"path\\":\\"a\\"}"}}]},{"role":"tool","tool_call_id":"1","content":"x"}]}
            """
        let system = """
            system|You are ChatGPT, a large language model trained by OpenAI.
            Knowledge cutoff: 2024-06
            Current date: 2025-01-01

            Reasoning: medium

            # Valid channels: analysis, commentary, final. Channel must be included for every message.
            """
        // Every part between two special tokens, and the number of special tokens.
        let parts =
            system.split(separator: "|").map(String.init) + [
                "developer", "# Instructions\n\nBe brief.\n\n", "user", "Hi",
                "assistant to=functions.read", "commentary json", #"{"path":"a"}"#,
                "functions.read to=assistant", "commentary", "x", "assistant",
            ]
        let specials = 3 + 3 + 3 + 4 + 4 + 1
        let truth = parts.reduce(specials) { $0 + o200k($1) }
        let counted = try tokens(body)
        #expect(abs(counted - truth) <= 3, "\(counted) for \(truth)")
    }

    @Test func escapesAreUndone() throws {
        let text = "a\"b\\c\n\té\u{1F642}/ done"
        let escaped = #"a\"b\\c\n\t\u00e9\ud83d\ude42\/ done"#
        #expect(try tokens(user("\"\(escaped)\"")) == tokens(user(json(text))))
        #expect(try tokens(user(json(text))) - tokens(user("\"\"")) == o200k(text))
    }

    @Test(arguments: ["openai/gpt-oss-120b", "openai/gpt-5", "z-ai/glm-4.6"])
    func aLongTextHasTheTokensOfOneRead(model: String) throws {
        // Longer than any window, with escapes, so that it is unescaped in parts.
        let text = Self.longText
        let difference =
            try tokens(user(json(text)), model: model) - tokens(user("\"\""), model: model)
        #expect(difference == o200k(text))
    }

    private static let longText: String = {
        var generator = SplitMix64(seed: 5)
        let words = ["proxy\n", " \"quoted\"", "\t\tif", " x = 12345;", "中文字", "\u{1F642}", " the"]
        return (0..<30_000).map { _ in words.randomElement(using: &generator) ?? "" }.joined()
    }()

    @Test func toolsAreTypeScriptForOpenAIAndJSONForOthers() throws {
        let tool = """
            {"type":"function","function":{"name":"find","description":"Finds.\\nFast.","parameters":\
            {"type":"object","required":["path"],"properties":{"path":{"type":"string",\
            "description":"Where."},"depth":{"type":"integer","default":3},"kind":{"type":"string",\
            "enum":["a","b"]},"names":{"type":"array","items":{"type":"string"}},"options":\
            {"type":"object","required":["x"],"properties":{"x":{"type":"boolean"},"y":\
            {"type":["string","null"]}}},"either":{"oneOf":[{"type":"string"},{"type":"number"}]}}}}}
            """
        let rendered = """
            // Finds.
            Fast.
            type find = (_: {
            // Where.
            path: string,
            depth?: number, // default: 3,
            kind?: "a" | "b",
            names?: string[],
            options?: {
            x: boolean, y?: string | null},
            either?: string | number,
            }) => any;


            """
        var document = JSONDocument()
        try document.parse([UInt8](tool.utf8))
        let function = try #require(document.member(.root, "function"))
        let declaration = TypeScriptTools.declaration(of: function, in: document)
        #expect(String(decoding: declaration, as: UTF8.self) == rendered)

        let messages = #"{"messages":[{"role":"user","content":"Hi"}],"tools":["#
        let other = try tokens(messages + tool + "]}", model: "z-ai/glm-4.6")
        let without = try tokens(messages + "]}", model: "z-ai/glm-4.6")
        #expect(other - without >= o200k(tool))
    }

    @Test func reasoningCountsInThePresentTurnOnly() throws {
        func body(_ reasoning: String, then last: String) -> String {
            """
            {"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hm."\
            \(reasoning)},\(last)]}
            """
        }
        let thoughts = #","reasoning":"\#(String(repeating: "I think so. ", count: 50))""#
        let next = #"{"role":"user","content":"And?"}"#
        #expect(try tokens(body(thoughts, then: next)) == tokens(body("", then: next)))
        let result = #"{"role":"tool","tool_call_id":"1","content":"x"}"#
        #expect(try tokens(body(thoughts, then: result)) > tokens(body("", then: result)) + 150)
    }

    @Test func picturesCountByTheirSize() throws {
        func picture(_ data: String) -> String {
            user(
                #"[{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(data)"}}]"#)
        }
        // A PNG of 1 × 1 and the head of one of 1000 × 500.
        let small = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
        let large = "iVBORw0KGgoAAAANSUhEUgAAA+gAAAH0CAYAAAAfFcSJAAAADUlEQVR42mNk"
        let none = try tokens(user(#"[{"type":"text","text":""}]"#), model: "anthropic/claude")
        #expect(try tokens(picture(small), model: "anthropic/claude") == none + 1)
        #expect(try tokens(picture(large), model: "anthropic/claude") == none + 666)
        let hosted = try tokens(user(#"[{"type":"text","text":""}]"#), model: "openai/gpt-4o")
        #expect(try tokens(picture(large), model: "openai/gpt-4o") == hosted + 85 + 2 * 170)
        #expect(try tokens(picture("AAAA"), model: "openai/gpt-4o") == hosted + 1500)
    }

    // MARK: Steps and memo

    @Test(arguments: ["a", " ", "7", "\u{1F642}", "中", "=", "\n", "\\", "aB", "\u{301}"])
    func noStepIsLong(_ unit: String) throws {
        let text = String(repeating: unit, count: rounds(256 << 10) / unit.utf8.count)
        var count = PromptCount(
            .body([UInt8](user(json(text)).utf8)), model: [UInt8]("openai/gpt-5".utf8), owner: 0)
        var space = CountingSpace(seed: 1)
        var longest = 0
        while true {
            var work = PromptCount.stepWork
            let measure = count.proceed(&space, work: &work)
            longest = max(longest, PromptCount.stepWork - work)
            if measure != nil { break }
        }
        // A step, and the longest piece that may be begun at its end; reading comes first.
        let piece = 4 * TokenCounter.pieceBytesMax
        #expect(longest <= PromptCount.stepWork + piece)
    }

    @Test func stepsOfAnySizeGiveTheSameCount() throws {
        let body = user(json(Self.longText))
        var space = CountingSpace(seed: 1)
        let (whole, _) = try measure(body, step: .max, in: &space)
        for step in [1, 100, 5000] {
            var space = CountingSpace(seed: 2)
            let (parts, steps) = try measure(body, step: step, in: &space)
            #expect(parts == whole)
            #expect(steps > 1)
        }
    }

    @Test func whatWasCountedIsNotCountedAgain() throws {
        var space = CountingSpace(seed: 1)
        let history = #"{"role":"user","content":\#(json(Self.longText))}"#
        let more = #",{"role":"assistant","content":"Yes."},{"role":"user","content":"Go on."}"#
        let (first, steps) = try measure(#"{"messages":[\#(history)]}"#, in: &space)
        let (second, stepsOfSecond) = try measure(
            #"{"messages":[\#(history)\#(more)]}"#, in: &space)
        #expect(steps > 10)
        #expect(stepsOfSecond <= 3)
        #expect(second.tokens > first.tokens)
        var fresh = CountingSpace(seed: 2)
        #expect(try measure(#"{"messages":[\#(history)\#(more)]}"#, in: &fresh).0 == second)
    }

    @Test func whatOthersHaveSentIsCountedAsIfItWereNew() throws {
        var space = CountingSpace(seed: 1)
        let body = user(json(Self.longText))
        let (first, steps) = try measure(body, owner: 1, in: &space)
        let (second, stepsOfSecond) = try measure(body, owner: 2, in: &space)
        #expect(second == first && stepsOfSecond == steps)
        #expect(try measure(body, owner: 1, in: &space).steps < steps)
    }

    @Test func ownersAreToldApart() {
        func owner(_ credentials: [[UInt8]], seed: UInt64 = 1) -> UInt64 {
            TextHash.owner(credentials, seed: seed)
        }
        let names = [["a"], ["b"], ["a", "b"], ["ab"], ["", "ab"], ["b", "a"], [""], []]
        let owners = names.map { owner($0.map { Array($0.utf8) }) }
        #expect(Set(owners).count == names.count)
        #expect(owner([[1]]) == owner([[1]]))
        #expect(owner([[1]]) != owner([[1]], seed: 2))
    }

    @Test func theMemoForgetsWhatIsOld() {
        var memo = CountMemo()
        for hash in 0..<100_000 { memo.insert(hash, for: UInt64(hash)) }
        #expect(memo.count(of: 99_999) == 99_999)
        #expect(memo.count(of: 0) == nil)
        #expect(memo.entries <= 2 * 8192)
    }

    @Test func aBodyBeyondTheLimitIsNotCounted() {
        #expect(PromptCount.takes(4 << 20))
        #expect(!PromptCount.takes((4 << 20) + 1))
    }
}
