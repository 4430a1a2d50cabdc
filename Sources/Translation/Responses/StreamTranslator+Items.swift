// What the items of a response become: text, thinking and tool calls. Blocks follow one another, so a
// block closes when something of another item comes, though its own item may go on; what a
// signature needs and comes after that goes into a redacted block of its own.

extension StreamTranslator {
    // MARK: Messages

    /// - Parameter isWhole: whether `text` is the whole text of its part, for the case that no piece
    ///   of it has come.
    mutating func textReceived(
        _ document: JSONDocument, _ event: ResponseEvent, _ text: JSONNode?, isWhole: Bool,
        into output: inout [UInt8]
    ) {
        guard let text, document.kind(text) == .string, !document.isEmptyString(text),
            let number = item(document, event, .message, into: &output)
        else { return }
        if isWhole, hasText(number, event.partIndex) { return }
        show(
            document.bytes.span.extracting(document.content(text)), of: number,
            part: event.partIndex, into: &output)
    }

    /// Whether text of a part has come, or where parts have no numbers, any.
    private func hasText(_ number: Int, _ part: Int?) -> Bool {
        let item = items.items[number]
        return item.hasText && (part.map { item.parts.contains($0) } ?? true)
    }

    private mutating func show(
        _ piece: Span<UInt8>, of number: Int, part: Int?, into output: inout [UInt8]
    ) {
        // Each part has a block of its own, so that it can go back as one.
        if writer.open == .text, let shown = items.shownText,
            shown.item != number || shown.part != part
        {
            guard closeOpenBlock(into: &output) else { return }
        }
        items.shownText = (number, part)
        items.items[number].noteText(of: part)
        text(piece, into: &output)
    }

    mutating func messageDone(
        _ document: JSONDocument, _ item: JSONNode, _ number: Int, into output: inout [UInt8]
    ) {
        guard let content = document.member(item, "content") else { return }
        let hasCome = items.items[number].hasText
        var parts = document.elements(of: content)
        var index = 0
        while let part = document.next(&parts), mayReadPart(into: &output) {
            defer { index += 1 }
            var text = document.member(part, "text")
            if let refusal = document.member(part, "refusal"), document.kind(refusal) == .string {
                hasRefused = true
                text = refusal
            }
            guard !hasCome, let text, document.kind(text) == .string,
                !document.isEmptyString(text)
            else { continue }
            show(
                document.bytes.span.extracting(document.content(text)), of: number, part: index,
                into: &output)
        }
    }

    /// A part has ended, whole once more: of a message or of reasoning.
    mutating func partReceived(
        _ document: JSONDocument, _ event: ResponseEvent, into output: inout [UInt8]
    ) {
        guard let part = event.part, let type = document.member(part, "type") else { return }
        let text = document.member(part, "text")
        if document.equals(type, "output_text") {
            textReceived(document, event, text, isWhole: true, into: &output)
        } else if document.equals(type, "refusal") {
            hasRefused = true
            textReceived(
                document, event, document.member(part, "refusal"), isWhole: true, into: &output)
        } else if document.equals(type, "reasoning_text") {
            thoughtReceived(
                document, event, text, isSummary: false, isWhole: true, into: &output)
        } else if document.equals(type, "summary_text") {
            thoughtReceived(document, event, text, isSummary: true, isWhole: true, into: &output)
        }
    }

    // MARK: Reasoning

    mutating func thoughtReceived(
        _ document: JSONDocument, _ event: ResponseEvent, _ text: JSONNode?, isSummary: Bool,
        isWhole: Bool, into output: inout [UInt8]
    ) {
        guard let text, document.kind(text) == .string, !document.isEmptyString(text),
            let number = item(document, event, .reasoning, into: &output)
        else { return }
        if isWhole, hasText(number, event.partIndex) { return }
        show(
            document.bytes.span.extracting(document.content(text)), ofThought: number,
            part: event.partIndex, isSummary: isSummary, into: &output)
    }

    private mutating func show(
        _ piece: Span<UInt8>, ofThought number: Int, part: Int?, isSummary: Bool,
        into output: inout [UInt8]
    ) {
        // The same is told twice by servers that tell of both: the first kind counts.
        guard isLive, items.items[number].isSummary ?? isSummary == isSummary else { return }
        let isNext = items.items[number].hasText && items.items[number].parts.last != part
        items.items[number].isSummary = isSummary
        items.items[number].noteText(of: part)
        // Within a call's arguments there is no place for it.
        guard writer.open != .toolUse || calls.isOpenCallComplete else { return }
        if writer.open != .thinking || items.shownThought != number {
            guard closeOpenBlock(into: &output) else { return }
            sealLooseReasoning(into: &output)
            items.shownThought = number
        } else if isNext {
            let paragraph: StaticString = #"\n\n"#
            var separator: [UInt8] = []
            separator.append(paragraph)
            thinking(separator.span, into: &output)
        }
        // Summaries go back within their item, the reasoning itself as the block shows it.
        reasoning.source = isSummary ? .details : .reasoningContent
        thinking(piece, into: &output)
    }

