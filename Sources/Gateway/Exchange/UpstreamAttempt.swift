// A client request on its way upstream: translated, and translated again when the upstream objects to
// something that can be left out. For that the client's own bytes are kept until the answer has
// begun; from then on nothing is asked again, and they are let go.

import Translation

/// One client request with all that is needed to ask the upstream for its answer.
struct UpstreamAttempt {
    /// Who is asked, however often.
    let upstream: Upstream
    let isStreaming: Bool
    private(set) var translated: TranslatedRequest
    /// How often the upstream was asked again.
    private(set) var retries = 0
    /// What the model's tokens cost.
    var prices: ModelPrices?

    private let outline: RequestOutline
    private var settings: RequestSettings
    var inputTokensEstimate: Int
    /// The client's request; empty once it is no longer needed.
    private var clientBody: [UInt8]
    /// The reasons for which it was asked again, each good for one time.
    private var reasons: Set<Reason> = []

    private enum Reason: Hashable {
        case connection, content, unavailable, reasoning, strictness, length, parameter(String)
    }

    /// Translates the request in `document` and takes its bytes over.
    ///
    /// - Returns: the attempt and the call to be made.
    /// - Parameters:
    ///   - estimate: the prompt's size, for texts without numbers.
    ///   - window: the context that the list of models gives. What was learnt refuses nothing.
    /// - Throws: the 400 that the client gets when the request cannot be translated, or is certain
    ///   to be too long for the model.
    static func first(
        _ document: inout JSONDocument, outline: RequestOutline, upstream: Upstream,
        settings: RequestSettings, inputTokensEstimate estimate: Int, listedWindow window: Int?
    ) throws(APIError) -> (attempt: UpstreamAttempt, call: UpstreamCall) {
        var settings = settings
        if let window, PromptBound.exceeds(window, document) {
            throw .promptTooLong(max(estimate, window + 1), limit: window)
        }
        var body: [UInt8] = []
        let translated = try RequestTranslator.translate(
            document, outline: outline, settings: settings, into: &body)
        // A second try is of the same prompt.
        settings.takesFingerprint = false
        let attempt = UpstreamAttempt(
            upstream: upstream, isStreaming: outline.isStreaming, translated: translated,
            outline: outline,
            settings: settings, inputTokensEstimate: estimate, clientBody: document.takeBytes())
        let call = UpstreamCall(
            to: upstream, body: body, beta: translated.headers.anthropicBeta)
        return (attempt, call)
    }

    private init(
        upstream: Upstream, isStreaming: Bool, translated: TranslatedRequest,
        outline: RequestOutline,
        settings: RequestSettings, inputTokensEstimate: Int, clientBody: [UInt8]
    ) {
        self.upstream = upstream
        self.isStreaming = isStreaming
        self.translated = translated
        self.outline = outline
        self.settings = settings
        self.inputTokensEstimate = inputTokensEstimate
        self.clientBody = clientBody
    }

    var upstreamModel: [UInt8] { settings.upstreamModel }

    /// Reads the failures of this request.
    func errorReader(timeOfDay: Duration) -> UpstreamErrorReader {
        UpstreamErrorReader(
            inputTokensEstimate: inputTokensEstimate, maxTokens: outline.maxTokens,
            secret: upstream.secret,
            nowMilliseconds: Int(timeOfDay / .milliseconds(1)))
    }

    /// A translator for the answer to the present call.
    func makeTranslator(
        _ identity: StreamTranslator.Identity, errorReader: UpstreamErrorReader
    ) -> StreamTranslator {
        var profile = StreamTranslator.Profile()
        profile.parsesThinkTags = settings.profile.parsesThinkTags
        return StreamTranslator(
            facts: translated.facts, identity: identity,
            inputTokensEstimate: inputTokensEstimate, errorReader: errorReader, profile: profile)
    }

    /// The answer has begun: nothing will be asked again.
    mutating func commit() { clientBody = [] }

    // MARK: Asking again. Each gives the next call, or nil when the failure has to stand.

    /// The call failed before the upstream can have begun to work.
    mutating func retry(after failure: TransferFailure) -> UpstreamCall? {
        guard failure.isFreeToRetry else { return nil }
        forgetProvider()
        return again(because: .connection)
    }

    /// Lets somebody else answer than the provider that was asked for.
    private mutating func forgetProvider() {
        settings.extraFields.removeAll { $0.name == ProviderPins.fieldName }
    }

    /// The upstream ended its answer without any content.
    mutating func retryForContent() -> UpstreamCall? { again(because: .content) }

    /// The upstream refused. `lessons` keeps what it does not take.
    mutating func retry(
        after failure: UpstreamFailure, lessons: inout UpstreamLessons
    ) -> UpstreamCall? {
        switch failure.remedy {
        case .dropParameter(let name):
            guard !settings.omittedFields.contains(name) else { return nil }
            lessons.learn(name, refusedBy: settings.upstreamModel)
            settings.omittedFields.insert(name)
            return again(because: .parameter(name))
        case .dropReasoning:
            settings.isWithoutReasoning = true
            return again(because: .reasoning)
        case .dropStrict:
            settings.isWithoutStrict = true
            return again(because: .strictness)
        case .lowerMaxTokens(let tokens):
            guard tokens >= Limits.answerTokensMin,
                tokens < settings.capabilities.outputTokensMax ?? .max, tokens < outline.maxTokens
            else { return nil }
            settings.capabilities.outputTokensMax = tokens
            return again(because: .length)
        case .none:
            return retryWhenUnavailable(failure.error)
        }
    }

    /// The upstream, or the way to it, was down for a moment: a second try costs nothing, since
    /// nothing was generated.
    private mutating func retryWhenUnavailable(_ error: APIError) -> UpstreamCall? {
        let isUnavailable = error.status == 502 || (error.status == 529 && error.retryAfter == nil)
        guard isUnavailable, error.shouldRetry != false else { return nil }
        forgetProvider()
        return again(because: .unavailable)
    }

    private mutating func again(because reason: Reason) -> UpstreamCall? {
        guard !clientBody.isEmpty, retries < Limits.retriesMax, reasons.insert(reason).inserted
        else { return nil }
        var document = JSONDocument()
        var body: [UInt8] = []
        do {
            try document.parse(exchanging: &clientBody)
            translated = try RequestTranslator.translate(
                document, outline: outline, settings: settings, into: &body)
        } catch {
            // It was translated before; this cannot be, and if it is, the failure stands.
            return nil
        }
        clientBody = document.takeBytes()
        retries += 1
        return UpstreamCall(to: upstream, body: body, beta: translated.headers.anthropicBeta)
    }
}
