// The table of upstream failures: status, type, retry headers, wording, and what may help.

import TestSupport
import Testing

@testable import Translation

@Suite struct UpstreamErrorReaderTests {
    static let reader = UpstreamErrorReader(
        inputTokensEstimate: 150_000, maxTokens: 32_000,
        secret: [UInt8]("sk-or-v1-0123456789".utf8),
        nowMilliseconds: 1_790_000_000_000)

    static func read(
        _ status: Int, _ body: String, retryAfter: String? = nil, reset: String? = nil
    ) -> UpstreamFailure {
        reader.read(
            status: status,
            headers: .init(retryAfter: retryAfter, rateLimitReset: reset),
            body: [UInt8](body.utf8))
    }

    /// OpenRouter's envelope.
    static func openRouter(_ code: Int, _ message: String, _ more: String = "") -> String {
        #"{"error":{"code":\#(code),"message":"\#(message)"\#(more)},"user_id":"u"}"#
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var http: Int
        var body: String
        var status: Int
        var type: APIErrorType
        var message: String
        var shouldRetry: Bool?
        var testDescription: String { "\(http) \(body.prefix(80))" }

        init(
            _ http: Int, _ body: String, _ status: Int, _ type: APIErrorType, _ message: String,
            shouldRetry: Bool? = nil
        ) {
            self.http = http
            self.body = body
            self.status = status
            self.type = type
            self.message = message
            self.shouldRetry = shouldRetry
        }
    }

    static let key = "The upstream refused the proxy's own key: "
    static let check = ". Check OPENROUTER_API_KEY in the proxy's configuration."

