// Server-sent events, as the WHATWG's HTML standard has them (§9.2.5 and §9.2.6): LF, CRLF or CR,
// comments, a byte order mark, several `data` lines. Fed chunks as they come from the network.
//
// Two departures, both for real upstreams. An event that the stream ends in without a blank line
// counts. And a server that sends one newline between events instead of two is understood: when
// what was gathered ends in `}` or `]` and the next `data` line starts with `{` or `[`, the two are
// events of their own. That is sound for JSON, in which those never stand side by side: between
// values there is a comma, and within a string a line break is not allowed.
//
// An event's data ends up in `data`, which a document may exchange for its own buffer
// (`JSONDocument.parse(exchanging:)`); the buffers take turns, and nothing is allocated.

/// A parser of server-sent events.
package struct SSEParser {
    /// What became of the bytes.
    package enum Step: Equatable {
        /// All bytes are used up; no event is complete.
        case needsMore
        /// `data` and `name` hold an event; there may be more in the same bytes.
        case event
        /// A line or an event is longer than allowed. The stream is of no use any more.
        case tooLong
    }

    /// The event's data: its lines, joined with LF. The caller may exchange it.
    package var data: [UInt8] = []
    /// The event's name, empty when it has none.
    package private(set) var name: [UInt8] = []

    private let eventBytesMax: Int
    /// The event that is being read, and whether it has had any `data` line.
    private var gathered: [UInt8] = []
    private var gatheredName: [UInt8] = []
    private var hasData = false
    /// The begin of a line whose end has not come yet.
    private var line: [UInt8] = []
    private var isFirstLine = true
    /// Whether the last byte was a CR that ended a line: a LF after it belongs to it.
    private var isAfterCarriageReturn = false

    /// The bytes that are kept of the event that is coming.
    var heldBytes: Int { data.count + gathered.count + line.count }

    /// - Parameter eventBytesMax: the most that one event, or one line, may have.
    package init(eventBytesMax: Int = SSEParser.eventBytesMaxDefault) {
        self.eventBytesMax = eventBytesMax
    }

    /// Images come as base64 in one event; 8 MiB is above what any model sends.
    package static var eventBytesMaxDefault: Int { 8 << 20 }

    /// Reads on from `position` until an event is complete or the bytes are used up.
    package mutating func next(in bytes: Span<UInt8>, from position: inout Int) -> Step {
        while position < bytes.count {
            if isAfterCarriageReturn {
                isAfterCarriageReturn = false
                if bytes[position] == UInt8(ascii: "\n") {
                    position &+= 1
                    continue
                }
            }
            let start = position
            let end = Self.lineEnd(bytes, start)
            guard line.count + gathered.count + (end - start) <= eventBytesMax else {
                return .tooLong
            }
            guard end < bytes.count else {
                line.append(bytes.extracting(start..<end))
                position = end
                return .needsMore
            }
            isAfterCarriageReturn = bytes[end] == UInt8(ascii: "\r")
            position = end &+ 1
            if line.isEmpty {
                if lineReceived(bytes.extracting(start..<end)) { return .event }
            } else {
                line.append(bytes.extracting(start..<end))
                if begunLineEnded() { return .event }
            }
        }
        return .needsMore
    }

    /// The stream has ended: gives what it left behind, one event a call, then `needsMore`.
    package mutating func finish() -> Step {
        if !line.isEmpty, begunLineEnded() { return .event }
        guard hasData else { return .needsMore }
        dispatch()
        return .event
    }

    // MARK: Lines

    private mutating func begunLineEnded() -> Bool {
        var whole: [UInt8] = []
        swap(&whole, &line)
        let isEvent = lineReceived(whole.span)
        whole.removeAll(keepingCapacity: true)
        swap(&whole, &line)
        return isEvent
    }

    /// Returns whether an event became complete.
    private mutating func lineReceived(_ text: Span<UInt8>) -> Bool {
        var text = text
        if isFirstLine {
            isFirstLine = false
            if matches(text, 0, "\u{FEFF}") { text = text.extracting(3...) }
        }
        guard text.count > 0 else {
            guard hasData else {
                gatheredName.removeAll(keepingCapacity: true)
                return false
            }
            dispatch()
            return true
        }
        if let start = Self.valueStart(text, "data") {
            return dataReceived(text.extracting(start...))
        }
        if let start = Self.valueStart(text, "event") {
            gatheredName.removeAll(keepingCapacity: true)
            gatheredName.append(text.extracting(start...))
        }
        return false
    }

    private mutating func dataReceived(_ value: Span<UInt8>) -> Bool {
        guard hasData else {
            hasData = true
            gathered.append(value)
            return false
        }
        // In this order: looking for the end goes back over all lines that are blank.
        if value.count > 0, value[0] == UInt8(ascii: "{") || value[0] == UInt8(ascii: "["),
            endsValue
        {
            dispatch()
            hasData = true
            gathered.append(value)
            return true
        }
        gathered.append(UInt8(ascii: "\n"))
        gathered.append(value)
        return false
    }

    private var endsValue: Bool {
        guard let last = gathered.last(where: { $0 > 0x20 }) else { return false }
        return last == UInt8(ascii: "}") || last == UInt8(ascii: "]")
    }

    private mutating func dispatch() {
        swap(&data, &gathered)
        gathered.removeAll(keepingCapacity: true)
        swap(&name, &gatheredName)
        gatheredName.removeAll(keepingCapacity: true)
        hasData = false
    }

    /// Where the value stands when the line's field is `field`: after the colon and one space; at
    /// the end when there is no colon.
    @inline(__always)
    private static func valueStart(_ line: Span<UInt8>, _ field: StaticString) -> Int? {
        guard matches(line, 0, field) else { return nil }
        let colon = field.utf8CodeUnitCount
        if line.count == colon { return colon }
        guard line[colon] == UInt8(ascii: ":") else { return nil }
        let hasSpace = line.count > colon &+ 1 && line[colon &+ 1] == UInt8(ascii: " ")
        return hasSpace ? colon &+ 2 : colon &+ 1
    }

    /// The index of the next LF or CR, or the end. Eight bytes at a time.
    @inline(__always)
    private static func lineEnd(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        // SAFETY: every byte of a UInt8 span is initialised.
        let raw = unsafe bytes.bytes
        var position = start
        while position &+ 8 <= raw.byteCount {
            // SAFETY: the load is of eight bytes that lie within the span.
            let word = unsafe raw.unsafeLoadUnaligned(
                fromUncheckedByteOffset: position, as: UInt64.self
            ).littleEndian
            let feeds = word ^ (ones &* 0x0A)
            let returns = word ^ (ones &* 0x0D)
            // A top bit is set in the lowest byte that is zero; false ones lie only above it.
            let found =
                (((feeds &- ones) & ~feeds) | ((returns &- ones) & ~returns)) & tops
            if found != 0 { return position &+ found.trailingZeroBitCount >> 3 }
            position &+= 8
        }
        while position < bytes.count, bytes[position] != 0x0A, bytes[position] != 0x0D {
            position &+= 1
        }
        return position
    }
}
