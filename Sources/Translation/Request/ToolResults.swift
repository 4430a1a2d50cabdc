// Tool results: from blocks of a user message to one message per call. Whatever the client sent,
// each call gets exactly one result: of several the last, as in Claude Code's own history; of none
// a made-up one. A result whose call is not there becomes text of the user.

/// A call of the assistant message that was written last.
struct HistoryCall {
    var id: JSONNode
    var name: JSONNode
    var input: JSONNode
    /// The block of its result, and where it stands.
    var result: (block: ContentBlock, path: FieldPath)?
}

extension RequestWriter {
    /// Gives each call the last of the results that name it.
    mutating func matchResults(_ entries: ArraySlice<MessageEntry>) throws(APIError) {
        guard !calls.isEmpty else { return }
        for entry in entries where entry.role == .user && entry.hasBlocks {
            var elements = document.elements(of: entry.content)
            var index = 0
            while let element = document.next(&elements) {
                let path = entry.path.content(index)
                index += 1
                let type = document.member(element, "type")
                guard let type, document.equals(type, "tool_result") else { continue }
                let block = try readBlock(element, at: path)
                guard let call = callIndex[try resultID(block, at: path)] else { continue }
                calls[call].result = (block, path)
            }
        }
    }

    private func resultID(
        _ block: ContentBlock, at path: FieldPath
    ) throws(APIError) -> [UInt8] {
        document.unescaped(
            try document.required(block.toolUseID, .string, at: path, "tool_use_id"))
    }

    /// Whether a tool message stands for the result `block`.
    func belongsToCall(_ block: ContentBlock, at path: FieldPath) throws(APIError) -> Bool {
        callIndex[try resultID(block, at: path)] != nil
    }

