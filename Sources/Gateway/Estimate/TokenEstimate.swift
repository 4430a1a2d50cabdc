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
    /// Cost: one pass over the text, or over a quarter of it where the request is large. Base64 data and
    /// signatures count by their kind, not their length.
    package static func inputTokens(_ document: JSONDocument) -> Int {
        let isSampled = document.bytes.count >= sampledBytesMin
        var sum = 0
        for key in Part.allCases {
            guard let value = document.member(.root, key.name) else { continue }
            sum += weight(of: document, value, isSampled)
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
    private static func weight(
        of document: JSONDocument, _ node: JSONNode, _ isSampled: Bool
    ) -> Int {
        switch document.kind(node) {
        case .string:
            let text = document.bytes.span.extracting(document.content(node))
            return isSampled ? weight(ofSample: text) : weight(of: text)
        case .number, .true, .false, .null:
            return 64
        case .array:
            var sum = 0
            var elements = document.elements(of: node)
            while let element = document.next(&elements) {
                sum += weight(of: document, element, isSampled)
            }
            return sum
        case .object:
            return weightOfObject(document, node, isSampled)
        }
    }

    private static func weightOfObject(
        _ document: JSONDocument, _ node: JSONNode, _ isSampled: Bool
    ) -> Int {
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
                sum += 32 + weight(of: document, member.value, isSampled)
            }
        }
        return sum
    }

    /// From here on a request has so much text that a quarter of it is like the whole, within a percent
    /// or two: less than what classes of bytes are off by.
    private static let sampledBytesMin = 64 << 10
    /// Of so many bytes of a text the first quarter is weighed.
    private static let samplePeriod = 256

    private static func weight(ofSample text: Span<UInt8>) -> Int {
        guard text.count > samplePeriod else { return weight(of: text) }
        var weight = 0
        var weighed = 0
        var start = 0
        while start < text.count {
            let end = min(start &+ samplePeriod / 4, text.count)
            // The beginning of a word that is cut is in the part before.
            weight &+= self.weight(of: text.extracting(start..<end), isInWord: start > 0)
            weighed &+= end &- start
            start &+= samplePeriod
        }
        return weight * text.count / weighed
    }

    /// The weight of the content of a JSON string, still escaped. Eight bytes at a time up to an escape
    /// or a character beyond ASCII.
    static func weight(of text: Span<UInt8>, isInWord: Bool = false) -> Int {
        // SAFETY: every byte of a UInt8 span is initialised.
        let raw = unsafe text.bytes
        var weight = 0
        var isInWord = isInWord
        var index = 0
        while index &+ 8 <= text.count {
            // SAFETY: the load is of eight bytes that lie within the span.
            let word = unsafe raw.unsafeLoadUnaligned(
                fromUncheckedByteOffset: index, as: UInt64.self
            ).littleEndian
            let others = nonPlain(word)
            guard others != 0 else {
                weight &+= self.weight(ofPlain: word, count: 8, &isInWord)
                index &+= 8
                continue
            }
            let plain = others.trailingZeroBitCount >> 3
            if plain > 0 {
                weight &+= self.weight(
                    ofPlain: word & ((1 &<< UInt64(plain &* 8)) &- 1), count: plain, &isInWord)
                index &+= plain
            }
            weight &+= weightOfNext(text, &index, &isInWord)
            while index < text.count, text[index] >= 0x80 {
                weight &+= weightOfNext(text, &index, &isInWord)
            }
        }
        while index < text.count { weight &+= weightOfNext(text, &index, &isInWord) }
        return weight
    }

    /// The weight of the byte or the escape at `index`, which becomes that of the next.
    private static func weightOfNext(
        _ text: Span<UInt8>, _ index: inout Int, _ isInWord: inout Bool
    ) -> Int {
        let byte = text[index]
        index &+= 1
        if byte | 0x20 &- UInt8(ascii: "a") < 26 {
            defer { isInWord = true }
            return isInWord ? letter : letter + wordStart
        }
        isInWord = false
        guard byte == UInt8(ascii: "\\"), index < text.count else { return weightOfOther(byte) }
        return weightOfEscape(text, &index)
    }

    private static let letter = 7
    /// A word's first token is paid where the word begins.
    private static let wordStart = 34
    private static let blank = 3
    private static let digit = 24
    private static let mark = 36

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var tops: UInt64 { 0x8080_8080_8080_8080 }

    /// The top bits of those of eight bytes that are a backslash or not ASCII. The lowest is exact;
    /// false ones lie only above a backslash.
    @inline(__always)
    private static func nonPlain(_ word: UInt64) -> UInt64 {
        let difference = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
        return (((difference &- ones) & ~difference) | word) & tops
    }

    /// The top bits of those of eight ASCII bytes that are at least `limit`.
    @inline(__always)
    private static func atLeast(_ limit: UInt8, _ word: UInt64) -> UInt64 {
        (word &+ ones &* UInt64(0x80 &- limit)) & tops
    }

    /// The weight of the lowest `count` bytes; those above must be zero.
    @inline(__always)
    private static func weight(
        ofPlain word: UInt64, count: Int, _ isInWord: inout Bool
    ) -> Int {
        let lower = word | (ones &* 0x20)
        // `{` follows `z`, and `:` follows `9`.
        let letters = atLeast(UInt8(ascii: "a"), lower) & ~atLeast(UInt8(ascii: "{"), lower)
        let digits = atLeast(UInt8(ascii: "0"), word) & ~atLeast(UInt8(ascii: ":"), word)
        let blanks = tops & ~atLeast(0x21, word)
        let marks = tops & ~(letters | digits | blanks)
        let starts = letters & ~(letters &<< 8 | (isInWord ? 0x80 : 0))
        isInWord = letters &>> UInt64(count &* 8 &- 1) & 1 != 0
        // A weight in each byte; none is above 41.
        let weights =
            (letters &>> 7) &* UInt64(letter) &+ (starts &>> 7) &* UInt64(wordStart)
            &+ (digits &>> 7) &* UInt64(digit) &+ (blanks &>> 7) &* UInt64(blank)
            &+ (marks &>> 7) &* UInt64(mark)
        // Their sum, by way of four words of sixteen bits.
        let even: UInt64 = 0x00FF_00FF_00FF_00FF
        let sums = (weights & even) &+ ((weights &>> 8) & even)
        // The missing bytes are zero, which is a blank.
        return Int((sums &* 0x0001_0001_0001_0001) &>> 48) &- (8 &- count) &* blank
    }

    /// What a byte weighs that is no letter and begins no escape.
    private static func weightOfOther(_ byte: UInt8) -> Int {
        if byte <= 0x20 { return blank }
        if byte >= 0x80 { return weightOfLead(byte) }
        return byte &- UInt8(ascii: "0") < 10 ? digit : mark
    }

    /// The weight of an escape; `index` is that of the byte after the backslash and becomes that of the
    /// byte after the escape.
    private static func weightOfEscape(_ text: Span<UInt8>, _ index: inout Int) -> Int {
        guard text[index] == UInt8(ascii: "u"), index &+ 5 <= text.count else {
            index &+= 1
            // A line break or a quote: as often as not part of the token beside it.
            return 40
        }
        let isBelow0x800 =
            text[index &+ 1] == UInt8(ascii: "0") && text[index &+ 2] < UInt8(ascii: "8")
        index &+= 5
        return isBelow0x800 ? 22 : 48
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
}
