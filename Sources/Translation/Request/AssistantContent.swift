// An assistant message: its text, its calls, and the reasoning that goes back with it.
//
// Reasoning goes back only as what it was. Our own seals (ReasoningSeal) hold the upstream's items
// unmodified; models check them against signatures and, newer ones, against everything before them.
// A block with a signature of someone else's would be refused, and with it the whole request.

/// The reasoning of the assistant message at hand.
struct Thoughts {
    /// What holds items of `reasoning_details`. It may be none: some upstreams want back even an
    /// empty list.
    var seals: [ReasoningSeal] = []
    var texts: [TextPart] = []
    /// The name under which the texts came.
    var textField: StaticString = "reasoning"
    /// The `extra_content` of calls, as JSON literals, by the client's id.
    var callExtras: [[UInt8]: [UInt8]] = [:]

    mutating func clear() {
        callExtras.removeAll(keepingCapacity: true)
        seals.removeAll(keepingCapacity: true)
        texts.removeAll(keepingCapacity: true)
        textField = "reasoning"
    }
}

extension RequestWriter {
    /// Writes assistant messages that follow one another as one message.
    mutating func writeAssistant(
        _ entries: ArraySlice<MessageEntry>, isLast: Bool
    ) throws(APIError) {
        if settings.api == .responses {
            try writeAssistantItems(entries)
            return
        }
        calls.removeAll(keepingCapacity: true)
        callIndex.removeAll(keepingCapacity: true)
        for entry in entries {
            guard entry.hasBlocks else {
                addText(entry.content)
                continue
            }
            var elements = document.elements(of: entry.content)
            var index = 0
            while let element = document.next(&elements) {
                let path = entry.path.content(index)
                try addAssistantBlock(try readBlock(element, at: path), at: path)
                index += 1
            }
        }
        if !parts.isEmpty || !calls.isEmpty { writeAssistantMessage(isLast: isLast) }
        thoughts.clear()
        clearParts()
        scratch.removeAll(keepingCapacity: true)
    }

