// Token counts, a step at a time: for requests that ask for one, and beside exchanges. The shell calls
// `countFurther` when it has nothing more urgent to do (decision 0020).

import HTTP1
import Translation

extension ClientSession {
    /// Whether there is a count to go on with.
    package var isCounting: Bool { count != nil || askedCount?.isInVain == true }

    /// An upper bound of the bytes that are still to be counted.
    package var bytesToCount: Int { count?.remainingBytes ?? request?.body.count ?? 0 }

    /// Has the tokens of a request counted: by the upstream, if that is possible, else here, translated
    /// as if it were one for a message.
    ///
    /// - Parameter asksUpstream: false once the upstream was asked in vain.
    mutating func beginCount(
        _ request: IncomingRequest, asksUpstream: Bool, at now: MonotonicTime,
        into output: inout [UInt8]
    ) throws(APIError) {
        let outline = try RequestOutline(state.document, for: .tokenCount)
        let preparation = preparation(of: request, outline)
        let route = settings.route(for: outline, request.record.hints, in: state)
        var translation = preparation.context(for: route.first, in: turn(at: now))
        if asksUpstream,
            try askForCount(request, preparation, route.first, translation, at: now)
        {
            return
        }
        // Prompts are counted as chat completions, whichever API the upstream is asked by.
        translation.api = .chat
        var body: [UInt8] = []
        _ = try RequestTranslator.translate(
            state.document, outline: outline, settings: translation, into: &body)
        var request = request
        request.record.note(
            outline, bytes: request.bodyBytes, asking: translation.upstreamModel)
        request.calibrationName = route.first.calibrationName
        self.request = request
        phase = .counting
        count = PromptCount(
            body: body, model: translation.upstreamModel, owner: request.owner)
        guard count == nil else { return act(.count) }
        // Too large to be counted: by its bytes it is far beyond any model's window already.
        let quick = TokenEstimate.inputTokens(state.document)
        let tokens = calibration.estimate(quick: quick, model: route.first.calibrationName)
        answerCount(tokens, at: now, into: &output)
    }

    /// Asks the upstream for a count, if it makes any.
    ///
    /// - Returns: false if the proxy is to count.
    private mutating func askForCount(
        _ request: IncomingRequest, _ preparation: RequestPreparation, _ candidate: Candidate,
        _ translation: RequestSettings, at now: MonotonicTime
    ) throws(APIError) -> Bool {
        let upstream = candidate.upstream
        let known = state.known(of: upstream)
        guard translation.api == .messages, upstream.profile.messages.countsTokens,
            !upstream.lacksKey, !upstream.takesClientKeys || preparation.credential != nil,
            !known.missingCounts.contains(candidate.model, at: now)
        else { return false }
        var body: [UInt8] = []
        _ = try RequestTranslator.translate(
            state.document, outline: preparation.outline, settings: translation, into: &body)
        let call = preparation.call(of: .tokenCount, to: upstream, translation, body: body)
        var request = request
        request.body = state.document.takeBytes()
        guard holds(Limits.requestMemoryBase + body.count + request.body.count) else {
            throw .tooMuchMemory
        }
        request.record.note(
            preparation.outline, bytes: request.bodyBytes, asking: candidate.model)
        self.request = request
        channel.target = ResponseChannel.Target(candidate, attempts: 1)
        phase = .asking
        askedCount = UpstreamCount(known, candidate, at: now)
        startCall(call)
        return true
    }

    /// The upstream's answer to the question for a count is complete, unless `hasFailed`.
    mutating func upstreamCounted(
        hasFailed: Bool, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard !hasFailed, let tokens = askedCount?.tokens() else { return noteCountFailed(at: now) }
        askedCount = nil
        answerCount(tokens, at: now, into: &output)
    }

    /// The upstream was asked in vain.
    mutating func noteCountFailed(at now: MonotonicTime) {
        askedCount?.failed(at: now)
        act(.count)
    }

    /// Counts what the upstream has not.
    private mutating func countInstead(at now: MonotonicTime, into output: inout [UInt8]) {
        askedCount = nil
        channel.target = nil
        bodyReceived(asksUpstream: false, at: now, into: &output)
    }

    /// Counts the prompt of a request for a message before it is known who is asked.
    ///
    /// - Returns: false if it is too large to be counted.
    mutating func countToRoute(
        _ request: IncomingRequest, _ outline: RequestOutline, at now: MonotonicTime
    ) throws(APIError) -> Bool {
        let preparation = preparation(of: request, outline)
        let route = settings.route(for: outline, request.record.hints, in: state)
        let context = preparation.context(for: route.first, in: turn(at: now))
        return try countFirst(request, outline, context)
    }

    /// Counts the prompt of a request for a message before the upstream is asked.
    ///
    /// - Returns: false if it is too large to be counted.
    mutating func countFirst(
        _ request: IncomingRequest, _ outline: RequestOutline, _ settings: RequestSettings
    ) throws(APIError) -> Bool {
        var body: [UInt8] = []
        var settings = settings
        settings.takesFingerprint = false
        settings.api = .chat
        _ = try RequestTranslator.translate(
            state.document, outline: outline, settings: settings, into: &body)
        count = PromptCount(body: body, model: settings.upstreamModel, owner: request.owner)
        guard count != nil else { return false }
        var request = request
        request.body = state.document.takeBytes()
        request.record.isStreaming = outline.isStreaming
        request.record.note(outline, bytes: request.bodyBytes, asking: settings.upstreamModel)
        self.request = request
        phase = .counting
        act(.count)
        return true
    }

    /// Goes on with the count by a step of bounded work.
    package mutating func countFurther(at now: MonotonicTime, into output: inout [UInt8]) {
        if askedCount?.isInVain == true { return countInstead(at: now, into: &output) }
        guard var count else { return }
        // Taken out meanwhile: a copy of the document would be one too many.
        self.count = nil
        var work = PromptCount.stepWork
        guard let measure = count.proceed(&state.counting, work: &work) else {
            self.count = count
            return
        }
        switch phase {
        case .counting:
            if request?.route == .messages {
                return bodyReceived(measure, at: now, into: &output)
            }
            let model = request?.calibrationName ?? []
            answerCount(calibration.estimate(measure, model: model), at: now, into: &output)
        case .exchanging:
            let model = running?.exchange.calibrationName ?? []
            let estimate = calibration.estimate(measure, model: model)
            running?.exchange.promptCounted(measure, estimate: estimate)
        case .receiving, .inflating, .asking, .closing:
            break
        }
    }

    /// What is known of models' tokens, by the settings of the present request.
    var calibration: TokenCalibration { state.calibration(by: settings.configuration) }

    private mutating func answerCount(
        _ tokens: Int, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        var body: [UInt8] = []
        body.append(#"{"input_tokens":"#)
        body.append(decimal: tokens)
        body.append("}")
        answer(body, at: now, into: &output)
    }

    /// The client has gone while its request was inflated or counted.
    mutating func abandonRequest(at now: MonotonicTime) {
        count = nil
        guard var record = request?.record else { return }
        record.outcome = .cancelled
        self.record(record, at: now)
    }
}