    static let rows: [Row] = [
        // Requests.
        Row(400, openRouter(400, "Bad x"), 400, .invalidRequest, "Bad x"),
        Row(412, openRouter(412, "No"), 400, .invalidRequest, "No"),
        Row(
            422, #"{"detail":[{"loc":["body"],"msg":"field required"},{"msg":"b"}]}"#, 400,
            .invalidRequest, "field required; b"),
        Row(
            400, #"{"object":"error","message":"bad role","type":"BadRequestError","code":400}"#,
            400, .invalidRequest, "bad role"),
        Row(400, #"{"detail":"Not so"}"#, 400, .invalidRequest, "Not so"),
        Row(400, #"{"error":"plain"}"#, 400, .invalidRequest, "plain"),
        Row(
            400, #"{"error":{"message":"{\"error\":{\"message\":\"inner\"}}"}}"#, 400,
            .invalidRequest, "inner"),
        Row(
            400, openRouter(400, "Wrong door", #","availability":{"code":"wrong_endpoint"}"#), 400,
            .invalidRequest, "Wrong door"),
        Row(
            400, openRouter(400, "too long", #","metadata":{"error_type":"string_too_long"}"#), 400,
            .invalidRequest, "too long"),
        Row(
            400,
            #"{"error":{"message":"Invalid 'id': string too long. Expected a prompt token "#
                + #"of 40","code":"string_above_max_length"}}"#, 400, .invalidRequest,
            "Invalid 'id': string too long. Expected a prompt token of 40"),
        Row(409, "{}", 409, .conflict, "The upstream answered HTTP 409 without saying why."),
        Row(
            413, openRouter(413, "Big", #","metadata":{"error_type":"payload_too_large"}"#), 413,
            .requestTooLarge, "Big"),
        // The provider's own words.
        Row(
            400,
            openRouter(
                400, "Provider returned error",
                #","metadata":{"provider_name":"Acme","raw":"{\"error\":{\"message\":\"no dice\"}}"}"#
            ),
            400, .invalidRequest, "Acme: no dice"),
        Row(
            400,
            openRouter(
                400, "Provider returned error",
                #","metadata":{"provider_name":"Acme","raw":{"message":"obj"}}"#), 400,
            .invalidRequest, "Acme: obj"),
        Row(
            502,
            openRouter(
                502, "Provider returned error",
                #","metadata":{"provider_name":"Acme","raw":"overrun"}"#), 502, .api,
            "Acme: overrun"),
        Row(
            502,
            openRouter(
                502, "Provider returned error",
                #","metadata":{"provider_name":null,"previous_errors":[{"code":1}]}"#), 502, .api,
            "Provider returned error"),
        // Keys.
        Row(
            401, openRouter(401, "Missing Authentication header"), 500, .api,
            key + "Missing Authentication header" + check, shouldRetry: false),
        Row(
            403, openRouter(403, "Key disabled"), 500, .api, key + "Key disabled" + check,
            shouldRetry: false),
        Row(
            401, #"{"error":{"code":"401","message":"Access denied"}}"#, 500, .api,
            key + "Access denied" + check, shouldRetry: false),
        Row(
            200,
            #"{"error":{"message":"Incorrect key sk-or-v1-0123456789","code":"invalid_api_key"}}"#,
            500, .api, key + "Incorrect key [removed]" + check, shouldRetry: false),
        // Permissions.
        Row(
            403, openRouter(403, "Flagged", #","metadata":{"reasons":["x"],"flagged_input":"y"}"#),
            400, .policyBlocked, "Flagged", shouldRetry: false),
        Row(
            403, openRouter(403, "Guarded", #","metadata":{"patterns":["x"]}"#), 400,
            .policyBlocked,
            "Guarded", shouldRetry: false),
        Row(
            403, openRouter(403, "Not available in your region"), 403, .permission,
            "Not available in your region"),
        Row(
            403, openRouter(403, "No", #","metadata":{"error_type":"permission_denied"}"#), 403,
            .permission, "No"),
        // Money, models.
        Row(402, openRouter(402, "Insufficient credits"), 402, .billing, "Insufficient credits"),
        Row(
            404, openRouter(404, "No endpoints found that support tool use"), 404, .notFound,
            "No endpoints found that support tool use"),
        Row(
            404,
            openRouter(
                404, "Gone.",
                #","availability":{"code":"model_not_found","#
                    + #""retryable":false,"fallback_models":["a/b","c/d"]}"#), 404, .notFound,
            "Gone. Available instead: a/b, c/d.", shouldRetry: false),
        Row(
            400, #"{"error":{"message":"The model x does not exist","code":"model_not_found"}}"#,
            404, .notFound, "The model x does not exist"),
        // Time and load.
        Row(408, openRouter(408, "Timed out"), 504, .timeout, "Timed out"),
        Row(504, "", 504, .timeout, "The upstream answered HTTP 504 without saying why."),
        Row(
            524, "<html><title>origin: a timeout</title>", 504, .timeout,
            "It sent an HTML page titled \"origin: a timeout\"."),
        Row(
            500, openRouter(500, "Slow", #","metadata":{"error_type":"timeout"}"#), 504, .timeout,
            "Slow"),
        Row(503, openRouter(503, "Busy"), 529, .overloaded, "Busy"),
        Row(529, openRouter(529, "Busy"), 529, .overloaded, "Busy"),
        Row(
            502, openRouter(502, "Busy", #","metadata":{"error_type":"provider_overloaded"}"#), 529,
            .overloaded, "Busy"),
        Row(
            500, openRouter(500, "Later", #","availability":{"code":"temporarily_unavailable"}"#),
            529, .overloaded, "Later"),
        // Servers.
        Row(500, openRouter(500, "Oops"), 500, .api, "Oops"),
        Row(502, openRouter(502, "Bad"), 502, .api, "Bad"),
        Row(
            500, openRouter(500, "X", #","metadata":{"error_type":"provider_unavailable"}"#), 502,
            .api, "X"),
        Row(521, "<html><body>x</body></html>", 500, .api, "It sent an HTML page."),
        Row(
            500, "upstream connect error\n or disconnect", 500, .api,
            "It sent \"upstream connect error or disconnect\"."),
        Row(
            403, "<html><title>Blocked</title>", 500, .api,
            "It sent an HTML page titled \"Blocked\"."),
        // A 200 that is none, and a code that outranks the status.
        Row(200, openRouter(429, "Slow down"), 429, .rateLimit, "Slow down"),
        Row(400, openRouter(502, "Gateway"), 502, .api, "Gateway"),
        Row(
            200, #"{"error":{"message":"?","metadata":{"error_type":"provider_overloaded"}}}"#, 529,
            .overloaded, "?"),
        Row(
            200, #"{"error":{}}"#, 500, .api,
            "The upstream reports that it failed, without saying why."),
        Row(200, "[]", 500, .api, "The upstream reports that it failed, without saying why."),
        // Neither an answer nor an error: the address is wrong.
        Row(
            204, "", 500, .api,
            "The upstream answered HTTP 204, which is no answer to a message. " + url,
            shouldRetry: false),
        Row(
            301, "<html><title>301 Moved</title>", 500, .api,
            "The upstream answered HTTP 301: what is asked for is elsewhere, and redirects are not"
                + " followed. " + url, shouldRetry: false),
        Row(302, openRouter(429, "Slow down"), 429, .rateLimit, "Slow down"),
        Row(500, "\u{1F}\u{8B}\u{8}x", 500, .api, "It sent 5 bytes that are no text."),
    ]

    static let url = "Check CLAUDE_PROXY_UPSTREAM_URL: scheme, host and path."

    @Test(arguments: rows)
    func failuresBecomeWhatClientsActOn(_ row: Row) {
        let failure = Self.read(row.http, row.body)
        #expect(
            failure.error
                == APIError(
                    status: row.status, type: row.type, message: row.message,
                    shouldRetry: row.shouldRetry))
    }

    // MARK: Waiting

    @Test func shortWaitsAreLeftToTheClientAndLongOnesForbidden() {
        let body = Self.openRouter(429, "Slow")
        #expect(Self.read(429, body).error.retryAfter == nil)
        #expect(Self.read(429, body).error.shouldRetry == nil)
        #expect(Self.read(429, body, retryAfter: "7").error.retryAfter == 7)
        #expect(Self.read(429, body, retryAfter: "6.2").error.retryAfter == 7)
        #expect(Self.read(429, body, retryAfter: "60").error.retryAfter == 60)
        #expect(Self.read(503, body, retryAfter: "9").error.retryAfter == 9)
        #expect(Self.read(503, body, retryAfter: "900").error.retryAfter == nil)
        for (wait, text) in [("61", "61 s"), ("600", "10 min"), ("36000", "10 h")] {
            let error = Self.read(429, body, retryAfter: wait).error
            #expect(error.retryAfter == nil && error.shouldRetry == false)
            #expect(error.message == "Slow. The limit resets in \(text).")
        }
        for odd in ["-1", "x", "", "nan", "1e400", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            #expect(Self.read(429, body, retryAfter: odd).error.retryAfter == nil)
        }
    }

    @Test func noNumberIsTooLargeToReckonWith() {
        let body = Self.openRouter(429, "Slow")
        #expect(
            Self.read(429, body, retryAfter: "9223372036854774784").error.shouldRetry == false)
        for huge in ["9223372036854774784", "9223372036854775807"] {
            #expect(Self.read(429, body, reset: huge).error.shouldRetry == false)
        }
        let early = UpstreamErrorReader(
            inputTokensEstimate: 1, maxTokens: .max, nowMilliseconds: 0)
        let reset = UpstreamErrorReader.Headers(rateLimitReset: "9223372036854775807")
        #expect(
            early.read(status: 429, headers: reset, body: [UInt8](body.utf8)).error.shouldRetry
                == false)
        let overflow = Self.openRouter(400, "This model's maximum context length is 100 tokens")
        let error = early.read(status: 400, body: [UInt8](overflow.utf8)).error
        #expect(error.status == 400 && error.message.contains("100"))
    }

    @Test func resetsAreReadInTheirThreeForms() {
        let body = Self.openRouter(429, "Slow")
        #expect(Self.read(429, body, reset: "1790000012500").error.retryAfter == 13)
        #expect(Self.read(429, body, reset: "1790000030").error.retryAfter == 30)
        #expect(Self.read(429, body, reset: "30").error.retryAfter == 30)
        #expect(Self.read(429, body, reset: "1789999999999").error.retryAfter == 0)
        let metadata =
            #","metadata":{"headers":{"X-RateLimit-Reset":"1790000020000"}}"#
        #expect(Self.read(429, Self.openRouter(429, "Slow", metadata)).error.retryAfter == 20)
        let availability = #","availability":{"retry_after":3.5,"retryable":true}"#
        #expect(Self.read(429, Self.openRouter(429, "Slow", availability)).error.retryAfter == 4)
    }

    @Test(arguments: [
        openRouter(429, "Rate limit exceeded: free-models-per-day"),
        openRouter(429, "Slow", #","metadata":{"limit_source":"openrouter_free_tier_daily"}"#),
        #"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#,
    ])
    func spentAllowancesAreNotRetried(_ body: String) {
        let error = Self.read(429, body, retryAfter: "5").error
        #expect(error.status == 429 && error.shouldRetry == false && error.retryAfter == nil)
    }

    // MARK: Context

    @Test(arguments: [
        (
            "This endpoint's maximum context length is 200000 tokens. However, you requested about "
                + "2500021 tokens (2500021 of text input, 0 in the output). Please reduce",
            "prompt is too long: 2500021 tokens > 200000 maximum"
        ),
        (
            "This endpoint's maximum context length is 200000 tokens. However, you requested about "
                + "210000 tokens (180000 of text input, 30000 in the output).",
            "input length and `max_tokens` exceed context limit: 180000 + 30000 > 200000, decrease "
                + "input length or `max_tokens` and try again"
        ),
        (
            "input (30000) + max_tokens (32000) = 62000 exceeds the model's 40000 token context",
            "input length and `max_tokens` exceed context limit: 30000 + 32000 > 40000, decrease "
                + "input length or `max_tokens` and try again"
        ),
        (
            "total tokens 62000 (30000 prompt + 32000 completion) exceeds limit of 40000",
            "input length and `max_tokens` exceed context limit: 30000 + 32000 > 40000, decrease "
                + "input length or `max_tokens` and try again"
        ),
        (
            "Range of input length should be [1, 149999]",
            "prompt is too long: 150000 tokens > 149999 maximum"
        ),
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in "
                + "130,500 tokens.", "prompt is too long: 130500 tokens > 128000 maximum"
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
                + "(4000 in the messages, 1000 in the completion).",
            "input length and `max_tokens` exceed context limit: 4000 + 1000 > 4096, decrease "
                + "input length or `max_tokens` and try again"
        ),
        (
            "prompt is too long: 210000 tokens > 200000 maximum",
            "prompt is too long: 210000 tokens > 200000 maximum"
        ),
        (
            "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease",
            "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease "
                + "input length or `max_tokens` and try again"
        ),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "prompt is too long: 1200000 tokens > 1048576 maximum"
        ),
        (
            "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
            "prompt is too long: 9000 tokens > 8192 maximum"
        ),
        (
            "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
            "prompt is too long: 200000 tokens > 131072 maximum"
        ),
        (
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum "
                + "context length", "prompt is too long: 40000 tokens > 32768 maximum"
        ),
        (
            "Your request exceeded model token limit: 131072 (requested: 150000)",
            "prompt is too long: 150000 tokens > 131072 maximum"
        ),
        (
            "'max_tokens' is too large: 32000. This model's maximum context length is 32768 tokens "
                + "and your request has 12000 input tokens (32000 > 32768 - 12000).",
            "input length and `max_tokens` exceed context limit: 12000 + 32000 > 32768, decrease "
                + "input length or `max_tokens` and try again"
        ),
        // Only the limit: our own count stands in.
        (
            "The maximum context length is 100000 tokens",
            "prompt is too long: 150000 tokens > 100000 maximum"
        ),
        (
            "The maximum context length is 160000 tokens",
            "input length and `max_tokens` exceed context limit: 150000 + 32000 > 160000, decrease "
                + "input length or `max_tokens` and try again"
        ),
        (
            "The maximum context length is 900000 tokens",
            "prompt is too long: 900001 tokens > 900000 maximum"
        ),
        // No number at all.
        (
            "Input is too long for requested model.",
            "prompt is too long: 150000 tokens > 135000 maximum"
        ),
        (
            "Please reduce the length of the messages or completion.",
            "prompt is too long: 150000 tokens > 135000 maximum"
        ),
        (
            "context window exceeds limit 99999999999999999999999",
            "prompt is too long: 150000 tokens > 135000 maximum"
        ),
    ])
    func overflowsAreToldInTheWordsThatClientsKnow(_ text: String, _ expected: String) {
        let error = Self.read(400, Self.openRouter(400, text)).error
        #expect(error == .invalidRequest(expected))
    }

    @Test func overflowsAreKnownByTheirCodesToo() {
        let openAI = #"{"error":{"message":"No.","code":"context_length_exceeded"}}"#
        let typed = Self.openRouter(
            400, "No.", #","metadata":{"error_type":"context_length_exceeded"}"#)
        for body in [openAI, typed] {
            #expect(
                Self.read(400, body).error.message
                    == "prompt is too long: 150000 tokens > 135000 maximum")
        }
        let nested = Self.openRouter(
            400, "Provider returned error",
            #","metadata":{"provider_name":"A","raw":"{\"message\":\"prompt is too long: 9 tokens > 7 maximum\"}"}"#
        )
        #expect(Self.read(400, nested).error.message == "prompt is too long: 9 tokens > 7 maximum")
        let large = Self.openRouter(413, "prompt is too long: 9 tokens > 7 maximum")
        #expect(Self.read(413, large).error.status == 400)
        for status in [401, 403, 404, 500] {
            let body = Self.openRouter(status, "prompt is too long: 9 tokens > 7 maximum")
            #expect(
                Self.read(status, body).error
                    == .invalidRequest("prompt is too long: 9 tokens > 7 maximum"))
        }
    }

    // MARK: Remedies

    @Test(arguments: [
        (
            400,
            #"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this "#
                + #"model. Use 'max_completion_tokens' instead.","param":"max_tokens","#
                + #""code":"unsupported_parameter"}}"#,
            UpstreamRemedy?.some(.dropParameter("max_tokens"))
        ),
        (
            400,
            #"{"error":{"message":"no","param":"messages[0].cache_control","#
                + #""code":"unknown_parameter"}}"#, .dropParameter("cache_control")
        ),
        (400, openRouter(400, "Unsupported parameter: 'top_k'"), .dropParameter("top_k")),
        (
            400, openRouter(400, "Unrecognized request argument supplied: verbosity"),
            .dropParameter("verbosity")
        ),
        (400, openRouter(400, "property 'reasoning' is unsupported"), .dropParameter("reasoning")),
        (
            400, openRouter(400, "messages.1.content.0: Invalid `signature` in `thinking` block"),
            .dropReasoning
        ),
        (400, openRouter(400, "Function call is missing a thought_signature"), .dropReasoning),
        (400, openRouter(400, "Something else"), nil),
        // Google
        (
            400,
            #"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name "#
                + #"\"user\": Cannot find field.","status":"INVALID_ARGUMENT"}}]"#,
            .dropParameter("user")
        ),
        (
            400,
            openRouter(
                400, #"Unknown name \"const\" at 'tools[0].parameters': Cannot find field."#),
            nil
        ),
        // Mistral, vLLM, Fireworks
        (
            422,
            #"{"object":"Error","detail":[{"type":"extra_forbidden","loc":["body","user"],"#
                + #""msg":"Extra inputs are not permitted","input":"x"}]}"#, .dropParameter("user")
        ),
        (
            400,
            #"{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', "#
                + #"'stream_options'), 'msg': 'Extra inputs are not permitted'}]","code":400}"#,
            .dropParameter("stream_options")
        ),
        (
            400,
            #"{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'tools', 0, "#
                + #"'x'), 'msg': 'Extra inputs are not permitted'}]","code":400}"#, nil
        ),
        (
            400,
            openRouter(400, "Extra inputs are not permitted, field: 'tools[0].function.strict', "),
            .dropParameter("strict")
        ),
        (
            400, openRouter(400, "tools.0.custom.input_examples: Extra inputs are not permitted"),
            nil
        ),
        // xAI, LiteLLM, Groq
        (
            400, openRouter(400, "Model grok-4 does not support parameter reasoningEffort."),
            .dropParameter("reasoning_effort")
        ),
        (
            400,
            openRouter(400, "azure does not support parameters: ['parallel_tool_calls'], for"),
            .dropParameter("parallel_tool_calls")
        ),
        (
            400,
            openRouter(
                400,
                "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2'"
                    + " : property 'reasoning' is unsupported)]"), .dropReasoning
        ),
        (
            400, openRouter(400, "Unknown parameter: 'messages[1].reasoning_content'"),
            .dropReasoning
        ),
        (400, openRouter(400, "Unknown parameter: 'tools[0].function.x'"), nil),
        (
            400, openRouter(400, "Unknown parameter: 'response_format.json_schema'"),
            .dropParameter("response_format")
        ),
        (
            404,
            openRouter(
                404,
                "No endpoints available matching your guardrail restrictions and "
                    + "data policy"), .dropStrict
        ),
        (404, openRouter(404, "No endpoints found"), nil),
        (
            402,
            openRouter(
                402,
                "This request requires more credits, or fewer max_tokens. You "
                    + "requested up to 32000 tokens, but can only afford 27342."),
            .lowerMaxTokens(27342)
        ),
        (402, openRouter(402, "can only afford nothing"), nil),
        (402, openRouter(402, "can only afford 99999999999999999999"), nil),
        (500, openRouter(500, "Unsupported parameter: 'x'"), nil),
    ])
    func remediesAreFound(_ status: Int, _ body: String, _ remedy: UpstreamRemedy?) {
        #expect(Self.read(status, body).remedies.first == remedy)
    }

    // MARK: Texts

    @Test(arguments: [
        ("key sk-or-v1-abcdef0123456789 refused", "key [removed] refused"),
        ("(sk-proj-AbC_123456789)", "([removed])"), ("task-oriented-thinking", nil),
        ("sk-or-****1234", nil), ("sk-short", nil), ("my secret-key here", "my [removed] here"),
        ("é😀", nil), ("", nil),
    ])
    func secretsAreScrubbed(_ text: String, _ scrubbed: String?) {
        #expect(
            SecretScrubber.scrub(text, secret: [UInt8]("secret-key".utf8)) == scrubbed ?? text)
        #expect(SecretScrubber.scrub("abc", secret: [UInt8]("abc".utf8)) == "abc")
    }

    @Test func whatIsCutShowsNoPartOfASecret() {
        // The key stands across the place where a text is cut.
        let secret = String(decoding: Self.reader.secret, as: UTF8.self)
        for before in [190, 195, 1990, 1995] {
            let text = String(repeating: "x", count: before) + " " + secret
            for body in [Self.openRouter(400, text), text, "<title>\(text)</title>"] {
                let message = Self.read(400, body).error.message
                #expect(!message.contains(secret.prefix(4)), "\(message)")
            }
        }
    }

    @Test func aListOfErrorsIsItsFirst() {
        let failure = Self.read(
            400, #"[{"error":{"code":404,"message":"models/x is not found"}}]"#)
        #expect(failure.error.status == 404)
        #expect(failure.error.message == "models/x is not found")
    }

    @Test func whereAnErrorStandsIsTold() {
        let failure = Self.read(
            422, #"{"detail":[{"loc":["body","messages",0,"name"],"msg":"Field required"}]}"#)
        #expect(failure.error.message == "messages.0.name: Field required")
    }

    @Test func longTextsAreCut() {
        let message = Self.read(400, Self.openRouter(400, String(repeating: "x", count: 9000)))
            .error.message
        #expect(message.count == 2001 && message.hasSuffix("…"))
        let page = Self.read(500, String(repeating: "word ", count: 9000)).error.message
        #expect(page.count < 250)
    }

    @Test func noBodyWhateverMakesItTrap() {
        var random = SplitMix64(seed: 5)
        let seeds = Self.rows.map { [UInt8]($0.body.utf8) }
        for round in 0..<rounds(4000) {
            var body = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) where !body.isEmpty {
                let index = Int.random(in: 0..<body.count, using: &random)
                body[index] = UInt8.random(in: 0...255, using: &random)
            }
            let statuses = [200, 400, 402, 403, 404, 429, 500, 503]
            let failure = Self.reader.read(
                status: statuses[round % statuses.count], body: body)
            #expect(400...599 ~= failure.error.status)
            #expect(!failure.error.message.isEmpty)
        }
    }
}
