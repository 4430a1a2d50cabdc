// The head parser: request line, field lines, and what the fields together must satisfy.
//
// It goes line by line and is only called for lines whose line feed is there. That line feed is
// also what stops every scan, so no scan needs an end of its own; a mistake in this would hit
// the Span's bounds check. A fault is found at the same byte no matter how the input was split.

extension HeadLayout {
    /// Whether the line at `start` is the empty one that ends the head.
    static func isEndOfHead(
        at start: Int, of span: Span<UInt8>
    ) throws(ProtocolError) -> Bool {
        guard span[start] == Byte.carriageReturn else { return false }
        guard span[start + 1] == Byte.lineFeed else { throw ProtocolError(.bareCarriageReturn) }
        return true
    }

    // MARK: Request line

    /// Parses the line that starts the head and ends with the line feed at `lineFeed`:
    /// `method SP request-target SP HTTP-version CRLF` (RFC 9112 §3).
    mutating func parseRequestLine(
        endingAt lineFeed: Int, of span: Span<UInt8>, limits: RequestLimits
    ) throws(ProtocolError) {
        let lineEnd = lineFeed - 1
        guard lineEnd >= 0, span[lineEnd] == Byte.carriageReturn else {
            throw ProtocolError(.bareLineFeed)
        }
        var index = 0
        while ByteSet.token.contains(span[index]) { index &+= 1 }
        guard index > 0, span[index] == Byte.blank else {
            throw ProtocolError(.malformedRequestLine)
        }
        let token = 0..<index
        let targetStart = index + 1
        index = targetStart
        while ByteSet.target.contains(span[index]) { index &+= 1 }
        let target = targetStart..<index
        guard span[index] == Byte.blank, !target.isEmpty else {
            throw ProtocolError(Self.targetFault(span[index], isAtLineEnd: index == lineEnd))
        }
        versionMinor = try Self.versionMinor(index + 1..<lineEnd, of: span, method: token)
        guard target.count <= limits.targetBytesMax else {
            throw ProtocolError(.targetTooLong(bytesMax: limits.targetBytesMax))
        }
        method = try RequestMethod(token: token, of: span)
        self.target = ByteRange(target)
        try parseTarget(target, of: span)
    }

    private static func targetFault(_ byte: UInt8, isAtLineEnd: Bool) -> ProtocolError.Reason {
        switch byte {
        case Byte.blank: .surplusBlank
        case Byte.numberSign: .fragmentInTarget
        case Byte.carriageReturn where isAtLineEnd: .missingVersion
        default: .invalidByteInTarget
        }
    }

    /// HTTP/1.2 and its like, which RFC 9110 §2.5 would have a server take for 1.1, are refused:
    /// they do not exist, so who sends one is probing.
    private static func versionMinor(
        _ range: Range<Int>, of span: Span<UInt8>, method: Range<Int>
    ) throws(ProtocolError) -> Int {
        let start = range.lowerBound
        for index in range where span[index] == Byte.blank { throw ProtocolError(.surplusBlank) }
        guard range.count == 8, span.equals("HTTP/", in: start..<start + 5),
            Byte.isDigit(span[start + 5]), span[start + 6] == Byte.dot,
            Byte.isDigit(span[start + 7])
        else { throw ProtocolError(.invalidVersion) }
        let major = span[start + 5] &- Byte.zero
        let minor = span[start + 7] &- Byte.zero
        if major > 1 {
            let isPreface = span.equals("PRI", in: method)
            throw ProtocolError(isPreface ? .http2Preface : .unsupportedMajorVersion)
        }
        guard major == 1, minor <= 1 else { throw ProtocolError(.invalidVersion) }
        return Int(minor)
    }

