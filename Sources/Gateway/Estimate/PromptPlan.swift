// What of a translated request the model sees, in order: texts to be counted, and tokens that are
// known without counting (framing, pictures). Made by a walk over the body that goes upstream, so
// whatever translation does to a request is in it.

import Translation

/// The parts of a prompt.
struct PromptPlan: Sendable {
    /// A text of the prompt, as it stands in the body.
    enum Segment: Sendable {
        /// The content of a JSON string, which the model sees without its escapes.
        case string(JSONNode)
        /// JSON that the model sees as it is.
        case json(JSONNode)
        /// A function that is rendered as TypeScript.
        case function(JSONNode)
        /// Words of the template.
        case words(StaticString)
    }

    private(set) var segments: [Segment] = []
    /// Tokens that need no counting.
    private(set) var fixedTokens = 0
    /// Messages, calls and tools: whatever a template puts framing around.
    private(set) var items = 0
    /// What of the fixed tokens depends on the provider: pictures, files.
    private(set) var mediaTokens = 0

    private let format: PromptFormat
    private let isGemini: Bool

    /// A picture whose size cannot be told: a large one.
    private static let unknownImageTokens = 1500
    /// A page of a document is about 3 kB of text and a picture; its base64 is far longer than that.
    private static let documentBytesPerToken = 40
    private static let documentTokensMin = 1500

    /// Reads the body of a chat-completions request.
    init(_ body: JSONDocument, model: [UInt8]) {
        format = PromptFormat.of(model)
        isGemini = ModelFamily.of(model) == .gemini
        let tools = body.member(.root, "tools").flatMap { body.count($0) > 0 ? $0 : nil }
        let preamble = format.preamble(hasTools: tools != nil)
        fixedTokens = preamble.tokens
        segments.append(.words(preamble.text))
        if let messages = body.member(.root, "messages") { addMessages(messages, of: body) }
        if let tools { addTools(tools, of: body) }
        if let answer = body.member(.root, "response_format"),
            let schema = body.member(answer, "json_schema")
        {
            segments.append(.json(schema))
        }
    }

    // MARK: Messages

    private mutating func addMessages(_ messages: JSONNode, of body: JSONDocument) {
        let lastUser = lastUserIndex(messages, of: body)
        var elements = body.elements(of: messages)
        var index = 0
        while let message = body.next(&elements) {
            addMessage(message, of: body, isUnderWay: index > lastUser)
            index += 1
        }
    }

    private func lastUserIndex(_ messages: JSONNode, of body: JSONDocument) -> Int {
        var last = -1
        var index = 0
        var elements = body.elements(of: messages)
        while let message = body.next(&elements) {
            if let role = body.member(message, "role"), body.equals(role, "user") { last = index }
            index += 1
        }
        return last
    }

    /// - Parameter isUnderWay: whether the message is of the present turn. Templates leave the
    ///   reasoning of earlier turns out.
    private mutating func addMessage(
        _ message: JSONNode, of body: JSONDocument, isUnderWay: Bool
    ) {
        var role = PromptRole.user
        if let name = body.member(message, "role") {
            if body.equals(name, "assistant") {
                role = .assistant
            } else if body.equals(name, "tool") {
                role = .tool
            } else if body.equals(name, "system") || body.equals(name, "developer") {
                role = .system
            }
        }
        items += 1
        var hasContent = false
        if let content = body.member(message, "content") {
            hasContent = add(content: content, of: body)
        }
        let calls = body.member(message, "tool_calls").map { addCalls($0, of: body) } ?? 0
        if isUnderWay, addReasoning(message, of: body) {
            fixedTokens += format.framing(.assistant)
        }
        if hasContent || calls == 0 { fixedTokens += format.framing(role) }
    }

    /// Adds a string or a list of parts. Returns whether there is anything in it.
    private mutating func add(content: JSONNode, of body: JSONDocument) -> Bool {
        if body.kind(content) == .string {
            segments.append(.string(content))
            return !body.isEmptyString(content)
        }
        var isAny = false
        var elements = body.elements(of: content)
        while let part = body.next(&elements) {
            isAny = true
            if let text = body.member(part, "text") {
                if body.kind(text) == .string { segments.append(.string(text)) }
            } else if let image = body.member(part, "image_url") {
                addImage(body.member(image, "url"), of: body)
            } else if let file = body.member(part, "file") {
                addFile(body.member(file, "file_data"), of: body)
            }
        }
        return isAny
    }

    private mutating func addCalls(_ calls: JSONNode, of body: JSONDocument) -> Int {
        var count = 0
        var elements = body.elements(of: calls)
        while let call = body.next(&elements) {
            guard let function = body.member(call, "function") else { continue }
            count += 1
            fixedTokens += format.callFraming
            for text in [body.member(function, "name"), body.member(function, "arguments")] {
                if let text, body.kind(text) == .string { segments.append(.string(text)) }
            }
        }
        items += count
        return count
    }

    /// Adds the reasoning that goes back to the model. What is encrypted cannot be counted.
    private mutating func addReasoning(_ message: JSONNode, of body: JSONDocument) -> Bool {
        if let details = body.member(message, "reasoning_details"), body.count(details) > 0 {
            var elements = body.elements(of: details)
            while let detail = body.next(&elements) {
                for text in [body.member(detail, "text"), body.member(detail, "summary")] {
                    if let text, body.kind(text) == .string { segments.append(.string(text)) }
                }
            }
            return true
        }
        for text in [body.member(message, "reasoning"), body.member(message, "reasoning_content")] {
            guard let text, body.kind(text) == .string, !body.isEmptyString(text) else { continue }
            segments.append(.string(text))
            return true
        }
        return false
    }

    // MARK: Media

    private mutating func addImage(_ url: JSONNode?, of body: JSONDocument) {
        guard let url, let data = Self.base64(inURL: url, of: body),
            let size = ImageSize(base64: body.bytes.span.extracting(data))
        else { return add(mediaTokens: Self.unknownImageTokens) }
        add(mediaTokens: size.tokens(format, isGemini: isGemini))
    }

    private mutating func addFile(_ url: JSONNode?, of body: JSONDocument) {
        let data = url.flatMap { Self.base64(inURL: $0, of: body) }
        let tokens = (data?.count ?? 0) / Self.documentBytesPerToken
        add(mediaTokens: max(Self.documentTokensMin, tokens))
    }

    private mutating func add(mediaTokens tokens: Int) {
        mediaTokens += tokens
        fixedTokens += tokens
    }

    /// Where the data of a `data:` URL stands.
    private static func base64(inURL url: JSONNode, of body: JSONDocument) -> Range<Int>? {
        guard body.kind(url) == .string, body.hasPrefix(url, "data:") else { return nil }
        let range = body.content(url)
        let bytes = body.bytes.span
        // The media type is short.
        for index in range.prefix(256) where bytes[index] == UInt8(ascii: ",") {
            return index + 1..<range.upperBound
        }
        return nil
    }

    // MARK: Tools

    private mutating func addTools(_ tools: JSONNode, of body: JSONDocument) {
        segments.append(
            .words(
                format.rendersTypeScript
                    ? TypeScriptTools.opening : "\n\n# Tools\n\nYou may call these functions:\n"))
        var elements = body.elements(of: tools)
        while let tool = body.next(&elements) {
            items += 1
            if format.rendersTypeScript, let function = body.member(tool, "function") {
                segments.append(.function(function))
            } else {
                segments.append(.json(tool))
                fixedTokens += 1
            }
        }
        if format.rendersTypeScript { segments.append(.words(TypeScriptTools.closing)) }
    }
}
