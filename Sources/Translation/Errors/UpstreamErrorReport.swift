// What an upstream says about a failure, whatever dialect it says it in: OpenRouter's envelope with
// its metadata, OpenAI's, Groq's with a status inside, vLLM's and Mistral's bare object, FastAPI's
// `detail`, a plain string, a page. Gateways wrap the provider's own words in `metadata.raw`, as
// text or as JSON within a string; those are dug out, since they name the cause.
//
// An error event may have megabytes. What is looked at of it is limited before anything is searched
// or copied: members of an object, elements of a list, bytes of a text.

/// The facts of an upstream's error, as it states them.
struct UpstreamErrorReport {
    /// A status within the error, between 400 and 599.
    var status: Int?
    /// What went wrong, in the innermost words there are; empty when there are none.
    var message = ""
    /// The symbolic `code`, or else `type`.
    var code = ""
    /// The parameter that the error is about.
    var parameter = ""
    /// OpenRouter's `metadata.error_type`.
    var errorType = ""
    var provider = ""
    /// Whether the metadata says that the content was the reason: moderation or a guardrail.
    var isAboutContent = false
    var limitSource = ""
    /// The reset time of a rate limit, as its header has it.
    var rateLimitReset = ""
    var availabilityCode = ""
    var isRetryable: Bool?
    var retryAfter: Int?
    var fallbackModels: [String] = []
    /// The status was neither an answer's nor an error's: the request went to the wrong place.
    var isMisdirected = false

    /// The most that is read of a text: eight times what is shown of it.
    static var textBytesMax: Int { 16 << 10 }
    /// The most that is read of a name or a code.
    private static var nameBytesMax: Int { 256 }
    /// How many members of an object, and how many elements of a list, are looked at.
    private static var membersMax: Int { 64 }
    private static var elementsMax: Int { 64 }
    /// How many of the models that are offered instead are kept.
    private static var modelsMax: Int { 8 }

    init() {}

    /// Reads the error in a parsed body or event.
    init(_ document: JSONDocument) {
        // Google puts its one error into a list.
        var root = JSONNode.root
        var elements = document.elements(of: root)
        if let first = document.next(&elements) { root = first }
        read(document, Self.errorNode(document, root) ?? root)
        // It may be put together from several.
        message = Self.cut(Array(message.utf8))
    }

    /// Reads the error at `node`.
    init(_ document: JSONDocument, at node: JSONNode) { read(document, node) }

    private static func errorNode(_ document: JSONDocument, _ root: JSONNode) -> JSONNode? {
        // The chunk's own members have been walked over before.
        if let error = document.member(root, "error"), !document.isNull(error) { return error }
        guard let choices = document.member(root, "choices") else { return nil }
        var elements = document.elements(of: choices)
        var left = elementsMax
        while left > 0, let choice = document.next(&elements) {
            left -= 1
            if let error = document.member(choice, "error"), !document.isNull(error) {
                return error
            }
        }
        return nil
    }

    private mutating func read(_ document: JSONDocument, _ error: JSONNode) {
        if let text = Self.message(document, error) {
            message = text
            return
        }
        message = Self.text(document, error, depth: 0) ?? ""
        for key in ["code", "status_code", "status"] as [StaticString] {
            if let value = Self.member(document, error, key) { readCode(document, value) }
        }
        if code.isEmpty, let type = Self.member(document, error, "type") {
            code = Self.name(document, type)
        }
        if let value = Self.member(document, error, "param") {
            parameter = Self.name(document, value)
        }
        if let metadata = Self.member(document, error, "metadata") {
            read(document, metadata: metadata)
        }
        if let availability = Self.member(document, error, "availability") {
            read(document, availability: availability)
        }
    }

    /// A code is a status, a status as text (Azure), or a word.
    private mutating func readCode(_ document: JSONDocument, _ value: JSONNode) {
        let word = document.kind(value) == .string ? Self.name(document, value) : nil
        if let number = document.integer(value) ?? word.flatMap({ Int($0) }) {
            if status == nil, 400...599 ~= number { status = number }
        } else if let word, code.isEmpty {
            code = word
        }
    }

    private mutating func read(_ document: JSONDocument, metadata: JSONNode) {
        var members = document.members(of: metadata)
        var left = Self.membersMax
        while left > 0, let (key, value) = document.next(&members) {
            left -= 1
            if document.equals(key, "error_type") {
                errorType = Self.name(document, value)
            } else if document.equals(key, "provider_name") {
                provider = Self.name(document, value)
            } else if document.equals(key, "raw") {
                dig(document, value)
            } else if document.equals(key, "reasons") || document.equals(key, "flagged_input")
                || document.equals(key, "patterns")
            {
                isAboutContent = true
            } else if document.equals(key, "limit_source") {
                limitSource = Self.name(document, value)
            } else if document.equals(key, "headers"),
                let reset = Self.member(document, value, "X-RateLimit-Reset")
            {
                let literal = document.bytes[document.content(reset)].prefix(Self.nameBytesMax)
                rateLimitReset = String(decoding: literal, as: UTF8.self)
            }
        }
    }

    private mutating func dig(_ document: JSONDocument, _ raw: JSONNode) {
        guard let inner = Self.innerText(document, raw, depth: 0), !inner.isEmpty else { return }
        message = inner
    }

