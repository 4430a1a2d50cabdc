// The server's reading side of one connection: bytes in, requests out, no input or output of its
// own.
//
// The bytes of a head are collected here, once, because they must outlive the caller's input
// buffer; body bytes are never copied, the caller gets their place in its own input. One decoder
// serves all requests of a connection. Between requests it holds the head's arrays for reuse, at
// most `idleBytesMax` of them. After an error it stays failed: nothing more may be read as a
// request. Whatever way the input is split, the events and the error are the same.

/// What the decoder found next.
package enum RequestEvent: Sendable, Equatable {
    /// The input is used up and the request is not complete.
    case needsMoreInput
    /// A whole head that passed every check. Body events and `end` follow.
    case head(RequestHead)
    /// Body bytes, chunk framing taken off, at this place of the input that was passed in.
    case body(Range<Int>)
    /// The request is complete. What follows in the input belongs to the next one.
    case end
}

/// A strict decoder of HTTP/1.1 and HTTP/1.0 requests (RFC 9112).
package struct RequestDecoder: Sendable {
    /// Where in a request the decoder is; it tells which time-out applies.
    package enum Phase: Sendable, Equatable {
        /// Between requests: no byte of the next one has come.
        case idle
        /// The first byte of a head has come, the last one has not.
        case head
        /// The head has been handed out, `end` has not.
        case body
        /// A ProtocolError was thrown; the connection is of no more use.
        case failed
    }

    /// The limits; `bodyBytesMax` may be changed between requests.
    package var limits: RequestLimits
    private var state = State.idle
    private var head = RequestHead()
    private var chunks = ChunkedBodyDecoder()
    /// In `head.bytes`: the start of the first line that is not parsed yet.
    private var nextLine = 0
    /// In `head.bytes`: the index after the last line feed.
    private var linesEnd = 0

    private enum State: Sendable {
        case idle  // → leadingCarriageReturn, requestLine
        case leadingCarriageReturn  // → afterBlankLine
        case afterBlankLine  // → requestLine
        case requestLine  // → fieldLines
        case fieldLines  // → content, chunks, complete
        case content(bytesLeft: Int)  // → content, complete
        case chunks  // → idle
        case complete  // → idle
        case failed(ProtocolError)  // final; every state but `complete` leads here
    }

    /// What a head's arrays may hold on to while the connection waits for its next request.
    private static let idleBytesMax = 4 * 1024

    package init(limits: RequestLimits = RequestLimits()) {
        self.limits = limits
    }

    package var phase: Phase {
        switch state {
        case .idle, .leadingCarriageReturn, .afterBlankLine: .idle
        case .requestLine, .fieldLines: .head
        case .content, .chunks, .complete: .body
        case .failed: .failed
        }
    }

    /// Reads on from `offset`, which it advances over the bytes it took, until there is something
    /// to tell. To be called again, with the rest of the input, until it needs more. After `end`
    /// the caller decides when to go on: the rest of the input is a pipelined request.
    package mutating func decode(
        _ input: Span<UInt8>, from offset: inout Int
    ) throws(ProtocolError) -> RequestEvent {
        do throws(ProtocolError) {
            return try step(input, from: &offset)
        } catch {
            state = .failed(error)
            head = RequestHead()
            throw error
        }
    }

    private mutating func step(
        _ input: Span<UInt8>, from offset: inout Int
    ) throws(ProtocolError) -> RequestEvent {
        while true {
            switch state {
            case .idle, .leadingCarriageReturn, .afterBlankLine:
                guard offset < input.count else { return .needsMoreInput }
                try beginHead(input[offset], at: &offset)
            case .requestLine, .fieldLines:
                collectHead(input, from: &offset)
                if try parseCollectedLines() { return .head(head) }
                return .needsMoreInput
            case .content(let bytesLeft):
                guard offset < input.count else { return .needsMoreInput }
                let start = offset
                offset += min(bytesLeft, input.count - start)
                let rest = bytesLeft - (offset - start)
                state = rest > 0 ? .content(bytesLeft: rest) : .complete
                return .body(start..<offset)
            case .chunks:
                let event = try chunks.decode(input, from: &offset, limits: limits)
                if case .end = event { becomeIdle() }
                return event
            case .complete:
                becomeIdle()
                return .end
            case .failed(let error):
                throw error
            }
        }
    }

    private mutating func becomeIdle() {
        state = .idle
        if head.bytes.capacity + head.layout.fields.capacity * MemoryLayout<HeadLayout.Field>.stride
            > Self.idleBytesMax
        {
            head = RequestHead()
        }
    }
}

