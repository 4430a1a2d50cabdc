// The begin and the end of the message, and of each block: what must have happened before, and in
// which order what is still held back comes out.

extension StreamTranslator {
    // MARK: Begin

    /// Begins the message before its first block.
    mutating func startMessage(into output: inout [UInt8]) {
        guard !writer.hasStarted else { return }
        model = identity.reportedModel ?? summary.upstreamModel
        if model.isEmpty { model = identity.upstreamModel }
        writer.start(
            id: identity.messageID, model: model, inputTokens: max(1, inputTokensEstimate),
            into: &output)
    }

    // MARK: Blocks

    /// Closes whatever block is open. Returns whether the response lives on: a tool call with
    /// arguments that are no JSON fails it.
    mutating func closeOpenBlock(into output: inout [UInt8]) -> Bool {
        switch writer.open {
        case .text:
            releaseWatchedText(into: &output)
            writer.closeText(into: &output)
        case .thinking: closeThinkingBlock(into: &output)
        case .toolUse: closeCall(into: &output)
        case nil: break
        }
        return isLive
    }

    /// Whether the response has neither ended nor failed.
    var isLive: Bool {
        if case .events = phase { true } else { false }
    }

    // MARK: End

    /// Ends the message: everything that was held back, then the stop reason and the usage.
    mutating func end(into output: inout [UInt8]) {
        if let part = thinkTags.finish() { releaseHeldTag(part, into: &output) }
        // Nothing follows a stop sequence.
        if !leavesUpstreamRunning { releaseFence(into: &output) }
        // Text that waits for a signature goes before the calls, text that a call holds up after.
        if calls.openCall == nil { releaseHeldText(into: &output) }
        finishCalls(into: &output)
        guard isLive else { return }
        releaseHeldText(into: &output)
        guard closeOpenBlock(into: &output) else { return }
        sealLooseReasoning(into: &output)
        writeSearchResults(into: &output)
        let reason = finish.stopReason(
            hasCalls: summary.toolCalls > 0, hasRefused: hasRefused,
            tail: decodedTail, sequences: facts.stopSequences)
        estimateUsageIfAbsent()
        if search.isWritten { summary.usage.webSearches = max(1, summary.usage.webSearches) }
        if finish.reason == .contextFull, !writer.hasStarted {
            // There was no room for a single token.
            return fail(errorReader.contextFull, into: &output)
        }
        guard writer.hasStarted || reason != .endTurn else {
            phase = .empty
            return
        }
        writeEnd(reason, into: &output)
    }

    /// Ends a response for which there was no room: a message without content.
    package mutating func writeCutMessage(into output: inout [UInt8]) {
        precondition(!writer.hasStarted, "there was no content")
        estimateUsageIfAbsent()
        failure = nil
        writeEnd(.maxTokens, into: &output)
    }

    mutating func writeEnd(_ reason: StopReason, into output: inout [UInt8]) {
        startMessage(into: &output)
        writer.finish(
            id: identity.messageID, model: model, stopReason: reason, usage: summary.usage,
            cachesForAnHour: facts.cachesForAnHour, into: &output)
        summary.stopReason = reason
        summary.blocks = writer.blockCount
        phase = .finished
    }

    /// Some upstreams report no usage (Snowflake): about four bytes make a token.
    private mutating func estimateUsageIfAbsent() {
        guard summary.usage.isEstimate else { return }
        summary.usage.prompt = max(1, inputTokensEstimate)
        summary.usage.output = (summary.contentBytes + 3) / 4
    }

    /// The end of the text. Its escaped form may have been cut within an escape: then the first
    /// whole character counts.
    private var decodedTail: [UInt8] {
        for start in 0..<min(2, tail.count) {
            if let text = Self.unescaped(Array(tail[start...])) { return text }
        }
        return []
    }
}
