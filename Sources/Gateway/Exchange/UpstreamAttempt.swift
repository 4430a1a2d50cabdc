// A client request on its way upstream: translated, and translated again when the upstream objects to
// something that can be left out. For that the client's own bytes are kept until the answer has
// begun; from then on nothing is asked again, and they are let go.

import Translation

/// One client request with all that is needed to ask the upstream for its answer.
struct UpstreamAttempt {
    /// Who is asked, however often.
    let candidate: Candidate
    /// What is known of who is asked.
    let known: UpstreamState
    private(set) var translated: TranslatedRequest
    private var history = RetryPolicy.History()
    /// What has changed the request, and is wanted by the model's later requests as well should this
    /// one succeed.
    private(set) var lessons: [UpstreamRemedy] = []
    /// The client's session, if it has named one.
    let session: SessionDigest?
    /// What the model's tokens cost.
    let prices: ModelPrices?
    /// The client's header fields for an upstream that speaks the Messages API.
    private let forwarded: ForwardedFields?

    private let outline: RequestOutline
    private var settings: RequestSettings
    var inputTokensEstimate: Int
    /// The client's request; empty once it is no longer needed.
    private var clientBody: [UInt8]

    /// How often the upstream was asked again.
    var retries: Int { history.retries }

    /// Translates the request in `document` and takes its bytes over.
    ///
    /// - Parameter estimate: the prompt's size, for texts without numbers.
    /// - Returns: the attempt and the call to be made.
    /// - Throws: the 400 that the client gets when the request cannot be translated, or is certain
    ///   to be too long for the model. Only the list of models says so: what was learnt refuses
    ///   nothing.
    static func first(
        _ document: inout JSONDocument, outline: RequestOutline,
        _ prepared: RequestPreparation.Prepared, inputTokensEstimate estimate: Int
    ) throws(APIError) -> (attempt: UpstreamAttempt, call: UpstreamCall) {
        let candidate = prepared.candidate
        if let window = prepared.known.listedWindow(of: candidate.model),
            PromptBound.exceeds(window, document)
        {
            throw .promptTooLong(max(estimate, window + 1), limit: window)
        }
        var body: [UInt8] = []
        let translated = try RequestTranslator.translate(
            document, outline: outline, settings: prepared.context, into: &body)
        let attempt = UpstreamAttempt(
            prepared, translated, outline, inputTokensEstimate: estimate,
            clientBody: document.takeBytes())
        return (attempt, attempt.call(body))
    }

    private init(
        _ prepared: RequestPreparation.Prepared, _ translated: TranslatedRequest,
        _ outline: RequestOutline, inputTokensEstimate: Int, clientBody: [UInt8]
    ) {
        candidate = prepared.candidate
        known = prepared.known
        session = prepared.session
        prices = prepared.prices
        forwarded = prepared.forwarded
        settings = prepared.context
        // A second try is of the same prompt.
        settings.takesFingerprint = false
        self.translated = translated
        self.outline = outline
        self.inputTokensEstimate = inputTokensEstimate
        self.clientBody = clientBody
    }

    /// The call that brings `body` to the upstream.
    private func call(_ body: [UInt8]) -> UpstreamCall {
        var call = UpstreamCall(
            to: upstream, .answer(settings.api), body: body, beta: translated.headers.anthropicBeta)
        if settings.api == .messages { call.forwarded = forwarded ?? ForwardedFields() }
        return call
    }

    /// The body that the prompt is counted by: prompts are counted as chat completions.
    func bodyToCount(_ call: UpstreamCall) -> [UInt8] {
        guard settings.api != .chat else { return call.body }
        var settings = settings
        settings.api = .chat
        var document = JSONDocument()
        var body: [UInt8] = []
        do {
            try document.parse(clientBody)
            _ = try RequestTranslator.translate(
                document, outline: outline, settings: settings, into: &body)
        } catch {
            // Chat completions have no words for it; it is counted by what goes upstream.
            return call.body
        }
        return body
    }

    var isStreaming: Bool { outline.isStreaming }
    var upstream: Upstream { candidate.upstream }
    var upstreamModel: [UInt8] { candidate.model }

    /// The bytes that are kept for another try.
    var heldBytes: Int { clientBody.count }