    private mutating func writeAssistantMessage(isLast: Bool) {
        beginMessage(#"{"role":"assistant","content":"#)
        endsWithAnswer = true
        // Null, not "": some providers refuse a blank text beside calls.
        if parts.isEmpty { output.append("null") } else { writeContent() }
        writeThoughts()
        if !calls.isEmpty {
            output.append(#","tool_calls":["#)
            for index in calls.indices {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                write(calls[index], isUnsigned: index == 0 && wantsSignature)
            }
            output.append(UInt8(ascii: "]"))
        } else if isLast, settings.profile.marksPrefill {
            output.append(#","prefix":true"#)
        }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func addAssistantBlock(
        _ block: ContentBlock, at path: FieldPath
    ) throws(APIError) {
        switch block.kind {
        case .text:
            let text = try document.required(block.text, .string, at: path, "text")
            addText(text, try cacheControl(block.cacheControl, at: path))
        case .toolUse:
            try addCall(block, at: path)
            attach(try cacheControl(block.cacheControl, at: path))
        case .thinking:
            let text = try document.required(block.thinking, .string, at: path, "thinking")
            let signature = try document.optional(block.signature, .string, at: path, "signature")
            addThought(text: text, seal: signature)
        case .redactedThinking:
            let data = try document.required(block.data, .string, at: path, "data")
            addThought(text: nil, seal: data)
        case .image, .document, .toolResult: noteUnknown(block)
        default: addFlattened(block)
        }
    }

    // MARK: Calls

    mutating func addCall(_ block: ContentBlock, at path: FieldPath) throws(APIError) {
        let id = try document.required(block.id, .string, at: path, "id")
        guard !document.isEmptyString(id) else { throw path.error("id", .empty) }
        let name = try document.required(block.name, .string, at: path, "name")
        guard !document.isEmptyString(name) else { throw path.error("name", .empty) }
        let input = try document.required(block.input, .object, at: path, "input")
        let key = document.unescaped(id)
        facts.usedToolIDs.insert(key)
        if plan.hasDeferredTools { loadedTools.insert(document.unescaped(name)) }
        guard callIndex[key] == nil else {
            dropped.note("tool_use:repeated")
            return
        }
        callIndex[key] = calls.count
        calls.append(HistoryCall(id: id, name: name, input: input))
    }

    /// Whether Gemini would miss a signature with the first of the calls: they are another model's.
    private var wantsSignature: Bool {
        settings.profile.signsForeignCalls && isUnsignedForGemini
    }

    private var isUnsignedForGemini: Bool {
        thoughts.callExtras.isEmpty && ModelFamily.demandsSignatures(settings.upstreamModel)
    }

    private mutating func write(_ call: HistoryCall, isUnsigned: Bool) {
        output.append(#"{"id":""#)
        writeToolID(call.id)
        output.append(#"","type":"function","function":{"name":""#)
        writeToolName(call.name)
        output.append(#"","arguments":""#)
        // The client's own bytes: any change of them between turns breaks prefix caches.
        output.append(escaping: document, call.input)
        output.append(#""}"#)
        if !thoughts.callExtras.isEmpty,
            let extra = thoughts.callExtras[document.unescaped(call.id)]
        {
            output.append(#","extra_content":"#)
            output.append(contentsOf: extra)
        } else if isUnsigned {
            // Google's page on thought signatures (FAQ), for calls that Gemini did not make.
            output.append(
                #","extra_content":{"google":{"thought_signature":"skip_thought_signature_validator"}}"#
            )
        }
        output.append(#"}"#)
    }

    // MARK: Thoughts

    private mutating func addThought(text: JSONNode?, seal node: JSONNode?) {
        guard !settings.isWithoutReasoning else { return }
        let field = settings.profile.reasoningField
        let seal = node.flatMap { openSeal($0) }
        if let seal, seal.dialect == .callExtra {
            addCallExtra(seal)
            return
        }
        switch field {
        case .none: break
        case .reasoningDetails: addSealedThought(seal, text)
        case .reasoningContent, .reasoning:
            // A text needs no proof of where it comes from.
            if let seal, seal.dialect.isText, !seal.content.isEmpty {
                addThoughtText(seal.content)
            } else if let text, !isBlank(document.content(text)) {
                thoughts.texts.append(TextPart(range: document.content(text)))
            }
            thoughts.textField = field == .reasoning ? "reasoning" : "reasoning_content"
        }
    }

    /// Remembers what goes back with a call. Whatever the profile: the upstream sent it itself.
    private mutating func addCallExtra(_ seal: ReasoningSeal) {
        var item = JSONDocument()
        guard seal.isAtHome(in: settings.upstreamModel),
            (try? item.parse(seal.content)) != nil, let id = item.member(.root, "id"),
            let extra = item.member(.root, "extra_content")
        else {
            dropped.note("messages.content.thinking")
            return
        }
        thoughts.callExtras[item.unescaped(id)] = Array(item.bytes[item.literal(extra)])
    }

    private mutating func addSealedThought(_ seal: ReasoningSeal?, _ text: JSONNode?) {
        guard let seal, seal.isAtHome(in: settings.upstreamModel) else {
            if family == .deepSeek, let text, !isBlank(document.content(text)) {
                // Unsigned, and demanded with every call.
                thoughts.texts.append(TextPart(range: document.content(text)))
                thoughts.textField = "reasoning_content"
            } else {
                dropped.note("messages.content.thinking")
            }
            return
        }
        switch seal.dialect {
        case .details: thoughts.seals.append(seal)
        case .reasoning, .reasoningContent:
            thoughts.textField = seal.dialect == .reasoning ? "reasoning" : "reasoning_content"
            if !seal.content.isEmpty {
                addThoughtText(seal.content)
            } else if let text {
                thoughts.texts.append(TextPart(range: document.content(text)))
            }
        case .thinkTags, .contentParts, .callExtra, .responseItem: break
        }
    }

    /// The items of the message's seals, separated by commas, without those that would be refused.
    private mutating func reasoningDetails() -> [UInt8] {
        // Nearly always there is one seal, and its items go back as they are.
        let items =
            thoughts.seals.count == 1
            ? thoughts.seals[0].content : ReasoningSeal.details(in: thoughts.seals)
        // A text whose signature got lost with the end of its stream would be refused ("Invalid
        // signature in thinking block").
        let wantsSignatures = family == .claude || family == .gemini
        var list = JSONDocument()
        let text = [UInt8(ascii: "[")] + items + [UInt8(ascii: "]")]
        do throws(JSONError) { try list.parse(text) } catch { return [] }
        var accepted: [UInt8] = []
        var elements = list.elements(of: .root)
        while let item = list.next(&elements) {
            if wantsSignatures, isUnsignedText(item, in: list) { continue }
            if isRepeated(item, in: list) { continue }
            if !accepted.isEmpty { accepted.append(UInt8(ascii: ",")) }
            accepted.append(list, item)
        }
        return accepted
    }

    /// Whether the item has an id and has been written before: clients repeat messages, and OpenAI
    /// answers 400 to the second ("Duplicate item found with id").
    private mutating func isRepeated(_ item: JSONNode, in list: JSONDocument) -> Bool {
        guard let id = list.member(item, "id"), list.kind(id) == .string else { return false }
        return !writtenDetails.insert(Array(list.bytes[list.literal(item)])).inserted
    }

    private func isUnsignedText(_ item: JSONNode, in list: JSONDocument) -> Bool {
        guard let type = list.member(item, "type"), list.equals(type, "reasoning.text") else {
            return false
        }
        guard let signature = list.member(item, "signature") else { return true }
        return list.kind(signature) != .string || list.isEmptyString(signature)
    }

    private mutating func addThoughtText(_ content: [UInt8]) {
        let start = scratch.count
        scratch.append(contentsOf: content)
        thoughts.texts.append(TextPart(range: start..<scratch.count, isComposed: true))
    }

    func openSeal(_ node: JSONNode) -> ReasoningSeal? {
        if document.isEscaped(node) {
            // Some serialisers escape the slashes of base64.
            return ReasoningSeal.open(document.unescaped(node).span, settings.sealKey)
        }
        return ReasoningSeal.open(
            document.bytes.span.extracting(document.content(node)), settings.sealKey)
    }

    private mutating func writeThoughts() {
        let profile = settings.profile
        let isDemanded =
            !calls.isEmpty
            && (profile.wantsReasoningWithCalls || profile.fillsReasoningWithCalls
                || profile.reasoningField == .reasoningDetails && family == .deepSeek)
        let details = thoughts.seals.isEmpty ? [] : reasoningDetails()
        // An empty list goes back where an empty one came, not where nothing was left of one.
        let isEmptyAsReceived =
            !thoughts.seals.isEmpty && thoughts.seals.allSatisfy { $0.content.isEmpty }
        if !details.isEmpty || isEmptyAsReceived {
            output.append(#","reasoning_details":["#)
            output.append(contentsOf: details)
            output.append(UInt8(ascii: "]"))
        } else if profile.reasoningField == .reasoningDetails, !calls.isEmpty, isUnsignedForGemini {
            // OpenRouter's form of a signature, with the same word.
            output.append(
                #","reasoning_details":[{"type":"reasoning.encrypted","data":"skip_thought_signature_validator","id":""#
            )
            writeToolID(calls[0].id)
            output.append(#"","format":"google-gemini-v1","index":0}]"#)
        } else if !thoughts.texts.isEmpty, isDemanded || !profile.wantsReasoningWithCalls {
            writeKey(thoughts.textField)
            output.append(UInt8(ascii: "\""))
            for index in thoughts.texts.indices {
                if index > 0 { output.append("\\n\\n") }
                write(thoughts.texts[index])
            }
            output.append(UInt8(ascii: "\""))
        } else if isDemanded {
            // DeepSeek answers 400 to calls without it, and takes ""; Kimi wants more than that.
            output.append(
                profile.fillsReasoningWithCalls
                    ? #","reasoning_content":" ""# : #","reasoning_content":"""#)
        }
    }
}
