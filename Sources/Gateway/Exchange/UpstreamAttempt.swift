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

    /// Translates the request in `document` and takes its bytes over.
    ///
    /// - Parameters:
    ///   - prepared: for the first who is asked.
    ///   - estimate: the prompt's size, for texts without numbers.
    /// - Returns: the attempt and the call to be made.
    /// - Throws: the 400 that the client gets when the request cannot be translated.
    static func first(
        _ document: inout JSONDocument, _ preparation: RequestPreparation, _ route: Route,
        _ prepared: RequestPreparation.Prepared, inputTokensEstimate estimate: Int,
        promptTokens: Int
    ) throws(APIError) -> (attempt: UpstreamAttempt, call: UpstreamCall) {
        var body: [UInt8] = []
        let translated = try RequestTranslator.translate(
            document, outline: preparation.outline, settings: prepared.context, into: &body)
        let attempt = UpstreamAttempt(
            preparation, route, prepared, translated, inputTokensEstimate: estimate,
            promptTokens: promptTokens, clientBody: document.takeBytes())
        return (attempt, attempt.call(body))
    }

    private init(
        _ preparation: RequestPreparation, _ route: Route,
        _ prepared: RequestPreparation.Prepared, _ translated: TranslatedRequest,
        inputTokensEstimate: Int, promptTokens: Int, clientBody: [UInt8]
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
        self.inputTokensEstimate = inputTokensEstimate
        self.promptTokens = promptTokens
        self.clientBody = clientBody
        progress = prepared.progress
        progress.noteAsked()
    }

    /// The call that brings `body` to the upstream.
    private func call(_ body: [UInt8]) -> UpstreamCall {
        var call = preparation.call(
            of: .answer(settings.api), to: upstream, settings, body: body)
        call.beta = translated.headers.anthropicBeta
        // A body that has changed is another request.
        if retries > 0 { call.forwarded?.dropIdempotencyKey() }
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

    /// The call that the first of the remedies makes which changes the body; nil if none does.
    ///
    /// - Parameter failure: what suggests them, and which of them may be kept.
    mutating func repaired(
        by remedies: [UpstreamRemedy], after failure: UpstreamFailure, _ status: Int
    ) -> UpstreamCall? {
        guard let before = translate(settings) else { return nil }
        let lackedAPI = mayAskByChat(status)
        for remedy in remedies {
            let concrete = concrete(remedy, in: before.body)
            var changed = settings
            guard changed.apply(concrete), let after = translate(changed),
                after.body != before.body || changed.betas != settings.betas
            else {
                history.note(remedy, changesRequest: false)
                continue
            }
            settings = changed
            translated = after.request
            history.note(remedy, changesRequest: true)
            let isLesson =
                failure.lessons.contains(remedy) || (remedy == .askByChat && lackedAPI)
            if isLesson { lessons.append(concrete) }
            return call(after.body)
        }
        return nil
    }

    /// The same call once more. Somebody else may answer than the provider that was asked for.
    mutating func repeated(after failure: UpstreamFailure) -> UpstreamCall? {
        if failure.kind != .emptyAnswer { forgetProvider() }
        guard let again = translate(settings) else { return nil }
        translated = again.request
        history.noteRepeat()
        return call(again.body)
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

    /// The call to somebody else; nil if the request cannot be put into its words.
    mutating func moved(to other: Candidate, in turn: Turn) -> UpstreamCall? {
        var prepared = preparation.prepare(for: other, in: turn)
        prepared.context.takesFingerprint = false
        prepared.context.promptTokens = settings.promptTokens
        guard let request = translate(prepared.context) else {
            progress.exclude(other.entry)
            return nil
        }
        candidate = other
        known = prepared.known
        session = prepared.session
        prices = prepared.prices
        settings = prepared.context
        translated = request.request
        lessons = []
        history.noteMove()
        return call(request.body)
    }

    /// The remedy with what the refused request has: the value in its body, its betas.
    private func concrete(_ remedy: UpstreamRemedy, in body: [UInt8]) -> UpstreamRemedy {
        if case .dropBetas(let names) = remedy {
            return settings.betas.concrete(names).map { .dropBetas($0) } ?? remedy
        }
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
        let rules = preparation.settings.configuration.providerRules
        if upstream.profile.allowsProviderOrder,
            let field = ProviderPins.preference(for: nil, rules: rules)
        {
            settings.extraFields.append(field)
        }
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
            // It was translated before, if for another; if it cannot be, the failure stands.
            return nil
        }
    }
}
