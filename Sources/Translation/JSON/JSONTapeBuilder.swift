// The parser: bytes to tape in one pass, strictly RFC 8259, iterative (input cannot exhaust the
// stack), depth-limited, UTF-8 validated. No allocation but the tape's own growth.
//
// Strings are scanned sixteen bytes at a time. The open containers form a stack that is threaded
// through `next` of their tokens, which is only needed once they are closed. Helpers take and return
// positions: nested functions that capture mutable locals cost 2.5 to 5 times as much.

enum JSONTapeBuilder {
    /// Marks the outermost container's parent while containers are open.
    private static let none = UInt32.max

    /// A tape begins with room for a chunk of a stream, rather than grow to it in seven steps.
    private static let slotsMin = 64
    private static let emptySlot = JSONToken(
        start: 0, end: 0, next: 0, kind: .null, isEscaped: false)

    /// A turn of the parser writes a container or a value, and the key after it.
    private static let turnTokensMax = 2

    /// How far the parser is.
    private struct Progress {
        var position: Int
        /// The innermost open container.
        var open = none
        var depth = 0
        /// The tokens so far.
        var count = 0
    }

    /// Parses `text` into `slots`, which are filled and made more as needed: appending would ask for
    /// each token whether somebody else holds the array, a twelfth of the work on a stream's chunk.
    ///
    /// - Parameters:
    ///   - depthMax: how many containers may be open at once.
    ///   - tokensMax: how long the tape may become, give or take those of one entry.
    /// - Returns: how many slots are the tape.
    static func build(
        _ text: [UInt8], depthMax: Int, tokensMax: Int,
        into slots: inout [JSONToken]
    ) throws(JSONError) -> Int {
        let bytes = text.span
        guard bytes.count < Int(Int32.max) else { throw .tooLarge }
        var progress = Progress(position: skipWhitespace(bytes, 0))
        while true {
            if progress.count &+ turnTokensMax > slots.count {
                let more = max(slotsMin, slots.count)
                slots.append(contentsOf: repeatElement(emptySlot, count: more))
            }
            var tape = slots.mutableSpan
            let isDone = try fill(
                &tape, bytes, depthMax: depthMax, tokensMax: tokensMax,
                &progress)
            if isDone { return progress.count }
        }
    }

    /// Goes on until the text ends, or no room is left for what one turn may write.
    /// Returns whether the text has ended.
    private static func fill(
        _ tape: inout MutableSpan<JSONToken>, _ bytes: Span<UInt8>, depthMax: Int, tokensMax: Int,
        _ progress: inout Progress
    ) throws(JSONError) -> Bool {
        var position = progress.position
        var open = progress.open
        var depth = progress.depth
        var count = progress.count
        while true {
            // A value is expected here; in an object, its key was read at the end of the last turn.
            guard position < bytes.count else { throw .unexpectedEnd }
            guard count &+ turnTokensMax <= tape.count else {
                progress = Progress(position: position, open: open, depth: depth, count: count)
                return false
            }
            switch bytes[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard depth < depthMax else { throw .tooDeep(offset: position) }
                let isObject = bytes[position] == UInt8(ascii: "{")
                tape[count] = JSONToken(
                    start: UInt32(truncatingIfNeeded: position), end: 0, next: open,
                    kind: isObject ? .object : .array, isEscaped: false)
                open = UInt32(truncatingIfNeeded: count)
                count &+= 1
                depth &+= 1
                position = skipWhitespace(bytes, position &+ 1)
                guard position < bytes.count else { throw .unexpectedEnd }
                if bytes[position] != (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    if isObject {
                        position = try key(bytes, position, into: &tape, &count)
                    }
                    continue
                }
            case UInt8(ascii: "\""):
                position = try string(bytes, position, into: &tape, &count)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                position = try number(bytes, position, into: &tape, &count)
            case UInt8(ascii: "t"):
                position = try literal(bytes, position, "true", .true, into: &tape, &count)
            case UInt8(ascii: "f"):
                position = try literal(bytes, position, "false", .false, into: &tape, &count)
            case UInt8(ascii: "n"):
                position = try literal(bytes, position, "null", .null, into: &tape, &count)
            default:
                throw .unexpectedByte(offset: position)
            }

            // A value has ended (or an empty container is about to): close what closes here.
            closing: while true {
                position = skipWhitespace(bytes, position)
                guard open != none else {
                    guard position == bytes.count else { throw .trailingBytes(offset: position) }
                    progress.count = count
                    return true
                }
                guard position < bytes.count else { throw .unexpectedEnd }
                let container = Int(open)
                let isObject = tape[container].kind == .object
                switch bytes[position] {
                case UInt8(ascii: ","):
                    guard count < tokensMax else { throw .tooManyValues }
                    position = skipWhitespace(bytes, position &+ 1)
                    if isObject {
                        position = try key(bytes, position, into: &tape, &count)
                    }
                    break closing
                case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
                    open = tape[container].next
                    depth &-= 1
                    position &+= 1
                    tape[container].end = UInt32(truncatingIfNeeded: position)
                    tape[container].next = UInt32(truncatingIfNeeded: count)
                default:
                    throw .unexpectedByte(offset: position)
                }
            }
        }
    }

