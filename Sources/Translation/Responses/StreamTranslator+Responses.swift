// A stream of OpenAI's Responses API. Its events tell of items: messages, reasoning, calls. They come
// twice and thrice (as deltas, as a whole when a part ends, when the item ends, when the response
// ends); what has come is not taken again, and what has not is made up for. What goes into which
// block is decided as for chat completions.
//
// The event that says how the response ended is the end; there is no `[DONE]`.

extension StreamTranslator {
    /// The most items in one response; real ones have dozens.
    static var responseItemsMax: Int { 1024 }

    // MARK: Events

    /// Passes over an event that only repeats the request, and returns whether the event in the
    /// parser's buffer is one. Its text is not parsed: with Claude Code's tools it has tens of
    /// kilobytes.
    mutating func passOverEcho() -> Bool {
        guard Self.isEcho(parser.data.span, name: parser.name.span) else { return false }
        guard !items.hasEcho else { return true }
        items.hasEcho = true
        let id = Self.member("id", ofEcho: parser.data.span)
        let model = Self.member("model", ofEcho: parser.data.span)
        summary.upstreamID = id
        summary.upstreamModel = model
        return true
    }

    private static func isEcho(_ data: Span<UInt8>, name: Span<UInt8>) -> Bool {
        if name.count > 0 { return ResponseEvent.kind(name) == .begun }
        guard data.count > Self.deltaBytesMax,
            let type = JSONSkim.member("type", ofObjectAt: 0, in: data), type.count > 2
        else { return false }
        let name = data.extracting(type.lowerBound + 1..<type.upperBound - 1)
        return ResponseEvent.kind(name) == .begun
    }

    private static func member(_ key: StaticString, ofEcho data: Span<UInt8>) -> [UInt8] {
        guard let response = JSONSkim.member("response", ofObjectAt: 0, in: data),
            let value = JSONSkim.member(key, ofObjectAt: response.lowerBound, in: data)
        else { return [] }
        return value.count <= echoBytesMax ? JSONSkim.string(value, in: data) ?? [] : []
    }

    /// Longer than any id or name of a model.
    private static var echoBytesMax: Int { 512 }
    /// Events up to this size are parsed without a look.
    private static var deltaBytesMax: Int { 1024 }

    /// - Parameter isError: whether the event is named `error`.
    mutating func responseEventReceived(
        _ document: JSONDocument, isError: Bool, into output: inout [UInt8]
    ) {
        let event = ResponseEvent(document)
        partsLeft = limits.partsMax
        let kind = isError ? .error : kind(of: event, document)
        switch kind {
        case .text, .refusal:
            if kind == .refusal { hasRefused = true }
            textReceived(document, event, event.delta, isWhole: false, into: &output)
        case .textDone:
            textReceived(document, event, event.text, isWhole: true, into: &output)
        case .refusalDone:
            hasRefused = true
            textReceived(document, event, event.refusal, isWhole: true, into: &output)
        case .summary, .thought:
            thoughtReceived(
                document, event, event.delta, isSummary: kind == .summary, isWhole: false,
                into: &output)
        case .summaryDone, .thoughtDone:
            thoughtReceived(
                document, event, event.text, isSummary: kind == .summaryDone, isWhole: true,
                into: &output)
        case .partDone: partReceived(document, event, into: &output)
        case .arguments: argumentsReceived(document, event, isWhole: false, into: &output)
        case .argumentsDone: argumentsReceived(document, event, isWhole: true, into: &output)
        case .itemAdded: itemReceived(document, event, isDone: false, into: &output)
        case .itemDone: itemReceived(document, event, isDone: true, into: &output)
        case .annotation:
            if let annotation = event.annotation {
                annotationReceived(document, annotation, into: &output)
            }
        case .begun:
            if let response = event.response { readEcho(document, response) }
        case .completed, .incomplete, .failed:
            responseEnded(document, event.response ?? .root, kind, into: &output)
        case .error: fail(errorReader.read(midStream: document), into: &output)
        case .other:
            if event.name == nil, event.error != nil {
                fail(errorReader.read(midStream: document), into: &output)
            }
        }
        checkBounds(into: &output)
    }

