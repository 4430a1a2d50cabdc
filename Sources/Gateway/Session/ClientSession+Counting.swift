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
        _ request: IncomingRequest, _ reading: RequestReading, asksUpstream: Bool,
        at now: MonotonicTime, into output: inout [UInt8]
    ) throws(APIError) {
        let outline = reading.outline
        let preparation = preparation(of: request, outline)
        let route = settings.route(for: outline, request.record.hints, in: state)
        let context = preparation.context(for: route.first, in: turn(at: now))
        var request = request
        request.record.note(outline, bytes: request.bodyBytes, asking: context.upstreamModel)
        request.calibrationName = route.first.calibrationName
        if asksUpstream, countsUpstream(route.first, preparation, context, at: now) {
            return try askForCount(request, preparation, route.first, context, at: now)
        }
        guard try !count(request, outline, context) else { return }
        // By its bytes it is far beyond any model's window already.
        self.request = request
        answerCount(
            calibration.estimate(
                quick: reading.quickEstimate, model: request.calibrationName),
            at: now, into: &output)
    }

    /// Whether the upstream can be asked for a count.
    private func countsUpstream(
        _ candidate: Candidate, _ preparation: RequestPreparation, _ context: RequestSettings,
        at now: MonotonicTime
    ) -> Bool {
        let upstream = candidate.upstream
        return context.api == .messages && upstream.profile.messages.countsTokens
            && !upstream.lacksKey && (!upstream.takesClientKeys || preparation.credential != nil)
            && !state.known(of: upstream).missingCounts.contains(candidate.model, at: now)
    }

    /// What is known when a request for a count is to be translated for the upstream.
    struct CountLaunch {
        let preparation: RequestPreparation
        let candidate: Candidate
        let context: RequestSettings
    }

    private mutating func askForCount(
        _ request: IncomingRequest, _ preparation: RequestPreparation, _ candidate: Candidate,
        _ context: RequestSettings, at now: MonotonicTime
    ) throws(APIError) {
        let launch = CountLaunch(
            preparation: preparation, candidate: candidate, context: context)
        let outline = preparation.outline
        guard state.document.bytes.count <= state.bodyAtOnceMax else {
            self.request = request
            let translation = RequestTranslation(state.document.take(), outline, context)
            return prepare(.translate(translation), for: .asking(launch))
        }
        var body: [UInt8] = []
        _ = try RequestTranslator.translate(
            state.document, outline: outline, settings: context, into: &body)
        try finish(launch, request, body, clientBody: state.document.takeBytes(), at: now)
    }

    /// The request is translated: the upstream is asked for a count.
    mutating func finish(
        _ launch: CountLaunch, _ request: IncomingRequest, _ body: [UInt8], clientBody: [UInt8],
        at now: MonotonicTime
    ) throws(APIError) {
        let candidate = launch.candidate
        let call = launch.preparation.call(
            of: .tokenCount, to: candidate.upstream, launch.context, body: body)
        var request = request
        request.body = clientBody
        guard holds(Limits.requestMemoryBase + body.count + clientBody.count) else {
            throw .tooMuchMemory
        }
        self.request = request
        channel.target = ResponseChannel.Target(candidate, attempts: 1)
        phase = .asking
        askedCount = UpstreamCount(state.known(of: candidate.upstream), candidate, at: now)
        startCall(call)
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
        _ request: IncomingRequest, _ outline: RequestOutline, _ context: RequestSettings
    ) throws(APIError) -> Bool {
        var request = request
        request.record.isStreaming = outline.isStreaming
        request.record.note(outline, bytes: request.bodyBytes, asking: context.upstreamModel)
        return try count(request, outline, context)
    }

    /// Begins to count the request that the state's document holds. Prompts are counted as chat
    /// completions, whichever API the upstream is asked by.
    ///
    /// - Returns: false if it is too large to be counted.
    private mutating func count(
        _ request: IncomingRequest, _ outline: RequestOutline, _ context: RequestSettings
    ) throws(APIError) -> Bool {
        let bytes = state.document.bytes.count
        guard PromptCount.takes(bytes) else { return false }
        var body: [UInt8] = []
        if bytes <= state.bodyAtOnceMax {
            var context = context
            context.takesFingerprint = false
            context.api = .chat
            _ = try RequestTranslator.translate(
                state.document, outline: outline, settings: context, into: &body)
        }
        let clientBody = state.document.takeBytes()
        let prompt: PromptCount.Prompt =
            bytes <= state.bodyAtOnceMax
            ? .body(body) : .request(clientBody, outline, context, otherwise: nil)
        self.request = request
        self.request?.body = clientBody
        phase = .counting
        start(PromptCount(prompt, model: context.upstreamModel, owner: request.owner))
        return true
    }

    /// Has the shell go on with a count.
    mutating func start(_ count: PromptCount) {
        // Its first step is as long as the body.
        if count.remainingBytes > state.bodyAtOnceMax {
            countWork = startWork(.count(count))
        } else {
            self.count = count
            act(.count)
        }
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
                guard count.refusal == nil else {
                    // What chat completions have no words for may be said in another API.
                    request?.isCountedInVain = true
                    return bodyReceived(at: now, into: &output)
                }
                return bodyReceived(measure, at: now, into: &output)
            }
            if let error = count.refusal { return fail(error, at: now, into: &output) }
            let model = request?.calibrationName ?? []
            answerCount(calibration.estimate(measure, model: model), at: now, into: &output)
        case .exchanging:
            let model = running?.exchange.calibrationName ?? []
            let estimate = calibration.estimate(measure, model: model)
            running?.exchange.promptCounted(measure, estimate: estimate)
        case .receiving, .inflating, .preparing, .asking, .closing:
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
        endCounting()
        endWork()
        guard var record = request?.record else { return }
        record.outcome = .cancelled
        self.record(record, at: now)
    }
}
