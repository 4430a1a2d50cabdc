// From an upstream's failure to the error that makes a client do the right thing. Clients act by
// status, by `x-should-retry`, and by a few sentences they know; the table of who does what is in
// docs/translation.md. Beside the error stands what the proxy itself could do about it.

/// An upstream's failure, translated.
package struct UpstreamFailure: Equatable, Sendable {
    /// What it is: the one thing to decide by.
    package var kind: FailureKind
    /// What a client gets of it.
    package var error: APIError
    /// What may help, the likeliest first.
    package var remedies: [UpstreamRemedy] = []
    /// Which of the remedies may be kept for the model once they have helped.
    package var lessons: Set<UpstreamRemedy> = []
    /// The model's context in tokens, if the upstream itself has named it when it refused a prompt.
    package var contextTokens: Int?
    /// The status that the upstream has given it, wherever it stood; zero without one.
    package var status = 0
    /// How many seconds the upstream asks to be left alone for, if it has named a time.
    package var waitSeconds: Int?
    /// Whether an allowance is spent, such as that of a day, which a short wait does not bring back.
    package var isQuotaSpent = false
    /// Whether another request to the same model might be served: nobody there can do what this one
    /// wants.
    package var isOfRequestAlone = false
    /// Whether the upstream has said no more than that the answer did not fit into the length that was
    /// asked for: that is an answer that was cut before its first word.
    package var isCutAnswer = false

    package init(_ kind: FailureKind, error: APIError, remedies: [UpstreamRemedy] = []) {
        self.kind = kind
        self.error = error
        self.remedies = remedies
    }
}

