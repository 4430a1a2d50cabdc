// The scalar fields: the length of the answer, sampling, stop sequences, the answer's format, and
// who asks. Numbers are copied as the client wrote them.

extension RequestWriter {
    /// OpenRouter gives OpenAI's models through an API that refuses less.
    private static var openAIAnswerTokensMin: Int { 16 }
    /// What is kept free of the context window, since the prompt's size is an estimate.
    private static var windowReserve: Int { 512 }

    // MARK: Length

    /// The client's `max_tokens` within what the model and the window allow.
    var answerTokensMax: Int {
        var tokens = outline.maxTokens
        if let most = settings.capabilities.outputTokensMax, most > 0 { tokens = min(tokens, most) }
        if let window = settings.capabilities.contextTokens, let prompt = settings.promptTokens {
            let left = window - min(max(prompt, 0), window) - Self.windowReserve
            // Too little left is for the upstream to say: its words make clients compact.
            if left >= Self.thinkingBudgetMin { tokens = min(tokens, left) }
        }
        if let taken = settings.answerTokensTaken { tokens = min(tokens, taken) }
        if settings.profile.allowsServerTools, family == .openAI {
            tokens = max(tokens, Self.openAIAnswerTokensMin)
        }
        return max(tokens, settings.answerTokensMin)
    }

    mutating func writeAnswerLength() {
        guard outline.maxTokens > 0 else { return }
        facts.maxTokens = outline.maxTokens
        var usesNewName = settings.profile.usesMaxCompletionTokens
        if !allows(usesNewName ? "max_completion_tokens" : "max_tokens") { usesNewName.toggle() }
        guard allows(usesNewName ? "max_completion_tokens" : "max_tokens") else {
            if isRefused("max_tokens") { dropped.note("max_tokens") }
            return
        }
        let taken = settings.answerTokensTaken ?? .max
        if taken < outline.maxTokens || settings.answerTokensMin > outline.maxTokens {
            dropped.note("max_tokens")
        }
        writeKey(usesNewName ? "max_completion_tokens" : "max_tokens")
        output.append(decimal: answerTokensMax)
    }

    // MARK: Sampling

    mutating func writeSampling() throws(APIError) {
        let fields = outline.fields
        let start = output.count
        try writeNumber("temperature", fields.temperature, upTo: 2, .outsideZeroToTwo)
        let hasTemperature = output.count > start
        let afterTemperature = output.count
        try writeNumber("top_p", fields.topP, upTo: 1, .outsideZeroToOne)
        if hasTemperature, settings.dropsTopPBesideTemperature, output.count > afterTemperature {
            output.removeSubrange(afterTemperature...)
            dropped.note("top_p")
        }
        try writeTopK()
        try writeStopSequences()
    }

    mutating func writeTopK() throws(APIError) {
        let path = FieldPath("top_k")
        guard let value = try document.whole(outline.fields.topK, at: path),
            let node = outline.fields.topK
        else { return }
        guard value >= 0 else { throw path.error(.negative) }
        if settings.profile.allowsTopK, allows("top_k") {
            let start = output.count
            writeKey("top_k")
            output.append(document, node)
            if takesBack("top_k", since: start) { dropped.note("top_k") }
        } else {
            dropped.note("top_k")
        }
    }

    mutating func writeNumber(
        _ name: StaticString, _ node: JSONNode?, upTo limit: Double, _ problem: FieldProblem
    ) throws(APIError) {
        let path = FieldPath(name)
        guard let node = try document.optional(node, .number, at: path) else { return }
        guard let value = document.number(node), value >= 0, value <= limit else {
            throw path.error(problem)
        }
        guard allows("\(name)") else {
            dropped.note(name)
            return
        }
        let start = output.count
        writeKey(name)
        output.append(document, node)
        if takesBack(name, since: start) { dropped.note(name) }
    }

    mutating func writeStopSequences() throws(APIError) {
        let path = FieldPath("stop_sequences")
        guard let list = try document.optional(outline.fields.stopSequences, .list, at: path) else {
            return
        }
        let isAllowed = allows("stop")
        let start = output.count
        var written = 0
        var index = 0
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            _ = try document.required(element, .string, at: FieldPath("stop_sequences", index))
            index += 1
            if document.isEmptyString(element) { continue }
            guard isAllowed, written < settings.profile.stopSequencesMax else {
                dropped.note("stop_sequences")
                continue
            }
            facts.stopSequences.append(document.unescaped(element))
            output.append(written == 0 ? #","stop":["# : ",")
            output.append(document, element)
            written += 1
        }
        if output.count > start { output.append(UInt8(ascii: "]")) }
        if takesBack("stop", since: start) {
            dropped.note("stop_sequences")
            facts.stopSequences = []
        }
    }

