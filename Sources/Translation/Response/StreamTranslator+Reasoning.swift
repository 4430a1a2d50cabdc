// Reasoning on its way into thinking blocks. One text may come in several members at once
// (OpenRouter repeats `reasoning_details` as `reasoning`): the first that brings any text is the
// source for the whole response, so that nothing is shown twice. Items of `reasoning_details` are
// gathered whatever the source, since the upstream may want them back.
//
// A thinking block stays open until something else begins, because its signature comes last.
// Encrypted items ride in the open block's signature; without one they wait and become a redacted
// block of their own before whatever comes next.

/// What is known of the response's reasoning.
struct ReasoningState {
    /// Where the text comes from; nil until some has come.
    var source: ReasoningSeal.Dialect?
    /// Items for the next seal.
    var collector = ReasoningCollector()
    /// The `index` of the item that the open block shows.
    var shownIndex: Int?
    /// The text of the open block, escaped, when the client does not want it but the upstream may.
    var omittedText: [UInt8] = []

    var gatheredBytes: Int { collector.bytes + omittedText.count }

    /// Whether `<think>` tags would be the reasoning, not a mention of them.
    var mayBeTagged: Bool { source == nil || source == .thinkTags }
}

extension StreamTranslator {
    // MARK: Sources

    mutating func reasoningReceived(
        _ document: JSONDocument, details: JSONNode?, reasoning: JSONNode?, content: JSONNode?,
        into output: inout [UInt8]
    ) {
        if let details {
            var elements = document.elements(of: details)
            while let item = document.next(&elements), mayReadPart(into: &output) {
                reasoningItemReceived(document, item, into: &output)
            }
        }
        if let reasoning {
            reasoningText(document, reasoning, from: .reasoning, into: &output)
        }
        if let content {
            reasoningText(document, content, from: .reasoningContent, into: &output)
        }
    }

    private mutating func reasoningItemReceived(
        _ document: JSONDocument, _ item: JSONNode, into output: inout [UInt8]
    ) {
        guard document.kind(item) == .object else { return }
        let text = document.member(item, "text") ?? document.member(item, "summary")
        let index = document.member(item, "index").flatMap { document.integer($0) }
        if let text, document.kind(text) == .string, !document.isEmptyString(text) {
            // A new index is a new block of Claude's interleaved thinking.
            if let index, let shown = self.reasoning.shownIndex, index != shown {
                closeThinkingBlock(into: &output)
            }
            reasoningText(document, text, from: .details, into: &output)
            if self.reasoning.source == .details { self.reasoning.shownIndex = index }
        }
        self.reasoning.collector.add(document, item)
        if !held.text.isEmpty, writer.open == .thinking, !self.reasoning.collector.awaitsSignature {
            releaseHeldText(into: &output)
        }
    }

    /// A piece of reasoning text, if `source` is the one that counts.
    mutating func reasoningText(
        _ document: JSONDocument, _ text: JSONNode, from source: ReasoningSeal.Dialect,
        into output: inout [UInt8]
    ) {
        guard document.kind(text) == .string, !document.isEmptyString(text),
            // OpenRouter's stand-in for encrypted items.
            !document.equals(text, "[REDACTED]"),
            reasoning.source == nil || reasoning.source == source
        else { return }
        reasoning.source = source
        thinking(document.bytes.span.extracting(document.content(text)), into: &output)
    }

    // MARK: The thinking block

    /// Whether a tool call is open that may take more arguments, and so cannot be closed.
    private var isWithinCall: Bool { writer.open == .toolUse && !calls.isOpenCallComplete }

    /// Reasoning text, escaped. It is not shown where it would cut a tool call in two, which no
    /// upstream is known to do.
    mutating func thinking(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        guard piece.count > 0, isLive, !isWithinCall else { return }
        summary.contentBytes &+= piece.count
        releaseHeldText(into: &output)
        if writer.open != .thinking {
            guard closeOpenBlock(into: &output) else { return }
            startMessage(into: &output)
            writer.openThinking(into: &output)
        }
        if facts.omitsThinkingText {
            if reasoning.source != .details { reasoning.omittedText.append(piece) }
        } else {
            writer.delta(piece, into: &output)
        }
    }

    /// Closes the thinking block, if one is open, with all that was gathered for it.
    mutating func closeThinkingBlock(into output: inout [UInt8]) {
        guard writer.open == .thinking else { return }
        writer.closeThinking(takeSeal(), identity.sealKey, into: &output)
    }

    /// Gives items that no thinking block took along a redacted block of their own.
    mutating func sealLooseReasoning(into output: inout [UInt8]) {
        sealLooseItems(into: &output)
        guard writer.open == nil, !reasoning.collector.isEmpty else { return }
        writeRedacted(takeSeal(), into: &output)
    }

    /// Writes a redacted block that carries `seal`. No block is open.
    mutating func writeRedacted(_ seal: ReasoningSeal, into output: inout [UInt8]) {
        var block: [UInt8] = []
        block.append(#"{"type":"redacted_thinking","data":""#)
        seal.write(identity.sealKey, into: &block)
        block.append(#""}"#)
        startMessage(into: &output)
        writer.wholeBlock(block.span, into: &output)
    }

    private mutating func takeSeal() -> ReasoningSeal {
        if profile.speaksResponses { return takeResponseSeal() }
        reasoning.shownIndex = nil
        var content: [UInt8] = []
        guard reasoning.collector.isEmpty else {
            reasoning.omittedText.removeAll(keepingCapacity: true)
            return ReasoningSeal(
                dialect: .details, origin: identity.upstreamModel,
                content: mended(reasoning.collector.take()))
        }
        swap(&content, &reasoning.omittedText)
        return ReasoningSeal(
            dialect: reasoning.source ?? .details, origin: identity.upstreamModel,
            content: mended(content))
    }

    /// What is sealed comes back as a part of a request.
    private func mended(_ content: [UInt8]) -> [UInt8] {
        guard writer.mindsHalfPairs else { return content }
        var mended: [UInt8] = []
        mended.append(mendingHalfPairs: content.span)
        return mended
    }
}