/// Reads the failures of one request.
package struct UpstreamErrorReader: Sendable {
    /// Headers of an error response that matter, as text.
    package struct Headers: Sendable {
        package var retryAfter: String?
        package var rateLimitReset: String?
        package init(retryAfter: String? = nil, rateLimitReset: String? = nil) {
            self.retryAfter = retryAfter
            self.rateLimitReset = rateLimitReset
        }
    }

    /// Our own count of the request's input tokens.
    package var inputTokensEstimate: Int
    /// The output tokens that the request asked for.
    package var maxTokens: Int
    /// The model's context, if it is known.
    package var contextTokens: Int?
    /// The setting that holds the upstream's key, to be named when the key is refused.
    package var credentialName: String
    /// The key that the upstream was asked with, never to be shown.
    package var secret: [UInt8]
    /// Whether that is the client's own, so that it is for the client to mend.
    package var isClientsKey: Bool
    /// The time of the request, in milliseconds since 1970: resets are told as points in time.
    package var nowMilliseconds: Int

    package init(
        inputTokensEstimate: Int, maxTokens: Int, contextTokens: Int? = nil,
        credentialName: String = "OPENROUTER_API_KEY", secret: [UInt8] = [],
        isClientsKey: Bool = false, nowMilliseconds: Int = 0
    ) {
        self.inputTokensEstimate = inputTokensEstimate
        self.maxTokens = maxTokens
        self.contextTokens = contextTokens
        self.credentialName = credentialName
        self.secret = secret
        self.isClientsKey = isClientsKey
        self.nowMilliseconds = nowMilliseconds
    }

    /// Waits beyond this are not left to clients: some sleep as long as they are told.
    static var retryAfterMax: Int { 60 }

    // MARK: Secrets

    /// An identifier or a name of the upstream's as it may be shown: nothing of it if it holds the
    /// secret, which only an upstream that means harm puts there.
    package func harmless(_ name: [UInt8]) -> [UInt8] {
        guard !secret.isEmpty, name.count >= secret.count else { return name }
        for start in 0...(name.count - secret.count)
        where name[start..<start + secret.count].elementsEqual(secret) {
            return []
        }
        return name
    }

    // MARK: Reading

    /// The failure that an upstream's response tells of.
    ///
    /// - Parameters:
    ///   - status: the HTTP status; 200 for an error in a body that promised better.
    ///   - body: as much of it as was read; 64 KiB are plenty.
    package func read(
        status: Int, headers: Headers = Headers(), body: [UInt8]
    ) -> UpstreamFailure {
        var document = JSONDocument()
        var report = UpstreamErrorReport()
        let isJSON = (try? document.parse(body)) != nil
        let isPage = !isJSON && body.contains { $0 > 0x20 }
        if isJSON { report = UpstreamErrorReport(document) }
        if isPage { report.message = "It sent \(summary(ofPage: body))." }
        if status == 200, report.message.isEmpty { report.message = Self.failureWithoutWords }
        if 201..<400 ~= status, report.message.isEmpty || isPage {
            report.message = Self.misdirection(status)
            report.isRetryable = false
            report.isMisdirected = true
        }
        if report.rateLimitReset.isEmpty { report.rateLimitReset = headers.rateLimitReset ?? "" }
        if report.retryAfter == nil {
            report.retryAfter = headers.retryAfter.flatMap { Double($0) }
                .flatMap { Int(exactly: $0.rounded(.up)) }
        }
        return failure(report, status: effectiveStatus(report, http: status), isPage: isPage)
    }

    private static var failureWithoutWords: String {
        "The upstream reports that it failed, without saying why."
    }

    /// What a status says that is neither an answer nor an error.
    private static func misdirection(_ status: Int) -> String {
        let advice = "Check CLAUDE_PROXY_UPSTREAM_URL: scheme, host and path."
        return status < 300
            ? "The upstream answered HTTP \(status), which is no answer to a message. \(advice)"
            : "The upstream answered HTTP \(status): what is asked for is elsewhere, and redirects"
                + " are not followed. \(advice)"
    }

    /// The failure that an event in the middle of a stream tells of.
    ///
    /// - Parameter error: where the error stands, if that is known.
    func read(midStream document: JSONDocument, at error: JSONNode? = nil) -> UpstreamFailure {
        var report = error.map { UpstreamErrorReport(document, at: $0) } ?? .init(document)
        if report.message.isEmpty {
            report.message = Self.failureWithoutWords
        }
        return failure(report, status: effectiveStatus(report, http: 200), isPage: false)
    }

    /// The failure of an answer that ends before its first word because the context is full.
    var contextFull: UpstreamFailure {
        var report = UpstreamErrorReport()
        report.code = "context_length_exceeded"
        report.message = "The model's context is full."
        return failure(report, status: 400, isPage: false)
    }

    /// The status that counts: the error's own, else HTTP's, else what the words stand for.
    private func effectiveStatus(_ report: UpstreamErrorReport, http: Int) -> Int {
        if let status = report.status { return status }
        if http >= 400 { return http }
        return Self.statuses[report.errorType] ?? Self.statuses[report.code] ?? 500
    }

    /// What OpenRouter's `error_type`, and the `type` and `code` of others, stand for.
    private static let statuses: [String: Int] = [
        "context_length_exceeded": 400, "max_tokens_exceeded": 400, "token_limit_exceeded": 400,
        "string_too_long": 400, "authentication": 401, "permission_denied": 403,
        "payment_required": 402, "rate_limit_exceeded": 429, "provider_overloaded": 529,
        "provider_unavailable": 502, "invalid_request": 400, "invalid_prompt": 400,
        "not_found": 404, "precondition_failed": 412, "payload_too_large": 413,
        "unprocessable": 422, "content_policy_violation": 400, "refusal": 400,
        "invalid_image": 400, "image_too_large": 400, "image_too_small": 400,
        "unsupported_image_format": 400, "image_not_found": 400, "image_download_failed": 400,
        "server": 500, "timeout": 504, "unmapped": 500,
        "invalid_request_error": 400, "BadRequestError": 400, "authentication_error": 401,
        "invalid_api_key": 401, "permission_error": 403, "not_found_error": 404,
        "model_not_found": 404, "NotFoundError": 404, "rate_limit_error": 429,
        "insufficient_quota": 429, "overloaded_error": 529, "timeout_error": 504,
        "server_error": 500, "RateLimitReached": 429, "tool_use_failed": 400,
    ]

    // MARK: Deciding

    private func failure(
        _ report: UpstreamErrorReport, status: Int, isPage: Bool
    ) -> UpstreamFailure {
        var report = report
        // Before anything is cut: half a key is a secret, too.
        report.message = SecretScrubber.scrub(report.message, secret: secret)
        report.provider = SecretScrubber.scrub(report.provider, secret: secret)
        let kind = kind(report, status: status, isPage: isPage)
        var error = error(kind, report, status: status)
        if report.isRetryable == false {
            error.shouldRetry = false
            error.retryAfter = nil
        }
        error.message = SecretScrubber.scrub(error.message, secret: secret)
        var failure = UpstreamFailure(kind, error: error)
        failure.status = report.errorType == "provider_overloaded" ? 529 : status
        failure.waitSeconds = waitSeconds(report)
        failure.isQuotaSpent = isQuotaSpent(report)
        failure.isOfRequestAlone = kind == .modelMissing && isOfRequestAlone(report)
        if kind == .contextTooLong, let overflow = overflow(report, status: status) {
            failure.contextTokens = window(report, overflow)
            if let tokens = overflow.outputTokensLeft {
                failure.remedies = [.lowerMaxTokens(tokens)]
            }
            return failure
        }
        let refusal = Refusal(report, status: status, maxTokens: maxTokens)
        failure.remedies = refusal.remedies
        failure.lessons = refusal.lessons
        failure.isCutAnswer =
            kind == .requestFault && AnswerLimit.isReached(by: RefusalText(report.message))
        return failure
    }

    /// The context that the upstream has named in its own words, before anything that it quotes.
    private func window(_ report: UpstreamErrorReport, _ overflow: ContextOverflow) -> Int? {
        guard overflow.isLimitStated else { return nil }
        let text = RefusalText(report.message)
        let opening = String(decoding: text.bytes[..<text.openingEnd], as: UTF8.self)
        let said = ContextOverflow(
            text: opening, isCertain: true, inputEstimate: inputTokensEstimate,
            maxTokens: maxTokens)
        guard let said, said.isLimitStated, said.limit == overflow.limit else { return nil }
        return said.limit
    }

    /// The error of a failure of this kind, in the report's words.
    private func error(
        _ kind: FailureKind, _ report: UpstreamErrorReport, status: Int
    ) -> APIError {
        let text = text(report, status: status)
        switch kind {
        case .keyRefused: return keyRefused(text)
        case .notPermitted: return APIError(status: 403, type: .permission, message: text)
        case .modelMissing: return notFound(report, text)
        case .rateLimited: return rateLimited(report, text)
        case .overloaded, .noSocket, .noMemory, .shuttingDown:
            return overloaded(report, text)
        case .timeout, .unreachable: return APIError(status: 504, type: .timeout, message: text)
        case .unavailable, .unanswered, .brokenAnswer, .badAnswer, .emptyAnswer:
            return APIError(status: 502, type: .api, message: text)
        case .internalFault, .misconfigured:
            return APIError(status: 500, type: .api, message: text)
        case .contextTooLong:
            return .invalidRequest(overflow(report, status: status)?.message ?? text)
        case .outOfCredit:
            return status == 429
                ? rateLimited(report, text) : APIError(status: 402, type: .billing, message: text)
        case .contentRefused: return status == 403 ? .contentRefused(text) : .invalidRequest(text)
        case .requestFault:
            if status == 409 { return APIError(status: 409, type: .conflict, message: text) }
            if status == 413 {
                return APIError(status: 413, type: .requestTooLarge, message: text)
            }
            return .invalidRequest(text)
        }
    }

    /// The overflow of the context that the report tells of. Some upstreams tell of it with 401, 403,
    /// 404 or 500; the words decide.
    func overflow(_ report: UpstreamErrorReport, status: Int) -> ContextOverflow? {
        guard ![402, 408, 409, 429].contains(status) else { return nil }
        let isCertain = [report.errorType, report.code].contains(where: Self.isOverflow)
        let others = ["string_too_long", "string_above_max_length", "content_policy_violation"]
        let isOther = others.contains(report.errorType) || others.contains(report.code)
        if isOther || report.isAboutContent { return nil }
        return ContextOverflow(
            text: report.message, isCertain: isCertain, inputEstimate: inputTokensEstimate,
            maxTokens: maxTokens, window: contextTokens)
    }

    /// Whether a symbolic code says that the context is too small.
    private static func isOverflow(_ code: String) -> Bool {
        let codes = [
            "context_length_exceeded", "max_tokens_exceeded", "token_limit_exceeded",
            "exceed_context_size_error", "context_window_exceeded",
        ]
        return codes.contains(code) || code.hasSuffix("prompt_tokens_exceeded")
    }

    /// The client's credentials are fine, unless they were sent on: a 401 would make it ask for a login.
    private func keyRefused(_ text: String) -> APIError {
        guard !isClientsKey else {
            return APIError(
                status: 401, type: .authentication,
                message: "The upstream refused the credential of this request: \(text)",
                shouldRetry: false)
        }
        return APIError(
            status: 500, type: .api,
            message: "The upstream refused the proxy's own key: \(text)\(Self.end(of: text)) "
                + "Check \(credentialName) in the proxy's configuration.",
            shouldRetry: false)
    }

    /// What a text lacks to be a sentence.
    private static func end(of text: String) -> String {
        text.last.map { ".!?…".contains($0) } ?? true ? "" : "."
    }

    private func notFound(_ report: UpstreamErrorReport, _ text: String) -> APIError {
        var message = text
        if !report.fallbackModels.isEmpty {
            message +=
                " Available instead: \(report.fallbackModels.prefix(8).joined(separator: ", "))."
        }
        return APIError(status: 404, type: .notFound, message: message)
    }

    private func overloaded(_ report: UpstreamErrorReport, _ text: String) -> APIError {
        var error = APIError(status: 529, type: .overloaded, message: text)
        guard let wait = waitSeconds(report) else { return error }
        if wait <= Self.retryAfterMax {
            error.retryAfter = wait
        } else {
            error.shouldRetry = false
            error.message +=
                "\(Self.end(of: text)) It asks to be left alone for \(Self.span(ofSeconds: wait))."
        }
        return error
    }

    private func rateLimited(_ report: UpstreamErrorReport, _ text: String) -> APIError {
        var error = APIError(status: 429, type: .rateLimit, message: text)
        let isSpent = isQuotaSpent(report)
        let wait = waitSeconds(report)
        if let wait, wait <= Self.retryAfterMax, !isSpent {
            error.retryAfter = wait
        } else if isSpent || wait != nil {
            error.shouldRetry = false
            if let wait {
                error.message +=
                    "\(Self.end(of: text)) The limit resets in \(Self.span(ofSeconds: wait))."
            }
        }
        return error
    }

    private func isQuotaSpent(_ report: UpstreamErrorReport) -> Bool {
        report.limitSource.hasSuffix("_daily") || report.code == "insufficient_quota"
            || Array(report.message.lowercased().utf8).firstOffset(of: "free-models-per-day") != nil
    }

    /// OpenRouter's 404 for what none of a model's providers can do, or may: "No endpoints found that
    /// support tool use", "… matching your data policy".
    private func isOfRequestAlone(_ report: UpstreamErrorReport) -> Bool {
        let words = Array(report.message.lowercased().utf8)
        let signs: [StaticString] = ["that support", "matching your", "data policy", "can handle"]
        return words.firstOffset(of: "no endpoints") != nil
            && signs.contains { words.firstOffset(of: $0) != nil }
    }

    /// Seconds to wait, from whoever names them: any number, so it is cut to one that can be
    /// calculated with.
    private func waitSeconds(_ report: UpstreamErrorReport) -> Int? {
        if let seconds = report.retryAfter, seconds >= 0 { return min(seconds, Self.waitMax) }
        guard let reset = Int(report.rateLimitReset), reset > 0 else { return nil }
        // OpenRouter gives milliseconds since 1970, others seconds, yet others a span.
        if reset > 100_000_000_000 {
            let (wait, isOver) = (reset - nowMilliseconds).addingReportingOverflow(999)
            return isOver ? Self.waitMax : min(max(0, wait / 1000), Self.waitMax)
        }
        if reset > 1_000_000_000 { return max(0, reset - nowMilliseconds / 1000) }
        return reset
    }

    /// A century.
    private static var waitMax: Int { 3_155_760_000 }

    static func span(ofSeconds seconds: Int) -> String {
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7200 { return "\((seconds + 59) / 60) min" }
        return "\((seconds + 3599) / 3600) h"
    }
}

