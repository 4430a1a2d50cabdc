// Reading a refusal: what it is about, and so what may help. Structure comes before words: `param`,
// then the wordings that name a place (RefusedParameter), then the abilities that a model lacks, then
// any of our own optional fields that the opening of the sentence names.
//
// A remedy that leaves the body as it was is none, so nothing is tried that the request does not
// carry. A remedy is kept as a lesson only where `lessons` has it, and only once the request has
// succeeded with it.

/// What a refusal suggests.
struct Refusal {
    /// What may help, the likeliest first.
    private(set) var remedies: [UpstreamRemedy] = []
    /// Which of the remedies may be kept for the model's later requests.
    private(set) var lessons: Set<UpstreamRemedy> = []

    private let report: UpstreamErrorReport
    private let text: RefusalText

    /// - Parameter maxTokens: what was asked for.
    init(_ report: UpstreamErrorReport, status: Int, maxTokens: Int) {
        self.report = report
        text = RefusalText(report.message)
        guard !isAboutContent else { return }
        switch status {
        case 400, 404, 422, 500...503: readAbilities()
        default: break
        }
        switch status {
        case 400, 422:
            readAnswerLength(maxTokens)
            if remedies.isEmpty { readBetas() }
            if remedies.isEmpty { readFields() }
            if remedies.isEmpty { readReasoning() }
        case 402: readMoney()
        case 404:
            if text.opens(with: ["guardrail restrictions"]) { suggest(.dropStrict) }
            if remedies.isEmpty { readFields() }
        default: break
        }
    }

    /// Text that was refused may say anything.
    private var isAboutContent: Bool {
        report.isAboutContent || report.code == "content_policy_violation"
            || report.errorType == "content_policy_violation"
            || text.opens(with: ["content policy", "flagged", "moderation"])
    }

    private mutating func suggest(_ remedy: UpstreamRemedy, isLesson: Bool = false) {
        guard !remedies.contains(remedy) else { return }
        remedies.append(remedy)
        if isLesson { lessons.insert(remedy) }
    }

    // MARK: Betas

    /// "Unexpected value(s) `x` for the `anthropic-beta` header", "invalid beta flag".
    private mutating func readBetas() {
        guard
            text.opens(with: [
                "anthropic-beta", "anthropic_beta", "beta flag", "beta header", "beta feature",
            ]),
            text.opens(with: Self.negations) || text.opens(with: ["unknown", "unrecognized"])
        else { return }
        // All beta names end in a date.
        let names = text.quoted.map { String(decoding: text.bytes[$0], as: UTF8.self) }.filter {
            $0.contains("-20")
        }
        // Where none is named, one that a client has made up would cost all others theirs.
        suggest(.dropBetas(names.joined(separator: ",")), isLesson: !names.isEmpty)
    }

    // MARK: Abilities

    /// That something cannot be, for whatever reason.
    private static let negations: [StaticString] = [
        "not support", "n't support", "unsupported", "not accept", "not enabled", "not available",
        "not allowed", "not permitted", "invalid", "unexpected", "must be", "must come",
        "should be", "only be", "not found", "only allowed", "may only", "can only",
        "only appear", "expected", "must alternate", "cannot", "can't", "disabled",
        "不支持", "仅支持", "只支持", "不允许", "必须",
    ]
    /// That a model or an endpoint lacks something.
    private static let lacks: [StaticString] = [
        "not support", "n't support", "unsupported", "only supported", "no endpoints found",
        "at most 0", "unknown variant", "not accept", "n't accept", "not a multimodal",
        "not multimodal", "not a vision", "text-only", "text only", "only text",
        "only supports text", "only accepts text", "not enabled", "not available", "cannot process",
        "not capable", "unable to process", "supports only", "only supports", "disabled",
        "not have", "n't have", "missing data required", "no multimodal", "cannot handle",
        "cannot accept", "can't accept", "cannot see", "not able to", "not implemented",
        "不支持", "仅支持", "只支持",
    ]

