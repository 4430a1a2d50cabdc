// The chunked transfer coding, reading side (RFC 9112 §7.1).
//
// A state per byte of framing, so nothing is buffered and any split of the input gives the same
// result; data bytes are skipped over in one step. Extensions and trailers are checked and
// dropped. A line feed alone is never a line end here: readers that took it for one were how
// requests were smuggled past others (CVE-2025-22871, CVE-2025-55315).

/// Takes the framing off one chunked body.
struct ChunkedBodyDecoder: Sendable {
    private var state = State.firstSizeDigit
    /// The size being read, then the bytes of the chunk that have not come yet.
    private var chunkBytesLeft = 0
    private var significantDigits = 0
    /// Bytes of the size line so far; later, bytes of the trailer section.
    private var lineBytes = 0
    private var bodyBytes = 0

    private enum State: Sendable {
        case firstSizeDigit  // → size
        case size  // → size, extension, sizeLineFeed
        case `extension`  // → extension, sizeLineFeed
        case sizeLineFeed  // → data, trailerLine (after the last chunk)
        case data  // → data, dataCarriageReturn
        case dataCarriageReturn  // → dataLineFeed
        case dataLineFeed  // → firstSizeDigit
        case trailerLine  // → trailerName, lastLineFeed
        case trailerName  // → trailerName, trailerNameCarriageReturn, trailerValue
        case trailerNameCarriageReturn  // a fault, the next byte says which
        case trailerValue  // → trailerValue, trailerLineFeed
        case trailerLineFeed  // → trailerLine
        case lastLineFeed  // the end
    }

    mutating func decode(
        _ input: Span<UInt8>, from offset: inout Int, limits: RequestLimits
    ) throws(ProtocolError) -> RequestEvent {
        while offset < input.count {
            switch state {
            case .data:
                let start = offset
                offset += min(chunkBytesLeft, input.count - start)
                chunkBytesLeft -= offset - start
                if chunkBytesLeft == 0 { state = .dataCarriageReturn }
                return .body(start..<offset)
            case .dataCarriageReturn, .dataLineFeed:
                try readDataEnd(input[offset])
                offset += 1
            case .firstSizeDigit, .size, .extension, .sizeLineFeed:
                try readSizeLine(input[offset], limits: limits)
                offset += 1
            case .trailerLine, .trailerName, .trailerNameCarriageReturn, .trailerValue,
                .trailerLineFeed, .lastLineFeed:
                let isEnd = try readTrailer(input[offset], limits: limits)
                offset += 1
                if isEnd { return .end }
            }
        }
        return .needsMoreInput
    }

    // MARK: Size line

    private mutating func readSizeLine(
        _ byte: UInt8, limits: RequestLimits
    ) throws(ProtocolError) {
        lineBytes += 1
        guard lineBytes <= limits.chunkLineBytesMax else {
            throw ProtocolError(.chunkLineTooLong(bytesMax: limits.chunkLineBytesMax))
        }
        switch state {
        case .firstSizeDigit:
            guard let digit = Byte.hexadecimalValue(byte) else {
                throw ProtocolError(.invalidChunkSize)
            }
            try addDigit(digit)
            state = .size
        case .size:
            if let digit = Byte.hexadecimalValue(byte) {
                try addDigit(digit)
                return
            }
            switch byte {
            case Byte.carriageReturn: state = .sizeLineFeed
            case Byte.semicolon: state = .extension
            case Byte.lineFeed: throw ProtocolError(.bareLineFeed)
            case Byte.blank, Byte.tab: throw ProtocolError(.blankAfterChunkSize)
            default: throw ProtocolError(.invalidChunkSize)
            }
        case .extension:
            switch byte {
            case Byte.carriageReturn: state = .sizeLineFeed
            case Byte.lineFeed: throw ProtocolError(.bareLineFeed)
            default:
                if Byte.isControl(byte) { throw ProtocolError(.controlByteInChunkExtension) }
            }
        case .sizeLineFeed:
            guard byte == Byte.lineFeed else { throw ProtocolError(.bareCarriageReturn) }
            try beginChunk(limits: limits)
        case .data, .dataCarriageReturn, .dataLineFeed, .trailerLine, .trailerName,
            .trailerNameCarriageReturn, .trailerValue, .trailerLineFeed, .lastLineFeed:
            preconditionFailure("decode sends only the states of a size line here")
        }
    }

    /// Zeros in front do not count; the length of the line bounds them.
    private mutating func addDigit(_ digit: UInt8) throws(ProtocolError) {
        if digit != 0 || significantDigits > 0 { significantDigits += 1 }
        guard significantDigits <= 8 else { throw ProtocolError(.chunkSizeTooLong) }
        chunkBytesLeft = chunkBytesLeft << 4 | Int(digit)
    }

    /// Decides on the chunk by its size, so a body that will be too large is refused before the
    /// chunk that makes it so.
    private mutating func beginChunk(limits: RequestLimits) throws(ProtocolError) {
        lineBytes = 0
        significantDigits = 0
        bodyBytes += chunkBytesLeft
        guard bodyBytes <= limits.bodyBytesMax else {
            throw ProtocolError(.bodyTooLarge(bytesMax: limits.bodyBytesMax))
        }
        state = chunkBytesLeft > 0 ? .data : .trailerLine
    }

    private mutating func readDataEnd(_ byte: UInt8) throws(ProtocolError) {
        if state == .dataCarriageReturn {
            guard byte == Byte.carriageReturn else { throw ProtocolError(.missingChunkEnd) }
            state = .dataLineFeed
        } else {
            guard byte == Byte.lineFeed else { throw ProtocolError(.missingChunkEnd) }
            state = .firstSizeDigit
        }
    }

    // MARK: Trailers

    /// Checks a byte of the trailer section by the rules of field lines. Returns whether it was
    /// the last one.
    private mutating func readTrailer(
        _ byte: UInt8, limits: RequestLimits
    ) throws(ProtocolError) -> Bool {
        lineBytes += 1
        guard lineBytes <= limits.trailerBytesMax else {
            throw ProtocolError(.trailersTooLarge(bytesMax: limits.trailerBytesMax))
        }
        switch state {
        case .trailerLine where byte == Byte.carriageReturn:
            state = .lastLineFeed
        case .trailerLine, .trailerName:
            let isAtStart = state == .trailerLine
            if ByteSet.token.contains(byte) {
                state = .trailerName
            } else if byte == Byte.colon, !isAtStart {
                state = .trailerValue
            } else if byte == Byte.carriageReturn {
                state = .trailerNameCarriageReturn
            } else {
                throw ProtocolError(
                    HeadLayout.nameFault(byte, followedBy: 0, isAtStart: isAtStart))
            }
        case .trailerNameCarriageReturn:
            throw ProtocolError(
                HeadLayout.nameFault(
                    Byte.carriageReturn, followedBy: byte, isAtStart: false))
        case .trailerValue:
            if byte == Byte.carriageReturn {
                state = .trailerLineFeed
            } else if Byte.isControl(byte) {
                throw ProtocolError(HeadLayout.valueFault(byte))
            }
        case .trailerLineFeed:
            guard byte == Byte.lineFeed else { throw ProtocolError(.bareCarriageReturn) }
            state = .trailerLine
        case .lastLineFeed:
            guard byte == Byte.lineFeed else { throw ProtocolError(.bareCarriageReturn) }
            return true
        case .firstSizeDigit, .size, .extension, .sizeLineFeed, .data, .dataCarriageReturn,
            .dataLineFeed:
            preconditionFailure("decode sends only the states of trailers here")
        }
        return false
    }
}
