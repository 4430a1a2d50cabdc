// How many tokens a request holds, guessed from the classes of its bytes: a pass at memory speed
// with no vocabulary. Byte-pair vocabularies spend about one token on a short English word with its
// blank, on three digits, on one or two punctuation marks, on two or three bytes of other scripts;
// the weights below follow from that. They aim a little high: a client that believes its context
// fuller than it is compacts too early, one that believes the opposite is refused.

package import Translation

/// Token counts from byte classes, in 1/64 tokens so that the sums stay whole numbers.
package enum TokenEstimate {
    /// One token for role, separators and header of each message, tool or block, as chat templates
    /// need (OpenAI's cookbook counts 3 to 4 a message).
    private static let structure = 4 * 64
    /// A picture, whatever its bytes: Anthropic's formula gives width × height / 750, at most about
    /// 1600 after scaling down.
    private static let image = 1500 * 64
    /// A page of a document is about 3 kB of text and a picture; its base64 is far longer than that.
    private static let documentBytesPerToken = 40

    /// The input tokens of a parsed request of the Messages API: system, messages, tools.
    ///
    /// Cost: one pass over the text. Base64 data and signatures count by their kind, not their length.
    package static func inputTokens(_ document: JSONDocument) -> Int {
        var sum = 0
        for key in Part.allCases {
            guard let value = document.member(.root, key.name) else { continue }
            sum += weight(of: document, value)
        }
        return max(1, (sum + 32) / 64)
    }

    private enum Part: CaseIterable {
        case system, messages, tools

        var name: StaticString {
            switch self {
            case .system: "system"
            case .messages: "messages"
            case .tools: "tools"
            }
        }
    }

    /// The weight of a value with all that it holds. Depth is bounded by the parser's limit.
    private static func weight(of document: JSONDocument, _ node: JSONNode) -> Int {
        switch document.kind(node) {
        case .string:
            return weight(of: document.bytes.span.extracting(document.content(node)))
        case .number, .true, .false, .null:
            return 64
        case .array:
            var sum = 0
            var elements = document.elements(of: node)
            while let element = document.next(&elements) { sum += weight(of: document, element) }
            return sum
        case .object:
            return weightOfObject(document, node)
        }
    }

    private static func weightOfObject(_ document: JSONDocument, _ node: JSONNode) -> Int {
        var sum = structure
        var members = document.members(of: node)
        while let member = document.next(&members) {
            if document.equals(member.key, "source"),
                let data = document.member(member.value, "data"),
                let type = document.member(member.value, "type"), document.equals(type, "base64")
            {
                let isImage =
                    document.member(member.value, "media_type")
                    .map { document.hasPrefix($0, "image/") } ?? false
                sum +=
                    isImage ? image : document.content(data).count * 64 / documentBytesPerToken
            } else if document.equals(member.key, "signature")
                || document.equals(member.key, "cache_control")
                || document.equals(member.key, "type") || document.equals(member.key, "data")
            {
                continue
            } else {
                sum += 32 + weight(of: document, member.value)
            }
        }
        return sum
    }

    /// The weight of text, escapes and all.
    static func weight(of text: Span<UInt8>) -> Int {
        var counts = InlineArray<8, Int>(repeating: 0)
        var previous = ByteClass.blank
        for index in text.indices {
            let current = ByteClass.of(text[index])
            // A word starts where a letter follows none: its first token is paid there.
            if current == .letter, previous != .letter { counts[7] &+= 1 }
            counts[Int(current.rawValue)] &+= 1
            previous = current
        }
        return counts[Int(ByteClass.letter.rawValue)] &* 7 &+ counts[7] &* 34
            &+ counts[Int(ByteClass.digit.rawValue)] &* 24
            &+ counts[Int(ByteClass.mark.rawValue)] &* 36
            &+ counts[Int(ByteClass.blank.rawValue)] &* 3
            &+ counts[Int(ByteClass.foreign.rawValue)] &* 26
    }

    private enum ByteClass: UInt8 {
        case letter, digit, mark, blank, foreign

        @inline(__always)
        static func of(_ byte: UInt8) -> ByteClass {
            if byte | 0x20 &- UInt8(ascii: "a") < 26 { return .letter }
            if byte >= 0x80 { return .foreign }
            if byte <= 0x20 { return .blank }
            return byte &- UInt8(ascii: "0") < 10 ? .digit : .mark
        }
    }
}
