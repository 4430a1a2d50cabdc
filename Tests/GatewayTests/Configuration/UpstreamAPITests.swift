import HTTP1
import Testing
import Translation

@testable import Gateway

@Suite("The API of an upstream") struct UpstreamAPITests {
    @Test(
        "Each API has its URL, whether the base has a version or not",
        arguments: [
            ("https://h/api/v1", UpstreamAPI.chat, "https://h/api/v1/chat/completions"),
            ("https://h/api/v1", .responses, "https://h/api/v1/responses"),
            ("https://h/api/v1", .messages, "https://h/api/v1/messages"),
            ("https://h", .messages, "https://h/v1/messages"),
            ("https://h/anthropic", .messages, "https://h/anthropic/v1/messages"),
        ])
    func urls(_ base: String, _ api: UpstreamAPI, _ url: String) throws {
        #expect(try UpstreamURL(parsing: base).url(of: api) == url)
    }

    @Test(
        "Without a setting it follows from upstream and model",
        arguments: [
            ("https://api.anthropic.com", "claude-opus-4-6", UpstreamAPI.messages),
            ("https://api.deepseek.com/anthropic", "deepseek-v4", .messages),
            ("https://api.deepseek.com", "deepseek-v4", .chat),
            ("https://api.openai.com/v1", "gpt-5.6", .responses),
            ("https://api.openai.com/v1", "gpt-5.3-codex", .responses),
            ("https://api.openai.com/v1", "o3-pro-2025-06-10", .responses),
            ("https://api.openai.com/v1", "gpt-5.2", .chat),
            ("https://api.openai.com/v1", "gpt-5.4-chat-latest", .chat),
            ("https://r.openai.azure.com/openai/v1", "deployment", .chat),
            ("https://openrouter.ai/api/v1", "openai/gpt-5.6", .chat),
        ])
    func automatic(_ url: String, _ model: String, _ api: UpstreamAPI) throws {
        var configuration = Configuration()
        configuration.upstreamURL = try UpstreamURL(parsing: url)
        let upstream = Upstream(configuration.upstreams[0])
        #expect(upstream.api(for: Array(model.utf8)) == api)
        // What is set is never left.
        for choice in [Configuration.UpstreamAPIChoice.chat, .responses, .messages] {
            configuration.upstreamAPI = choice
            let set = Upstream(configuration.upstreams[0])
            #expect(set.api(for: Array(model.utf8)).rawValue == choice.rawValue)
        }
    }

    @Test(
        "A base that ends in an endpoint is refused",
        arguments: [
            "https://h/v1/chat/completions", "https://h/v1/responses", "https://h/v1/messages/",
        ])
    func endpoints(_ url: String) {
        #expect(throws: InvalidValue.self) { try UpstreamURL(parsing: url) }
    }

    // MARK: What goes on of a request's head

    private func forwarded(_ fields: String, target: String = "/v1/messages") throws
        -> ForwardedFields
    {
        var decoder = RequestDecoder()
        let bytes = Array("POST \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)
        var position = 0
        guard case .head(let head) = try decoder.decode(bytes.span, from: &position) else {
            Issue.record("no head")
            return ForwardedFields()
        }
        return ForwardedFields(head)
    }

    @Test("Version, betas and what tells the client go on, and nothing else") func list() throws {
        let fields = try forwarded(
            "Anthropic-Version: 2026-10-21\r\nanthropic-beta: a,b\r\nX-App: cli\r\n"
                + "x-stainless-os: Linux\r\nx-claude-code-session-id: s\r\nx-api-key: secret\r\n"
                + "authorization: Bearer secret\r\ncookie: secret\r\nx-other: 1\r\nte: trailers\r\n"
                + "anthropic-workspace-id: w\r\nidempotency-key: i\r\n",
            target: "/v1/messages?a=b&beta=true")
        #expect(
            fields.lines == [
                "anthropic-version: 2026-10-21", "anthropic-beta: a,b", "x-app: cli",
                "x-stainless-os: Linux", "x-claude-code-session-id: s",
                "anthropic-workspace-id: w", "idempotency-key: i",
            ])
        #expect(fields.query == "a=b&beta=true")
        var again = fields
        again.dropIdempotencyKey()
        #expect(again.lines == Array(fields.lines.dropLast()))
    }

    @Test("A request without a version gets the first one") func version() throws {
        #expect(try forwarded("").lines == ["anthropic-version: 2023-06-01"])
        #expect(ForwardedFields().lines == ["anthropic-version: 2023-06-01"])
    }

    @Test("A query goes on as it is, unless it is long or odd") func query() throws {
        #expect(try forwarded("").query.isEmpty)
        #expect(try forwarded("", target: "/v1/messages?x=%20&y").query == "x=%20&y")
        let long = String(repeating: "x", count: 300)
        #expect(try forwarded("", target: "/v1/messages?\(long)").query.isEmpty)
    }

    @Test("Many fields, large ones and odd ones are bounded") func bounds() throws {
        let many = (0..<90).map { "x-stainless-\($0): v\r\n" }.joined()
        #expect(try forwarded(many).lines.count <= 41)
        let large = String(repeating: "x", count: 7000)
        let fields = try forwarded("anthropic-beta: \(large)\r\nx-app: \(large)\r\n")
        #expect(fields.lines.map(\.utf8.count).reduce(0, +) < 8 << 10)
        #expect(try forwarded("x-app: \u{E9}\r\n").lines == ["anthropic-version: 2023-06-01"])
    }
}
