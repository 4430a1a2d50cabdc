// A client request on its way upstream: translated, and translated again when the upstream objects to
// something that can be left out, or when somebody else is asked. For that the client's own bytes are
// kept until the answer has begun; from then on nothing is asked again, and they are let go.

import Translation

/// One client request with all that is needed to ask for its answer.
struct UpstreamAttempt {
    /// Who may be asked.
    let route: Route
    /// Who is asked at present.
    private(set) var candidate: Candidate
    /// What is known of who is asked.
    private(set) var known: UpstreamState
    private(set) var translated: TranslatedRequest
    private(set) var progress: RouteProgress
    private var history = RetryPolicy.History()
    /// What has changed the request, and is wanted by the model's later requests as well should this
    /// one succeed.
    private(set) var lessons: [UpstreamRemedy] = []
    /// The client's session, if it has named one.
    private(set) var session: SessionDigest?
    /// What the model's tokens cost.
    private(set) var prices: ModelPrices?

    private let preparation: RequestPreparation
    private var settings: RequestSettings
    var inputTokensEstimate: Int
    /// The prompt by our own count, which nothing learnt has gone into.
    var promptTokens: Int
    /// The client's request; empty once it is no longer needed.
    private var clientBody: [UInt8]

    /// How often an upstream was asked again.
    var retries: Int { history.retries }

    /// The request as it was translated for the first who is asked.
    ///
    /// - Parameters:
    ///   - estimate: the prompt's size, for texts without numbers.
    ///   - clientBody: what it is translated from, should it be asked again.
    init(
        _ preparation: RequestPreparation, _ route: Route,
        _ prepared: RequestPreparation.Prepared, _ translated: TranslatedRequest,
        inputTokensEstimate estimate: Int, promptTokens: Int, clientBody: [UInt8]
    ) {
        self.preparation = preparation
        self.route = route
        candidate = prepared.candidate
        known = prepared.known
        session = prepared.session
        prices = prepared.prices
        settings = prepared.context
        // A second try is of the same prompt.
        settings.takesFingerprint = false
        self.translated = translated
        inputTokensEstimate = estimate
        self.promptTokens = promptTokens
        self.clientBody = clientBody
        progress = prepared.progress
        progress.noteAsked()
    }

    /// The call that brings `body` to the upstream.
    func call(_ body: [UInt8]) -> UpstreamCall {
        var call = preparation.call(
            of: .answer(settings.api), to: upstream, settings, body: body)
        call.beta = translated.headers.anthropicBeta
        // A body that has changed is another request.
        if retries > 0 { call.forwarded?.dropIdempotencyKey() }
        return call
    }

    /// What the prompt is counted by.
    func promptToCount(_ call: UpstreamCall) -> PromptCount.Prompt {
        settings.api == .chat
            ? .body(call.body)
            : .request(clientBody, outline, settings, otherwise: call.body)
    }

    private var outline: RequestOutline { preparation.outline }
    var isStreaming: Bool { outline.isStreaming }
    var upstream: Upstream { candidate.upstream }
    var upstreamModel: [UInt8] { candidate.model }
    /// How the route is gone.
    var wish: RoutingTable.Wish { preparation.wish }
    /// Stands for the session's requests; nil without a session, or where there is nothing to choose.
    var mark: UInt64? { route.isSingle ? nil : preparation.wish.mark }

    /// The bytes that are kept for another try.
    var heldBytes: Int { clientBody.count }

    /// What the upstream is asked with, never to be shown; empty without a key.
    private var secret: [UInt8] {
        upstream.takesClientKeys ? preparation.credential?.secret ?? [] : upstream.secret
    }