    /// Reads the failures of this request.
    func errorReader(timeOfDay: Duration) -> UpstreamErrorReader {
        UpstreamErrorReader(
            inputTokensEstimate: inputTokensEstimate, maxTokens: outline.maxTokens,
            contextTokens: settings.capabilities.contextTokens, secret: upstream.secret,
            nowMilliseconds: Int(timeOfDay / .milliseconds(1)))
    }

    /// A translator for the answer to the present call.
    func makeTranslator(
        _ identity: StreamTranslator.Identity, errorReader: UpstreamErrorReader
    ) -> ResponseTranslator {
        var profile = StreamTranslator.Profile()
        profile.parsesThinkTags = settings.profile.parsesThinkTags
        profile.countsReasoningApart = settings.profile.countsReasoningApart
        return ResponseTranslator(
            settings.api, facts: translated.facts, identity: identity,
            inputTokensEstimate: inputTokensEstimate, errorReader: errorReader, profile: profile)
    }

    /// The answer has begun: nothing will be asked again.
    mutating func commit() { clientBody = [] }

    // MARK: Asking again

    /// The call to be made after `failure`, or nil when the failure has to stand.
    ///
    /// - Parameter status: of the upstream's answer; zero without one.
    mutating func nextCall(after failure: UpstreamFailure, _ status: Int) -> UpstreamCall? {
        var failure = failure
        if settings.api == .responses, settings.choosesAPI, [404, 405, 501].contains(status) {
            // A gateway that has the names of the models, but not this API.
            failure.remedies.append(.askByChat)
            failure.lessons.insert(.askByChat)
        }
        let request = RetryPolicy.Request(
            answerTokens: min(
                settings.capabilities.outputTokensMax ?? .max,
                settings.answerTokensTaken ?? .max, outline.maxTokens),
            isRepeatable: !clientBody.isEmpty)
        switch RetryPolicy.decide(after: failure, history: history, request: request) {
        case .report: return nil
        case .repair(let remedies):
            if let call = repaired(by: remedies, teaching: failure.lessons) { return call }
            var rest = failure
            rest.remedies = []
            return nextCall(after: rest, 0)
        case .again:
            // Somebody else may answer than the provider that was asked for.
            if failure.kind != .emptyAnswer { forgetProvider() }
            guard let again = translate(settings) else { return nil }
            translated = again.request
            history.note(failure)
            return call(again.body)
        }
    }

    /// The call that the first of the remedies makes which changes the body.
    private mutating func repaired(
        by remedies: [UpstreamRemedy], teaching allowed: Set<UpstreamRemedy>
    ) -> UpstreamCall? {
        guard let before = translate(settings) else { return nil }
        for remedy in remedies {
            let concrete = concrete(remedy, in: before.body)
            var changed = settings
            guard changed.apply(concrete), let after = translate(changed),
                after.body != before.body
            else {
                history.note(remedy, changesRequest: false)
                continue
            }
            settings = changed
            translated = after.request
            history.note(remedy, changesRequest: true)
            if allowed.contains(remedy) { lessons.append(concrete) }
            return call(after.body)
        }
        return nil
    }

    /// The remedy with the value that the refused body has.
    private func concrete(_ remedy: UpstreamRemedy, in body: [UInt8]) -> UpstreamRemedy {
        guard case .dropValue(let name, _) = remedy else { return remedy }
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(body) } catch { return remedy }
        var members = document.members(of: .root)
        while let (key, value) = document.next(&members) {
            guard document.string(key) == name else { continue }
            return .dropValue(name, Array(document.bytes[document.literal(value)]))
        }
        return remedy
    }

    private mutating func forgetProvider() {
        settings.extraFields.removeAll { $0.name == ProviderPins.fieldName }
    }

    private mutating func translate(
        _ settings: RequestSettings
    ) -> (request: TranslatedRequest, body: [UInt8])? {
        var document = JSONDocument()
        var body: [UInt8] = []
        do {
            try document.parse(exchanging: &clientBody)
            defer { clientBody = document.takeBytes() }
            let request = try RequestTranslator.translate(
                document, outline: outline, settings: settings, into: &body)
            return (request, body)
        } catch {
            // It was translated before; this cannot be, and if it is, the failure stands.
            return nil
        }
    }
}
