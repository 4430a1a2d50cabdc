// From a request of the Messages API to a request of chat completions: the entry, and the order of
// the body. docs/translation.md lists every field with its fate.
//
// The body is a function of request and settings alone, byte for byte: prefix caches compare
// bytes, and models check their reasoning against all that came before it. What grows from turn to
// turn (messages) comes first, so that the beginning of one body is the beginning of the next.
//
// The upstream is always asked for a stream, whatever the client asked for: there is one way back,
// and only streams can be cancelled.

/// Headers that the body calls for.
package struct UpstreamHeaders: Sendable, Equatable {
    /// Whether a Claude model thinks and has tools.
    package var interleavesThinking = false
    /// Whether a Claude model was given `strict` tools; without a header OpenRouter drops `strict`.
    package var hasStrictTools = false

    package init() {}

    /// The value of `x-anthropic-beta`; nil when none is needed. OpenRouter's names (documentation,
    /// August 2026), which differ from those that clients send.
    package var anthropicBeta: String? {
        switch (interleavesThinking, hasStrictTools) {
        case (false, false): nil
        case (true, false): "interleaved-thinking-2025-05-14"
        case (false, true): "structured-outputs-2025-11-13"
        case (true, true): "interleaved-thinking-2025-05-14,structured-outputs-2025-11-13"
        }
    }
}

/// What there is to know of a translation besides the body.
package struct TranslatedRequest: Sendable {
    package var facts: RequestFacts
    package var dropped: DroppedFields
    package var headers: UpstreamHeaders
    /// Nil when none was wanted.
    package var fingerprint: PromptFingerprint?
}

/// Translates requests.
package enum RequestTranslator {
    /// Replaces `output` by the upstream body for the request in `document`.
    ///
    /// - Parameter outline: made from the same document.
    /// - Throws: a 400 whose message names the field at fault. `output` is then meaningless.
    package static func translate(
        _ document: JSONDocument, outline: RequestOutline, settings: RequestSettings,
        into output: inout [UInt8]
    ) throws(APIError) -> TranslatedRequest {
        if settings.api == .messages {
            return MessagesRequest.translate(
                document, outline: outline, settings: settings, into: &output)
        }
        var writer = RequestWriter(document: document, outline: outline, settings: settings)
        try writer.refuseWhatCannotBe()
        swap(&writer.output, &output)
        defer { swap(&writer.output, &output) }
        writer.output.removeAll(keepingCapacity: true)
        // A body is about as long as the request.
        writer.output.reserveCapacity(document.bytes.count + 1024)
        switch settings.api {
        case .chat, .messages: try writer.writeBody()
        case .responses: try writer.writeResponsesBody()
        }
        writer.noteUnhandledFields()
        return TranslatedRequest(
            facts: writer.facts, dropped: writer.dropped, headers: writer.headers,
            fingerprint: writer.fingerprint)
    }
}

extension RequestWriter {
    fileprivate mutating func writeBody() throws(APIError) {
        facts.requestedModel = outline.model
        facts.isStreaming = outline.isStreaming
        try planTools()
        planCacheMarks()
        output.append(#"{"model":""#)
        output.append(jsonEscaping: String(decoding: settings.upstreamModel, as: UTF8.self))
        output.append(#"","messages":["#)
        try writeSystem()
        try writeMessages()
        noteMessagesEnd()
        output.append(UInt8(ascii: "]"))
        let firstToolMark = cacheMarks.count
        try writeTools()
        let toolMarks = firstToolMark..<cacheMarks.count
        writeAnswerLength()
        try writeSampling()
        try writeAnswerFormat()
        try writeReasoning()
        let isAutomatic = try writeAutomaticCaching()
        output.append(#","stream":true"#)
        if settings.profile.allowsStreamOptions, allows("stream_options") {
            output.append(#","stream_options":{"include_usage":true}"#)
        } else if isRefused("stream_options") {
            dropped.note("stream_options")
        }
        if endsWithAnswer, calls.isEmpty, settings.profile.asksForContinuation {
            output.append(#","continue_final_message":true,"add_generation_prompt":false"#)
        }
        writeIdentity()
        writeExtraFields()
        output.append(UInt8(ascii: "}"))
        takeFingerprint()
        limitCacheMarks(to: Self.cacheMarksMax - (isAutomatic ? 1 : 0), toolMarks: toolMarks)
    }

    /// Writes the top-level `cache_control`, by which the server itself chooses the breakpoint.
    private mutating func writeAutomaticCaching() throws(APIError) -> Bool {
        let mark = try cacheControl(outline.fields.cacheControl, at: FieldPath(""))
        guard let mark, family == .claude else { return false }
        write(mark)
        // Not one of those that may be cut out.
        cacheMarks.removeLast()
        return true
    }

    mutating func writeExtraFields() {
        var names: Set<String> = []
        // Settings come before profile: the first of a name counts.
        for field in settings.extraFields + settings.profile.extraFields
        where names.insert(field.name).inserted {
            output.append(#","#)
            output.append(jsonString: field.name)
            output.append(UInt8(ascii: ":"))
            output.append(contentsOf: field.json)
        }
    }

    /// Refuses what has no counterpart and must not be ignored.
    fileprivate func refuseWhatCannotBe() throws(APIError) {
        let fields = outline.fields
        if let thread = try document.optional(fields.thread, .object, at: FieldPath("thread")) {
            _ = thread
            // Anthropic's SDK reads the details and sends the whole conversation instead; to
            // anything else it gives up.
            throw APIError(
                status: 400, type: .invalidRequest,
                message: "thread: threads are not supported here; send the whole conversation",
                detailsJSON:
                    #"{"error_code":"thread_unsupported_request","unsupported":["thread"]}"#)
        }
        if let compaction = try document.optional(
            fields.compaction, .object, at: FieldPath("compaction"))
        {
            _ = compaction
            throw FieldPath("compaction").refusal("compaction by the server is not supported here")
        }
        if let servers = try document.optional(
            fields.mcpServers, .list, at: FieldPath("mcp_servers")),
            document.count(servers) > 0
        {
            throw FieldPath("mcp_servers").refusal(
                "MCP servers cannot be called from here; connect the client to them")
        }
    }

    /// Whether a `context_management` only says, as Claude Code does, that all thinking is kept.
    private func asksForNothing(_ management: JSONNode) -> Bool {
        guard let edits = document.member(management, "edits") else { return true }
        var elements = document.elements(of: edits)
        while let edit = document.next(&elements) {
            guard let keep = document.member(edit, "keep"), document.equals(keep, "all") else {
                return false
            }
        }
        return true
    }

    /// Names the top-level fields that went nowhere.
    fileprivate mutating func noteUnhandledFields() {
        var members = document.members(of: .root)
        while let (key, value) = document.next(&members) {
            let fate = FieldFate.find(document, key, in: .request)?.fate ?? .dropped
            guard fate == .dropped, !document.isNull(value) else { continue }
            if document.equals(key, "context_management"), asksForNothing(value) { continue }
            dropped.note("", document, key)
        }
        if let config = outline.fields.outputConfig {
            var members = document.members(of: config)
            while let (key, _) = document.next(&members) {
                let fate = FieldFate.find(document, key, in: .outputConfig)?.fate ?? .dropped
                if fate == .dropped { dropped.note("output_config.", document, key) }
            }
        }
    }
}
