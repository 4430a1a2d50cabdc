// The first look at a request: what routing, admission and limits need to know before anything is
// translated, and where the top-level fields stand, so that they are looked for once.

/// What a request asks for, and of whom. Valid together with the document it was made from.
package struct RequestOutline: Sendable {
    /// What the request is for.
    package enum Purpose: Sendable {
        /// `POST /v1/messages`.
        case message
        /// `POST /v1/messages/count_tokens`, which has no `max_tokens`.
        case tokenCount
    }

    package let purpose: Purpose
    /// The model's name as the client gave it, decoded.
    package let model: [UInt8]
    /// Whether the client asked for events.
    package let isStreaming: Bool
    /// The client's `max_tokens`; 0 when counting.
    package let maxTokens: Int
    /// The client's `metadata.user_id`, decoded.
    package let userID: [UInt8]?
    /// The session that Claude Code names within `metadata.user_id`.
    package let sessionID: [UInt8]?
    let fields: RequestFields

    /// Reads the top level of `document`.
    ///
    /// - Throws: a 400 when a field that is needed here is missing or of the wrong type.
    package init(
        _ document: JSONDocument, for purpose: Purpose = .message
    ) throws(APIError) {
        guard document.kind(.root) == .object else {
            throw .invalidRequest("The request body must be a JSON object")
        }
        let fields = RequestFields(document)
        self.fields = fields
        self.purpose = purpose
        let name = try document.required(fields.model, .string, at: FieldPath("model"))
        guard !document.isEmptyString(name) else { throw FieldPath("model").error(.empty) }
        model = document.unescaped(name)
        isStreaming = try document.flag(fields.stream, at: FieldPath("stream"))
        switch purpose {
        case .message:
            let path = FieldPath("max_tokens")
            guard let value = fields.maxTokens else { throw path.error(.required) }
            guard let tokens = document.integer(value) else { throw path.error(.notInteger) }
            guard tokens >= 1 else { throw path.error(.belowOne) }
            maxTokens = tokens
        case .tokenCount:
            maxTokens = 0
        }
        let messages = try document.required(fields.messages, .list, at: FieldPath("messages"))
        guard document.count(messages) > 0 else {
            throw FieldPath("messages").refusal("at least one message is required")
        }
        let metadata = try document.optional(
            fields.metadata, .object, at: FieldPath("metadata"))
        let user = try document.optional(
            metadata.flatMap { document.member($0, "user_id") }, .string,
            at: FieldPath("metadata"), "user_id")
        userID = user.map { document.unescaped($0) }
        sessionID = userID.flatMap { Self.session(inUserID: $0) }
    }

    // MARK: Routing

    /// The models that the request itself names for when the first cannot answer: `fallbacks`, a list
    /// of at most three objects with a member `model`. Entries of another form are passed over.
    package func fallbackModels(_ document: JSONDocument) -> [[UInt8]] {
        guard let list = fields.fallbacks, document.kind(list) == .array else { return [] }
        var models: [[UInt8]] = []
        var elements = document.elements(of: list)
        while models.count < Self.fallbacksMax, let element = document.next(&elements) {
            guard document.kind(element) == .object, let model = document.member(element, "model"),
                document.kind(model) == .string, !document.isEmptyString(model)
            else { continue }
            models.append(document.unescaped(model))
        }
        return models
    }

    private static let fallbacksMax = 3

    /// Whether Anthropic's web search is the only tool.
    package func isForWebSearchAlone(_ document: JSONDocument) -> Bool {
        guard let tools = fields.tools, document.kind(tools) == .array,
            document.count(tools) == 1
        else { return false }
        var elements = document.elements(of: tools)
        guard let tool = document.next(&elements), document.kind(tool) == .object,
            let type = document.member(tool, "type")
        else { return false }
        return document.hasPrefix(type, "web_search_")
    }

    /// Claude Code's session: `metadata.user_id` is a JSON text with a member `session_id`, or, in
    /// older versions, ends in `_session_` and the id.
    private static func session(inUserID user: [UInt8]) -> [UInt8]? {
        if user.first == UInt8(ascii: "{") {
            var document = JSONDocument()
            do throws(JSONError) { try document.parse(user) } catch { return nil }
            guard let session = document.member(.root, "session_id"),
                document.kind(session) == .string, !document.isEmptyString(session)
            else { return nil }
            return document.unescaped(session)
        }
        let mark: StaticString = "_session_"
        let length = mark.utf8CodeUnitCount
        guard user.count > length else { return nil }
        for start in stride(from: user.count - length - 1, through: 0, by: -1)
        where matches(user.span, start, mark) {
            return Array(user[(start + length)...])
        }
        return nil
    }
}

/// Where the top-level fields stand. Of duplicate keys the last counts.
struct RequestFields: Sendable {
    var model, messages, maxTokens, system, stream, metadata: JSONNode?
    var tools, toolChoice, thinking, outputConfig, outputFormat, cacheControl: JSONNode?
    var stopSequences, temperature, topP, topK: JSONNode?
    var thread, compaction, mcpServers, fallbacks: JSONNode?

    init(_ document: JSONDocument) {
        var members = document.members(of: .root)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "model") {
                model = value
            } else if document.equals(key, "messages") {
                messages = value
            } else if document.equals(key, "max_tokens") {
                maxTokens = value
            } else if document.equals(key, "system") {
                system = value
            } else if document.equals(key, "stream") {
                stream = value
            } else if document.equals(key, "metadata") {
                metadata = value
            } else if document.equals(key, "tools") {
                tools = value
            } else if document.equals(key, "tool_choice") {
                toolChoice = value
            } else if document.equals(key, "thinking") {
                thinking = value
            } else if document.equals(key, "output_config") {
                outputConfig = value
            } else if document.equals(key, "output_format") {
                outputFormat = value
            } else if document.equals(key, "cache_control") {
                cacheControl = value
            } else {
                takeRarer(document, key, value)
            }
        }
    }

    private mutating func takeRarer(_ document: JSONDocument, _ key: JSONNode, _ value: JSONNode) {
        if document.equals(key, "stop_sequences") {
            stopSequences = value
        } else if document.equals(key, "temperature") {
            temperature = value
        } else if document.equals(key, "top_p") {
            topP = value
        } else if document.equals(key, "top_k") {
            topK = value
        } else if document.equals(key, "thread") {
            thread = value
        } else if document.equals(key, "compaction") {
            compaction = value
        } else if document.equals(key, "mcp_servers") {
            mcpServers = value
        } else if document.equals(key, "fallbacks") {
            fallbacks = value
        }
    }
}
