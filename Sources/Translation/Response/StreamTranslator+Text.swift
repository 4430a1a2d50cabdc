// Text on its way into a text block: out of plain strings, arrays of parts (Mistral) and strings
// with `<think>` tags. Now and then it must wait a little: for the signature of a thinking block
// that is still open, since a closed block cannot be signed any more; and for the end of a tool
// call that it interrupts, since a closed call cannot take arguments any more.

/// Text that waits for another block's end, escaped.
struct HeldText {
    var text: [UInt8] = []
    /// How many pieces it came in.
    var pieces = 0

    /// Waiting for a signature must not show: it comes within a piece or two, or never.
    var isMoreThanASignatureIsWorth: Bool { pieces >= 8 || text.count >= 512 }

    /// The text; none is held afterwards.
    mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &text)
        pieces = 0
        return taken
    }
}

extension StreamTranslator {
    // MARK: Sources

    mutating func contentReceived(
        _ document: JSONDocument, _ content: JSONNode, into output: inout [UInt8]
    ) {
        switch document.kind(content) {
        case .string:
            contentText(document.bytes.span.extracting(document.content(content)), into: &output)
        case .array:
            var parts = document.elements(of: content)
            while let part = document.next(&parts), mayReadPart(into: &output) {
                partReceived(document, part, into: &output)
            }
        case .object, .number, .true, .false, .null: break
        }
    }

    private mutating func contentText(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        guard profile.parsesThinkTags, !thinkTags.isDone, reasoning.mayBeTagged else {
            text(piece, into: &output)
            return
        }
        var position = 0
        while let part = thinkTags.next(piece, &position) {
            switch part {
            case .text(let range): text(piece.extracting(range), into: &output)
            case .reasoning(let range):
                reasoning.source = .thinkTags
                thinking(piece.extracting(range), into: &output)
            case .heldText, .heldReasoning: releaseHeldTag(part, into: &output)
            }
        }
    }

    mutating func releaseHeldTag(_ part: ThinkTags.Part, into output: inout [UInt8]) {
        var piece: [UInt8] = []
        swap(&piece, &thinkTags.held)
        if part == .heldReasoning {
            reasoning.source = .thinkTags
            thinking(piece.span, into: &output)
        } else {
            text(piece.span, into: &output)
        }
    }

    /// One part of an array: Mistral's `thinking` and `text`.
    private mutating func partReceived(
        _ document: JSONDocument, _ part: JSONNode, into output: inout [UInt8]
    ) {
        if let thinking = document.member(part, "thinking") {
            if document.kind(thinking) == .string {
                reasoningText(document, thinking, from: .contentParts, into: &output)
            }
            var pieces = document.elements(of: thinking)
            while let piece = document.next(&pieces), mayReadPart(into: &output) {
                guard let text = document.member(piece, "text") else { continue }
                reasoningText(document, text, from: .contentParts, into: &output)
            }
        } else if let text = document.member(part, "text"), document.kind(text) == .string {
            self.text(document.bytes.span.extracting(document.content(text)), into: &output)
        }
    }

    /// Images have no place in an Anthropic answer: a link where there is one, else a note.
    mutating func imagesReceived(
        _ document: JSONDocument, _ images: JSONNode, into output: inout [UInt8]
    ) {
        var elements = document.elements(of: images)
        while let image = document.next(&elements), mayReadPart(into: &output) {
            guard let source = document.member(image, "image_url"),
                let url = document.member(source, "url"), document.kind(url) == .string
            else { continue }
            var note: [UInt8] = []
            if document.hasPrefix(url, "data:") {
                note.append(#"\n\n[The model made an image, which this API cannot carry.]\n\n"#)
            } else {
                note.append(#"\n\n![image]("#)
                note.append(document, document.content(url))
                note.append(#")\n\n"#)
            }
            text(note.span, into: &output)
        }
    }

    // MARK: The text block

    /// Text, escaped, for the client.
    mutating func text(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        guard facts.takesFenceOff else {
            answerText(piece, into: &output)
            return
        }
        var text: [UInt8] = []
        fence.take(piece, into: &text)
        answerText(text.span, into: &output)
    }

    /// Writes what waits to be known as a fence or as none.
    mutating func releaseFence(into output: inout [UInt8]) {
        guard facts.takesFenceOff else { return }
        var text: [UInt8] = []
        fence.finish(into: &text)
        answerText(text.span, into: &output)
    }

    private mutating func answerText(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        guard piece.count > 0, isLive else { return }
        summary.contentBytes &+= piece.count
        if writer.open != .text {
            if textMustWait {
                held.text.append(piece)
                held.pieces += 1
                return
            }
            guard openText(into: &output) else { return }
        }
        write(piece, into: &output)
    }

    private var textMustWait: Bool {
        switch writer.open {
        case .thinking: reasoning.collector.awaitsSignature && !held.isMoreThanASignatureIsWorth
        case .toolUse: !calls.isOpenCallComplete
        case .text, nil: false
        }
    }

    /// Opens a text block after whatever is open, and writes the text that has waited for that.
    /// Returns whether the response lives on.
    private mutating func openText(into output: inout [UInt8]) -> Bool {
        guard closeOpenBlock(into: &output) else { return false }
        sealLooseReasoning(into: &output)
        writeSearchResults(into: &output)
        startMessage(into: &output)
        writer.openText(into: &output)
        let waiting = held.take()
        if !waiting.isEmpty { write(waiting.span, into: &output) }
        return isLive
    }

    private mutating func write(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        if stops != nil {
            writeWatched(piece, into: &output)
            return
        }
        if !facts.stopSequences.isEmpty { keepTail(piece) }
        writer.delta(piece, into: &output)
    }

    /// Writes text up to a stop sequence, which ends the answer.
    private mutating func writeWatched(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        var ready: [UInt8] = []
        let sequence = stops?.take(piece, into: &ready)
        if !ready.isEmpty { writer.delta(ready.span, into: &output) }
        guard let sequence else { return }
        finish.conclude(.stop, matchedStop: sequence)
        leavesUpstreamRunning = true
        end(into: &output)
    }

    /// Writes the end of a text block that might have been the beginning of a stop sequence.
    mutating func releaseWatchedText(into output: inout [UInt8]) {
        guard let rest = stops?.finish(), !rest.isEmpty else { return }
        writer.delta(rest.span, into: &output)
    }

    /// Writes the text that waits, where nothing remains to wait for.
    mutating func releaseHeldText(into output: inout [UInt8]) {
        if !held.text.isEmpty { _ = openText(into: &output) }
    }

    /// Keeps the end of the text, escaped, in which a stop sequence surely has room: no character
    /// takes more than six bytes for each of its own.
    private mutating func keepTail(_ piece: Span<UInt8>) {
        let room = 6 * facts.stopSequences.reduce(0) { max($0, $1.count) }
        tail.append(piece)
        if tail.count > 2 * room + 1024 { tail.removeFirst(tail.count - room) }
    }
}
