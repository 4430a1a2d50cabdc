// The account of an exchange: what it says of the model's tokenizer, of the upstream, and of itself.

import Translation

extension MessagesExchange {
    /// The tokens of the prompt have been counted; `estimate` is what the upstream will make of them.
    mutating func promptCounted(_ measure: PromptMeasure, estimate: Int) {
        self.measure = measure
        attempt.promptTokens = measure.tokens
        attempt.inputTokensEstimate = estimate
        errorReader.inputTokensEstimate = estimate
        translator.inputTokensCounted(estimate)
    }

    /// The name under which the counts of whom is asked are learnt.
    var calibrationName: [UInt8] { attempt.candidate.calibrationName }

    /// What the answer teaches about the model's tokenizer, if it is complete and tells.
    var observation: TokenObservation? {
        let usage = translator.summary.usage
        // Searches put into the prompt what nobody here has seen.
        guard let measure, !usage.isEstimate, record.outcome == .completed, usage.webSearches == 0,
            usage.webFetches == 0
        else { return nil }
        // Some gateways leave what comes from a cache out of the prompt.
        let cached = usage.cacheRead > usage.prompt ? usage.cacheRead + usage.cacheWrite : 0
        return TokenObservation(
            model: attempt.candidate.calibrationName, measure: measure, quick: quickEstimate,
            prompt: usage.prompt + cached)
    }
}

// MARK: - The record

extension MessagesExchange {
    /// The first content commits the exchange to its present call.
    mutating func contentCame(in turn: Turn) {
        guard case .asking = phase else { return }
        phase = .answering
        deadlines.firstContent = nil
        record.timeToFirstToken = turn.now - askedAt
        attempt.commit()
        // Others wait to hear whether it works again; the rest of the answer may take minutes.
        if attempt.candidate.isProbe { noteAnswer(in: turn) }
    }

    mutating func note(_ failure: UpstreamFailure, _ outcome: RequestRecord.Outcome) {
        record.outcome = outcome
        record.failure = failure.kind
        record.errorType = failure.error.type
        record.errorMessage = failure.error.message
    }

    /// What the outcome says of the upstream is kept for those who ask it next.
    ///
    /// - Returns: what the other loops are to know as well.
    func learnFromOutcome(at now: MonotonicTime) -> [UpstreamLesson] {
        let known = attempt.known
        // What one client's account is refused says nothing of the others'.
        let learnt = upstream.takesClientKeys ? [] : teach(&known.lessons, at: now)
        if configuration.pinsProvider, let session = attempt.session {
            known.learnProvider(from: record, of: session)
        }
        return learnt.map {
            UpstreamLesson(
                upstream: upstream.url.description, model: attempt.upstreamModel, content: $0,
                forgottenAt: UpstreamLessons.end(from: now))
        }
    }

    /// Keeps what has helped this request, if it was answered.
    private func teach(
        _ lessons: inout UpstreamLessons, at now: MonotonicTime
    ) -> [UpstreamLesson.Content] {
        let summary = translator.summary
        guard record.outcome == .completed, summary.contentBytes > 0 || summary.toolCalls > 0 else {
            guard isContextBelieved, let window = lessons.window(of: attempt.upstreamModel) else {
                return []
            }
            return [window]
        }
        let model = attempt.upstreamModel
        let usage = summary.usage
        lessons.answered(model, promptTokens: usage.isEstimate ? 0 : usage.prompt, at: now)
        var learnt = lessons.keep(attempt.lessons, of: model, at: now)
        guard let contextTokens else { return learnt }
        let isBelieved = lessons.learn(
            contextTokens: contextTokens, of: model, promptTokens: promptTokens,
            hasSucceeded: true, at: now)
        if isBelieved, let window = lessons.window(of: model) { learnt.append(window) }
        return learnt
    }

    mutating func noteSummary() {
        let summary = translator.summary
        record.generationID = errorReader.harmless(
            summary.upstreamID.isEmpty ? head.generationID : summary.upstreamID)
        record.provider = errorReader.harmless(summary.provider)
        record.stopReason = summary.stopReason.map { "\($0.word)" }
        record.inputTokens = summary.usage.input
        record.outputTokens = summary.usage.output
        record.cacheReadTokens = summary.usage.cacheRead
        record.cacheWriteTokens = summary.usage.cacheWrite
        record.reasoningTokens = summary.usage.reasoning ?? 0
        record.notePrice(
            of: summary.usage, by: attempt.prices,
            cachesForAnHour: attempt.translated.facts.cachesForAnHour)
        record.retries = attempt.retries
        record.upstream = upstream.configuration.name
        record.route = attempt.route.name
        if attempt.candidate.entry > 0 {
            record.fallbackFrom = attempt.route.first.description
            record.fallbackReason = failures.first { $0.candidate.entry == 0 }?.kind
        }
        if record.outcome == .completed { record.lessons += attempt.lessons.map(\.name) }
    }
}
