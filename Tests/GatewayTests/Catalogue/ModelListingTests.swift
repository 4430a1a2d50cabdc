// GET /v1/models with a catalogue: what is listed, in pages, and that aliases resolve.

import Testing

@testable import Gateway

@Suite("Listed models") struct ModelListingTests {
    private static let list = """
        [{"id":"openai/gpt-oss-120b","name":"OpenAI: gpt-oss-120b","created":1754414231,
        "context_length":131072,"top_provider":{"max_completion_tokens":65536},
        "architecture":{"input_modalities":["text"]},"supported_parameters":["tools","reasoning"],
        "reasoning":{"supported_efforts":["low","medium","high"]}},
        {"id":"z-ai/glm-5","name":"Z.AI: GLM 5"},{"id":"gpt-5"},{"id":"claude-local"}]
        """

    private func driver(
        _ settings: [(key: String, value: String)] = []
    ) throws -> SessionDriver {
        let driver = try SessionDriver([("OPENROUTER_API_KEY", "sk-or-secret")] + settings)
        driver.state.catalogue = ModelCatalogueTests.catalogue(Self.list)
        return driver
    }

    private func get(_ path: String, _ driver: SessionDriver) -> String {
        driver.output = []
        driver.receive("GET \(path) HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 1\r\n\r\n")
        return driver.text
    }

    /// The ids in a listing, in order.
    private func ids(_ text: String) -> [String] {
        text.split(separator: #""type":"model","id":""#).dropFirst().map {
            String($0.prefix { $0 != "\"" })
        }
    }

    private let everything = [
        "claude-sonnet-4-5-20250929", "openai/gpt-oss-120b", "claude-openai/gpt-oss-120b",
        "z-ai/glm-5", "claude-z-ai/glm-5", "gpt-5", "claude-gpt-5", "claude-local",
        "claude-claude-local",
    ]

    @Test func theUpstreamsModelsAreListedAfterTheConfigured() throws {
        let text = get("/v1/models", try driver())
        #expect(ids(text) == everything)
        #expect(text.contains(#""has_more":false"#))
        #expect(
            text.contains(
                #""id":"openai/gpt-oss-120b","display_name":"OpenAI: gpt-oss-120b","created_at":"2025-08-05T17:17:11Z","lifecycle":"active","max_input_tokens":131072,"max_tokens":65536,"capabilities":{"#
            ))
        #expect(text.contains(#""image_input":{"supported":false}"#))
        #expect(text.contains(#""xhigh":{"supported":false}"#))
        // The id that answers report has the abilities of the model behind it.
        #expect(text.components(of: #""max_input_tokens":131072"#) == 3)
        #expect(text.components(of: #""capabilities":null"#) == 6)
    }

    @Test func aSettingChooses() throws {
        let text = get("/v1/models", try driver([("CLAUDE_PROXY_LISTED_MODELS", "z-ai/*,gpt-5")]))
        #expect(ids(text) == everything.filter { !$0.contains("local") })
    }

    @Test func pagesFollowOneAnother() throws {
        let driver = try driver()
        var seen: [String] = []
        var query = "?limit=4"
        for _ in 0..<3 {
            let text = get("/v1/models\(query)", driver)
            seen += ids(text)
            let last = try #require(seen.last)
            #expect(text.contains(#""last_id":"\#(last)""#))
            #expect(text.contains(#""has_more":\#(seen.count < everything.count)"#))
            query = "?limit=4&after_id=" + last.split(separator: "/").joined(separator: "%2F")
        }
        #expect(seen == everything)
        let back = get("/v1/models?before_id=gpt-5&limit=2", driver)
        #expect(ids(back) == ["z-ai/glm-5", "claude-z-ai/glm-5"])
        #expect(back.contains(#""has_more":true"#))
        #expect(ids(get("/v1/models?limit=1000&beta=true", driver)) == everything)
    }

    @Test(arguments: [
        "limit=0", "limit=1001", "limit=x", "after_id=no", "before_id=no",
        "after_id=gpt-5&before_id=gpt-5",
    ])
    func aPageThatCannotBeIsRefused(query: String) throws {
        let text = get("/v1/models?\(query)", try driver())
        #expect(text.hasPrefix("HTTP/1.1 400 "))
        #expect(text.contains("invalid_request_error"))
    }

    @Test(arguments: [
        "z-ai%2Fglm-5", "claude-z-ai%2Fglm-5", "claude-z-ai/glm-5", "claude-sonnet-4-5-20250929",
        "gpt-5",
    ])
    func oneModelIsFound(id: String) throws {
        let text = get("/v1/models/\(id)", try driver([("CLAUDE_PROXY_LISTED_MODELS", "x")]))
        #expect(text.hasPrefix("HTTP/1.1 200 "))
        #expect(text.contains(#""id":"\#(id.split(separator: "%2F").joined(separator: "/"))""#))
    }

    @Test(arguments: ["z-ai%2Fglm-9", "claude-nothing", "glm-5"])
    func anUnknownModelIsNot(id: String) throws {
        #expect(get("/v1/models/\(id)", try driver()).hasPrefix("HTTP/1.1 404 "))
    }

    @Test(arguments: [
        ("claude-z-ai/glm-5", "z-ai/glm-5"), ("claude-gpt-5", "gpt-5"), ("gpt-5", "gpt-5"),
        ("gpt-4", "openai/gpt-oss-120b"), ("claude-opus-5", "openai/gpt-oss-120b"),
        // A Claude id is the default model's, even if the upstream has one of that name.
        ("claude-local", "openai/gpt-oss-120b"), ("claude-claude-local", "claude-local"),
    ])
    func aliasesResolve(requested: String, asked: String) throws {
        let driver = try driver()
        driver.post(
            "/v1/messages",
            #"{"model":"\#(requested)","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#
        )
        let body = String(decoding: try #require(driver.calls.first).body, as: UTF8.self)
        #expect(body.hasPrefix(#"{"model":"\#(asked)","#))
    }
}
