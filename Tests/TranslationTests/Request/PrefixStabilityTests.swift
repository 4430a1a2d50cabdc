// The same history gives the same bytes, turn after turn: what prompt caches live on.

import Testing

@testable import Translation

@Suite("A growing session's prompt") struct PrefixStabilityTests {
    /// The elements of `messages` in a body, and the rest of the body before and after.
    private func taken(
        _ request: String, _ settings: RequestSettings
    ) throws -> (body: String, messages: Substring, tools: String, print: PromptFingerprint) {
        var settings = settings
        settings.takesFingerprint = true
        let translated = try translate(request, settings)
        var document = JSONDocument()
        try document.parse([UInt8](translated.body.utf8))
        let list = try #require(document.member(.root, "messages"))
        let literal = document.literal(list)
        let inner = String(
            decoding: document.bytes[literal.lowerBound + 1..<literal.upperBound - 1], as: UTF8.self
        )
        let tools = document.member(.root, "tools").map {
            String(decoding: document.bytes[document.literal($0)], as: UTF8.self)
        }
        return (
            translated.body, inner[...], tools ?? "",
            try #require(translated.request.fingerprint)
        )
    }

    /// The text without breakpoints, and with one-text lists as strings: what a model reads.
    private func read(_ text: some StringProtocol) -> String {
        String(text).replacing(#","cache_control":{"type":"ephemeral"}"#, with: "")
            .replacing(/\[\{"type":"text","text":("(?:[^"\\]|\\.)*")\}\]/) { String($0.1) }
    }

    @Test(arguments: [
        settings(), settings(.openai, "gpt-5"), settings(.vllm, "qwen3"),
        settings(.deepseek, "deepseek-chat"), settings(.mistral, "mistral-large"),
        settings(.generic, "x"),
    ])
    func growsByteByByte(settings: RequestSettings) throws {
        var session = GrowingSession()
        var last: Substring = ""
        var lastTools = ""
        for _ in 0..<GrowingSession.turnsMax {
            session.grow()
            let (body, messages, tools, _) = try taken(session.request, settings)
            #expect(messages.hasPrefix(last), "turn \(session.turns)")
            #expect(messages.count > last.count)
            #expect(session.turns == 1 || tools == lastTools)
            // Once more the same: nothing in a body comes from anywhere else.
            #expect(try translate(session.request, settings).body == body)
            (last, lastTools) = (messages, tools)
        }
    }

    /// Where breakpoints move, the bytes that a model reads stay.
    @Test(arguments: [claude, gemini, settings(.openrouter, "qwen/qwen3-max")])
    func growsButForItsBreakpoints(settings: RequestSettings) throws {
        var session = GrowingSession()
        var last = ""
        for _ in 0..<GrowingSession.turnsMax {
            session.grow()
            let (body, messages, _, _) = try taken(session.request, settings)
            let text = read(messages)
            #expect(text.hasPrefix(last), "turn \(session.turns)")
            #expect(1...4 ~= body.ranges(of: "cache_control").count)
            last = text
        }
    }

    @Test(arguments: [settings(), claude, settings(.vllm, "qwen3"), settings(.generic, "x")])
    func theFingerprintKnowsItForTheSame(settings: RequestSettings) throws {
        for marks in [GrowingSession.Marks.none, .moving] {
            var session = GrowingSession()
            session.marks = marks
            session.grow()
            var last = try taken(session.request, settings).print
            for _ in 1..<GrowingSession.turnsMax {
                session.grow()
                let print = try taken(session.request, settings).print
                #expect(print.divergence(from: last) == nil, "turn \(session.turns)")
                #expect(print.messages.count > last.messages.count)
                last = print
            }
        }
    }

    @Test func theFingerprintShowsWhereItIsAnother() throws {
        var session = GrowingSession()
        for _ in 0..<20 { session.grow() }
        let last = try taken(session.request, claude).print
        session.grow()
        var other = session
        other.system = String(repeating: "x", count: 3000)
        #expect(
            try taken(other.request, claude).print.divergence(from: last)
                == .message(index: 0, role: .system, offset: 0))
        other = session
        other.tools[1] = "Write"
        #expect(try taken(other.request, claude).print.divergence(from: last) == .tools)
        let changed = session.request.replacing("one 6", with: "won 6")
        let divergence = try #require(try taken(changed, claude).print.divergence(from: last))
        guard case .message(let index, .tool, 0) = divergence else {
            Issue.record("\(divergence)")
            return
        }
        #expect("\(divergence)" == "messages.\(index) (tool), its bytes 0 to 1023")
    }

    @Test func theFingerprintFindsTheKilobyte() throws {
        func print(_ text: String) throws -> PromptFingerprint {
            try taken(
                request(
                    "",
                    messages:
                        #"[{"role":"user","content":"\#(text)"},{"role":"assistant","content":"a"},{"role":"user","content":"b"}]"#
                ), settings()
            ).print
        }
        let text = String(repeating: "0123456789", count: 1000)
        let last = try print(text)
        for place in stride(from: 0, to: text.count, by: 777) {
            var changed = Array(text.utf8)
            changed[place] = UInt8(ascii: "x")
            let divergence = try print(String(decoding: changed, as: UTF8.self))
                .divergence(from: last)
            guard case .message(0, .user, let offset) = divergence else {
                Issue.record("\(String(describing: divergence))")
                continue
            }
            // The text begins after `{"role":"user","content":"`.
            #expect(offset == (place + 26) / 1024 * 1024)
        }
    }

    @Test func longPromptsAreCutOffNotWrong() throws {
        let text = String(repeating: "x", count: 5 << 20)
        let list =
            #"[{"role":"user","content":"a"},{"role":"assistant","content":"\#(text)"},{"role":"user","content":"b"}]"#
        let print = try taken(request("", messages: list), settings()).print
        #expect(print.messages.count == 1)
        #expect(print.divergence(from: print) == nil)
    }
}

@Suite("Breakpoints of ours") struct MadeUpMarksTests {
    private func marked(_ request: String, _ model: String) throws -> String {
        try translate(request, settings(.openrouter, model) { $0.addsCacheMarks = true }).body
    }

    @Test func fourStandWhereTheyServe() throws {
        var session = GrowingSession()
        session.marks = .none
        for _ in 0..<7 { session.grow() }
        let body = try marked(session.request, "anthropic/claude-opus-5")
        let mark = #","cache_control":{"type":"ephemeral"}"#
        #expect(body.ranges(of: mark).count == 4)
        #expect(body.contains(#""text":"You are Claude Code."\#(mark)}]}"#))
        #expect(body.contains(#"{"n":{"type":"number"}}}}\#(mark)}]"#))
        #expect(body.contains(#""text":"Next, 1.0e2 times."\#(mark)}"#))
        #expect(body.contains(#""text":"Go on."\#(mark)}"#))
        // The next turn reads what this one has written: one of its marks stands there.
        session.grow()
        let next = try marked(session.request, "anthropic/claude-opus-5")
        #expect(next.contains(#""text":"Go on."\#(mark)}"#))
        #expect(next.ranges(of: mark).count == 4)
    }

    @Test func theyAreOnlyForWhoNeedsThem() throws {
        var session = GrowingSession()
        session.marks = .none
        for _ in 0..<7 { session.grow() }
        for model in ["openai/gpt-oss-120b", "google/gemini-3-pro", "deepseek/deepseek-v4"] {
            #expect(try !marked(session.request, model).contains("cache_control"))
        }
        #expect(
            try marked(session.request, "qwen/qwen3-max").ranges(of: "cache_control").count == 4)
        #expect(try !translate(session.request, claude).body.contains("cache_control"))
        // A client that sets its own knows what it does.
        let own = request(
            #""system":"s""#,
            messages:
                #"[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]"#
        )
        #expect(try marked(own, "anthropic/x").ranges(of: "cache_control").count == 1)
    }

    @Test func plainTextsBecomeParts() throws {
        let body = try marked(
            request(#""system":"s""#, messages: #"[{"role":"user","content":"a"}]"#), "anthropic/x")
        let mark = #""cache_control":{"type":"ephemeral"}"#
        #expect(
            body.contains(
                #"[{"role":"system","content":[{"type":"text","text":"s",\#(mark)}]},{"role":"user","content":[{"type":"text","text":"a",\#(mark)}]}]"#
            ))
    }
}
