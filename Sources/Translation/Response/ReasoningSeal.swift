// What a thinking block carries home: the upstream's own reasoning, packed into the block's
// `signature` (or into `redacted_thinking.data`), which clients keep and send back unread. So the
// proxy needs no memory of a conversation to give an upstream back what it demands: Claude its
// signatures, Gemini its thought signatures, DeepSeek its reasoning text.
//
// The form: a prefix that names us and the version; then, in base64, a code (SealKey), the dialect,
// the origin's length and text, and the content. The history is the client's own, to alter as it
// likes, and a transcript may come from anywhere; but the content goes into the body for the
// upstream as JSON, so it must be what this installation has written, and it is parsed as what it
// claims to be all the same. A seal of another installation is worth as much as none: the text that
// the block shows stays, what was sealed is left out.

/// The reasoning of one thinking block, as the upstream sent it and will want it back.
package struct ReasoningSeal: Equatable, Sendable {
    /// How the upstream spoke its reasoning, and so how it wants it back.
    package enum Dialect: UInt8, Sendable {
        /// Items of `reasoning_details` (OpenRouter).
        case details = 1
        /// The plain text `reasoning`.
        case reasoning = 2
        /// The plain text `reasoning_content`.
        case reasoningContent = 3
        /// `<think>` tags in the text.
        case thinkTags = 4
        /// Parts of an array `content` (Mistral).
        case contentParts = 5
        /// The `extra_content` of one tool call (Google): its thought signature.
        case callExtra = 6
        /// A `reasoning` item of the Responses API.
        case responseItem = 7

        /// Whether what is sealed is plain text.
        var isText: Bool {
            switch self {
            case .reasoning, .reasoningContent, .thinkTags, .contentParts: true
            case .details, .callExtra, .responseItem: false
            }
        }
    }

    package var dialect: Dialect
    /// The model that the request named to the upstream.
    package var origin: [UInt8]
    /// Dialect `details`: the JSON items, in order, separated by commas, without brackets. Dialect
    /// `callExtra`: an object with `id`, the call's id for the client, and `extra_content`. Dialect
    /// `responseItem`: who made it, a line break, and the item; empty when it cannot go back. Every
    /// other: the text as the content of a JSON string, still escaped; empty when the block itself
    /// shows it.
    package var content: [UInt8]

    package init(dialect: Dialect, origin: [UInt8], content: [UInt8]) {
        self.dialect = dialect
        self.origin = Array(origin.prefix(Self.originBytesMax))
        self.content = content
    }

    /// Twelve characters, all of base64, so that the whole is base64 to whoever looks.
    private static var prefix: StaticString { "claudeproxy2" }
    /// Longer than any model's id. It is a client's to choose and stands in every seal.
    private static var originBytesMax: Int { 256 }

    /// Appends the sealed form: letters, digits, `+`, `/`, `=`, so it needs no escapes in JSON.
    /// Nothing without a key.
    package func write(_ key: SealKey?, into output: inout [UInt8]) {
        guard let key else { return }
        var packed: [UInt8] = []
        packed.reserveCapacity(Self.headBytes + origin.count + content.count)
        packed.append(contentsOf: repeatElement(0, count: SealKey.codeBytes))
        packed.append(dialect.rawValue)
        packed.append(UInt8(truncatingIfNeeded: origin.count >> 8))
        packed.append(UInt8(truncatingIfNeeded: origin.count))
        packed.append(contentsOf: origin)
        packed.append(contentsOf: content)
        let code = key.code(of: packed.span.extracting(SealKey.codeBytes...))
        for index in 0..<SealKey.codeBytes { packed[index] = code[index] }
        output.append(Self.prefix)
        Base64.encode(packed.span, into: &output)
    }

    /// The seal in `text`; nil when `text` is not ours, is damaged, or holds what it should not.
    package static func open(_ text: Span<UInt8>, _ key: SealKey?) -> ReasoningSeal? {
        guard let key, matches(text, 0, prefix),
            let packed = Base64.decode(text.extracting(prefix.utf8CodeUnitCount...)),
            packed.count >= headBytes
        else { return nil }
        let bytes = packed.span
        let codeEnd = SealKey.codeBytes
        guard key.matches(bytes.extracting(..<codeEnd), bytes.extracting(codeEnd...)),
            let dialect = Dialect(rawValue: packed[codeEnd])
        else { return nil }
        let end = headBytes + Int(packed[codeEnd + 1]) << 8 + Int(packed[codeEnd + 2])
        guard end <= packed.count else { return nil }
        let seal = ReasoningSeal(
            dialect: dialect, origin: Array(packed[headBytes..<end]),
            content: Array(packed[end...]))
        return seal.isWellFormed ? seal : nil
    }

    /// The code, the dialect and the length of the origin.
    private static var headBytes: Int { SealKey.codeBytes + 3 }

    /// Whether the content is what its dialect says.
    private var isWellFormed: Bool {
        var document = JSONDocument()
        var text: [UInt8] = []
        text.reserveCapacity(content.count + 2)
        switch dialect {
        case .details:
            text.append("[")
            text.append(content.span)
            text.append("]")
            return (try? document.parse(text)) != nil && document.kind(.root) == .array
        case .reasoning, .reasoningContent, .thinkTags, .contentParts:
            text.append("\"")
            text.append(content.span)
            text.append("\"")
            return (try? document.parse(text)) != nil && document.kind(.root) == .string
        case .callExtra:
            return (try? document.parse(content)) != nil && document.kind(.root) == .object
        case .responseItem:
            guard !content.isEmpty else { return true }
            guard let item = responseItem else { return false }
            guard (try? document.parse(item.json)) != nil,
                let type = document.member(.root, "type"), document.equals(type, "reasoning"),
                let encrypted = document.member(.root, "encrypted_content")
            else { return false }
            return document.kind(encrypted) == .string
        }
    }
}

