// Tool calls on their way into blocks. Anthropic's blocks follow one another, OpenAI's calls may
// interleave: one call is streamed, the others gather until it is complete. A call closes only when
// something else begins, never because usage or a finish_reason came: arguments may follow.
//
// Arguments are followed to the end of their object and checked as JSON before the block closes,
// since clients run what they parse: truncated input would run as `{}`.

extension StreamTranslator {
    // MARK: Deltas

    /// One element of `tool_calls`.
    mutating func toolCallReceived(
        _ document: JSONDocument, _ delta: JSONNode, into output: inout [UInt8]
    ) {
        var key = ToolCallLedger.Key()
        var function, extra: JSONNode?
        var members = document.members(of: delta)
        while let (name, value) = document.next(&members) {
            if document.equals(name, "function") {
                function = value
            } else if document.equals(name, "extra_content") {
                if document.kind(value) == .object { extra = value }
            } else if document.equals(name, "index") {
                key.index = document.integer(value)
            } else if document.equals(name, "id"), document.kind(value) == .string,
                !document.isEmptyString(value)
            {
                // One more than a good one has: a longer one is replaced, but known again.
                key.id = document.unescaped(value, bytesMax: ToolCallIdentifier.bytesMax + 1)
            }
        }
        callReceived(document, key, function, extra, into: &output)
    }

    /// The form of old: one call, neither index nor id.
    mutating func functionCallReceived(
        _ document: JSONDocument, _ function: JSONNode, into output: inout [UInt8]
    ) {
        callReceived(document, ToolCallLedger.Key(), function, nil, into: &output)
    }

    private mutating func callReceived(
        _ document: JSONDocument, _ key: ToolCallLedger.Key, _ function: JSONNode?,
        _ extra: JSONNode?, into output: inout [UInt8]
    ) {
        // A call that came before in the same event may have failed the response.
        guard isLive else { return }
        var key = key
        var arguments: JSONNode?
        if let function {
            var members = document.members(of: function)
            while let (name, value) = document.next(&members) {
                if document.equals(name, "arguments") {
                    arguments = value
                } else if document.equals(name, "name"), document.kind(value) == .string,
                    !document.isEmptyString(value)
                {
                    guard document.content(value).count <= Self.toolNameBytesMax else {
                        fail(Self.malformed("a tool's name of many bytes"), into: &output)
                        return
                    }
                    key.name = document.unescaped(value)
                }
            }
        }
        let number: Int
        if let known = calls.find(key) {
            number = known
            calls.update(number, key)
        } else if key.id.isEmpty, key.name.isEmpty, document.saysNothing(arguments) {
            // Some servers send empty calls beside text.
            return
        } else {
            guard calls.calls.count < limits.toolCallsMax else {
                fail(Self.malformed("more than \(limits.toolCallsMax) tool calls"), into: &output)
                return
            }
            number = calls.begin(key)
        }
        if let extra {
            calls.keep(extra: document.bytes.span.extracting(document.literal(extra)), of: number)
        }
        if let arguments { argumentsReceived(document, arguments, number, into: &output) }
        advanceCalls(into: &output)
    }

    /// Sixteen times what the upstream was given.
    static var toolNameBytesMax: Int { 16 * ToolName.bytesMax }

    mutating func argumentsReceived(
        _ document: JSONDocument, _ arguments: JSONNode, _ number: Int,
        into output: inout [UInt8]
    ) {
        switch document.kind(arguments) {
        case .string:
            add(document.bytes.span.extracting(document.content(arguments)), number, &output)
        case .object:
            var text: [UInt8] = []
            text.append(jsonEscaping: document.bytes.span.extracting(document.content(arguments)))
            add(text.span, number, &output)
        case .null: break
        case .array, .number, .true, .false:
            fail(Self.malformed("tool arguments that are no object"), into: &output)
        }
    }

    mutating func add(
        _ piece: Span<UInt8>, _ number: Int, _ output: inout [UInt8]
    ) {
        let range = calls.add(piece, to: number)
        guard !range.isEmpty else { return }
        summary.contentBytes &+= range.count
        if calls.openCall == number, calls.calls[number].extent.extent != .foreign {
            let arguments = calls.calls[number].arguments
            writer.delta(arguments.span.extracting(range), into: &output)
        }
    }

    // MARK: Blocks

    /// Opens the next call when nothing stands before it: no other call that may take more.
    mutating func advanceCalls(into output: inout [UInt8]) {
        while isLive, calls.isOpenCallComplete {
            let number = calls.openCall.map { $0 + 1 } ?? calls.next
            guard number < calls.calls.count else { break }
            let call = calls.calls[number]
            // Without an id it waits for arguments: the id may come in the next piece.
            let isKnown = !call.id.isEmpty || call.extent.extent != .nothing
            guard !call.name.isEmpty, isKnown else { break }
            openCall(number, into: &output)
        }
        guard isLive else { return }
        if calls.openCall != nil, calls.isOpenCallComplete { releaseHeldText(into: &output) }
    }

