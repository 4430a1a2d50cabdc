// Writing JSON: by appending to a byte array, mostly slices of documents. There is no tree and no
// encoder: the translators know the shape of what they write.

extension [UInt8] {
    /// Appends ASCII text that is known at compile time.
    @inline(__always)
    package mutating func append(_ literal: StaticString) {
        // SAFETY: a StaticString's pointer is valid for its count, for ever.
        unsafe append(
            contentsOf: UnsafeBufferPointer(
                start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends `bytes` as they are.
    @inline(__always)
    package mutating func append(_ bytes: Span<UInt8>) {
        // SAFETY: the pointer is used only within the closure.
        unsafe bytes.withUnsafeBufferPointer { buffer in unsafe append(contentsOf: buffer) }
    }

    /// Appends the bytes of `document` in `range` as they are, but for halves of surrogate pairs that
    /// stand alone: no character, and many a server answers 400 to them.
    @inline(__always)
    package mutating func append(_ document: JSONDocument, _ range: Range<Int>) {
        if document.mayHoldHalfPairs {
            append(mendingHalfPairs: document.bytes.span.extracting(range))
        } else {
            append(document.bytes.span.extracting(range))
        }
    }

    /// Appends the whole literal at `node`, quotes and all.
    package mutating func append(_ document: JSONDocument, _ node: JSONNode) {
        append(document, document.literal(node))
    }

    /// Appends a number in decimal digits.
    package mutating func append(decimal value: Int) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        var power: UInt = 1
        while rest / power >= 10 { power *= 10 }
        while power > 0 {
            append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest / power))
            rest %= power
            power /= 10
        }
    }

    /// Appends `text` as a JSON string, quotes included.
    package mutating func append(jsonString text: String) {
        append(UInt8(ascii: "\""))
        append(jsonEscaping: text)
        append(UInt8(ascii: "\""))
    }

    /// Appends `text` with what a JSON string cannot hold escaped, without quotes.
    package mutating func append(jsonEscaping text: String) {
        append(jsonEscaping: text.utf8.span)
    }

    /// Appends UTF-8 bytes with what a JSON string cannot hold escaped, without quotes.
    ///
    /// Applied to JSON text, this makes the content of a string that holds that text: how a tool's
    /// input becomes its `arguments`.
    package mutating func append(jsonEscaping text: Span<UInt8>) {
        var plain = 0
        while true {
            let index = Self.plainEnd(text, plain)
            append(text.extracting(plain..<index))
            guard index < text.count else { return }
            plain = index &+ 1
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\\"): append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            default:
                append("\\u00")
                append(Self.hexDigit(byte >> 4))
                append(Self.hexDigit(byte & 0x0F))
            }
        }
    }

    /// Where the next byte stands that a JSON string cannot hold, or the end.
    private static func plainEnd(_ text: Span<UInt8>, _ start: Int) -> Int {
        var high: UInt8 = 0
        var position = JSONTapeBuilder.skipPlain(text, start, &high)
        while position < text.count, text[position] >= 0x20, text[position] != UInt8(ascii: "\""),
            text[position] != UInt8(ascii: "\\")
        {
            position &+= 1
        }
        return position
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// Appends the UTF-8 that the escaped string content in `range` of `document` stands for.
    /// An unpaired surrogate becomes U+FFFD.
    package mutating func appendUnescaping(
        _ document: JSONDocument, _ range: Range<Int>
    ) {
        var start = range.lowerBound
        appendUnescaping(document, from: &start, to: range.upperBound, bytesMax: .max)
    }

    /// The same for a part of a string's content: from `start`, which must not lie within an escape,
    /// until `bytesMax` bytes of the content are read, or a few more, or the end. Leaves `start` where
    /// the next part begins.
    package mutating func appendUnescaping(
        _ document: JSONDocument, from start: inout Int, to end: Int, bytesMax: Int
    ) {
        let text = document.bytes.span
        let limit = end &- start <= bytesMax ? end : start &+ bytesMax
        var plain = start
        var index = start
        while index < limit {
            guard text[index] == UInt8(ascii: "\\") else {
                index &+= 1
                continue
            }
            append(text.extracting(plain..<index))
            let escape = text[index &+ 1]
            index &+= 2
            switch escape {
            case UInt8(ascii: "b"): append(0x08)
            case UInt8(ascii: "f"): append(0x0C)
            case UInt8(ascii: "n"): append(0x0A)
            case UInt8(ascii: "r"): append(0x0D)
            case UInt8(ascii: "t"): append(0x09)
            case UInt8(ascii: "u"): index = appendUnicodeEscape(text, index, end)
            default: append(escape)
            }
            plain = index
        }
        append(text.extracting(plain..<index))
        start = index
    }

    /// `index` is that of the first of the four digits; returns the index after the escape, or after
    /// both halves of a surrogate pair.
    private mutating func appendUnicodeEscape(
        _ text: Span<UInt8>, _ index: Int, _ end: Int
    ) -> Int {
        let unit = Self.codeUnit(text, index)
        var next = index &+ 4
        var scalar = UInt32(unit)
        if UTF16.isLeadSurrogate(unit), next &+ 6 <= end, text[next] == UInt8(ascii: "\\"),
            text[next &+ 1] == UInt8(ascii: "u")
        {
            let trail = Self.codeUnit(text, next &+ 2)
            if UTF16.isTrailSurrogate(trail) {
                scalar = 0x1_0000 &+ (UInt32(unit) &- 0xD800) << 10 &+ (UInt32(trail) &- 0xDC00)
                next &+= 6
            }
        }
        append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
        return next
    }

    private static func codeUnit(_ text: Span<UInt8>, _ index: Int) -> UInt16 {
        var unit: UInt16 = 0
        for offset in 0..<4 { unit = unit << 4 | (text[index &+ offset].hexDigitValue ?? 0) }
        return unit
    }
}