    /// Reads the failures of this request.
    func errorReader(timeOfDay: Duration) -> UpstreamErrorReader {
        UpstreamErrorReader(
            inputTokensEstimate: inputTokensEstimate, maxTokens: outline.maxTokens,
            contextTokens: settings.capabilities.contextTokens,
            credentialName: upstream.configuration.keyText, secret: secret,
            isClientsKey: upstream.takesClientKeys,
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

    /// The call is made: if somebody has to find out whether the candidate works again, it does.
    mutating func takeProbe(in turn: Turn) {
        guard !route.isSingle else { return }
        let chosen = candidate
        candidate.isProbe = turn.state.routing { $0.beginProbe(of: chosen, at: turn.now) }
    }

    /// The answer has begun: nothing will be asked again.
    mutating func commit() { clientBody = [] }
}

// MARK: - Asking again

extension UpstreamAttempt {
    /// What follows `failure`.
    ///
    /// - Parameter status: of the upstream's answer; zero without one.
    func decision(
        after failure: UpstreamFailure, _ status: Int, _ transfer: TransferFailure.Kind?
    ) -> RetryPolicy.Decision {
        var failure = failure
        if mayAskByChat(status) { failure.remedies.append(.askByChat) }
        let request = RetryPolicy.Request(
            answerTokens: min(
                settings.capabilities.outputTokensMax ?? .max,
                settings.answerTokensTaken ?? .max, outline.maxTokens),
            isRepeatable: !clientBody.isEmpty)
        return RetryPolicy.decide(
            after: failure, transfer, history: history, request: request)
    }

    /// A gateway that has the names of the models, but not this API.
    private func mayAskByChat(_ status: Int) -> Bool {
        settings.api == .responses && settings.choosesAPI && [404, 405, 501].contains(status)
    }

    /// The request with the first of the remedies that changes it.
    mutating func repair(by remedies: [UpstreamRemedy]) -> RequestTranslation {
        translation(settings, by: remedies)
    }

    /// The same request once more. Somebody else may answer than the provider that was asked for.
    mutating func repetition(after failure: UpstreamFailure) -> RequestTranslation {
        if failure.kind != .emptyAnswer { forgetProvider() }
        return translation(settings)
    }

    /// The request for somebody else.
    mutating func translation(for prepared: RequestPreparation.Prepared) -> RequestTranslation {
        translation(prepared.context)
    }

    /// All that is needed to ask `other`.
    func prepare(for other: Candidate, in turn: Turn) -> RequestPreparation.Prepared {
        var prepared = preparation.prepare(for: other, in: turn)
        prepared.context.takesFingerprint = false
        prepared.context.promptTokens = settings.promptTokens
        return prepared
    }

    /// The client's request goes with it, until `takeBack`.
    private mutating func translation(
        _ settings: RequestSettings, by remedies: [UpstreamRemedy] = []
    ) -> RequestTranslation {
        defer { clientBody = [] }
        return RequestTranslation(again: clientBody, outline, settings, by: remedies)
    }

    /// A translation is done: the client's request is kept on.
    mutating func takeBack(_ translation: inout RequestTranslation) {
        clientBody = translation.takeClientBody()
    }

    /// The call that the repaired request makes; nil if no remedy has changed it.
    ///
    /// - Parameter failure: what suggested them, and which of them may be kept.
    mutating func repaired(
        _ translation: RequestTranslation, after failure: UpstreamFailure, _ status: Int
    ) -> UpstreamCall? {
        for remedy in translation.vainRemedies { history.note(remedy, changesRequest: false) }
        guard case .translated(let request, let body) = translation.outcome,
            let (suggested, concrete) = translation.remedy
        else { return nil }
        let lackedAPI = mayAskByChat(status)
        settings = translation.settings
        translated = request
        history.note(suggested, changesRequest: true)
        if failure.lessons.contains(suggested) || (suggested == .askByChat && lackedAPI) {
            lessons.append(concrete)
        }
        return call(body)
    }

    /// The same call once more.
    mutating func repeated(_ translation: RequestTranslation) -> UpstreamCall? {
        guard case .translated(let request, let body) = translation.outcome else { return nil }
        translated = request
        history.noteRepeat()
        return call(body)
    }

    /// The call to somebody else; nil if the request cannot be put into its words.
    mutating func moved(
        to prepared: RequestPreparation.Prepared, _ translation: RequestTranslation
    ) -> UpstreamCall? {
        guard case .translated(let request, let body) = translation.outcome else {
            progress.exclude(prepared.candidate.entry)
            return nil
        }
        candidate = prepared.candidate
        known = prepared.known
        session = prepared.session
        prices = prepared.prices
        settings = prepared.context
        translated = request
        lessons = []
        history.noteMove()
        return call(body)
    }

    /// Takes whom the present failure says out of the route.
    mutating func exclude(keyAlone: Bool) {
        if keyAlone {
            progress.exclude(candidate.entry, candidate.member)
        } else {
            progress.exclude(candidate.entry)
        }
    }

    /// Takes the models out of the route that are not known to take a longer prompt than `tokens`.
    mutating func excludeContexts(upTo tokens: Int, in turn: Turn) {
        for (index, entry) in route.entries.enumerated() {
            let known = turn.state.known(of: entry.pool.members[0])
            let window = known.listedWindow(of: entry.model) ?? 0
            if window <= max(tokens, promptTokens) { progress.exclude(index) }
        }
    }

    /// Takes the models out of the route that are known to be too small for the prompt.
    mutating func excludeTooSmall(in turn: Turn) {
        for (index, entry) in route.entries.enumerated() where index != candidate.entry {
            let known = turn.state.known(of: entry.pool.members[0])
            guard let window = known.listedWindow(of: entry.model) else { continue }
            if window < promptTokens { progress.exclude(index) }
        }
    }

    private mutating func forgetProvider() {
        settings.extraFields.removeAll { $0.name == ProviderPins.fieldName }
        let rules = preparation.settings.configuration.providerRules
        if upstream.profile.allowsProviderOrder,
            let field = ProviderPins.preference(for: nil, rules: rules)
        {
            settings.extraFields.append(field)
        }
    }
}
