// From a complete request for a message to an exchange under way: parsed, prepared for its candidate,
// translated, and the upstream called.

import HTTP1
import Translation

extension ClientSession {
    /// A request with a body has it, plain.
    ///
    /// - Parameters:
    ///   - measure: of a prompt that had to be counted first.
    ///   - asksUpstream: false for a count that the upstream was asked for in vain.
    mutating func bodyReceived(
        _ measure: PromptMeasure? = nil, asksUpstream: Bool = true, at now: MonotonicTime,
        into output: inout [UInt8]
    ) {
        guard var request else { return }
        let purpose: RequestOutline.Purpose = request.route == .countTokens ? .tokenCount : .message
        guard request.body.count <= state.bodyAtOnceMax else {
            let reading = BodyReading(request.takeBody(), for: purpose)
            self.request = request
            return prepare(.read(reading), for: .reading(measure, asksUpstream: asksUpstream))
        }
        self.request = nil
        defer { state.document.reset() }
        do throws(APIError) {
            try RequestReading.parse(&request.body, into: &state.document)
            let reading = try RequestReading(state.document, for: purpose, isLarge: false)
            try begin(
                request, reading, measure, asksUpstream: asksUpstream, at: now, into: &output)
        } catch {
            self.request = request
            fail(error, at: now, into: &output)
        }
    }

    /// The request is parsed: the state's document holds it.
    mutating func begin(
        _ request: IncomingRequest, _ reading: RequestReading, _ measure: PromptMeasure?,
        asksUpstream: Bool, at now: MonotonicTime, into output: inout [UInt8]
    ) throws(APIError) {
        switch request.route {
        case .countTokens:
            try beginCount(
                request, reading, asksUpstream: asksUpstream, at: now, into: &output)
        case .messages, .models, .model, .health, .probe:
            try startExchange(request, reading, measure, at: now)
        }
    }

    /// What is known when a request for a message is to be translated.
    struct Launch {
        let preparation: RequestPreparation
        let route: Route
        let prepared: RequestPreparation.Prepared
        let measure: PromptMeasure?
        let quickEstimate: Int
        /// The prompt by our own count, which nothing learnt has gone into.
        let size: Int
        /// The same in the model's tokens.
        let estimate: Int
    }

    /// Has the request that the state's document holds translated, and the upstream asked.
    private mutating func startExchange(
        _ request: IncomingRequest, _ reading: RequestReading, _ measure: PromptMeasure?,
        at now: MonotonicTime
    ) throws(APIError) {
        let (outline, quick) = (reading.outline, reading.quickEstimate)
        var preparation = preparation(of: request, outline)
        let session = request.sessionID ?? outline.sessionID
        preparation.wish = settings.wish(
            session: session, request.record.hints, owner: request.owner)
        let size = measure?.tokens ?? quick
        let mayCount = measure == nil && !request.isCountedInVain
        if mayCount, isNearSizeLimit(quick), try countToRoute(request, outline, at: now) { return }
        let route = route(of: request, preparation, size: size, at: now)
        var prepared = try prepare(preparation, route, reading, size: size, at: now)
        let name = prepared.candidate.calibrationName
        let estimate = calibration.estimate(quick: quick, model: name)
        if let measure {
            prepared.context.promptTokens = calibration.tokensAtLeast(measure, model: name)
        } else if mayCount,
            needsCount(max(quick, estimate), outline, prepared.context.capabilities),
            try countFirst(request, outline, prepared.context)
        {
            return
        }
        let launch = Launch(
            preparation: preparation, route: route, prepared: prepared, measure: measure,
            quickEstimate: quick, size: size, estimate: estimate)
        guard state.document.bytes.count <= state.bodyAtOnceMax else {
            let translation = RequestTranslation(
                state.document.take(), outline, launch.prepared.context)
            self.request = request
            return prepare(.translate(translation), for: .launching(launch))
        }
        var body: [UInt8] = []
        let translated = try RequestTranslator.translate(
            state.document, outline: outline, settings: launch.prepared.context, into: &body)
        try finish(
            launch, request, translated, body, clientBody: state.document.takeBytes(), at: now)
    }

    /// The request is translated: the upstream is asked.
    mutating func finish(
        _ launch: Launch, _ request: IncomingRequest, _ translated: TranslatedRequest,
        _ body: [UInt8], clientBody: [UInt8], at now: MonotonicTime
    ) throws(APIError) {
        var attempt = UpstreamAttempt(
            launch.preparation, launch.route, launch.prepared, translated,
            inputTokensEstimate: launch.estimate, promptTokens: launch.size,
            clientBody: clientBody)
        let call = attempt.call(body)
        guard holds(Limits.requestMemoryBase + call.body.count + attempt.heldBytes) else {
            throw .tooMuchMemory
        }
        attempt.takeProbe(in: turn(at: now))
        beginExchange(
            attempt, of: request, launch.preparation, quickEstimate: launch.quickEstimate, at: now)
        startCall(call)
        if let measure = launch.measure {
            let counted = calibration.estimate(
                measure, model: launch.prepared.candidate.calibrationName)
            running?.exchange.promptCounted(measure, estimate: counted)
            return
        }
        // The exact count is made while the upstream is at work: nothing waits for it.
        let prompt = attempt.promptToCount(call)
        guard PromptCount.takes(prompt.bytes) else { return }
        start(PromptCount(prompt, model: attempt.upstreamModel, owner: request.owner))
    }

