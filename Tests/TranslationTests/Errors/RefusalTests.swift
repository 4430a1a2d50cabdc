// What refusals are about, by the wordings of many servers, and what is none of our business.

import TestSupport
import Testing

@testable import Translation

@Suite("Reading a refusal") struct RefusalTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var status = 400
        var message: String
        var parameter = ""
        var code = ""
        var remedies: [UpstreamRemedy]
        var teaches = true
        var testDescription: String { message }

        init(
            _ message: String, _ remedies: [UpstreamRemedy], status: Int = 400,
            parameter: String = "", code: String = "", teaches: Bool = true
        ) {
            self.message = message
            self.remedies = remedies
            self.status = status
            self.parameter = parameter
            self.code = code
            self.teaches = teaches
        }
    }

    private func refusal(_ row: Row) -> Refusal {
        var report = UpstreamErrorReport()
        report.message = row.message
        report.parameter = row.parameter
        report.code = row.code
        return Refusal(report, status: row.status, maxTokens: 32_000)
    }

    private func check(_ row: Row) {
        let read = refusal(row)
        #expect(read.remedies.first == row.remedies.first, "\(read.remedies)")
        let first = read.remedies.first
        #expect(first.map { read.lessons.contains($0) } ?? true == row.teaches)
    }

    private static let value = UpstreamRemedy.dropValue

    // MARK: Fields

    @Test(arguments: [
        Row("`temperature` is deprecated for this model.", [.dropParameter("temperature")]),
        Row("temperature is not supported", [.dropParameter("temperature")]),
        Row("json: unknown field \"stream_options\"", [.dropParameter("stream_options")]),
        Row(
            "Failed to deserialize the JSON body into the target type: unknown field `top_k`, "
                + "expected one of `model`, `messages`, `temperature` at line 1 column 9120",
            [.dropParameter("top_k")]),
        Row("top_k: Extra inputs are not permitted", [.dropParameter("top_k")], status: 422),
        Row(
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported.",
            [.dropParameter("response_format")], parameter: "response_format"),
        Row("This response_format type is unavailable now", [.dropParameter("response_format")]),
        Row("stream_options is not supported", [.dropParameter("stream_options")]),
        Row(
            "parallel_tool_calls is not supported with this model",
            [.dropParameter("parallel_tool_calls")]),
        Row("Argument not supported on this model: stop", [.dropParameter("stop")]),
        Row("stop is currently not supported for this model", [.dropParameter("stop")]),
        Row("Unrecognized parameter: top_k", [.dropParameter("top_k")]),
        Row("user is not known here", []),
        Row("This model does not support structured outputs", [.dropParameter("response_format")]),
        Row(
            "'response_format.type' must be 'json_object' or 'text'",
            [.dropParameter("response_format")]),
        Row(
            "This model does not support parallel tool calls",
            [.dropParameter("parallel_tool_calls")]),
        Row("reasoning: unknown field", [.dropParameter("reasoning")]),
        Row(
            "No endpoints found that support reasoning", [.dropParameter("reasoning")], status: 404),
        Row("max_tokens is deprecated, use max_completion_tokens", [.dropParameter("max_tokens")]),
        Row("Unknown name \"user\": Cannot find field.", [.dropParameter("user")]),
        Row(
            "Model grok-4 does not support parameter reasoningEffort.",
            [.dropParameter("reasoning_effort")]),
        Row(
            "No such parameter", [.dropParameter("top_k")], parameter: "top_k",
            code: "unknown_parameter"),
    ])
    func parametersAreLeftOut(_ row: Row) { check(row) }

    @Test(arguments: [
        Row("invalid temperature: only 1 is allowed for this model", [value("temperature", [])]),
        Row(
            "Unsupported value: 'reasoning_effort' does not support 'high' with this model. "
                + "Supported values are: 'medium'.", [value("reasoning_effort", [])],
            parameter: "reasoning_effort", code: "unsupported_value"),
        Row(
            "reasoning_effort: Input should be 'low' or 'medium'", [value("reasoning_effort", [])],
            status: 422),
        Row(
            "`temperature` may only be set to 1 when thinking is enabled.",
            [value("temperature", [])]),
        Row("`top_k` must be unset when thinking is enabled.", [value("top_k", [])]),
        Row(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
            [value("top_p", [])]),
        Row("deepseek-reasoner does not support this tool_choice", [value("tool_choice", [])]),
        Row("tool_choice only supports auto", [value("tool_choice", [])]),
        Row("Tool choice must be auto", [value("tool_choice", [])]),
        Row("no", [value("verbosity", [])], parameter: "verbosity", code: "invalid_value"),
    ])
    func valuesAreLeftOut(_ row: Row) { check(row) }

    @Test(arguments: [
        Row("`temperature` and `top_p` cannot both be specified.", [.dropTopPBesideTemperature]),
        Row(
            "Function tools with reasoning_effort are not supported for gpt-5.6 in "
                + "/v1/chat/completions. To use function tools, use /v1/responses or set "
                + "reasoning_effort to 'none'.", [.askByResponses, .stopReasoningWithTools],
            parameter: "reasoning_effort"),
        Row(
            "This model is only supported in v1/responses and not in v1/chat/completions.",
            [.askByResponses], parameter: "model"),
        Row("Model `m` is not available; use the Responses API.", [.askByResponses]),
    ])
    func combinationsAreLeftOut(_ row: Row) { check(row) }

    // MARK: Abilities

    @Test(arguments: [
        Row("this model does not support image input (ref: b8bd630e)", [.dropImages]),
        Row("No endpoints found that support image input", [.dropImages], status: 404),
        Row("At most 0 image(s) may be provided in one prompt.", [.dropImages]),
        Row(
            "Failed to deserialize the JSON body: messages[0]: unknown variant `image_url`, "
                + "expected `text` at line 1 column 242537", [.dropImages]),
        Row("image input is not supported - hint: provide the mmproj", [.dropImages], status: 500),
        Row("Model do not support image input.", [.dropImages]),
        Row("x/y is not a multimodal model", [.dropImages]),
        Row("Invalid content type. image_url is only supported by certain models.", [.dropImages]),
        Row("API 调用参数有误，请检查文档。模型不支持图片输入", [.dropImages]),
        Row("Model does not have vision capabilities", [.dropImages]),
        Row("model \"m\" is missing data required for image input", [.dropImages]),
        Row("messages.1.content must be a string", [.dropImages]),
        Row("The requested model supports only text modality as input.", [.dropImages]),
        Row("Image inputs are disabled for this deployment", [.dropImages]),
    ])
    func imagesAreLeftOut(_ row: Row) { check(row) }

    @Test(arguments: [
        Row("System message must be at the beginning.", [.foldSystem]),
        Row("invalid params, chat content has invalid message role: system (2013)", [.foldSystem]),
        Row("Unexpected role 'system' after role 'user'", [.foldSystem]),
        Row("The system role is not supported in the middle of a conversation", [.foldSystem]),
        Row(
            "Conversation roles must alternate; system role only allowed at index 0",
            [.foldSystem]),
        Row("Expected system message to be first in the list of messages", [.foldSystem]),
        Row(
            "messages[3].role: system messages may only appear at the start of the conversation",
            [.foldSystem]),
    ])
    func systemMessagesAreFolded(_ row: Row) { check(row) }

    @Test(arguments: [
        Row(
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
            [.returnReasoning]),
        Row(
            "litellm.BadRequestError: MoonshotException - thinking is enabled but "
                + "reasoning_content is missing in assistant tool call message at index 1",
            [.returnReasoning]),
        Row("Missing `reasoning_content` field in the assistant message", [.returnReasoning]),
        Row("assistant message with tool_calls requires reasoning_content", [.returnReasoning]),
        Row("reasoning_content in assistant message 1 must not be empty", [.returnReasoning]),
        Row("Unsupported regex in pattern: lookahead", [.dropPatterns]),
        Row("'pattern' must start with '^' and end with '$'", [.dropPatterns]),
        Row("Invalid tool schema: 'pattern' is not supported", [.dropPatterns]),
        Row("Failed to initialize samplers: failed to parse grammar", [.dropPatterns]),
        Row(
            "JSON schema conversion failed:\nPattern must start with '^'", [.dropPatterns],
            status: 500),
        Row(
            "Invalid schema for response_format 'response': In context=(), 'required' is required "
                + "to be supplied and to be an array including every key in properties.",
            [.dropStrict], parameter: "response_format", teaches: false),
    ])
    func otherAbilitiesAreRead(_ row: Row) { check(row) }

    @Test(arguments: [
        (
            "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, "
                + "whereas you provided 32000.", 16384
        ),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        (
            "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 16384]",
            16384
        ),
        (
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is "
                + "less than the `context_window` for this model", 8192
        ),
        (
            "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for "
                + "claude-3-5-sonnet-20240620", 8192
        ),
        (
            "too many tokens: max tokens must be less than or equal to 4096, the maximum output length"
                + " for this model - received 32000.", 4096
        ),
        (
            "The parameter `max_tokens` specified in the request are not valid: integer above maximum "
                + "value, expected a value <= 12288, but got 32000 instead. Request id: "
                + "0217752964393142fa50af54af66c5cf", 12288
        ),
        (
            "The maximum tokens you requested exceeds the model limit of 8192. Try again with a "
                + "maximum tokens value that is lower than 8192.", 8191
        ),
        (
            "it has a maxOutputTokens value of 32000 but the supported range is from 1 (inclusive) to "
                + "8193 (exclusive).", 8192
        ),
    ])
    func theLongestAnswerIsRead(_ message: String, _ tokens: Int) {
        check(Row(message, [.lowerMaxTokens(tokens)]))
        #expect(
            ContextOverflow(
                text: message, isCertain: false, inputEstimate: 100, maxTokens: 32_000) == nil)
    }

    // MARK: The document

    @Test func theTableOfWhatRefusalsTeachIsMadeFromTheRemedies() throws {
        let rows = UpstreamRemedy.kinds.map(\.description).map { row in
            "| \(row.refused) | \(row.then) | \(row.named) | \(row.isRemembered) |"
        }
        let table =
            (["| refused | then | named as | remembered |", "|---|---|---|---|"] + rows)
            .joined(separator: "\n")
        let golden = GoldenFile(path: "docs/limits.md")
        try golden.expect(FieldFateTests.replace("remedies", in: golden.read(), by: table))
        // Each kind once: what is kept reads back by its name.
        #expect(Set(UpstreamRemedy.kinds.map(\.name)).count == UpstreamRemedy.kinds.count)
    }

    // MARK: None of it

    @Test(arguments: [
        Row(
            "The request was rejected: messages[0] contains blocked text (\"set temperature to 21\").",
            [], parameter: "messages[0].content", code: "content_policy_violation"),
        Row("Your request was flagged by our content policy while the model was thinking", []),
        Row(
            "You uploaded an unsupported image. Please make sure your image has of one the following "
                + "formats: ['png', 'jpeg', 'gif', 'webp'].", [], code: "image_parse_error"),
        Row(
            "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 9437184 bytes > "
                + "5242880 bytes", []),
        Row(
            "Invalid value for 'request_timeout': 4294967296 exceeds the maximum of 65536.", [],
            code: "integer_above_max_value"),
        Row("Please talk about temperature and verbosity \"as I said\"", [], status: 500),
        Row("Please say something about JSON schema and stop words", []),
        Row("Invalid image data", []), Row("Could not process image", []),
        Row("Image is too small: minimum 28x28 pixels required", []),
        Row("Too many images: at most 20 images are allowed per request", []),
        Row(
            "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that "
                + "matches the pattern '^[a-zA-Z0-9_-]+$'.", [], parameter: "tools[0].function.name"
        ),
        Row("Something else", []), Row("", []), Row("Invalid image_url: must be a URL", []),
        Row("Unsupported image type image/tiff", []),
        Row("image_url is not supported with this scheme", []),
    ])
    func whatIsNoneOfOurBusinessIsLeftAlone(_ row: Row) { #expect(refusal(row).remedies.isEmpty) }

    @Test(arguments: [
        "Bad input: 'Unsupported parameter: temperature'", "\"temperature is not supported\"",
        "Bad `the model does not support image input`",
        "input was 'system message must be at the beginning'",
        "{\"a b\": \"max_tokens must be at most 100\"}",
        "[{'input': 'x y', 'msg': 'temperature: Extra inputs are not permitted'}]",
        "tools.0.function.parameters: 'grammar of it' is bad",
    ])
    func whatIsQuotedIsNotRead(_ message: String) {
        #expect(refusal(Row(message, [])).remedies.isEmpty)
    }

    @Test func theOpeningEndsWhereAQuotationBegins() {
        let text = RefusalText("the model's 'top_k' and `a.b[0]` but not \"this one\" or 'x'")
        #expect(text.openingWords().map(\.word).suffix(3) == ["0", "but", "not"])
        #expect(text.openingWords().filter(\.isQuoted).map(\.word) == ["top_k", "a"])
        #expect(RefusalText("").openingEnd == 0 && RefusalText("'").openingEnd == 0)
        let long = RefusalText(String(repeating: "a 1 'b' ", count: 100_000))
        #expect(long.bytes.count == 4096 && long.openingWords().count <= 256)
        #expect(long.numbers(upTo: long.bytes.count).count <= 32)
    }

    @Test(arguments: [
        ("[1, 8192]", [1, 8192]), ("1,048,576 and 12,34", [1_048_576, 12, 34]),
        ("claude-3-5-sonnet-20240620 gpt-5.4 v1 0217 0 12ab 256k", [0, 262_144]),
        ("(65001) 40960. 0.95 99999999999999999999", [65001, 40960]),
    ])
    func numbersAreThoseThatStandAlone(_ text: String, _ numbers: [Int]) {
        let read = RefusalText(text)
        #expect(read.numbers(upTo: read.bytes.count) == numbers)
    }

    // MARK: Overflows

    @Test(arguments: [
        (
            "Input length 61393 exceeds the maximum allowed input length of 40960 tokens.", 61393,
            40960
        ),
        ("Requested input length 65000 exceeds maximum input length 40959", 65000, 40959),
        (
            "The decoder prompt (length 65000) is longer than the maximum model length of 40960. Make "
                + "sure that `max_model_len` is no smaller than the number of text tokens.", 65000,
            40960
        ),
        ("prompt token count of 64490 exceeds the limit of 40000", 64490, 40000),
        ("length of prompt_tokens (65001) must be less than max_seq_len (40960).", 65001, 40960),
        ("The prompt has 65001 tokens, the context only 40960", 65001, 40960),
        ("`inputs` must have less than 40000 tokens. Given: 65001", 65001, 40000),
        ("This request's size (65001 tokens) is above the maximum of 40960 tokens", 65001, 40960),
        ("模型上下文长度超限，最大 40960，当前 65001", 65001, 40960),
        ("Sequence length 65001 exceeds max_position_embeddings 40960", 65001, 40960),
        ("The prompt is too long: 65028, model maximum context length: 40960", 65028, 40960),
        (
            "The input (55000 tokens) is longer than the model's context length (40960 tokens).",
            55000,
            40960
        ),
        (
            "Input tokens exceed the configured limit of 40000 tokens. Your messages resulted in 60000 "
                + "tokens.", 60000, 40000
        ),
        ("Input length (65330) exceeds model's maximum context length (40960).", 65330, 40960),
        ("Prompt has 65468 tokens, but the configured context size is 40960", 65468, 40960),
        (
            "`inputs` tokens + `max_new_tokens` must be <= 32769. Given: 40000 `inputs` tokens and 4096 "
                + "`max_new_tokens`", 40000, 32769
        ),
    ])
    func overflowsAreReadByTheirNumbers(_ text: String, _ input: Int, _ limit: Int) {
        let overflow = ContextOverflow(
            text: text, isCertain: false, inputEstimate: 50_000, maxTokens: 1000)
        #expect(overflow?.input == input && overflow?.limit == limit, "\(text)")
    }

    @Test(arguments: [
        "Total tokens of image and text exceed max message tokens. Request id: 0217",
        "tokens in request more than max tokens allowed", "Context size has been exceeded.",
        "Engine protocol predict stream returned an error: {code:500, message:'Context size has been "
            + "exceeded'}",
        "Your input exceeds the context window of this model. Please adjust your input.",
    ])
    func overflowsWithoutNumbersGoByTheKnownWindow(_ text: String) {
        let overflow = ContextOverflow(
            text: text, isCertain: false, inputEstimate: 50_000, maxTokens: 1000, window: 40_000)
        #expect(overflow?.input == 50_000 && overflow?.limit == 40_000)
    }

    @Test func aTotalLeavesRoomForAShorterAnswer() throws {
        let overflow = try #require(
            ContextOverflow(
                text: "Requested token count exceeds the model's maximum context length of 131072 "
                    + "tokens. You requested a total of 150000 tokens: 118000 tokens from the input "
                    + "messages and 32000 tokens for the completion.", isCertain: false,
                inputEstimate: 1, maxTokens: 32000))
        #expect(overflow.outputTokensLeft == 12_072)
    }

    @Test(arguments: [
        "Rate limit reached for model `m` on tokens per minute (TPM): Limit 40000, Used 39000",
        "image exceeds 5 MB maximum: 9437184 bytes > 5242880 bytes",
        "Invalid value for 'request_timeout': 4294967296 exceeds the maximum of 65536.",
        "`max_tokens` must be greater than `thinking.budget_tokens`", "input is bad",
        "string too long. Expected a string with maximum length 1024 of tokens", "",
    ])
    func noOverflowIsSeenWhereThereIsNone(_ text: String) {
        #expect(
            ContextOverflow(text: text, isCertain: false, inputEstimate: 1, maxTokens: 32000) == nil
        )
    }

    // MARK: The least

    @Test(
        arguments: [
            (
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.",
                1, 16
            ),
            ("Invalid max_completion_tokens: must be at least 32", 1, 32),
            ("max_tokens must be greater than 15", 1, 16), ("max_tokens is too small", 1, 16),
            ("max_tokens: ensure this value is greater than or equal to 8", 1, 8),
            ("max_tokens must be greater than thinking.budget_tokens", 1, nil),
            ("max_tokens must be at least 100000", 1, 16), ("max_tokens is too low", 500, nil),
            (
                "max_tokens is too large: 32000. This model supports at most 16384 completion tokens",
                32_000, nil
            ),
        ] as [(String, Int, Int?)])
    func theShortestAnswerIsRead(_ message: String, _ asked: Int, _ least: Int?) {
        var report = UpstreamErrorReport()
        report.message = message
        let read = Refusal(report, status: 400, maxTokens: asked).remedies
        let raises = read.compactMap { remedy -> Int? in
            if case .raiseMaxTokens(let tokens) = remedy { tokens } else { nil }
        }
        #expect(raises == (least.map { [$0] } ?? []))
    }

    @Test(arguments: [
        "Reasoning is mandatory for this endpoint and cannot be disabled.",
        "thinking cannot be disabled for this model",
        "only type=enabled is allowed for this model: thinking",
    ])
    func reasoningThatIsMandatoryStaysOn(_ message: String) {
        check(Row(message, [.keepReasoning]))
    }
}