// MARK: - Head

extension RequestDecoder {
    /// Looks at the first byte of a request. One empty line before it is skipped, as RFC 9112
    /// §2.2 asks; it is not yet a request, so the connection still counts as idle.
    private mutating func beginHead(_ byte: UInt8, at offset: inout Int) throws(ProtocolError) {
        if case .leadingCarriageReturn = state {
            guard byte == Byte.lineFeed else { throw ProtocolError(.bareCarriageReturn) }
            state = .afterBlankLine
            offset += 1
            return
        }
        switch byte {
        case Byte.carriageReturn:
            if case .afterBlankLine = state { throw ProtocolError(.surplusBlankLine) }
            state = .leadingCarriageReturn
            offset += 1
        case Byte.lineFeed: throw ProtocolError(.bareLineFeed)
        // The type of a TLS record that holds a handshake (RFC 8446 §5.1). To wait for the end
        // of such a "line" would leave the client hanging.
        case 0x16: throw ProtocolError(.tlsHandshake)
        case _ where ByteSet.token.contains(byte):
            head.reset()
            nextLine = 0
            linesEnd = 0
            state = .requestLine
        default: throw ProtocolError(.malformedRequestLine)
        }
    }

    /// Copies input up to the end of the head, or all of it, but no more than a head may have.
    private mutating func collectHead(_ input: Span<UInt8>, from offset: inout Int) {
        // Lines are counted in the input's offsets; a line begun in an earlier input has a
        // negative one.
        let shift = head.bytes.count - offset
        var lineStart = linesEnd - shift
        var end = min(input.count, offset + limits.headBytesMax - head.bytes.count)
        var searched = offset
        while let lineFeed = input.firstLineFeed(from: searched, to: end) {
            searched = lineFeed + 1
            let isEmpty = lineFeed - lineStart <= 1
            lineStart = searched
            if isEmpty {
                end = searched
                break
            }
        }
        linesEnd = lineStart + shift
        head.bytes.append(input.extracting(offset..<end))
        offset = end
    }

    /// Parses the lines that are complete. Returns whether the head is.
    private mutating func parseCollectedLines() throws(ProtocolError) -> Bool {
        // A second reference, because a span of `head.bytes` would lock all of `self`.
        let bytes = head.bytes
        let span = bytes.span
        if case .requestLine = state {
            let lineMax = limits.requestLineBytesMax
            let searchEnd = min(linesEnd, lineMax)
            if let lineFeed = span.firstLineFeed(from: 0, to: searchEnd) {
                try head.layout.parseRequestLine(endingAt: lineFeed, of: span, limits: limits)
                nextLine = lineFeed + 1
                state = .fieldLines
            } else if span.count >= lineMax {
                throw ProtocolError(.targetTooLong(bytesMax: limits.targetBytesMax))
            }
        }
        while nextLine < linesEnd {
            if try HeadLayout.isEndOfHead(at: nextLine, of: span) {
                try finishHead()
                return true
            }
            guard head.fieldCount < limits.fieldsMax else {
                throw ProtocolError(.tooManyFields(max: limits.fieldsMax))
            }
            nextLine = try head.layout.parseFieldLine(at: nextLine, of: span)
        }
        guard span.count < limits.headBytesMax else {
            throw ProtocolError(.headTooLarge(bytesMax: limits.headBytesMax))
        }
        return false
    }

    private mutating func finishHead() throws(ProtocolError) {
        try head.layout.validate(limits: limits)
        if head.isChunked {
            chunks = ChunkedBodyDecoder()
            state = .chunks
        } else if let length = head.contentLength, length > 0 {
            state = .content(bytesLeft: length)
        } else {
            state = .complete
        }
    }
}

// MARK: - End of input

extension RequestDecoder {
    /// What the client's end of the stream means where it came.
    package enum EndOfInput: Sendable, Equatable {
        /// Between requests: the connection ends as it should. Also after an error.
        case clean
        /// Inside a head. Nothing is answered, nothing goes upstream.
        case truncatedHead
        /// Inside a body, or before the caller took the request's `end`. Nothing is answered,
        /// nothing goes upstream.
        case truncatedBody
    }

    /// To be called once when the client has sent its last byte and all input has been decoded.
    package func endOfInput() -> EndOfInput {
        switch phase {
        case .idle, .failed: .clean
        case .head: .truncatedHead
        case .body: .truncatedBody
        }
    }
}