    /// Tells the forms of a target apart (RFC 9112 §3.2): `/path?query`, `http://host/path?query`
    /// and, for OPTIONS, `*`.
    private mutating func parseTarget(
        _ target: Range<Int>, of span: Span<UInt8>
    ) throws(ProtocolError) {
        var pathStart = target.lowerBound
        if span[pathStart] == Byte.asterisk, target.count == 1, method == .options {
            path = ByteRange(target)
            return
        }
        if span[pathStart] != Byte.slash {
            let authorityStart = try Self.authorityStart(target, of: span)
            pathStart = authorityStart
            while pathStart < target.upperBound, span[pathStart] != Byte.slash,
                span[pathStart] != Byte.questionMark
            {
                pathStart += 1
            }
            guard Authority.isValid(authorityStart..<pathStart, in: span) else {
                throw ProtocolError(.invalidHost)
            }
            host = ByteRange(authorityStart..<pathStart)
            if pathStart == target.upperBound || span[pathStart] == Byte.questionMark {
                // No path means "/": the slash before the authority is one.
                path = ByteRange(authorityStart - 1..<authorityStart)
            }
        }
        var pathEnd = pathStart
        while pathEnd < target.upperBound, span[pathEnd] != Byte.questionMark { pathEnd += 1 }
        if pathEnd > pathStart { path = ByteRange(pathStart..<pathEnd) }
        if pathEnd < target.upperBound { query = ByteRange(pathEnd + 1..<target.upperBound) }
    }

    /// The index after `http://` or `https://`.
    private static func authorityStart(
        _ target: Range<Int>, of span: Span<UInt8>
    ) throws(ProtocolError) -> Int {
        var colon = target.lowerBound
        while colon < target.upperBound, span[colon] != Byte.colon { colon += 1 }
        let scheme = target.lowerBound..<colon
        guard
            span.equalsIgnoringCase("http", in: scheme)
                || span.equalsIgnoringCase("https", in: scheme),
            // The blank after the target keeps these two inside it.
            span[colon + 1] == Byte.slash, span[colon + 2] == Byte.slash
        else { throw ProtocolError(.invalidTargetForm) }
        return colon + 3
    }

    // MARK: Field lines

    /// Parses the field line at `start` and returns the index after its line feed.
    mutating func parseFieldLine(
        at start: Int, of span: Span<UInt8>
    ) throws(ProtocolError) -> Int {
        var nameEnd = start
        while ByteSet.token.contains(span[nameEnd]) { nameEnd &+= 1 }
        guard span[nameEnd] == Byte.colon, nameEnd > start else {
            let follows = span[nameEnd] == Byte.carriageReturn ? span[nameEnd + 1] : 0
            throw ProtocolError(
                Self.nameFault(span[nameEnd], followedBy: follows, isAtStart: nameEnd == start))
        }
        let lineEnd = span.firstControlByte(from: nameEnd + 1)
        guard span[lineEnd] == Byte.carriageReturn, span[lineEnd + 1] == Byte.lineFeed else {
            throw ProtocolError(Self.valueFault(span[lineEnd]))
        }
        var valueStart = nameEnd + 1
        var valueEnd = lineEnd
        while valueStart < valueEnd, Byte.isBlankOrTab(span[valueStart]) { valueStart &+= 1 }
        while valueStart < valueEnd, Byte.isBlankOrTab(span[valueEnd - 1]) { valueEnd &-= 1 }
        fields.append(
            Field(name: ByteRange(start..<nameEnd), value: ByteRange(valueStart..<valueEnd)))
        try noteMeaning(name: start..<nameEnd, value: valueStart..<valueEnd, of: span)
        return lineEnd + 2
    }

    /// What is wrong with a field name that ends, not at a colon, but at `byte`. Trailer lines
    /// share it.
    static func nameFault(
        _ byte: UInt8, followedBy next: UInt8, isAtStart: Bool
    ) -> ProtocolError.Reason {
        switch byte {
        case Byte.colon: .emptyFieldName
        case Byte.blank, Byte.tab: isAtStart ? .lineFolding : .blankBeforeColon
        case Byte.lineFeed: .bareLineFeed
        case Byte.carriageReturn: next == Byte.lineFeed ? .missingColon : .bareCarriageReturn
        default: .invalidFieldName
        }
    }

    /// What is wrong with a field value that ends, not at CR LF, but at `byte`.
    static func valueFault(_ byte: UInt8) -> ProtocolError.Reason {
        switch byte {
        case Byte.lineFeed: .bareLineFeed
        case Byte.carriageReturn: .bareCarriageReturn
        default: .controlByteInFieldValue
        }
    }