    // MARK: The answer's format

    /// The schema that the answer must match.
    func answerSchema() throws(APIError) -> JSONNode? {
        let path = FieldPath("output_config")
        let config = try document.optional(outline.fields.outputConfig, .object, at: path)
        if let format = config.flatMap({ document.member($0, "format") }) {
            return try schema(of: format, at: path, ("format", "format.type", "format.schema"))
        }
        // `output_format` is the name that the field had in the beta.
        return try schema(
            of: outline.fields.outputFormat, at: FieldPath("output_format"),
            (nil, "type", "schema"))
    }

    /// - Parameter names: those of the format and its members, seen from `path`.
    private func schema(
        of format: JSONNode?, at path: FieldPath,
        _ names: (format: StaticString?, type: StaticString, schema: StaticString)
    ) throws(APIError) -> JSONNode? {
        guard let format = try document.optional(format, .object, at: path, names.format) else {
            return nil
        }
        let type = try document.required(
            document.member(format, "type"), .string, at: path, names.type)
        guard document.equals(type, "json_schema") else {
            throw path.error(names.type, .notAFormat)
        }
        return try document.required(
            document.member(format, "schema"), .object, at: path, names.schema)
    }

    var structuredOutput: UpstreamProfile.StructuredOutput {
        let field = settings.api == .responses ? "text" : "response_format"
        if settings.capabilities.structuredOutput == false || !allows(field) {
            return .prompt
        }
        return settings.profile.structuredOutput
    }

    mutating func writeAnswerFormat() throws(APIError) {
        guard let schema = try answerSchema() else { return }
        switch structuredOutput {
        case .prompt:
            if isRefused("response_format") { dropped.note("output_config.format") }
        case .object: output.append(#","response_format":{"type":"json_object"}"#)
        case .schema:
            output.append(
                #","response_format":{"type":"json_schema","json_schema":{"name":"response""#)
            if allowsStrict, takesStrict(schema) {
                output.append(#","strict":true"#)
            } else if isStrictRefused {
                dropped.note("output_config.format.strict")
            }
            writeAnswerSchema(schema)
        }
    }

    /// Writes `schema` and the ends of the two objects that it stands in.
    mutating func writeAnswerSchema(_ schema: JSONNode) {
        output.append(#","schema":"#)
        if settings.dropsPatterns {
            if SchemaPatterns.write(schema, of: document, into: &output) {
                dropped.note("output_config.format.schema.pattern")
            }
        } else {
            output.append(document, schema)
        }
        output.append("}}")
    }

    /// Adds the schema to the system message where it cannot be given otherwise.
    mutating func addSchemaNote() throws(APIError) {
        guard structuredOutput != .schema, let schema = try answerSchema() else { return }
        facts.takesFenceOff = true
        let start = scratch.count
        scratch.append("Answer with one JSON value and nothing else. It must match this schema:\\n")
        scratch.append(escaping: document, schema)
        addComposed(since: start)
    }

    // MARK: Identity

    /// Writes who asks, by digests: what a client says of its user is nobody else's business, and
    /// too long for some upstreams.
    mutating func writeIdentity() {
        let profile = settings.profile
        if profile.allowsSessionID, allows("session_id"),
            let session = settings.sessionID ?? outline.sessionID
        {
            // OpenRouter keeps a session at one provider, and so its prompt cache warm.
            writeDigest("session_id", of: session)
        } else if profile.allowsSessionID, isRefused("session_id") {
            dropped.note("session_id")
        }
        // The Responses API's own name for it is another.
        let namesUser =
            profile.allowsUser && !(settings.api == .responses && responses.takesCacheKey)
        if namesUser, allows("user"), let user = outline.userID, !user.isEmpty {
            writeDigest("user", of: user)
        } else if profile.allowsUser, isRefused("user") {
            dropped.note("metadata.user_id")
        }
    }

    /// Writes a member whose value is 64 hexadecimal digits: the SHA-256 of the installation's
    /// secret, the member's name and `identity`.
    mutating func writeDigest(_ name: StaticString, of identity: [UInt8]) {
        var text = settings.identitySalt
        text.append(name)
        text.append(UInt8(ascii: ":"))
        text.append(contentsOf: identity)
        writeKey(name)
        output.append(UInt8(ascii: "\""))
        for byte in SHA256.digest(text.span) { output.append(hexadecimal: byte) }
        output.append(UInt8(ascii: "\""))
    }
}