// MARK: - Texts

extension UpstreamErrorReader {
    /// The longest text that is passed on, in characters.
    private static var textMax: Int { 2000 }
    /// How much of a page is looked at.
    private static var pageBytesMax: Int { 64 << 10 }

    private func text(_ report: UpstreamErrorReport, status: Int) -> String {
        guard !report.message.isEmpty else {
            return "The upstream answered HTTP \(status) without saying why."
        }
        let text =
            report.provider.isEmpty ? report.message : "\(report.provider): \(report.message)"
        return text.count > Self.textMax ? text.prefix(Self.textMax) + "…" : text
    }

    /// What a body is that is no JSON, in a few words: its title or its begin.
    func summary(ofPage body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(Self.pageBytesMax), as: UTF8.self)
        return Self.summary(ofPage: Array(SecretScrubber.scrub(text, secret: secret).utf8))
    }

    private static func summary(ofPage body: [UInt8]) -> String {
        let lower = body.map { 65...90 ~= $0 ? $0 | 0x20 : $0 }
        let start = body.first { $0 > 0x20 }
        let isText = body.prefix(4096).allSatisfy { $0 >= 0x20 || 0x09...0x0D ~= $0 }
        guard isText else { return "\(body.count) bytes that are no text" }
        guard start == UInt8(ascii: "<") else {
            let text = plain(body[...])
            return text.isEmpty ? "an empty body" : "\"\(text)\""
        }
        if let open = lower.firstOffset(of: "<title>"),
            let close = lower.firstOffset(of: "</title>", from: open)
        {
            return "an HTML page titled \"\(plain(body[(open + 7)..<close]))\""
        }
        return "an HTML page"
    }

    /// The begin of a text on one line.
    private static func plain(_ text: ArraySlice<UInt8>) -> String {
        let words = String(decoding: text.prefix(4096), as: UTF8.self)
            .split { $0.isWhitespace || $0.isNewline }
        let line = words.joined(separator: " ")
        return line.count > 200 ? line.prefix(200) + "…" : line
    }
}