// MARK: - Items of the Responses API

extension ReasoningSeal {
    /// Whose item is sealed, and the item.
    var responseItem: (maker: [UInt8], json: [UInt8])? {
        guard dialect == .responseItem, let end = content.firstIndex(of: UInt8(ascii: "\n")) else {
            return nil
        }
        return (Array(content[..<end]), Array(content[(end + 1)...]))
    }

    /// - Parameter maker: without line breaks.
    init(responseItem item: [UInt8], by maker: [UInt8], origin: [UInt8]) {
        self.init(
            dialect: .responseItem, origin: origin,
            content: item.isEmpty ? [] : maker + [UInt8(ascii: "\n")] + item)
    }
}

// MARK: - Families

extension ReasoningSeal {
    /// Whether `model`, an upstream id, is of the family that made this reasoning, so that it may
    /// be given it back. Other families refuse it or, worse, take it for their own.
    package func isAtHome(in model: [UInt8]) -> Bool {
        model.prefix(Self.originBytesMax) == origin[...]
            || Self.family(of: model) == Self.family(of: origin)
    }

    /// A model's family: the vendor before the slash; without one, the vendor that the name is
    /// known by, else the name itself.
    package static func family(of model: [UInt8]) -> String {
        var id = String(decoding: model, as: UTF8.self).lowercased()
        if id.hasPrefix("~") { id.removeFirst() }
        if let slash = id.firstIndex(of: "/") { return String(id[..<slash]) }
        for (prefix, vendor) in vendors where id.hasPrefix(prefix) { return vendor }
        return id
    }

    /// Names that models go by where no vendor stands before them, with OpenRouter's vendor names.
    private static let vendors: [(prefix: String, vendor: String)] = [
        ("claude", "anthropic"), ("gemini", "google"), ("gpt-", "openai"), ("o1", "openai"),
        ("o3", "openai"), ("o4", "openai"), ("grok", "x-ai"), ("deepseek", "deepseek"),
        ("kimi", "moonshotai"), ("glm", "z-ai"), ("qwen", "qwen"), ("minimax", "minimax"),
        ("mistral", "mistralai"), ("magistral", "mistralai"),
    ]
}
