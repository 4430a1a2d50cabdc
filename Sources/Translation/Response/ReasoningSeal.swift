// What a thinking block carries home: the upstream's own reasoning, packed into the block's
// `signature` (or into `redacted_thinking.data`), which clients keep and send back unread. So the
// proxy needs no memory of a conversation to give an upstream back what it demands: Claude its
// signatures, Gemini its thought signatures, DeepSeek its reasoning text.
//
// The form: a prefix that names us and the version; then, in base64, a checksum (FNV-1a, 64 bit),
// the dialect, the origin's length and text, and the content. The checksum tells our seals from
// truncated or foreign text. It is no proof against forgery and need not be: the history is the
// client's own, to alter as it likes.

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
    }

    package var dialect: Dialect
    /// The model that the request named to the upstream.
    package var origin: [UInt8]
    /// Dialect `details`: the JSON items, in order, separated by commas, without brackets. Dialect
    /// `callExtra`: an object with `id`, the call's id for the client, and `extra_content`. Every
    /// other: the text as the content of a JSON string, still escaped; empty when the block itself
    /// shows it.
    package var content: [UInt8]

    package init(dialect: Dialect, origin: [UInt8], content: [UInt8]) {
        self.dialect = dialect
        self.origin = Array(origin.prefix(Self.originBytesMax))
        self.content = content
    }

    /// Twelve characters, all of base64, so that the whole is base64 to whoever looks.
    private static var prefix: StaticString { "claudeproxy1" }
    private static var checksumBytes: Int { 8 }
    /// Longer than any model's id. It is a client's to choose and stands in every seal.
    private static var originBytesMax: Int { 256 }

    /// Appends the sealed form: letters, digits, `+`, `/`, `=`, so it needs no escapes in JSON.
    package func write(into output: inout [UInt8]) {
        var packed: [UInt8] = []
        packed.reserveCapacity(Self.checksumBytes + 3 + origin.count + content.count)
        packed.append(contentsOf: repeatElement(0, count: Self.checksumBytes))
        packed.append(dialect.rawValue)
        packed.append(UInt8(truncatingIfNeeded: origin.count >> 8))
        packed.append(UInt8(truncatingIfNeeded: origin.count))
        packed.append(contentsOf: origin)
        packed.append(contentsOf: content)
        var checksum = Self.checksum(packed.span.extracting(Self.checksumBytes...))
        for index in 0..<Self.checksumBytes {
            packed[index] = UInt8(truncatingIfNeeded: checksum)
            checksum >>= 8
        }
        output.append(Self.prefix)
        Base64.encode(packed.span, into: &output)
    }

    /// The seal in `text`; nil when `text` is not ours, or is damaged.
    package static func open(_ text: Span<UInt8>) -> ReasoningSeal? {
        guard matches(text, 0, prefix),
            let packed = Base64.decode(text.extracting(prefix.utf8CodeUnitCount...)),
            packed.count >= checksumBytes + 3
        else { return nil }
        var checksum: UInt64 = 0
        for index in 0..<checksumBytes { checksum |= UInt64(packed[index]) << (index * 8) }
        let bytes = packed.span
        guard checksum == Self.checksum(bytes.extracting(checksumBytes...)),
            let dialect = Dialect(rawValue: packed[checksumBytes])
        else { return nil }
        let start = checksumBytes + 3
        let end = start + Int(packed[checksumBytes + 1]) << 8 + Int(packed[checksumBytes + 2])
        guard end <= packed.count else { return nil }
        return ReasoningSeal(
            dialect: dialect, origin: Array(packed[start..<end]), content: Array(packed[end...]))
    }

    /// FNV-1a, 64 bit (Fowler, Noll and Vo).
    private static func checksum(_ bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        return hash
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
