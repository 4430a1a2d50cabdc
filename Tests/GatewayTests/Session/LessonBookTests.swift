// Lessons that outlive the process, and that one loop tells another.

import Testing
import Translation

@testable import Gateway

@Suite("Book of lessons") struct LessonBookTests {
    private func lesson(
        _ content: UpstreamLesson.Content, _ model: String = "m",
        until end: Duration = .seconds(3600)
    ) -> UpstreamLesson {
        UpstreamLesson(
            upstream: "https://a/v1", model: [UInt8](model.utf8), content: content, forgottenAt: end
        )
    }

    private static let contents: [UpstreamLesson.Content] = [
        .remedy(.dropImages), .remedy(.foldSystem), .remedy(.returnReasoning),
        .remedy(.dropPatterns), .remedy(.dropStrict), .remedy(.keepReasoning),
        .remedy(.stopReasoningWithTools), .remedy(.dropTopPBesideTemperature),
        .remedy(.dropReasoning), .remedy(.lowerMaxTokens(8192)), .remedy(.raiseMaxTokens(16)),
        .remedy(.dropParameter("top_k")), .remedy(.dropValue("temperature", [0x30, 0x2E, 0x35])),
        .remedy(.dropBetas("a-2025-01-01,b-2026-01-01")), .remedy(.dropBetas("")),
        .context(40_960, times: 2),
    ]

    @Test func everyLessonSurvivesARestart() throws {
        var book = LessonBook()
        for content in Self.contents { book.learn(lesson(content)) }
        let file = book.encoded(at: .zero, timeOfDay: .seconds(1_000_000))
        // Ten minutes later, after a boot.
        let read = try #require(
            LessonBook(encoded: file, at: .seconds(5), timeOfDay: .seconds(1_000_600)))
        #expect(read.lessons.map(\.content) == Self.contents)
        #expect(read.lessons.allSatisfy { $0.forgottenAt == .seconds(3005) })
        #expect(read.lessons.allSatisfy { $0.upstream == "https://a/v1" && $0.model == [0x6D] })
    }

    @Test func whatIsForgottenIsNotRead() throws {
        var book = LessonBook()
        book.learn(lesson(.remedy(.dropImages), until: .seconds(10)))
        book.learn(lesson(.remedy(.foldSystem), until: .seconds(100)))
        let file = book.encoded(at: .zero, timeOfDay: .seconds(1000))
        let read = try #require(
            LessonBook(encoded: file, at: .zero, timeOfDay: .seconds(1010)))
        #expect(read.lessons.map(\.content) == [.remedy(.foldSystem)])
        // A clock that was set back does not make it live longer than it was to.
        let early = try #require(LessonBook(encoded: file, at: .zero, timeOfDay: .zero))
        #expect(early.lessons.allSatisfy { $0.forgottenAt <= .seconds(3600) })
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"version":2,"lessons":[]}"#, #"{"version":1}"#,
        #"{"version":1,"lessons":[{}]}"#,
        #"{"version":1,"lessons":[{"upstream":"u","model":"m","until":9,"remedy":"no such"}]}"#,
        #"{"version":1,"lessons":[{"upstream":"u","model":"m","until":-9,"remedy":"no images"}]}"#,
    ])
    func aDamagedFileIsNone(_ text: String) {
        #expect(LessonBook(encoded: [UInt8](text.utf8), at: .zero, timeOfDay: .zero) == nil)
    }

    @Test func theBookIsBounded() {
        var book = LessonBook()
        for index in 0..<3000 {
            book.learn(lesson(.remedy(.dropParameter("p\(index)"))))
            book.learn(lesson(.remedy(.dropParameter("p\(index)"))))
        }
        #expect(book.lessons.count == 1024)
        #expect(book.lessons.last?.content == .remedy(.dropParameter("p2999")))
        #expect(
            book.encoded(at: .zero, timeOfDay: .zero).count < LessonBook.encodedBytesMax)
    }

    @Test func aLessonIsToldToOtherLoops() throws {
        let settings = [
            ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:9/v1"),
            ("CLAUDE_PROXY_UPSTREAM_PROFILE", "vllm"), ("OPENROUTER_API_KEY", "k"),
            ("OPENROUTER_MODEL", "vendor/m"),
        ]
        let request =
            #"{"model":"m","max_tokens":100,"top_k":5,"messages":[{"role":"user","content":"hi"}]}"#
        let one = try SessionDriver(settings)
        one.post("/v1/messages", request)
        one.respond(status: 400)
        one.upstream(
            #"{"error":{"message":"Unsupported parameter: 'top_k' is not supported.","param":"top_k","code":"unsupported_parameter"}}"#
        )
        one.upstreamEnds()
        #expect(one.taught.isEmpty, "nothing has helped yet")
        one.respond()
        one.upstream(Chunk.text("yes") + Chunk.end())
        #expect(one.taught.map(\.content) == [.remedy(.dropParameter("top_k"))])

        let other = try SessionDriver(settings)
        other.state.remember(one.taught, at: other.now)
        other.post("/v1/messages", request)
        let body = String(decoding: try #require(other.calls.last).body, as: UTF8.self)
        #expect(!body.contains("top_k"))
        other.respond()
        other.upstream(Chunk.text("yes") + Chunk.end())
        #expect(other.text.contains("x-claude-proxy-dropped: top_k\r\n"))
        other.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(other.text.contains(#""lessons":[{"model":"vendor/m","lessons":["no top_k"]}]"#))
    }
}