    /// Writes one message for each call.
    mutating func writeToolMessages() throws(APIError) {
        for index in calls.indices {
            if settings.api == .responses {
                beginItem(#"{"type":"function_call_output","call_id":""#, .tool)
                writeToolID(calls[index].id)
                output.append(#"","output":"#)
            } else {
                beginMessage(#"{"role":"tool","tool_call_id":""#)
                writeToolID(calls[index].id)
                output.append(#"","content":"#)
            }
            if let (block, path) = calls[index].result {
                try writeResult(block, at: path, of: calls[index])
            } else {
                // The client was stopped before the tool ended.
                output.append(#""[interrupted]""#)
                dropped.note("tool_result:missing")
            }
            output.append(UInt8(ascii: "}"))
        }
        calls.removeAll(keepingCapacity: true)
    }

    private mutating func writeResult(
        _ block: ContentBlock, at path: FieldPath, of call: HistoryCall
    ) throws(APIError) {
        let isError = try document.flag(block.isError, at: path, "is_error")
        try addResultContent(block, at: path)
        // Breakpoints count wherever they stand in the result: it is one text now.
        var mark = try cacheControl(block.cacheControl, at: path)
        var media: [ContentPart] = []
        for part in parts {
            switch part {
            case .text(let text): mark = mark ?? text.cacheControl
            case .image, .file: media.append(part)
            }
        }
        let isInline = allowsMediaInResults && !media.isEmpty
        if isInline || mark != nil {
            if !isInline { noteImmaterial(#"[{"type":"text","text":"#) }
            output.append(
                settings.api == .responses
                    ? #"[{"type":"input_text","text":"# : #"[{"type":"text","text":"#)
            writeResultText(isError: isError, hasMedia: !media.isEmpty)
            write(mark)
            if !isInline { noteImmaterial("}]") }
            output.append(UInt8(ascii: "}"))
            if isInline {
                for part in media {
                    output.append(UInt8(ascii: ","))
                    write(part)
                }
            }
            output.append(UInt8(ascii: "]"))
        } else {
            writeResultText(isError: isError, hasMedia: !media.isEmpty)
        }
        clearParts()
        guard !isInline, !media.isEmpty else { return }
        addComposed(attachmentsOf: call)
        attachments.append(contentsOf: parts)
        attachments.append(contentsOf: media)
        clearParts()
    }

    private var allowsMediaInResults: Bool {
        settings.api == .responses
            ? responses.takesMediaInOutputs : settings.profile.toolMedia == .inline
    }

    /// The text that introduces a call's media in the user message after the results.
    private mutating func addComposed(attachmentsOf call: HistoryCall) {
        let start = scratch.count
        scratch.append("Attachments from tool call ")
        scratch.append(jsonEscaping: upstreamToolID(call.id).span)
        scratch.append(":")
        addComposed(since: start)
    }

    /// Writes the texts among the parts as one string. It is never empty: upstreams refuse that.
    private mutating func writeResultText(isError: Bool, hasMedia: Bool) {
        output.append(UInt8(ascii: "\""))
        if isError { output.append("Error: ") }
        let start = output.count
        writeJoinedTexts(separator: "\\n")
        if output.count == start {
            output.append(hasMedia ? "(see the attachments of this call)" : "(no output)")
        }
        output.append(UInt8(ascii: "\""))
    }

    /// Adds the content of a result to the parts.
    private mutating func addResultContent(
        _ block: ContentBlock, at path: FieldPath
    ) throws(APIError) {
        guard let content = block.content, !document.isNull(content) else { return }
        switch document.kind(content) {
        case .string: addText(content)
        case .array:
            var elements = document.elements(of: content)
            var index = 0
            while let element = document.next(&elements) {
                let inner = path.nested("content", index)
                index += 1
                let block = try readBlock(element, at: inner)
                switch block.kind {
                case .text:
                    let text = try document.required(block.text, .string, at: inner, "text")
                    addText(text, try cacheControl(block.cacheControl, at: inner))
                case .image:
                    if let part = try imagePart(block, at: inner) { parts.append(part) }
                case .document: try addDocument(block, at: inner)
                case .searchResult: try addSearchResult(block, at: inner, nil)
                case .toolReference: try addToolReference(block, at: inner)
                default: addFlattened(block)
                }
            }
        case .object, .number, .true, .false, .null:
            throw path.error("content", .notStringOrList)
        }
    }

    /// Adds the name of a tool that the result has loaded, and remembers it: from now on the tool
    /// is offered.
    mutating func addToolReference(
        _ block: ContentBlock, at path: FieldPath
    ) throws(APIError) {
        let node = try document.required(block.toolName, .string, at: path, "tool_name")
        let name = document.unescaped(node)
        loadedTools.insert(name)
        let start = scratch.count
        scratch.append("Tool loaded: ")
        scratch.append(jsonEscaping: ToolName.upstreamForm(of: name).span)
        addComposed(since: start)
    }

    /// Adds a result whose call is not in the conversation, as text.
    mutating func addOrphan(_ block: ContentBlock, at path: FieldPath) throws(APIError) {
        let isError = try document.flag(block.isError, at: path, "is_error")
        dropped.note("tool_result:orphan")
        addComposed(isError ? "[Tool result, an error]" : "[Tool result]")
        try addResultContent(block, at: path)
        attach(try cacheControl(block.cacheControl, at: path))
    }

    // MARK: Ids

    /// Writes the upstream's form of the client's id at `node`, as string content.
    mutating func writeToolID(_ node: JSONNode) {
        output.append(jsonEscaping: upstreamToolID(node).span)
    }

    func upstreamToolID(_ node: JSONNode) -> [UInt8] {
        let own = document.unescaped(node)
        if settings.api == .responses { return responseCallID(own) }
        var id = ToolCallIdentifier.upstreamForm(ofClient: own)
        // One that a client has made up may stand for bytes that are no text.
        if document.hasPrefix(node, ToolCallIdentifier.prefix),
            String(validating: id, as: UTF8.self) == nil
        {
            id = own
        }
        switch settings.profile.toolIDForm {
        case .any: return id
        case .nineAlphanumerics: return Self.nineAlphanumerics(id)
        case .atMost40: return id.count <= 40 ? id : Self.shortened(id)
        }
    }

    /// An id of 37 characters made from the digest.
    private static func shortened(_ id: [UInt8]) -> [UInt8] {
        var short = Array("call_".utf8)
        for byte in SHA256.digest(id.span).prefix(16) { short.append(hexadecimal: byte) }
        return short
    }

    /// `id` itself when it has the form, else nine characters made from its digest.
    private static func nineAlphanumerics(_ id: [UInt8]) -> [UInt8] {
        let isPlain = id.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        if isPlain, id.count == 9 { return id }
        let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        return SHA256.digest(id.span).prefix(9).map { digits[Int($0) % digits.count] }
    }
}