    private mutating func readAbilities() {
        let isNegative = text.opens(with: Self.negations)
        if text.opens(with: Self.lacks), isAboutImages { suggest(.dropImages, isLesson: true) }
        if isNegative, isAboutSystemMessages { suggest(.foldSystem, isLesson: true) }
        if isAboutMissingReasoning { suggest(.returnReasoning, isLesson: true) }
        if isAboutMandatoryReasoning { suggest(.keepReasoning, isLesson: true) }
        if text.opens(with: ["grammar", "json schema conversion failed"]) {
            suggest(.dropPatterns, isLesson: true)
        }
        if text.opens(with: ["v1/responses", "responses api"]) {
            suggest(.askByResponses, isLesson: true)
        }
        // That content must be a string says that it may hold no images.
        if text.opens(with: ["content must be a string", "content should be a string"]) {
            suggest(.dropImages, isLesson: true)
        }
        if isNegative || text.opens(with: ["must"]), isAboutPatterns {
            suggest(.dropPatterns, isLesson: true)
        }
        if text.opens(withAll: ["tools", "reasoning_effort"]) {
            suggest(.stopReasoningWithTools, isLesson: true)
        }
        // That this one schema is outside the subset says nothing of others.
        if isAboutStrictSchemas { suggest(.dropStrict, isLesson: !isAboutOneSchema) }
    }

    /// That a model sees no images, and not that one of them is broken or too large.
    private var isAboutImages: Bool {
        guard
            text.opens(with: [
                "image input", "image_url", "input image", "support image", "supports image",
                "accept image", "accepts image", "image(s)", "images are", "image content",
                "images as input", "process image", "vision", "multimodal", "multi-modal",
                "image modality", "images", "image data", "text modality", "modality",
                "modalities", "text-only", "text only", "only text",
                "图片", "图像", "多模态", "视觉",
            ])
        else { return false }
        return !text.opens(with: [
            "image format", "image type", "unsupported image", "mime", "media type", "file type",
            "parse", "decode", "corrupt", "too large", "exceeds", "download", "fetch", "base64",
            "size", "one of the following", "resolution", "dimension", "https", "scheme",
        ])
    }

    private var isAboutSystemMessages: Bool {
        text.opens(with: ["system"])
            && text.opens(with: [
                "beginning", "first", "role", "system message", "start of", "index 0",
                "at the start",
            ])
            && !text.opens(with: ["system_fingerprint", "file system", "system error"])
    }

    private var isAboutMissingReasoning: Bool {
        text.opens(with: ["reasoning_content", "reasoning content"])
            && text.opens(with: [
                "must be passed", "passed back", "is missing", "missing in", "is required",
                "must be included", "must include", "must contain", "must have",
                "must be provided", "cannot be empty", "should be passed", "is needed", "missing",
                "requires", "not be empty", "be non-empty", "no reasoning", "without",
            ])
    }

    /// That expressions within schemas are not taken, and not that a value does not match one.
    private var isAboutPatterns: Bool {
        if text.opens(with: ["match", "function.name", "tool name", "function name"]) {
            return false
        }
        return text.opens(with: [
            "regex", "regular expression", "lookahead", "look-ahead", "lookbehind", "look-behind",
            "lookaround", "look-around",
        ]) || text.openingWords().contains { $0.word == "pattern" }
    }

    /// That a model does not do without reasoning.
    private var isAboutMandatoryReasoning: Bool {
        text.opens(with: ["reasoning", "thinking"])
            && text.opens(with: [
                "mandatory", "cannot be disabled", "can not be disabled", "can't be disabled",
                "cannot disable", "only type=enabled", "must be enabled", "cannot be turned off",
                "does not support disabling", "not support disabling",
            ])
    }

    /// OpenAI's strict mode takes a subset of JSON Schema.
    private var isAboutStrictSchemas: Bool {
        text.opens(withAll: ["strict", "schema"])
            || text.opens(with: ["strict"])
                && text.opens(with: [
                    "not support", "n't support", "unsupported", "not available", "not allowed",
                    "not accept", "n't accept",
                ])
            || text.opens(with: ["invalid schema for"])
                && text.has([
                    "required", "additionalproperties", "strict", "not permitted", "must have a",
                ])
    }

    // MARK: The answer's length