    // MARK: Parts. Each takes the position of its first byte and returns the one after its last.

    @inline(__always)
    private static func skipWhitespace(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            // Nearly always the first test: compact JSON has no white space.
            if byte > 0x20 { return position }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else {
                return position
            }
            position &+= 1
        }
        return position
    }

    /// A key, its colon and the white space after it.
    @inline(__always)
    private static func key(
        _ bytes: Span<UInt8>, _ start: Int,
        into tape: inout MutableSpan<JSONToken>, _ count: inout Int
    ) throws(JSONError) -> Int {
        guard start < bytes.count else { throw .unexpectedEnd }
        guard bytes[start] == UInt8(ascii: "\"") else { throw .unexpectedByte(offset: start) }
        var position = skipWhitespace(
            bytes, try string(bytes, start, into: &tape, &count))
        guard position < bytes.count else { throw .unexpectedEnd }
        guard bytes[position] == UInt8(ascii: ":") else { throw .unexpectedByte(offset: position) }
        position = skipWhitespace(bytes, position &+ 1)
        return position
    }

    @inline(__always)
    private static func append(
        _ kind: JSONKind, _ start: Int, _ end: Int, isEscaped: Bool = false,
        to tape: inout MutableSpan<JSONToken>, _ count: inout Int
    ) {
        tape[count] = JSONToken(
            start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
            next: UInt32(truncatingIfNeeded: count &+ 1), kind: kind, isEscaped: isEscaped)
        count &+= 1
    }

    private static func string(
        _ bytes: Span<UInt8>, _ quote: Int,
        into tape: inout MutableSpan<JSONToken>, _ count: inout Int
    ) throws(JSONError) -> Int {
        let start = quote &+ 1
        var position = start
        var isEscaped = false
        var mayHoldHalfPair = false
        var high: UInt8 = 0
        while true {
            position = skipPlain(bytes, position, &high)
            guard position < bytes.count else { throw .unexpectedEnd }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                break
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                let isLineEnd =
                    position &+ 1 < bytes.count && bytes[position &+ 1] == UInt8(ascii: "n")
                if isLineEnd {
                    position &+= 2
                } else {
                    let end = try escape(bytes, position)
                    // `\ud800` to `\udfff`, and the two thousand characters before them.
                    if end &- position == 6, bytes[position &+ 2] | 0x20 == UInt8(ascii: "d") {
                        mayHoldHalfPair = true
                    }
                    position = end
                }
            } else if byte < 0x20 {
                throw .controlCharacterInString(offset: position)
            } else {
                high |= byte
                position &+= 1
            }
        }
        if high >= 0x80, !isValidUTF8(bytes, start, position) {
            throw .invalidUTF8(offset: start)
        }
        append(.string, start, position, isEscaped: isEscaped, to: &tape, &count)
        if mayHoldHalfPair {
            tape[count &- 1].mayHoldHalfPair = true
            tape[0].mayHoldHalfPair = true
        }
        return position &+ 1
    }

    /// Skips bytes that hold no quote, backslash or control byte, a vector at a time. What is left
    /// before the next such byte (fewer than sixteen bytes, at the end) is the caller's. Sets the top bit
    /// of `high` if one of the skipped bytes has it, or one soon after.
    @inline(__always)
    static func skipPlain(
        _ bytes: Span<UInt8>, _ start: Int, _ high: inout UInt8
    ) -> Int {
        // SAFETY: every byte of a UInt8 span is initialised.
        let raw = unsafe bytes.bytes
        var position = start
        var seen = SIMD16<UInt8>()
        while position &+ 16 <= raw.byteCount {
            // SAFETY: the load is of sixteen bytes that lie within the span.
            let vector = unsafe raw.unsafeLoadUnaligned(
                fromUncheckedByteOffset: position, as: SIMD16<UInt8>.self)
            // Each byte on its own: the top bit of `(x - 1) & ~x` is that of a zero. Swift's own
            // comparisons of vectors go lane by lane.
            let quotes: SIMD16<UInt8> = vector ^ SIMD16(repeating: UInt8(ascii: "\""))
            let slashes: SIMD16<UInt8> = vector ^ SIMD16(repeating: UInt8(ascii: "\\"))
            var found: SIMD16<UInt8> = (quotes &- SIMD16(repeating: 1)) & ~quotes
            found |= (slashes &- SIMD16(repeating: 1)) & ~slashes
            found |= (vector &- SIMD16(repeating: 0x20)) & ~vector
            found &= SIMD16(repeating: 0x80)
            // SAFETY: both are sixteen bytes of which every pattern is valid.
            let halves = unsafe unsafeBitCast(found, to: SIMD2<UInt64>.self)
            if halves[0] | halves[1] == 0 {
                seen |= vector
                position &+= 16
                continue
            }
            let isFirst = halves[0] != 0
            let half = (isFirst ? halves[0] : halves[1]).littleEndian
            high |= topBits(seen | vector)
            return position &+ half.trailingZeroBitCount >> 3 &+ (isFirst ? 0 : 8)
        }
        high |= topBits(seen)
        return position
    }

    /// 0x80 if the top bit of any byte is set.
    @inline(__always)
    private static func topBits(_ vector: SIMD16<UInt8>) -> UInt8 {
        // SAFETY: both are sixteen bytes of which every pattern is valid.
        let halves = unsafe unsafeBitCast(vector, to: SIMD2<UInt64>.self)
        return (halves[0] | halves[1]) & 0x8080_8080_8080_8080 != 0 ? 0x80 : 0
    }

    private static func escape(_ bytes: Span<UInt8>, _ backslash: Int) throws(JSONError) -> Int {
        guard backslash &+ 1 < bytes.count else { throw .unexpectedEnd }
        switch bytes[backslash &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return backslash &+ 2
        case UInt8(ascii: "u"):
            guard backslash &+ 6 <= bytes.count else { throw .unexpectedEnd }
            for index in 2..<6 where bytes[backslash &+ index].hexDigitValue == nil {
                throw .invalidEscape(offset: backslash)
            }
            return backslash &+ 6
        default:
            throw .invalidEscape(offset: backslash)
        }
    }

    /// RFC 8259 §6: `-`? (`0` | digit1-9 digits) (`.` digits)? ((`e`|`E`) (`+`|`-`)? digits)?
    private static func number(
        _ bytes: Span<UInt8>, _ start: Int, into tape: inout MutableSpan<JSONToken>,
        _ count: inout Int
    ) throws(JSONError) -> Int {
        var position = start
        if bytes[position] == UInt8(ascii: "-") { position &+= 1 }
        let integer = position
        position = skipDigits(bytes, position)
        guard position > integer else { throw .invalidNumber(offset: start) }
        guard bytes[integer] != UInt8(ascii: "0") || position == integer &+ 1 else {
            throw .invalidNumber(offset: start)
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            let fraction = position &+ 1
            position = skipDigits(bytes, fraction)
            guard position > fraction else { throw .invalidNumber(offset: start) }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position &+= 1
            if position < bytes.count,
                bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
            {
                position &+= 1
            }
            let exponent = position
            position = skipDigits(bytes, exponent)
            guard position > exponent else { throw .invalidNumber(offset: start) }
        }
        append(.number, start, position, to: &tape, &count)
        return position
    }

    @inline(__always)
    private static func skipDigits(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var position = start
        while position < bytes.count, bytes[position] &- UInt8(ascii: "0") < 10 { position &+= 1 }
        return position
    }

    private static func literal(
        _ bytes: Span<UInt8>, _ start: Int, _ text: StaticString, _ kind: JSONKind,
        into tape: inout MutableSpan<JSONToken>, _ count: inout Int
    ) throws(JSONError) -> Int {
        let end = start &+ text.utf8CodeUnitCount
        guard end <= bytes.count else { throw .unexpectedEnd }
        guard matches(bytes, start, text) else { throw .unexpectedByte(offset: start) }
        append(kind, start, end, to: &tape, &count)
        return end
    }

    /// Whether the bytes are UTF-8 (Unicode 16, table 3-7): ASCII is skipped a word at a time, which
    /// the standard library's validation does not do from one character beyond it to the next.
    private static func isValidUTF8(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        // SAFETY: every byte of a UInt8 span is initialised.
        let raw = unsafe bytes.bytes
        var position = start
        while true {
            while position &+ 8 <= end {
                // SAFETY: the load is of eight bytes that lie within the span.
                let tops =
                    unsafe raw.unsafeLoadUnaligned(
                        fromUncheckedByteOffset: position, as: UInt64.self
                    ).littleEndian & 0x8080_8080_8080_8080
                if tops != 0 {
                    position &+= tops.trailingZeroBitCount >> 3
                    break
                }
                position &+= 8
            }
            while position < end, bytes[position] < 0x80 { position &+= 1 }
            guard position < end else { return true }
            let length = characterLength(bytes, position, end)
            guard length > 0 else { return false }
            position &+= length
        }
    }

    /// The length of the well-formed character at `start`, which is not ASCII; 0 if there is none.
    @inline(__always)
    private static func characterLength(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        let lead = bytes[start]
        guard start &+ 1 < end else { return 0 }
        let second = bytes[start &+ 1]
        switch lead {
        case 0xC2...0xDF:
            return isContinuation(second) ? 2 : 0
        case 0xE0...0xEF:
            // No overlong form, no surrogate.
            let lowest: UInt8 = lead == 0xE0 ? 0xA0 : 0x80
            let highest: UInt8 = lead == 0xED ? 0x9F : 0xBF
            guard start &+ 2 < end, lowest <= second, second <= highest,
                isContinuation(bytes[start &+ 2])
            else { return 0 }
            return 3
        case 0xF0...0xF4:
            // No overlong form, nothing above U+10FFFF.
            let lowest: UInt8 = lead == 0xF0 ? 0x90 : 0x80
            let highest: UInt8 = lead == 0xF4 ? 0x8F : 0xBF
            guard start &+ 3 < end, lowest <= second, second <= highest,
                isContinuation(bytes[start &+ 2]), isContinuation(bytes[start &+ 3])
            else { return 0 }
            return 4
        default:
            return 0
        }
    }

    @inline(__always)
    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}

/// Whether `text` stands in `bytes` at `start`.
@inline(__always)
func matches(_ bytes: Span<UInt8>, _ start: Int, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count &- start >= count else { return false }
    // SAFETY: a StaticString's pointer is valid for its count, for ever.
    let expected = unsafe UnsafeBufferPointer(start: text.utf8Start, count: count)
    for index in 0..<count where unsafe bytes[start &+ index] != expected[index] { return false }
    return true
}

extension UInt8 {
    /// 0 to 15 for a hexadecimal digit of either case, else nil.
    @inline(__always)
    var hexDigitValue: UInt16? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(self &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(self &- UInt8(ascii: "a") &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(self &- UInt8(ascii: "A") &+ 10)
        default: nil
        }
    }
}