    private mutating func openCall(_ number: Int, into output: inout [UInt8]) {
        // Text that waits for a signature goes before; it opens a block, which closes here.
        if writer.open != .toolUse { releaseHeldText(into: &output) }
        guard closeOpenBlock(into: &output) else { return }
        sealLooseReasoning(into: &output)
        writeSearchResults(into: &output)
        startMessage(into: &output)
        let call = calls.calls[number]
        let id = ToolCallIdentifier.clientForm(
            of: call.id, isRepeated: call.isRepeated, seed: identity.messageID, ordinal: number,
            taken: takenToolIDs)
        takenToolIDs.insert(id)
        sealExtra(of: number, id: id, into: &output)
        let name = facts.clientName(of: call.name)
        writer.openToolUse(id: id, name: name, into: &output)
        calls.open(number, as: id)
        summary.toolCalls += 1
        if !call.arguments.isEmpty, call.extent.extent != .foreign {
            writer.delta(call.arguments.span, into: &output)
        }
    }

    /// Closes the open call's block, or fails when its arguments are no JSON object.
    mutating func closeCall(into output: inout [UInt8]) {
        guard let number = calls.openCall, let call = calls.close() else { return }
        guard let input = input(of: call, into: &output) else {
            let name = String(decoding: call.name, as: UTF8.self)
            let what = "arguments for the tool \(name) that are no JSON object"
            fail(Self.malformed(what), into: &output)
            return
        }
        writer.closeToolUse(input: input.span, into: &output)
        sealExtra(of: number, id: call.clientID, into: &output)
    }

    /// Gives what the upstream wants back with a call a redacted block of its own: Gemini signs its
    /// calls so, and answers 400 to one that comes back unsigned. The block names the call, so it
    /// may stand before it or, when the signature came late, after it.
    private mutating func sealExtra(of number: Int, id: [UInt8], into output: inout [UInt8]) {
        let extra = calls.takeExtra(of: number)
        guard !extra.isEmpty else { return }
        var content: [UInt8] = []
        content.append(#"{"id":""#)
        content.append(id.span)
        content.append(#"","extra_content":"#)
        content.append(mendingHalfPairs: extra.span)
        content.append("}")
        let seal = ReasoningSeal(
            dialect: .callExtra, origin: identity.upstreamModel, content: content)
        writeRedacted(seal, into: &output)
    }

    /// A call's input as JSON text; nil when it is none. As events, `{}` is written where no
    /// arguments came.
    private mutating func input(of call: StreamedToolCall, into output: inout [UInt8]) -> [UInt8]? {
        let empty: [UInt8] = Array("{}".utf8)
        switch call.extent.extent {
        case .nothing:
            writer.delta(empty.span, into: &output)
            return empty
        case .foreign:
            // `null` and a string of nothing are ways to say: no arguments.
            guard let text = Self.unescaped(call.arguments) else { return nil }
            let isNone = text == Array("null".utf8) || text == Array("\"\"".utf8)
            guard let input = isNone ? empty : Self.wrappedObject(text) else { return nil }
            var escaped: [UInt8] = []
            escaped.append(jsonEscaping: input.span)
            writer.delta(escaped.span, into: &output)
            return input
        case .begun:
            // Cut off at the token limit: Anthropic, too, leaves such a call in the message, and
            // as events its input ends where it ends.
            return finish.isCutOff ? empty : nil
        case .complete:
            guard let text = Self.unescaped(call.arguments) else { return nil }
            var check = JSONDocument()
            guard (try? check.parse(text)) != nil else { return nil }
            return check.takeBytes()
        }
    }

    /// The object in `text` that is JSON in a JSON string: some servers wrap arguments twice.
    private static func wrappedObject(_ text: [UInt8]) -> [UInt8]? {
        var document = JSONDocument()
        guard (try? document.parse(text)) != nil, document.kind(.root) == .string else {
            return nil
        }
        let inner = document.unescaped(.root)
        var escaped: [UInt8] = []
        escaped.append(jsonEscaping: inner.span)
        var (extent, mended) = (ToolArguments(), [UInt8]())
        extent.take(escaped.span, into: &mended)
        guard let object = unescaped(mended), (try? document.parse(object)) != nil,
            document.kind(.root) == .object
        else { return nil }
        return document.takeBytes()
    }

    /// Decodes the content of a JSON string.
    static func unescaped(_ content: [UInt8]) -> [UInt8]? {
        var literal: [UInt8] = []
        literal.reserveCapacity(content.count + 2)
        literal.append("\"")
        literal.append(content.span)
        literal.append("\"")
        var document = JSONDocument()
        guard (try? document.parse(literal)) != nil else { return nil }
        return document.unescaped(.root)
    }

    /// The response ends: every call that waits gets its block, in order.
    mutating func finishCalls(into output: inout [UInt8]) {
        while isLive, calls.next < calls.calls.count || calls.openCall != nil {
            if calls.openCall != nil {
                _ = closeOpenBlock(into: &output)
                continue
            }
            let call = calls.calls[calls.next]
            if !call.name.isEmpty {
                openCall(calls.next, into: &output)
            } else if finish.isCutOff {
                // Cut off before its name: there is nothing to show of it.
                return
            } else {
                fail(Self.malformed("a tool call without a name"), into: &output)
            }
        }
    }
}

extension JSONDocument {
    /// Whether the value at `node` is absent, null or an empty string.
    fileprivate func saysNothing(_ node: JSONNode?) -> Bool {
        guard let node else { return true }
        return isNull(node) || isEmptyString(node)
    }
}