    /// A limit of the output, with its number.
    private mutating func readAnswerLength(_ maxTokens: Int) {
        if let least = AnswerLimit.least(in: text, asked: maxTokens) {
            return suggest(.raiseMaxTokens(least), isLesson: true)
        }
        guard AnswerLimit.isMeant(by: text) else { return }
        let numbers = text.numbers(upTo: text.openingEnd).filter { 16..<maxTokens ~= $0 }
        // "lower than 8192", "1 (inclusive) to 8193 (exclusive)".
        let isExclusive =
            text.opens(with: ["(exclusive)", "less than", "lower than", "smaller than", "below "])
            && !text.opens(with: ["or equal", "<=", "at most"])
        if let limit = numbers.max() {
            suggest(.lowerMaxTokens(isExclusive ? limit - 1 : limit), isLesson: true)
        }
    }

    private mutating func readMoney() {
        let phrase: StaticString = "can only afford "
        guard let offset = text.offset(of: phrase) else { return }
        let digits = text.bytes[(offset + phrase.utf8CodeUnitCount)...]
            .prefix { $0 &- UInt8(ascii: "0") < 10 }
        if let tokens = Int(String(decoding: digits, as: UTF8.self)) {
            suggest(.lowerMaxTokens(tokens))
        }
    }

    // MARK: Fields

    /// Our own optional fields. A word that people use, too, counts only in quotes.
    private static let fields: [String: Bool] = [
        "temperature": true, "top_p": true, "top_k": true, "verbosity": true,
        "reasoning_effort": true, "stream_options": true, "parallel_tool_calls": true,
        "tool_choice": true, "response_format": true, "session_id": true, "cache_control": true,
        "max_completion_tokens": false, "max_tokens": false, "stop": false, "reasoning": false,
        "thinking": false, "user": false, "strict": false,
    ]

    /// What people call our fields, and which of them that may be.
    private static let aliases: [(StaticString, [String])] = [
        ("tool choice", ["tool_choice"]),
        ("parallel tool call", ["parallel_tool_calls"]),
        ("parallel function call", ["parallel_tool_calls"]),
        ("response format", ["response_format"]), ("structured output", ["response_format"]),
        ("json_schema", ["response_format"]), ("json schema", ["response_format"]),
        ("reasoning effort", ["reasoning_effort", "reasoning"]),
        ("thinking level", ["reasoning_effort", "reasoning"]),
        ("support reasoning", ["reasoning", "reasoning_effort"]),
        ("stop sequence", ["stop"]), ("stop word", ["stop"]),
    ]

    /// That something is refused, in the words of those that check names.
    private static let unknowns: [StaticString] = [
        "unknown", "unrecognized", "not recognized", "deprecated", "extra", "requires a model",
    ]

    private mutating func readAliases() {
        guard
            text.opens(with: Self.negations) || text.opens(with: Self.unknowns)
                || text.opens(with: Self.lacks)
        else { return }
        for (phrase, fields) in Self.aliases where text.opens(with: [phrase]) {
            for field in fields { suggestField(.dropParameter(field)) }
            return
        }
    }

    private mutating func readFields() {
        if let named = RefusedParameter(report, openingEnd: text.openingEnd) {
            if let remedy = named.remedy { suggestField(remedy) }
            return
        }
        if text.opens(withAll: ["temperature", "top_p"]), text.opens(with: ["both"]) {
            return suggest(.dropTopPBesideTemperature, isLesson: true)
        }
        // `messages.1.content.0: …` is about a message, whatever else it names.
        guard !text.begins(with: ["messages", "'messages", "tools", "'tools", "input["]) else {
            return
        }
        for (index, (word, isQuoted)) in text.openingWords().enumerated() {
            // A sentence that begins with a field's name is about it: "stop is not supported".
            guard let isOnlyOurs = Self.fields[word],
                isQuoted || isOnlyOurs || index == 0 && isSaidOfField(after: word)
            else { continue }
            // Too little or too much is asked for; without a number nothing can be done.
            if word.hasPrefix("max_"), isAboutValue { continue }
            suggestField(.dropParameter(word))
            if remedies.count >= 3 { break }
        }
        if remedies.isEmpty { readAliases() }
        // "Thinking mode does not support this tool_choice": the call is what was asked for.
        if text.opens(withAll: ["thinking mode", "tool_choice"]) {
            remedies = [.dropReasoning]
            lessons = []
        }
    }

