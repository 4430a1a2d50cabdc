// A response's status and fields, as the application thinks of them.
//
// What depends on the connection is not in here: version, Content-Length, Transfer-Encoding and
// Connection are added by ResponseEncoder. Fields are encoded as they are added, into one buffer.
// Names and fixed values are StaticString, so the type system proves that they are ours; values
// from elsewhere must take the sanitising way. No CR or LF can get into a head (CWE-113).

/// Status and fields of a response.
package struct ResponseHead: Sendable, Equatable {
    /// The status, 100 to 999.
    package let status: Int
    /// The field lines, encoded.
    package private(set) var fieldLines: [UInt8] = []

    /// What is kept of a sanitised value: enough for an id or a number, too little to hurt.
    private static let foreignValueBytesMax = 1024

    package init(status: Int) {
        precondition((100...999).contains(status), "a status has three digits (RFC 9110 §15)")
        self.status = status
    }

    /// Adds a field whose value is a constant of ours.
    package mutating func add(_ name: StaticString, _ value: StaticString) {
        appendName(name)
        let start = fieldLines.count
        fieldLines.append(value)
        precondition(
            fieldLines[start...].allSatisfy(ByteSet.fieldValue.contains),
            "a constant field value holds a control byte")
        appendLineEnd()
    }

    /// Adds a field whose value is a number that is not negative.
    package mutating func add(_ name: StaticString, _ value: Int) {
        appendName(name)
        fieldLines.append(decimal: value)
        appendLineEnd()
    }

    /// Adds a field whose value comes from elsewhere. Every byte that may not stand in a field
    /// value, control bytes and non-ASCII, becomes `?`; after 1 KiB the value is cut off.
    package mutating func add(_ name: StaticString, sanitizing value: String) {
        appendName(name)
        let start = fieldLines.count
        fieldLines.append(contentsOf: value.utf8.prefix(Self.foreignValueBytesMax))
        var span = fieldLines.mutableSpan
        for index in start..<span.count where !ByteSet.fieldValue.contains(span[index]) {
            span[index] = Byte.questionMark
        }
        appendLineEnd()
    }

    /// Adds a field as somebody else has written it, `name: value`, if it is one: a token, and no
    /// control byte. One that the encoder writes itself is left out.
    package mutating func add(foreignLine line: [UInt8]) {
        guard let colon = line.firstIndex(of: Byte.colon), colon > 0,
            line.count <= Self.foreignValueBytesMax,
            line[..<colon].allSatisfy(ByteSet.token.contains),
            line[colon...].allSatisfy(ByteSet.fieldValue.contains),
            !line.span.isEncodersOwn(in: 0..<colon)
        else { return }
        fieldLines.append(contentsOf: line)
        appendLineEnd()
    }

    // MARK: Fields of many heads

    /// Fields that are encoded once and added to many heads.
    package struct EncodedFields: Sendable, Equatable {
        fileprivate let lines: [UInt8]
    }

    /// Encodes fields for many heads.
    package static func encode(_ add: (inout ResponseHead) -> Void) -> EncodedFields {
        var head = ResponseHead(status: 200)
        add(&head)
        return EncodedFields(lines: head.fieldLines)
    }

    /// Adds fields that are encoded already.
    package mutating func add(_ fields: EncodedFields) {
        fieldLines.append(contentsOf: fields.lines)
    }

    private mutating func appendName(_ name: StaticString) {
        let start = fieldLines.count
        fieldLines.append(name)
        checkName(start..<fieldLines.count)
        fieldLines.append(Byte.colon)
        fieldLines.append(Byte.blank)
    }

    private func checkName(_ range: Range<Int>) {
        let span = fieldLines.span
        precondition(!range.isEmpty, "a field name is empty")
        for index in range {
            precondition(ByteSet.token.contains(span[index]), "a field name is not a token")
        }
        let isEncodersOwn = span.isEncodersOwn(in: range)
        precondition(!isEncodersOwn, "framing and persistence are added by ResponseEncoder")
    }

    private mutating func appendLineEnd() {
        fieldLines.append(Byte.carriageReturn)
        fieldLines.append(Byte.lineFeed)
    }
}