    private func kind(of event: ResponseEvent, _ document: JSONDocument) -> ResponseEvent.Kind {
        guard let name = event.name, document.kind(name) == .string else {
            return ResponseEvent.kind(parser.name.span)
        }
        if document.isEscaped(name) { return ResponseEvent.kind(document.unescaped(name).span) }
        return ResponseEvent.kind(document.bytes.span.extracting(document.content(name)))
    }

    private mutating func checkBounds(into output: inout [UInt8]) {
        guard isLive else { return }
        if gatheredBytes > limits.contentBytesMax {
            fail(Self.tooLarge(limits.contentBytesMax), into: &output)
        } else if writer.blockCount > limits.blocksMax {
            fail(tooManyBlocks, into: &output)
        }
    }

    /// `[DONE]` has come before any word of how the response ended. Where all that was begun is
    /// complete, the answer is.
    mutating func responseDone(into output: inout [UInt8]) {
        if items.areDone { end(into: &output) } else { fail(Self.cutOff, into: &output) }
    }

    // MARK: The whole

    /// The body is one response, not a stream of events.
    mutating func responseBodyReceived(_ document: JSONDocument, into output: inout [UInt8]) {
        partsLeft = limits.partsMax
        if let list = document.member(.root, "output"), document.kind(list) == .array {
            responseEnded(document, .root, .completed, into: &output)
        } else if let error = document.member(.root, "error"), !document.isNull(error) {
            fail(errorReader.read(midStream: document), into: &output)
        } else {
            fail(Self.notAnAnswer("JSON that is no response"), into: &output)
        }
    }

    private mutating func readEcho(_ document: JSONDocument, _ response: JSONNode) {
        if let id = document.member(response, "id") {
            Self.keep(document, id, in: &summary.upstreamID)
        }
        if let model = document.member(response, "model") {
            Self.keep(document, model, in: &summary.upstreamModel)
        }
    }

    private mutating func responseEnded(
        _ document: JSONDocument, _ response: JSONNode, _ kind: ResponseEvent.Kind,
        into output: inout [UInt8]
    ) {
        readEcho(document, response)
        if let usage = document.member(response, "usage"), document.kind(usage) == .object,
            document.count(usage) > 0
        {
            summary.usage.read(document, ofResponse: usage)
        }
        let status = document.member(response, "status")
        let error = document.member(response, "error").flatMap { document.isNull($0) ? nil : $0 }
        let hasFailed =
            kind == .failed || error != nil
            || status.map { document.equals($0, "failed") || document.equals($0, "cancelled") }
                ?? false
        guard !hasFailed else {
            fail(errorReader.read(midStream: document, at: error), into: &output)
            return
        }
        let details = document.member(response, "incomplete_details")
        let isIncomplete =
            kind == .incomplete || status.map { document.equals($0, "incomplete") } ?? false
        finish.conclude(
            isIncomplete
                ? Self.reason(document, details.flatMap { document.member($0, "reason") })
                : .stop)
        takeUp(document, document.member(response, "output"), into: &output)
        checkBounds(into: &output)
        guard isLive else { return }
        if finish.isFailure {
            fail(errorReader.read(midStream: document, at: details), into: &output)
        } else {
            end(into: &output)
        }
    }

    private static func reason(
        _ document: JSONDocument, _ reason: JSONNode?
    ) -> UpstreamFinish.Reason {
        guard let reason, document.kind(reason) == .string else { return .length }
        return UpstreamFinish.Reason(document, reason)
    }

    /// Makes up for items whose events did not come, or not all of them. Places in the list are
    /// indexes; where as many items as it has were told of before, none is new. Calls that have begun
    /// come first: while the block of one is open, nothing else has a place.
    private mutating func takeUp(
        _ document: JSONDocument, _ list: JSONNode?, into output: inout [UInt8]
    ) {
        let mayBeNew = items.items.count < (list.map { document.count($0) } ?? 0)
        for callsAlone in calls.openCall == nil ? [false] : [true, false] {
            var elements = document.elements(of: list ?? .root)
            var index = 0
            while let item = document.next(&elements), mayReadPart(into: &output) {
                defer { index += 1 }
                let key = itemKey(document, item, outputIndex: index)
                if callsAlone, key.kind != .call { continue }
                let known = items.items.firstIndex { other in
                    other.kind == key.kind
                        && (other.outputIndex == index
                            || !key.callID.isEmpty && other.callID == key.callID)
                }
                if let known {
                    itemDone(document, item, known, into: &output)
                } else if mayBeNew, !callsAlone, let number = beginItem(key, into: &output) {
                    itemDone(document, item, number, into: &output)
                }
            }
        }
        for number in items.items.indices where isLive && items.items[number].wrapped != nil {
            unwrapCalls(number, into: &output)
        }
    }

