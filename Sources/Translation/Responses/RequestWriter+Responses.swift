// A request of OpenAI's Responses API. What a message holds is collected as for chat completions; what
// it becomes is written here: a flat list of items, in which calls and reasoning stand beside
// messages. Nothing is stored upstream (`store: false`), so everything goes along each time, without
// ids, and reasoning as what was encrypted for its maker.

extension RequestWriter {
    /// OpenAI's least; "at least 16" it answers to less.
    private static var responseTokensMin: Int { 16 }

    var responses: ResponsesAbilities { settings.profile.responses }

    // MARK: The body

    mutating func writeResponsesBody() throws(APIError) {
        facts.requestedModel = outline.model
        facts.isStreaming = outline.isStreaming
        try planTools()
        facts.offersParallelTool = plan.tools.contains { ParallelCalls.isWrapper($0.name) }
        output.append(#"{"model":""#)
        output.append(jsonEscaping: String(decoding: settings.upstreamModel, as: UTF8.self))
        output.append(#"","input":["#)
        try writeSystem()
        try writeMessages()
        noteMessagesEnd()
        output.append(UInt8(ascii: "]"))
        try writeTools()
        writeResponseLength()
        try writeResponseSampling()
        try writeResponseFormat()
        try writeResponseReasoning()
        writeIncluded()
        output.append(#","store":false,"stream":true"#)
        if responses.obfuscates, allows("stream_options") {
            output.append(#","stream_options":{"include_obfuscation":false}"#)
        }
        writeResponseIdentity()
        writeExtraFields()
        output.append(UInt8(ascii: "}"))
        takeFingerprint()
    }

    private mutating func writeResponseLength() {
        guard outline.maxTokens > 0 else { return }
        facts.maxTokens = outline.maxTokens
        guard allows("max_output_tokens") else { return }
        writeKey("max_output_tokens")
        output.append(decimal: max(answerTokensMax, Self.responseTokensMin))
    }

    private mutating func writeResponseSampling() throws(APIError) {
        let fields = outline.fields
        let isRefused =
            responses.refusesSampling
            && (settings.capabilities.reasoning ?? ModelFamily.takesEffort(settings.upstreamModel))
        let start = output.count
        try writeNumber("temperature", fields.temperature, upTo: 2, .outsideZeroToTwo)
        try writeNumber("top_p", fields.topP, upTo: 1, .outsideZeroToOne)
        if isRefused, output.count > start {
            output.removeSubrange(start...)
            for (name, node) in [("temperature", fields.temperature), ("top_p", fields.topP)]
                as [(StaticString, JSONNode?)]
            where node.map({ !document.isNull($0) }) ?? false { dropped.note(name) }
        }
        try writeTopK()
        if responses.takesStop {
            try writeStopSequences()
        } else {
            try watchForStopSequences()
        }
    }

    /// There is no `stop`: the answer is cut where it comes back.
    private mutating func watchForStopSequences() throws(APIError) {
        let path = FieldPath("stop_sequences")
        guard let list = try document.optional(outline.fields.stopSequences, .list, at: path) else {
            return
        }
        var index = 0
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            _ = try document.required(element, .string, at: FieldPath("stop_sequences", index))
            index += 1
            let sequence = document.unescaped(element)
            if sequence.isEmpty { continue }
            guard facts.stopSequences.count < StopSequenceScanner.sequencesMax,
                sequence.count <= StopSequenceScanner.sequenceBytesMax
            else {
                dropped.note("stop_sequences")
                continue
            }
            facts.stopSequences.append(sequence)
        }
        facts.emulatesStopSequences = !facts.stopSequences.isEmpty
    }

    private mutating func writeResponseFormat() throws(APIError) {
        guard let schema = try answerSchema() else { return }
        switch structuredOutput {
        case .prompt: break
        case .object: output.append(#","text":{"format":{"type":"json_object"}}"#)
        case .schema:
            output.append(#","text":{"format":{"type":"json_schema","name":"response","strict":"#)
            let isStrict = allowsStrict && takesStrict(schema)
            if isStrictRefused { dropped.note("output_config.format.strict") }
            output.append(isStrict ? "true" : "false")
            writeAnswerSchema(schema)
        }
    }

    private mutating func writeResponseReasoning() throws(APIError) {
        let (thinking, effort) = try readEffort()
        guard
            settings.capabilities.reasoning ?? ModelFamily.takesEffort(settings.upstreamModel),
            allows("reasoning")
        else {
            noteUnused(thinking, effort)
            return
        }
        let wanted: ReasoningEffort? =
            switch thinking {
            case .absent, .adaptive: effort
            case .budget(let tokens): effort ?? effortWorth(tokens)
            case .disabled: settings.capabilities.efforts?.min() ?? .low
            }
        let asksForSummary =
            thinking.isOn && responses.asksForSummaries && !facts.omitsThinkingText
            && allows("reasoning.summary")
        guard wanted != nil || asksForSummary else { return }
        output.append(#","reasoning":{"#)
        if let wanted {
            output.append(#""effort":""#)
            let isKnown = settings.capabilities.efforts != nil
            output.append((isKnown ? wanted : min(wanted, settings.profile.effortMax)).name)
            output.append(asksForSummary ? "\"," : "\"")
        }
        if asksForSummary { output.append(#""summary":"auto""#) }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func writeIncluded() {
        guard allows("include") else { return }
        let includesSources = facts.offersWebSearch && responses.webSearch == .native
        switch (responses.includesEncrypted, includesSources) {
        case (false, false): break
        case (true, false): output.append(#","include":["reasoning.encrypted_content"]"#)
        case (false, true): output.append(#","include":["web_search_call.action.sources"]"#)
        case (true, true):
            output.append(
                #","include":["reasoning.encrypted_content","web_search_call.action.sources"]"#)
        }
    }

    private mutating func writeResponseIdentity() {
        writeIdentity()
        guard responses.takesCacheKey else { return }
        if allows("prompt_cache_key"), let session = settings.sessionID ?? outline.sessionID {
            writeDigest("prompt_cache_key", of: session)
        }
        if allows("safety_identifier"), let user = outline.userID, !user.isEmpty {
            writeDigest("safety_identifier", of: user)
        }
    }

    // MARK: Items

    /// Begins the next element of `input`.
    mutating func beginItem(_ opening: StaticString, _ role: PromptFingerprint.Role) {
        if messageCount > 0 { output.append(UInt8(ascii: ",")) }
        noteMessage(role)
        messageCount += 1
        endsWithAnswer = false
        output.append(opening)
    }

    /// Writes the collected parts as a message of the user or of the system.
    mutating func writeInputMessage(_ role: PromptFingerprint.Role) {
        if role == .user {
            beginItem(#"{"type":"message","role":"user","content":["#, role)
        } else if responses.hasDeveloper {
            beginItem(#"{"type":"message","role":"developer","content":["#, role)
        } else {
            beginItem(#"{"type":"message","role":"system","content":["#, role)
        }
        for index in parts.indices {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            switch parts[index] {
            case .text(let text):
                output.append(#"{"type":"input_text","text":""#)
                write(text)
                output.append(#""}"#)
            case .image, .file: writeInput(parts[index])
            }
        }
        output.append("]}")
    }

    /// Writes an image or a file.
    mutating func writeInput(_ part: ContentPart) {
        switch part {
        case .text: break
        case .image(let source):
            output.append(#"{"type":"input_image","detail":"auto","image_url":"#)
            write(source)
            output.append("}")
        case .file(let file):
            if case .url(let url) = file.content {
                output.append(#"{"type":"input_file","file_url":"#)
                output.append(document, url)
            } else {
                output.append(#"{"type":"input_file","filename":""#)
                writeFileName(file)
                output.append(#"","file_data":"#)
                write(file.content)
            }
            output.append("}")
        }
    }

    /// The id of a call for the upstream, which binds it to nothing but its output: the client's own,
    /// unique in the conversation, where it fits.
    func responseCallID(_ id: [UInt8]) -> [UInt8] {
        let isPlain = id.allSatisfy { 0x21...0x7E ~= $0 && $0 != 0x22 && $0 != 0x5C }
        if isPlain, id.count <= Self.callIDBytesMax { return id }
        var made: [UInt8] = []
        made.append("call_")
        for byte in SHA256.digest(id.span).prefix(16) { made.append(hexadecimal: byte) }
        return made
    }

    private static var callIDBytesMax: Int { 64 }
}