    private mutating func read(_ document: JSONDocument, availability: JSONNode) {
        var members = document.members(of: availability)
        var left = Self.membersMax
        while left > 0, let (key, value) = document.next(&members) {
            left -= 1
            if document.equals(key, "code") {
                availabilityCode = Self.name(document, value)
            } else if document.equals(key, "http_status") {
                readCode(document, value)
            } else if document.equals(key, "retryable") {
                isRetryable = document.bool(value)
            } else if document.equals(key, "retry_after") {
                retryAfter = document.number(value).flatMap { Int(exactly: $0.rounded(.up)) }
            } else if document.equals(key, "fallback_models") {
                var models = document.elements(of: value)
                while fallbackModels.count < Self.modelsMax, let model = document.next(&models),
                    document.kind(model) == .string
                {
                    fallbackModels.append(Self.name(document, model))
                }
            }
        }
    }

    // MARK: Limits

    /// The value of a member of `node`, if it is among the first of them.
    private static func member(
        _ document: JSONDocument, _ node: JSONNode, _ name: StaticString
    ) -> JSONNode? {
        var found: JSONNode?
        var members = document.members(of: node)
        var left = membersMax
        while left > 0, let (key, value) = document.next(&members) {
            left -= 1
            if document.equals(key, name) { found = value }
        }
        return found
    }

    /// The begin of the text at `node`, without the word that is cut in two: it may be a key, of
    /// which half is a secret, too. Nil when it is no text.
    private static func message(_ document: JSONDocument, _ node: JSONNode) -> String? {
        guard document.kind(node) == .string else { return nil }
        return cut(document.unescaped(node, bytesMax: textBytesMax))
    }

    private static func cut(_ bytes: [UInt8]) -> String {
        // A text that was cut before may have lost the part of a character.
        guard bytes.count > textBytesMax - 4 else { return String(decoding: bytes, as: UTF8.self) }
        let text = bytes.prefix(textBytesMax)
        let end = text.suffix(textBytesMax / 4).lastIndex { $0 <= 0x20 } ?? textBytesMax * 3 / 4
        return String(decoding: text[..<end], as: UTF8.self)
    }

    /// The begin of a name; empty when it is no text.
    private static func name(_ document: JSONDocument, _ node: JSONNode) -> String {
        guard document.kind(node) == .string else { return "" }
        return String(
            decoding: document.unescaped(node, bytesMax: nameBytesMax), as: UTF8.self)
    }

    // MARK: Texts

    /// How deep JSON may be wrapped in JSON.
    private static var depthMax: Int { 4 }

    /// What an error object says: its `message`, `detail`, `msg` or inner `error`. Before `msg`
    /// stands where it applies, if that is told (pydantic's `loc`).
    private static func text(
        _ document: JSONDocument, _ error: JSONNode, depth: Int
    ) -> String? {
        if let location = member(document, error, "loc"),
            let inner = member(document, error, "msg"),
            let text = message(document, inner)
        {
            var path: [String] = []
            var elements = document.elements(of: location)
            while let element = document.next(&elements), path.count < 16 {
                let name = document.bytes[document.content(element)].prefix(nameBytesMax)
                if path.isEmpty, document.equals(element, "body") { continue }
                path.append(String(decoding: name, as: UTF8.self))
            }
            return path.isEmpty ? text : "\(path.joined(separator: ".")): \(text)"
        }
        for key in ["message", "detail", "msg", "error", "error_message"] as [StaticString] {
            guard let value = member(document, error, key), !document.isNull(value) else {
                continue
            }
            if let text = innerText(document, value, depth: depth), !text.isEmpty { return text }
        }
        return nil
    }

    /// The words in a value: a string (which may be JSON itself), an error object, or a list of
    /// either (FastAPI's `detail`).
    private static func innerText(
        _ document: JSONDocument, _ value: JSONNode, depth: Int
    ) -> String? {
        guard depth < depthMax else { return nil }
        switch document.kind(value) {
        case .string:
            guard let text = message(document, value) else { return nil }
            return unwrapped(text, depth: depth) ?? text
        case .object: return text(document, value, depth: depth + 1)
        case .array:
            var texts: [String] = []
            var elements = document.elements(of: value)
            var left = elementsMax
            var bytes = 0
            while left > 0, texts.count < 8, bytes < textBytesMax,
                let element = document.next(&elements)
            {
                left -= 1
                guard let text = innerText(document, element, depth: depth + 1) else { continue }
                texts.append(text)
                bytes += text.utf8.count
            }
            return texts.isEmpty ? nil : texts.joined(separator: "; ")
        case .number, .true, .false, .null: return nil
        }
    }

    /// The words in a text that is JSON, or an error of Python's client: `Error code: 400 - {'error':
    /// {'message': "…", …}}`.
    private static func unwrapped(_ text: String, depth: Int) -> String? {
        if text.utf8.starts(with: "Error code: ".utf8) {
            return pythonMessage(in: Array(text.utf8))
        }
        guard let first = text.utf8.first(where: { $0 > 0x20 }),
            first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        else { return nil }
        var inner = JSONDocument()
        guard (try? inner.parse([UInt8](text.utf8))) != nil else { return nil }
        return innerText(inner, .root, depth: depth + 1)
    }

    private static func pythonMessage(in text: [UInt8]) -> String? {
        let key: StaticString = "'message': "
        guard let offset = text.firstOffset(of: key) else { return nil }
        let rest = text[(offset + key.utf8CodeUnitCount)...]
        guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""),
            let end = rest.dropFirst().firstIndex(of: quote)
        else { return nil }
        return String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self)
    }
}