    mutating func reasoningDone(
        _ document: JSONDocument, _ item: JSONNode, _ number: Int, into output: inout [UInt8]
    ) {
        if !items.items[number].hasText {
            for isSummary in [true, false] {
                let name: StaticString = isSummary ? "summary" : "content"
                guard let list = document.member(item, name) else { continue }
                var parts = document.elements(of: list)
                var index = 0
                while let part = document.next(&parts), mayReadPart(into: &output) {
                    if let text = document.member(part, "text"), document.kind(text) == .string,
                        !document.isEmptyString(text)
                    {
                        show(
                            document.bytes.span.extracting(document.content(text)),
                            ofThought: number, part: index, isSummary: isSummary,
                            into: &output)
                    }
                    index += 1
                }
            }
        }
        guard isLive else { return }
        let sealed = Self.sealable(document, item)
        if writer.open == .thinking, items.shownThought == number {
            items.sealedItem = sealed
            closeThinkingBlock(into: &output)
        } else if !sealed.isEmpty {
            items.looseItems.append(sealed)
            sealLooseReasoning(into: &output)
        }
    }

    /// The item as it will go back: its encrypted content and its summaries. Without ids, which
    /// nobody would know, since nothing is stored. Empty when it has nothing encrypted.
    private static func sealable(_ document: JSONDocument, _ item: JSONNode) -> [UInt8] {
        guard let encrypted = document.member(item, "encrypted_content"),
            document.kind(encrypted) == .string, !document.isEmptyString(encrypted)
        else { return [] }
        var sealed: [UInt8] = []
        sealed.append(#"{"type":"reasoning","summary":"#)
        if let summary = document.member(item, "summary"), document.kind(summary) == .array {
            sealed.append(document, summary)
        } else {
            sealed.append("[]")
        }
        sealed.append(#","encrypted_content":"#)
        sealed.append(document, encrypted)
        sealed.append("}")
        return sealed
    }

    /// What the thinking block that is about to close carries home. Where the reasoning itself came,
    /// nothing: the block shows it, or, when the client does not want to see it, its text.
    mutating func takeResponseSeal() -> ReasoningSeal {
        var content: [UInt8] = []
        swap(&content, &items.sealedItem)
        if content.isEmpty, let number = items.shownThought,
            items.items[number].isSummary == false
        {
            var text: [UInt8] = []
            swap(&text, &reasoning.omittedText)
            return ReasoningSeal(
                dialect: .reasoningContent, origin: identity.upstreamModel, content: text)
        }
        reasoning.omittedText.removeAll(keepingCapacity: true)
        return responseSeal(content)
    }

    /// A seal over an item of ours and who made it: others cannot decrypt it, and refuse the whole
    /// request for its sake.
    private func responseSeal(_ item: [UInt8]) -> ReasoningSeal {
        ReasoningSeal(responseItem: item, by: identity.maker, origin: identity.upstreamModel)
    }

    /// Gives the items that no thinking block took along redacted blocks of their own.
    mutating func sealLooseItems(into output: inout [UInt8]) {
        guard writer.open == nil, !items.looseItems.isEmpty else { return }
        let loose = items.looseItems
        items.looseItems = []
        for item in loose { writeRedacted(responseSeal(item), into: &output) }
    }

    // MARK: Calls

    mutating func callAdded(
        _ document: JSONDocument, _ item: JSONNode, _ number: Int, into output: inout [UInt8]
    ) {
        guard isLive else { return }
        var name: [UInt8] = []
        if let node = document.member(item, "name"), document.kind(node) == .string {
            guard document.content(node).count <= Self.toolNameBytesMax else {
                fail(Self.malformed("a tool's name of many bytes"), into: &output)
                return
            }
            name = document.unescaped(node)
        }
        let callID = document.member(item, "call_id").flatMap { node in
            document.kind(node) == .string ? Self.identifier(document, node) : nil
        }
        if let callID, items.items[number].callID.isEmpty { items.items[number].callID = callID }
        if items.items[number].call == nil, items.items[number].wrapped == nil,
            !facts.offersParallelTool, ParallelCalls.isWrapper(name)
        {
            items.items[number].wrapped = []
        }
        if items.items[number].wrapped == nil {
            let key = ToolCallLedger.Key(id: items.items[number].callID, name: name)
            if let call = items.items[number].call {
                calls.update(call, key)
            } else {
                beginCall(key, number, into: &output)
            }
        }
        if isLive { advanceCalls(into: &output) }
    }

    private mutating func beginCall(
        _ key: ToolCallLedger.Key, _ number: Int, into output: inout [UInt8]
    ) {
        guard calls.calls.count < limits.toolCallsMax else {
            fail(Self.malformed("more than \(limits.toolCallsMax) tool calls"), into: &output)
            return
        }
        items.items[number].call = calls.begin(key)
    }

    mutating func argumentsReceived(
        _ document: JSONDocument, _ event: ResponseEvent, isWhole: Bool,
        into output: inout [UInt8]
    ) {
        guard let number = item(document, event, .call, into: &output) else { return }
        if items.items[number].call == nil, items.items[number].wrapped == nil {
            // Its name comes when it is done.
            beginCall(ToolCallLedger.Key(), number, into: &output)
        }
        guard isLive, let arguments = isWhole ? event.arguments : event.delta else { return }
        takeArguments(document, arguments, number, isWhole: isWhole, into: &output)
        advanceCalls(into: &output)
        if isWhole { closeWithoutArguments(number, into: &output) }
    }

    /// A call whose arguments are known to be none takes none any more, so that others may begin.
    private mutating func closeWithoutArguments(_ number: Int, into output: inout [UInt8]) {
        guard isLive, let call = items.items[number].call, calls.openCall == call,
            calls.calls[call].extent.extent == .nothing, closeOpenBlock(into: &output)
        else { return }
        advanceCalls(into: &output)
    }

    /// - Parameter isWhole: whether `arguments` are all of them, those that came before included.
    private mutating func takeArguments(
        _ document: JSONDocument, _ arguments: JSONNode, _ number: Int, isWhole: Bool,
        into output: inout [UInt8]
    ) {
        let isText = document.kind(arguments) == .string
        guard let call = items.items[number].call else {
            guard isText, items.items[number].wrapped != nil else { return }
            let text = document.bytes.span.extracting(document.content(arguments))
            if isWhole, text.count > 0 { items.items[number].wrapped = [] }
            items.items[number].wrapped?.append(text)
            return
        }
        guard isWhole, isText else {
            if !isWhole || calls.calls[call].arguments.isEmpty {
                argumentsReceived(document, arguments, call, into: &output)
            }
            return
        }
        // A piece may have got lost, or all of them.
        let text = document.bytes.span.extracting(document.content(arguments))
        guard calls.calls[call].state != .closed, !calls.calls[call].isComplete,
            Self.begins(text, with: calls.calls[call].arguments)
        else { return }
        add(text.extracting(calls.calls[call].arguments.count...), call, &output)
    }

    private static func begins(_ text: Span<UInt8>, with beginning: [UInt8]) -> Bool {
        guard beginning.count <= text.count else { return false }
        for index in beginning.indices where beginning[index] != text[index] { return false }
        return true
    }

    mutating func callDone(
        _ document: JSONDocument, _ item: JSONNode, _ number: Int, into output: inout [UInt8]
    ) {
        if let id = document.member(item, "call_id"), document.kind(id) == .string {
            // A search for tools has the last word on the id only here.
            settle(callID: Self.identifier(document, id), of: number)
        }
        callAdded(document, item, number, into: &output)
        guard isLive else { return }
        // At the beginning they may stand there, too, and be a mere `{}`.
        if let arguments = document.member(item, "arguments") {
            takeArguments(document, arguments, number, isWhole: true, into: &output)
            advanceCalls(into: &output)
        }
        guard isLive else { return }
        if items.items[number].wrapped != nil { unwrapCalls(number, into: &output) }
        closeWithoutArguments(number, into: &output)
    }

    private mutating func settle(callID: [UInt8], of number: Int) {
        items.items[number].callID = callID
        guard let call = items.items[number].call, calls.calls[call].state == .waiting else {
            return
        }
        calls.calls[call].id = callID
    }

    /// The call of several tools at once becomes a call of each.
    mutating func unwrapCalls(_ number: Int, into output: inout [UInt8]) {
        let text = items.items[number].wrapped ?? []
        items.items[number].wrapped = nil
        guard let parts = ParallelCalls.parts(ofEscaped: text), !parts.isEmpty else {
            // None of what is known: the client shall see it as it is.
            var key = ToolCallLedger.Key(id: items.items[number].callID)
            key.name.append(ParallelCalls.name)
            beginCall(key, number, into: &output)
            if isLive, let call = items.items[number].call { add(text.span, call, &output) }
            advanceCalls(into: &output)
            return
        }
        for part in parts where mayReadPart(into: &output) {
            beginCall(ToolCallLedger.Key(name: part.name), number, into: &output)
            guard isLive, let call = items.items[number].call else { return }
            var arguments: [UInt8] = []
            arguments.append(jsonEscaping: part.arguments.span)
            add(arguments.span, call, &output)
            advanceCalls(into: &output)
        }
    }
}