    // MARK: Meaning

    /// Takes note of the fields that decide framing and persistence. The length of the name
    /// leaves at most one to compare with.
    private mutating func noteMeaning(
        name: Range<Int>, value: Range<Int>, of span: Span<UInt8>
    ) throws(ProtocolError) {
        switch name.count {
        case 4 where span.equalsIgnoringCase("host", in: name):
            try noteHost(value, of: span)
        case 6 where span.equalsIgnoringCase("expect", in: name):
            let isContinue = span.equalsIgnoringCase("100-continue", in: value)
            if expectation != .unsupported {
                expectation = isContinue ? .continuation : .unsupported
            }
        case 10 where span.equalsIgnoringCase("connection", in: name):
            noteConnection(value, of: span)
        case 14 where span.equalsIgnoringCase("content-length", in: name):
            guard contentLength == nil else { throw ProtocolError(.repeatedContentLength) }
            contentLength = try Self.contentLength(value, of: span)
        case 17 where span.equalsIgnoringCase("transfer-encoding", in: name):
            let isOnlyChunked =
                transferEncoding == .absent && span.equalsIgnoringCase("chunked", in: value)
            transferEncoding = isOnlyChunked ? .chunked : .unsupported
        default: break
        }
    }

    private mutating func noteHost(
        _ value: Range<Int>, of span: Span<UInt8>
    ) throws(ProtocolError) {
        guard !hasHostField else { throw ProtocolError(.repeatedHost) }
        guard Authority.isValid(value, in: span) else { throw ProtocolError(.invalidHost) }
        hasHostField = true
        if host == nil { host = ByteRange(value) }
    }

    /// Looks for the two options that matter in a comma-separated list (RFC 9110 §7.6.1).
    private mutating func noteConnection(_ value: Range<Int>, of span: Span<UInt8>) {
        var start = value.lowerBound
        while start < value.upperBound {
            while start < value.upperBound, Byte.isBlankOrTab(span[start]) { start += 1 }
            var end = start
            while end < value.upperBound, span[end] != Byte.comma { end += 1 }
            var optionEnd = end
            while optionEnd > start, Byte.isBlankOrTab(span[optionEnd - 1]) { optionEnd -= 1 }
            let option = start..<optionEnd
            if span.equalsIgnoringCase("close", in: option) { connectionSaysClose = true }
            if span.equalsIgnoringCase("keep-alive", in: option) { connectionSaysKeepAlive = true }
            start = end + 1
        }
    }

    /// `1*DIGIT`, at most 18 of them: whatever passes fits an Int, so nothing can overflow here
    /// or in a sum of two.
    private static func contentLength(
        _ value: Range<Int>, of span: Span<UInt8>
    ) throws(ProtocolError) -> Int {
        guard !value.isEmpty, value.count <= 18 else { throw ProtocolError(.invalidContentLength) }
        var length = 0
        for index in value {
            guard Byte.isDigit(span[index]) else { throw ProtocolError(.invalidContentLength) }
            length = length &* 10 &+ Int(span[index] &- Byte.zero)
        }
        return length
    }

    /// Applies the rules that need the whole head. Those that keep two readers of the bytes from
    /// disagreeing (RFC 9112 §6.1, §6.3) come before those that are merely about features.
    func validate(limits: RequestLimits) throws(ProtocolError) {
        if versionMinor >= 1, !hasHostField { throw ProtocolError(.missingHost) }
        if transferEncoding != .absent {
            if versionMinor == 0 { throw ProtocolError(.transferEncodingInHTTP10) }
            if contentLength != nil { throw ProtocolError(.contentLengthWithTransferEncoding) }
            if transferEncoding == .unsupported {
                throw ProtocolError(.unsupportedTransferEncoding)
            }
        }
        if expectation == .unsupported { throw ProtocolError(.unsupportedExpectation) }
        if let contentLength, contentLength > limits.bodyBytesMax {
            throw ProtocolError(.bodyTooLarge(bytesMax: limits.bodyBytesMax))
        }
    }
}