    // MARK: Items

    private func itemKey(
        _ document: JSONDocument, _ item: JSONNode, outputIndex: Int?
    ) -> ResponseItems.Key {
        var key = ResponseItems.Key(kind: .other, outputIndex: outputIndex)
        var members = document.members(of: item)
        while let (name, value) = document.next(&members) {
            guard document.kind(value) == .string else { continue }
            if document.equals(name, "type") {
                if document.equals(value, "message") {
                    key.kind = .message
                } else if document.equals(value, "reasoning") {
                    key.kind = .reasoning
                } else if document.equals(value, "function_call") {
                    key.kind = .call
                }
            } else if document.equals(name, "call_id") {
                key.callID = Self.identifier(document, value)
            } else if document.equals(name, "id"), outputIndex == nil {
                key.id = Self.identifier(document, value)
            }
        }
        return key
    }

    /// Begins an item; nil when there are too many, which fails the response.
    private mutating func beginItem(
        _ key: ResponseItems.Key, into output: inout [UInt8]
    ) -> Int? {
        guard items.items.count < Self.responseItemsMax else {
            fail(Self.malformed("more than \(Self.responseItemsMax) items"), into: &output)
            return nil
        }
        var item = ResponseItem(kind: key.kind, outputIndex: key.outputIndex, id: key.id)
        item.callID = key.callID
        items.items.append(item)
        return items.items.count - 1
    }

    /// The item that a delta of `kind` belongs to; begun, where no event has said that it is there.
    func itemKey(_ document: JSONDocument, _ event: ResponseEvent, _ kind: ResponseItem.Kind)
        -> ResponseItems.Key
    {
        var key = ResponseItems.Key(kind: kind, outputIndex: event.outputIndex)
        if key.outputIndex == nil, let id = event.itemID, document.kind(id) == .string {
            key.id = Self.identifier(document, id)
        }
        return key
    }

    /// An id: one more byte than a good one has, so that a longer one is replaced, but known again.
    static func identifier(_ document: JSONDocument, _ node: JSONNode) -> [UInt8] {
        document.unescaped(node, bytesMax: ToolCallIdentifier.bytesMax + 1)
    }

    mutating func item(
        _ document: JSONDocument, _ event: ResponseEvent, _ kind: ResponseItem.Kind,
        into output: inout [UInt8]
    ) -> Int? {
        let key = itemKey(document, event, kind)
        return items.find(key) ?? beginItem(key, into: &output)
    }

    private mutating func itemReceived(
        _ document: JSONDocument, _ event: ResponseEvent, isDone: Bool,
        into output: inout [UInt8]
    ) {
        guard let item = event.item, document.kind(item) == .object else { return }
        let key = itemKey(document, item, outputIndex: event.outputIndex)
        guard let number = items.find(key, isDone: isDone) ?? beginItem(key, into: &output) else {
            return
        }
        if isDone {
            itemDone(document, item, number, into: &output)
        } else if key.kind == .call {
            callAdded(document, item, number, into: &output)
        }
    }

    private mutating func itemDone(
        _ document: JSONDocument, _ item: JSONNode, _ number: Int, into output: inout [UInt8]
    ) {
        guard !items.items[number].isDone else { return }
        switch items.items[number].kind {
        case .message: messageDone(document, item, number, into: &output)
        case .reasoning: reasoningDone(document, item, number, into: &output)
        case .call: callDone(document, item, number, into: &output)
        case .other: otherDone(document, item, into: &output)
        }
        if isLive { items.items[number].isDone = true }
    }

    /// What is done by servers: a search has blocks of its own.
    private mutating func otherDone(
        _ document: JSONDocument, _ item: JSONNode, into output: inout [UInt8]
    ) {
        guard facts.offersWebSearch, let type = document.member(item, "type"),
            document.equals(type, "web_search_call"),
            let action = document.member(item, "action"),
            let sources = document.member(action, "sources")
        else { return }
        var elements = document.elements(of: sources)
        while let source = document.next(&elements), mayReadPart(into: &output) {
            annotationReceived(document, source, into: &output)
        }
    }
}