    /// The request, ready to be prepared for whoever is asked.
    func preparation(
        of request: IncomingRequest, _ outline: RequestOutline
    ) -> RequestPreparation {
        RequestPreparation(
            outline: outline, sessionID: request.sessionID, owner: request.owner,
            settings: settings, forwarded: request.forwarded, credential: request.credential)
    }

    /// Whether a rule for long prompts may or may not be for this one, so that it has to be counted.
    private func isNearSizeLimit(_ quick: Int) -> Bool {
        guard settings.router.hasRules else { return false }
        // Byte classes are rarely off by a quarter.
        return settings.router.sizes.contains { quick / 4 * 3 <= $0 && $0 <= quick / 3 * 4 }
    }

    private func route(
        of request: IncomingRequest, _ preparation: RequestPreparation, size: Int,
        at now: MonotonicTime
    ) -> Route {
        let outline = preparation.outline
        let fallbacks = outline.fallbackModels(state.document)
        guard settings.router.hasRules else {
            return settings.route(
                for: outline, request.record.hints, in: state, fallbacks: fallbacks)
        }
        let mark = preparation.wish.mark
        let isCompacted = request.record.hints?.isCompacted ?? false
        return settings.route(
            for: outline, request.record.hints, in: state,
            isWebSearch: outline.isForWebSearchAlone(state.document), fallbacks: fallbacks,
            isOver: { limit in
                state.routing {
                    $0.marks.isOver(
                        limit, session: mark, tokens: size, isCompacted: isCompacted, at: now)
                }
            })
    }

    /// All that is needed to ask the first of a route who can be asked, and whose model is not certain
    /// to be too small.
    ///
    /// - Throws: the 400 for a prompt that is certain to be too long for all models. Only the lists of
    ///   models say so: what was learnt refuses nothing.
    private func prepare(
        _ preparation: RequestPreparation, _ route: Route, _ reading: RequestReading, size: Int,
        at now: MonotonicTime
    ) throws(APIError) -> RequestPreparation.Prepared {
        let turn = turn(at: now)
        var progress = RouteProgress()
        if preparation.credential == nil { progress.excludeClientKeys(of: route) }
        var tooLong: APIError?
        while let candidate = choose(route, progress, preparation, at: now) {
            var prepared = preparation.prepare(for: candidate, in: turn)
            if let window = prepared.known.listedWindow(of: candidate.model),
                PromptBound.exceeds(window, state.document, words: reading.words)
            {
                let tokens = max(
                    calibration.estimate(quick: size, model: candidate.calibrationName),
                    window + 1)
                tooLong = tooLong ?? .promptTooLong(tokens, limit: window)
                progress.exclude(candidate.entry)
                continue
            }
            prepared.progress = progress
            return prepared
        }
        let first = route.first.upstream
        throw tooLong ?? (first.takesClientKeys ? .noClientKey(first) : .noUpstreamKey(first))
    }

    private func choose(
        _ route: Route, _ progress: RouteProgress, _ preparation: RequestPreparation,
        at now: MonotonicTime
    ) -> Candidate? {
        guard !route.isSingle else {
            let only = route.first
            return progress.isOut(0) || only.upstream.lacksKey ? nil : only
        }
        return state.routing { $0.choose(in: route, progress, preparation.wish, at: now) }
    }

    private mutating func beginExchange(
        _ attempt: UpstreamAttempt, of request: IncomingRequest, _ preparation: RequestPreparation,
        quickEstimate: Int, at now: MonotonicTime
    ) {
        precondition(running == nil && call == nil, "a session has one exchange, with one call")
        let outline = preparation.outline
        channel.dropped = attempt.translated.dropped.headerValue
        channel.target = ResponseChannel.Target(attempt.candidate, attempts: 1)
        var record = request.record
        record.note(outline, bytes: request.bodyBytes, asking: attempt.upstreamModel)
        record.isStreaming = outline.isStreaming
        record.dropped = attempt.translated.dropped.names
        if let session = attempt.session {
            record.sessionHash = session.name
            if let prompt = attempt.translated.fingerprint {
                record.divergence = state.prefixes.note(
                    prompt, session: session.key, of: session.owner, at: now)
            }
        }
        var identity = StreamTranslator.Identity(
            messageID: Array("msg_".utf8) + channel.requestID,
            requestID: channel.prefixedRequestID, upstreamModel: attempt.upstreamModel,
            reportedModel: settings.reportedModel(forRequested: outline.model),
            sealKey: settings.sealKey)
        identity.maker = attempt.upstream.maker
        running = RunningExchange { [configuration = settings.configuration, channel] in
            MessagesExchange(
                attempt, identity: identity,
                errorReader: attempt.errorReader(timeOfDay: state.timeOfDay),
                configuration: configuration, channel: channel, record: record,
                quickEstimate: quickEstimate, at: now)
        }
        state.exchangesOpen += 1
        phase = .exchanging
    }

    /// Whether the answer that is asked for may not have room beside the prompt. Only then has the
    /// upstream to wait for an exact count: no answer is cut for the sake of a guess.
    private func needsCount(
        _ estimate: Int, _ outline: RequestOutline, _ capabilities: ModelCapabilities
    ) -> Bool {
        guard let window = capabilities.contextTokens else { return false }
        let answer = min(outline.maxTokens, capabilities.outputTokensMax ?? .max, window)
        // Byte classes are rarely off by a quarter; of a prompt beyond the window nothing is cut.
        let prompt = min(estimate, window * 2)
        return prompt + prompt / 4 + answer + 512 > window && estimate / 2 <= window
    }
}
