// A server that refuses what it does not take, each time in the words of another maker, and that nobody
// has described to the proxy. Whatever it refuses is learnt by one request, and never sent to it again.

import TestSupport
import Testing
import Translation

@testable import Gateway

@Suite("A dumb server") struct DumbServerTests {
    /// One thing that the server does not take.
    struct Refusal: Sendable {
        var name: String
        /// What a client has to send for it to come up.
        var request: String
        /// Whether the server refuses a body.
        var refuses: @Sendable (String) -> Bool
        var status = 400
        /// In the words of several servers.
        var words: [String]
    }

    private static func tool(_ members: String, _ property: String) -> String {
        #""tools":[{"name":"f",\#(members)"input_schema":{"type":"object","properties":{"a":{"type":"string"\#(property)}},"required":["a"],"additionalProperties":false}}]"#
    }

    private static let strictTool = tool(#""strict":true,"#, "")
    private static let patternTool = tool("", #","pattern":"^\\d+$""#)
    private static let user = #"{"role":"user","content":"hi"}"#

    private static func outputTokens(_ body: String) -> Int {
        guard let range = body.firstRange(of: "\"max_tokens\":") else { return 0 }
        return Int(body[range.upperBound...].prefix { $0.isNumber }) ?? 0
    }

    static let all: [Refusal] = [
        Refusal(
            name: "images",
            request:
                #""max_tokens":100,"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]"#,
            refuses: { $0.contains("image_url") },
            words: [
                "this model does not support image input",
                "unknown variant `image_url`, expected `text`",
                "At most 0 image(s) may be provided in one prompt.",
            ]),
        Refusal(
            name: "system in the middle",
            request:
                #""max_tokens":100,"messages":[\#(user),{"role":"system","content":"be brief"},\#(user)]"#,
            refuses: { body in
                body.firstRange(of: #""role":"user""#).map {
                    body[$0.upperBound...].contains(#""role":"system""#)
                } ?? false
            },
            words: [
                "System message must be at the beginning.", "invalid message role: system (2013)",
                "Unexpected role 'system' after role 'user'",
            ]),
        Refusal(
            name: "strict", request: #""max_tokens":100,"messages":[\#(user)],\#(strictTool)"#,
            refuses: { $0.contains(#""strict":true"#) },
            words: [
                "strict mode is not supported by this model", "Unrecognized field: `strict`",
                "This model does not support strict tool schemas",
            ]),
        Refusal(
            name: "patterns", request: #""max_tokens":100,"messages":[\#(user)],\#(patternTool)"#,
            refuses: { $0.contains("pattern") },
            words: [
                "Failed to initialize samplers: failed to parse grammar",
                "JSON schema conversion failed: unsupported pattern",
            ]),
        Refusal(
            name: "long answers", request: #""max_tokens":32000,"messages":[\#(user)]"#,
            refuses: { outputTokens($0) > 8192 },
            words: [
                "max_tokens is too large: 32000. This model supports at most 8192 completion tokens",
                "the valid range of max_tokens is [1, 8192]",
                "`max_tokens` must be less than or equal to `8192`",
            ]),
        Refusal(
            name: "short answers", request: #""max_tokens":1,"messages":[\#(user)]"#,
            refuses: { outputTokens($0) < 16 },
            words: [
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.",
                "max_tokens: must be at least 16",
            ]),
        Refusal(
            name: "top_k", request: #""max_tokens":100,"top_k":3,"messages":[\#(user)]"#,
            refuses: { $0.contains("top_k") },
            words: [
                "Unsupported parameter: 'top_k' is not supported with this model.",
                #"json: unknown field \"top_k\""#, "`top_k` is deprecated for this model.",
            ]),
        Refusal(
            name: "temperature",
            request: #""max_tokens":100,"temperature":0.3,"messages":[\#(user)]"#,
            refuses: { $0.contains("\"temperature\":0.3") },
            words: [
                "invalid temperature: only 1 is allowed for this model",
                "Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) value is supported.",
            ]),
        Refusal(
            name: "no reasoning",
            request:
                #""max_tokens":100,"thinking":{"type":"disabled"},"messages":[\#(user)]"#,
            refuses: { $0.contains(#""enabled":false"#) },
            words: ["Reasoning is mandatory for this endpoint and cannot be disabled."]),
    ]

    private func driver() throws -> SessionDriver {
        try SessionDriver([
            ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:9/v1"),
            ("CLAUDE_PROXY_UPSTREAM_PROFILE", "openrouter"), ("OPENROUTER_API_KEY", "k"),
            ("OPENROUTER_MODEL", "vendor/m"),
        ])
    }

    /// Sends a request and serves it by the server's rules. Returns how often each rule refused.
    private func serve(
        _ driver: SessionDriver, _ refusals: [Refusal], _ request: Refusal,
        _ random: inout SplitMix64
    ) throws -> [String: Int] {
        var refused: [String: Int] = [:]
        driver.output = []
        let calls = driver.calls.count
        driver.post("/v1/messages", #"{"model":"m",\#(request.request)}"#)
        while driver.calls.count <= calls + 4 {
            let body = String(decoding: try #require(driver.calls.last).body, as: UTF8.self)
            guard let refusal = refusals.first(where: { $0.refuses(body) }) else { break }
            refused[refusal.name, default: 0] += 1
            let before = driver.calls.count
            driver.respond(status: refusal.status)
            let words = refusal.words[random.below(refusal.words.count)]
            driver.upstream(#"{"error":{"message":"\#(words)","type":"invalid_request_error"}}"#)
            driver.upstreamEnds()
            guard driver.calls.count > before else { break }
        }
        if driver.records.isEmpty || driver.text.isEmpty {
            driver.respond()
            driver.upstream(Chunk.text("yes") + Chunk.end())
        }
        #expect(
            driver.text.hasPrefix("HTTP/1.1 200 "), "\(request.name): \(driver.text.prefix(600))")
        return refused
    }

    @Test(arguments: 0..<20) func isLearntByOneRequestEach(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        var refusals = Self.all.shuffled(using: &random)
        refusals = Array(refusals.prefix(2 + random.below(refusals.count - 1)))
        let driver = try driver()
        var asked: [String: Int] = [:]
        for _ in 0..<3 {
            for request in refusals.shuffled(using: &random) {
                for (name, count) in try serve(driver, refusals, request, &random) {
                    asked[name, default: 0] += count
                }
            }
        }
        #expect(asked.allSatisfy { $0.value == 1 }, "\(asked)")
        #expect(asked.count == refusals.count, "\(asked) of \(refusals.map(\.name))")
    }
}
