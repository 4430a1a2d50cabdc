// The little of a chat completion request that a scenario looks at.
import Translation

/// A request to `chat/completions`, read.
struct ChatRequest {
    var model = ""
    var isStream = false
    /// The text of the last message if a user wrote it or a tool returned it, else of the last
    /// user's message.
    var lastText = ""
    /// Whether the last message is a tool's result.
    var endsWithToolResult = false
    /// The functions offered, in order.
    var toolNames: [String] = []
    /// The most tokens that the answer may have; 0 when the request does not say.
    var tokensMax = 0
    var bodyBytes = 0

    /// The tokens of the prompt, about: one has four bytes.
    var promptTokens: Int { bodyBytes / 4 }

    init() {}

    init(_ body: consuming [UInt8]) throws(RequestFault) {
        var document = JSONDocument()
        bodyBytes = body.count
        do throws(JSONError) {
            try document.parse(body)
        } catch {
            throw .notJSON(error)
        }
        guard let model = document.member(.root, "model").flatMap({ document.string($0) }) else {
            throw .modelMissing
        }
        self.model = model
        isStream = document.member(.root, "stream").flatMap { document.bool($0) } ?? false
        guard let messages = document.member(.root, "messages"), document.count(messages) > 0
        else { throw .messagesMissing }
        readMessages(document, messages)
        tokensMax =
            (document.member(.root, "max_tokens")
            ?? document.member(.root, "max_completion_tokens")).flatMap { document.integer($0) }
            ?? 0
        if let tools = document.member(.root, "tools") { readTools(document, tools) }
    }

    private mutating func readMessages(_ document: JSONDocument, _ messages: JSONNode) {
        var cursor = document.elements(of: messages)
        while let message = document.next(&cursor) {
            guard let role = document.member(message, "role") else { continue }
            endsWithToolResult = document.equals(role, "tool")
            guard endsWithToolResult || document.equals(role, "user") else { continue }
            if let content = document.member(message, "content") {
                lastText = Self.text(document, content)
            }
        }
    }

    /// A string, or the last text among parts: clients put what the user wrote after what they add.
    private static func text(_ document: JSONDocument, _ content: JSONNode) -> String {
        if let text = document.string(content) { return text }
        var last = ""
        var cursor = document.elements(of: content)
        while let part = document.next(&cursor) {
            if let text = document.member(part, "text").flatMap({ document.string($0) }) {
                last = text
            }
        }
        return last
    }

    private mutating func readTools(_ document: JSONDocument, _ tools: JSONNode) {
        var cursor = document.elements(of: tools)
        while let tool = document.next(&cursor) {
            guard let function = document.member(tool, "function") else { continue }
            if let name = document.member(function, "name").flatMap({ document.string($0) }) {
                toolNames.append(name)
            }
        }
    }
}