    /// Whether the words after the first one say of a field that it will not do.
    private func isSaidOfField(after word: String) -> Bool {
        let rest = text.bytes.dropFirst(word.utf8.count)
        let starts: [StaticString] = [" is ", ":", " parameter", " field", " must ", " cannot "]
        return starts.contains { Array(rest.prefix(12)).firstOffset(of: $0) == 0 }
            && (text.opens(with: Self.negations) || text.opens(with: Self.unknowns))
    }

    private mutating func suggestField(_ remedy: UpstreamRemedy) {
        guard case .dropParameter(let name) = remedy else { return suggest(remedy) }
        let isOfRequest = isAboutOneSchema
        // Whatever of a format is refused, the words that ask for it instead are not.
        if name != "response_format", isAboutValue || name == "tool_choice" {
            suggest(.dropValue(name, []), isLesson: !isOfRequest)
        } else {
            suggest(remedy, isLesson: !isOfRequest)
        }
    }

    /// Whether it is about a schema or a call, which is the request's own, whatever field it stands in.
    private var isAboutOneSchema: Bool {
        text.opens(with: [
            "schema for", "invalid schema", "function '", "function \"", "function `",
        ])
    }

    /// Whether it is a value that is refused. A parameter that takes other values is none that the
    /// model lacks.
    private var isAboutValue: Bool {
        if report.code == "unsupported_value" { return true }
        if text.opens(with: ["unsupported value", "invalid value", "only the default"]) {
            return true
        }
        if report.code == "unsupported_parameter" || report.code == "unknown_parameter" {
            return false
        }
        return !text.opens(with: [
            "unsupported parameter", "unknown parameter", "unrecognized", "unknown field",
            "unknown name", "extra inputs", "extra fields", "extra_forbidden", "not permitted",
            "not supported", "not support", "n't support", "deprecated", "unavailable",
            "unsupported", "unexpected", "not allowed", "not available", "cannot be used",
            "no endpoints found",
        ])
    }

    // MARK: Reasoning

    private mutating func readReasoning() {
        if text.opens(with: ["signature"]) || text.has(["signature", "thinking"]) {
            suggest(.dropReasoning)
        }
    }
}

/// Limits of an answer's length.
enum AnswerLimit {
    /// What upstreams want of the shortest answer, where they say no number: OpenAI's Responses API.
    private static let leastUsual = 16
    /// No upstream gives only answers longer than this.
    private static let leastMax = 4096

    /// The shortest answer that may be asked for, if a text is about that.
    static func least(in text: RefusalText, asked: Int) -> Int? {
        guard isMeant(by: text), !text.has(["budget", "maximum", "at most", "too large"]),
            text.has([
                "minimum", "at least", ">=", "greater than", "too small", "too low", "less than",
                "below", "ensure this value is greater",
            ])
        else { return nil }
        let isStrict =
            text.has(["greater than", "more than", "larger than", "above "])
            && !text.has(["or equal", ">="])
        let named = text.numbers(upTo: text.openingEnd).map { isStrict ? $0 + 1 : $0 }
        let least = named.filter { asked + 1...max(asked + 1, leastMax) ~= $0 }.min()
        guard let least = least ?? (asked < leastUsual ? leastUsual : nil), least <= leastMax else {
            return nil
        }
        return least
    }

    /// Whether a text says that the answer had no room in the length that was asked for.
    static func isReached(by text: RefusalText) -> Bool {
        text.opens(with: ["could not finish", "unable to finish", "cannot finish"])
            && text.opens(with: ["max_tokens", "max_output_tokens", "output limit", "token limit"])
    }

    /// Whether a text is about the longest answer that may be asked for, and not about the input.
    static func isMeant(by text: RefusalText) -> Bool {
        text.has([
            "max_tokens", "max_completion_tokens", "max_output_tokens", "max tokens",
            "max output tokens", "maxoutputtokens", "completion tokens", "output tokens",
            "output length", "maximum tokens you requested", "maximum tokens value",
        ])
            && !text.has([
                "prompt", "input", "messages", "maximum context", "context length",
                "context window", "context limit", "per minute", "afford",
            ])
    }
}
