// The little of a request that a scenario looks at, in whichever API it is made.
import Translation

/// A request for an answer of a model, read.
struct ModelRequest {
    let api: UpstreamAPI
    var model = ""
    var isStream = false
    /// The text of the last message if a user wrote it or a tool returned it, else of the last
    /// user's message.
    var lastText = ""
    /// Whether a tool's result comes last.
    var endsWithToolResult = false
    /// The functions offered, in order.
    var toolNames: [String] = []
    /// The most tokens that the answer may have; 0 when the request does not say.
    var tokensMax = 0
    var bodyBytes = 0

    /// The tokens of the prompt, about: one has four bytes.
    var promptTokens: Int { bodyBytes / 4 }

    init() { api = .chat }

    init(_ body: consuming [UInt8], _ api: UpstreamAPI = .chat) throws(RequestFault) {
        self.api = api
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
        let history = document.member(.root, api == .responses ? "input" : "messages")
        guard let history, document.count(history) > 0 || document.kind(history) == .string else {
            throw .messagesMissing
        }
        lastText = document.string(history) ?? ""
        readHistory(document, history)
        tokensMax =
            (document.member(.root, "max_tokens")
            ?? document.member(.root, "max_completion_tokens")
            ?? document.member(.root, "max_output_tokens")).flatMap { document.integer($0) } ?? 0
        if let tools = document.member(.root, "tools") { readTools(document, tools) }
    }

    /// Messages, or items of the Responses API.
    private mutating func readHistory(_ document: JSONDocument, _ history: JSONNode) {
        var cursor = document.elements(of: history)
        while let entry = document.next(&cursor) {
            if let output = Self.toolOutput(document, entry) {
                endsWithToolResult = true
                lastText = Self.text(document, output)
                continue
            }
            guard let role = document.member(entry, "role") else { continue }
            endsWithToolResult = false
            if document.equals(role, "user"), let content = document.member(entry, "content") {
                lastText = Self.text(document, content)
            }
        }
    }

    /// What a tool has returned: in a message of the role `tool`, in an item of its own, or in the last
    /// block of a user's message.
    private static func toolOutput(_ document: JSONDocument, _ entry: JSONNode) -> JSONNode? {
        if let type = document.member(entry, "type"), document.equals(type, "function_call_output")
        {
            return document.member(entry, "output")
        }
        guard let role = document.member(entry, "role"),
            let content = document.member(entry, "content")
        else { return nil }
        if document.equals(role, "tool") { return content }
        var last: JSONNode?
        var blocks = document.elements(of: content)
        while let block = document.next(&blocks) { last = block }
        guard let last, let type = document.member(last, "type"),
            document.equals(type, "tool_result")
        else { return nil }
        return document.member(last, "content")
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
            let function = document.member(tool, "function") ?? tool
            if let name = document.member(function, "name").flatMap({ document.string($0) }) {
                toolNames.append(name)
            }
        }
    }
}
