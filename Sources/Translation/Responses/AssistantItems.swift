// An assistant's turn as items of the Responses API: its texts, its calls and its reasoning in the order
// in which they were made. Reasoning must be followed by what it led to; at the end of a turn that
// was broken off it is left out, since the upstream refuses it there, and with it the request.

extension RequestWriter {
    /// What of a turn waits for what comes after it.
    private struct Waiting {
        /// Reasoning items, separated by commas.
        var reasoning: [[UInt8]] = []
        /// Where the turn's calls begin among those that are not written yet.
        var calls: [HistoryCall] = []
    }

    /// Writes assistant messages that follow one another.
    mutating func writeAssistantItems(
        _ entries: ArraySlice<MessageEntry>
    ) throws(APIError) {
        calls.removeAll(keepingCapacity: true)
        callIndex.removeAll(keepingCapacity: true)
        var waiting = Waiting()
        for entry in entries {
            guard entry.hasBlocks else {
                addText(entry.content)
                continue
            }
            var elements = document.elements(of: entry.content)
            var index = 0
            while let element = document.next(&elements) {
                let path = entry.path.content(index)
                try addItem(try readBlock(element, at: path), at: path, &waiting)
                index += 1
            }
        }
        writeOutputMessage(isLast: waiting.calls.isEmpty, &waiting)
        for call in waiting.calls { writeCall(call) }
        if !waiting.reasoning.isEmpty { dropped.note("messages.content.thinking") }
        clearParts()
        scratch.removeAll(keepingCapacity: true)
    }

    private mutating func addItem(
        _ block: ContentBlock, at path: FieldPath, _ waiting: inout Waiting
    ) throws(APIError) {
        switch block.kind {
        case .text:
            let text = try document.required(block.text, .string, at: path, "text")
            addText(text, try cacheControl(block.cacheControl, at: path))
        case .toolUse:
            let count = calls.count
            try addCall(block, at: path)
            _ = try cacheControl(block.cacheControl, at: path)
            guard calls.count > count else { return }
            if responses.wantsCallsTogether {
                waiting.calls.append(calls[count])
                return
            }
            writeOutputMessage(isLast: false, &waiting)
            writeReasoning(&waiting)
            writeCall(calls[count])
        case .thinking:
            let text = try document.required(block.thinking, .string, at: path, "thinking")
            let signature = try document.optional(block.signature, .string, at: path, "signature")
            writeOutputMessage(isLast: false, &waiting)
            addReasoning(text: text, seal: signature, &waiting)
        case .redactedThinking:
            let data = try document.required(block.data, .string, at: path, "data")
            writeOutputMessage(isLast: false, &waiting)
            addReasoning(text: nil, seal: data, &waiting)
        case .image, .document, .toolResult: noteUnknown(block)
        default: addFlattened(block)
        }
    }

    // MARK: Text

    /// Writes the texts that have been collected as a message, after the reasoning before them.
    ///
    /// - Parameter isLast: whether the turn ends with it.
    private mutating func writeOutputMessage(isLast: Bool, _ waiting: inout Waiting) {
        guard !parts.isEmpty else { return }
        writeReasoning(&waiting)
        beginItem(#"{"type":"message","role":"assistant","content":["#, .assistant)
        endsWithAnswer = true
        var isFirst = true
        for part in parts {
            guard case .text(let text) = part else { continue }
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            output.append(#"{"type":"output_text","text":""#)
            write(text)
            output.append(#""}"#)
        }
        output.append(UInt8(ascii: "]"))
        if responses.takesPhase, ModelFamily.knowsPhases(settings.upstreamModel) {
            output.append(isLast ? #","phase":"final_answer""# : #","phase":"commentary""#)
        }
        output.append(UInt8(ascii: "}"))
        clearParts()
    }

    // MARK: Calls

    private mutating func writeCall(_ call: HistoryCall) {
        beginItem(#"{"type":"function_call","call_id":""#, .assistant)
        endsWithAnswer = true
        writeToolID(call.id)
        output.append(#"","name":""#)
        writeToolName(call.name)
        output.append(#"","arguments":""#)
        output.append(escaping: document, call.input)
        output.append(#""}"#)
    }

    // MARK: Reasoning

    private mutating func writeReasoning(_ waiting: inout Waiting) {
        for item in waiting.reasoning {
            beginItem("", .assistant)
            output.append(contentsOf: item)
        }
        waiting.reasoning.removeAll(keepingCapacity: true)
    }

    private mutating func addReasoning(
        text: JSONNode?, seal node: JSONNode?, _ waiting: inout Waiting
    ) {
        guard !settings.isWithoutReasoning else { return }
        let seal = node.flatMap { openSeal($0) }
        guard let seal, seal.isAtHome(in: settings.upstreamModel) else {
            dropped.note("messages.content.thinking")
            return
        }
        if seal.dialect == .responseItem {
            guard let item = encryptedItem(in: seal) else {
                dropped.note("messages.content.thinking")
                return
            }
            waiting.reasoning.append(item)
        } else if seal.dialect.isText, responses.takesThoughts,
            let item = thoughtItem(seal, text)
        {
            waiting.reasoning.append(item)
        } else if seal.dialect != .callExtra {
            dropped.note("messages.content.thinking")
        }
    }

    /// The item that the seal holds, if it was encrypted for whom the request goes to.
    private func encryptedItem(in seal: ReasoningSeal) -> [UInt8]? {
        guard let item = seal.responseItem, item.maker == settings.maker else { return nil }
        return item.json
    }

    /// An item of the reasoning that the block shows, or the seal has.
    private func thoughtItem(_ seal: ReasoningSeal, _ text: JSONNode?) -> [UInt8]? {
        var item: [UInt8] = []
        item.append(
            #"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":""#)
        if !seal.content.isEmpty {
            item.append(seal.content.span)
        } else if let text, !isBlank(document.content(text)) {
            item.append(document, document.content(text))
        } else {
            return nil
        }
        item.append(#""}]}"#)
        return item
    }
}
