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

    /// The weight of the content of a JSON string, still escaped.
    static func weight(of text: Span<UInt8>) -> Int {
        var weight = 0
        var isInWord = false
        var index = 0
        while index < text.count {
            let byte = text[index]
            index &+= 1
            if byte | 0x20 &- UInt8(ascii: "a") < 26 {
                // A word's first token is paid where the word begins.
                weight &+= isInWord ? 7 : 41
                isInWord = true
                continue
            }
            isInWord = false
            if byte <= 0x20 {
                weight &+= 3
            } else if byte >= 0x80 {
                weight &+= weightOfLead(byte)
            } else if byte == UInt8(ascii: "\\"), index < text.count {
                if text[index] == UInt8(ascii: "u"), index &+ 5 <= text.count {
                    weight &+= weightOfEscape(text, index &+ 1)
                    index &+= 5
                } else {
                    // A line break or a quote: as often as not part of the token beside it.
                    weight &+= 40
                    index &+= 1
                }
            } else {
                weight &+= byte &- UInt8(ascii: "0") < 10 ? 24 : 36
            }
        }
        return weight
    }

    /// The weight of a character by the first byte of its UTF-8; the others weigh nothing. Two bytes:
    /// accented Latin, Cyrillic, Greek, a third of a token a letter. Three: mostly Chinese, Japanese
    /// and Korean. Four: emoji.
    private static func weightOfLead(_ byte: UInt8) -> Int {
        switch byte {
        case 0xC0..<0xE0: 22
        case 0xE0..<0xF0: 48
        case 0xF0...: 130
        default: 0
        }
    }

    /// The same for `\uXXXX`; `index` is that of the first digit.
    private static func weightOfEscape(_ text: Span<UInt8>, _ index: Int) -> Int {
        let isBelow0x800 = text[index] == UInt8(ascii: "0") && text[index &+ 1] < UInt8(ascii: "8")
        return isBelow0x800 ? 22 : 48
    }
}
