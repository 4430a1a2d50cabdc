// A parsed JSON text: the bytes as they came, and a flat tape of tokens over them. Nothing is
// converted until asked for, so what is copied from one document into another text keeps its number
// text, key order and escapes. A document is reused: parsing the next text keeps the capacity of
// both arrays, so that steady state allocates nothing.
//
// Duplicate keys: the last one wins, as in the JSON parsers of Python and JavaScript, on which the
// clients and servers of both APIs are built.

/// A JSON text with its tape.
///
/// Walk it with nodes and cursors:
/// ```
/// var members = document.members(of: .root)
/// while let (key, value) = document.next(&members) { … }
/// ```
package struct JSONDocument: Sendable {
    /// The text as it came. Ranges given by the document are ranges of it.
    package private(set) var bytes: [UInt8] = []
    /// The tape, and behind its end what is left of earlier ones.
    private var tokens: [JSONToken] = []
    /// How many values and keys there are.
    private(set) var valueCount = 0
    #if DEBUG
        /// Counts what is read of the document, for tests of budgets.
        var meter: StepMeter?
    #endif

    package init() {}

    // MARK: Parsing

    /// Takes `text` over and parses it. After a throw the document must not be read.
    package mutating func parse(
        _ text: consuming [UInt8], depthMax: Int = JSONDocument.depthMax
    ) throws(JSONError) {
        bytes = text
        try build(depthMax)
    }

    /// Exchanges the document's bytes with those of `text` and parses them: two buffers that take
    /// turns, and no copy. After a throw the document must not be read.
    package mutating func parse(
        exchanging text: inout [UInt8], depthMax: Int = JSONDocument.depthMax
    ) throws(JSONError) {
        swap(&bytes, &text)
        try build(depthMax)
    }

    private mutating func build(_ depthMax: Int) throws(JSONError) {
        valueCount = 0
        valueCount = try JSONTapeBuilder.build(
            bytes, depthMax: depthMax, tokensMax: Self.tokensMax, into: &tokens)
    }

    /// Ten times what real requests need, and far below what a recursive reader behind us bears.
    package static var depthMax: Int { 128 }

    /// Keys count too. A text of a million tokens for a model has some ten thousands; `[1,1,1…]` would
    /// take eight times its own size in memory.
    package static var tokensMax: Int { 2 << 20 }

    /// What an unused document may keep for the next text: enough for all but the largest.
    private static var keptTokensMax: Int { 64 << 10 }
    private static var keptBytesMax: Int { 1 << 20 }

    /// Lets the bytes go and leaves the document empty. Nodes of it become meaningless.
    package mutating func takeBytes() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&bytes, &taken)
        valueCount = 0
        return taken
    }

    /// Hands the document out, parsed as it is, and leaves an empty one.
    package mutating func take() -> JSONDocument {
        var taken = JSONDocument()
        swap(&self, &taken)
        return taken
    }

    /// Forgets the text. Buffers that are larger than usual are given back, so that one large text
    /// does not cost its memory for ever.
    package mutating func reset() {
        if bytes.capacity > Self.keptBytesMax { bytes = [] }
        if tokens.count > Self.keptTokensMax { tokens = [] }
        bytes.removeAll(keepingCapacity: true)
        valueCount = 0
    }

    // MARK: Values

    /// The kind of the value at `node`.
    package func kind(_ node: JSONNode) -> JSONKind { tokens[Int(node.index)].kind }

    /// Whether the value at `node` is null.
    package func isNull(_ node: JSONNode) -> Bool { kind(node) == .null }

    /// Where the value's content stands in `bytes`: between the quotes for strings (still escaped),
    /// the whole literal for everything else.
    package func content(_ node: JSONNode) -> Range<Int> {
        let token = tokens[Int(node.index)]
        return Int(token.start)..<Int(token.end)
    }

    /// Where the whole literal stands in `bytes`, quotes included.
    package func literal(_ node: JSONNode) -> Range<Int> {
        let token = tokens[Int(node.index)]
        let quote = token.kind == .string ? 1 : 0
        return Int(token.start) &- quote..<Int(token.end) &+ quote
    }

    /// Whether the string at `node` has no character at all. False for other kinds.
    package func isEmptyString(_ node: JSONNode) -> Bool {
        let token = tokens[Int(node.index)]
        return token.kind == .string && token.start == token.end
    }

    /// Whether the string at `node` holds an escape sequence.
    package func isEscaped(_ node: JSONNode) -> Bool { tokens[Int(node.index)].isEscaped }

    /// Whether any string may hold half of a surrogate pair, escaped.
    var mayHoldHalfPairs: Bool { valueCount > 0 && tokens[0].mayHoldHalfPair }

    /// Whether the value at `node` is the string `text` (ASCII), however it is escaped.
    @inline(__always)
    package func equals(_ node: JSONNode, _ text: StaticString) -> Bool {
        note(bytes: 0)
        let token = tokens[Int(node.index)]
        if token.isEscaped { return escapedEquals(node, text) }
        return token.kind == .string && Int(token.end &- token.start) == text.utf8CodeUnitCount
            && matches(bytes.span, Int(token.start), text)
    }

    @inline(never)
    private func escapedEquals(_ node: JSONNode, _ text: StaticString) -> Bool {
        escapedPrefixEnd(node, text) == content(node).upperBound
    }

    /// Whether the string at `node` starts with `text` (ASCII). False for other kinds.
    package func hasPrefix(_ node: JSONNode, _ text: StaticString) -> Bool {
        guard kind(node) == .string else { return false }
        guard isEscaped(node) else {
            let range = content(node)
            return range.count >= text.utf8CodeUnitCount
                && matches(bytes.span, range.lowerBound, text)
        }
        return escapedPrefixEnd(node, text) != nil
    }

    /// Where `text` ends in the string at `node`, which begins with it, however it is escaped; nil
    /// when it does not. No more of the string is looked at than that.
    private func escapedPrefixEnd(_ node: JSONNode, _ text: StaticString) -> Int? {
        let range = content(node)
        let bytes = bytes.span
        var index = range.lowerBound
        for offset in 0..<text.utf8CodeUnitCount {
            guard index < range.upperBound else { return nil }
            let (character, length) = EscapedText.character(bytes, index)
            // SAFETY: the offset is below the text's count.
            guard unsafe character == text.utf8Start[offset] else { return nil }
            index &+= length
        }
        return index
    }

    /// The string at `node`, decoded; nil for other kinds. Allocates: not for the data path.
    package func string(_ node: JSONNode) -> String? {
        guard kind(node) == .string else { return nil }
        return String(decoding: unescaped(node), as: UTF8.self)
    }

    /// The UTF-8 of the string at `node` without its escapes.
    package func unescaped(_ node: JSONNode) -> [UInt8] {
        note(bytes: content(node).count)
        var decoded: [UInt8] = []
        decoded.appendUnescaping(self, content(node))
        return decoded
    }

    /// The begin of the string at `node` without its escapes: of `bytesMax` bytes at most, and of
    /// whole characters.
    package func unescaped(_ node: JSONNode, bytesMax: Int) -> [UInt8] {
        var (start, end) = (content(node).lowerBound, content(node).upperBound)
        // An escaped character takes up to six times the bytes that it stands for.
        if isEscaped(node) { end = min(end, start + 6 * bytesMax + 12) }
        var decoded: [UInt8] = []
        while decoded.count <= bytesMax, start < end {
            decoded.appendUnescaping(
                self, from: &start, to: content(node).upperBound, bytesMax: 256)
        }
        note(bytes: decoded.count)
        guard decoded.count > bytesMax else { return decoded }
        var cut = bytesMax
        while cut > 0, decoded[cut] & 0xC0 == 0x80 { cut -= 1 }
        decoded.removeSubrange(cut...)
        return decoded
    }

    /// The number at `node` when it is a whole number that fits, however it is written (`1e3`,
    /// `2.0`); nil for anything else. Never traps.
    package func integer(_ node: JSONNode) -> Int? {
        guard kind(node) == .number else { return nil }
        let range = content(node)
        var magnitude = 0
        let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
        for index in (isNegative ? range.lowerBound + 1 : range.lowerBound)..<range.upperBound {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return number(node).flatMap { Int(exactly: $0) } }
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(digit))
            guard !overflow, !carry else { return nil }
            magnitude = sum
        }
        return isNegative ? -magnitude : magnitude
    }

    /// The number at `node` as the nearest finite double; nil for other kinds and for infinity.
    package func number(_ node: JSONNode) -> Double? {
        guard kind(node) == .number else { return nil }
        let text = String(decoding: bytes[content(node)], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The boolean at `node`; nil for other kinds.
    package func bool(_ node: JSONNode) -> Bool? {
        switch kind(node) {
        case .true: true
        case .false: false
        case .object, .array, .string, .number, .null: nil
        }
    }

    /// Counts one look, and what is decoded by it. Nothing but in debug builds.
    @inline(__always)
    private func note(bytes: Int) {
        #if DEBUG
            meter?.steps += 1 + bytes
        #endif
    }

    // MARK: Containers

    /// A walk over an object's members.
    package struct MemberCursor {
        fileprivate var index: Int
        fileprivate let end: Int
    }

    /// A walk over an array's elements.
    package struct ElementCursor {
        fileprivate var index: Int
        fileprivate let end: Int
    }

    /// A cursor before the first member of the object at `node`; an empty one for other kinds.
    package func members(of node: JSONNode) -> MemberCursor {
        let token = tokens[Int(node.index)]
        let end = token.kind == .object ? Int(token.next) : 0
        return MemberCursor(index: Int(node.index) &+ 1, end: end)
    }

    /// The next member, or nil at the end.
    @inline(__always)
    package func next(_ cursor: inout MemberCursor) -> (key: JSONNode, value: JSONNode)? {
        guard cursor.index < cursor.end else { return nil }
        note(bytes: 0)
        let key = cursor.index
        cursor.index = Int(tokens[key &+ 1].next)
        return (JSONNode(index: key), JSONNode(index: key &+ 1))
    }

    /// A cursor before the first element of the array at `node`; an empty one for other kinds.
    package func elements(of node: JSONNode) -> ElementCursor {
        let token = tokens[Int(node.index)]
        let end = token.kind == .array ? Int(token.next) : 0
        return ElementCursor(index: Int(node.index) &+ 1, end: end)
    }

    /// The next element, or nil at the end.
    @inline(__always)
    package func next(_ cursor: inout ElementCursor) -> JSONNode? {
        guard cursor.index < cursor.end else { return nil }
        note(bytes: 0)
        let element = cursor.index
        cursor.index = Int(tokens[element].next)
        return JSONNode(index: element)
    }

    /// The value of the last member named `key` of the object at `node`; nil when there is none or
    /// `node` is no object.
    package func member(_ node: JSONNode, _ key: StaticString) -> JSONNode? {
        var found: JSONNode?
        var cursor = members(of: node)
        while let member = next(&cursor) {
            if equals(member.key, key) { found = member.value }
        }
        return found
    }

    /// How many elements or members the container at `node` has; 0 for other kinds.
    package func count(_ node: JSONNode) -> Int {
        var count = 0
        var elements = elements(of: node)
        while next(&elements) != nil { count += 1 }
        var members = members(of: node)
        while next(&members) != nil { count += 1 }
        return count
    }
}
