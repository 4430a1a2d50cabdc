// Stop sequences for upstreams that know none: the Responses API has no `stop`. Text is watched as it
// passes, still escaped; the end of it that may be the beginning of a sequence waits for what comes.
// One step a byte and sequence (Knuth, Morris and Pratt), so that no text makes it slow.

/// Finds the first stop sequence in text that comes in pieces.
struct StopSequenceScanner {
    /// More and longer ones than any client sends are left out.
    static var sequencesMax: Int { 16 }
    static var sequenceBytesMax: Int { 1024 }

    private struct Watch {
        let sequence: [UInt8]
        /// For each length of a match, the length of the longest shorter one that it ends in.
        let shorter: [Int]
        /// How much of the sequence the text so far ends in.
        var length = 0

        init(_ sequence: [UInt8]) {
            self.sequence = sequence
            var shorter = [0, 0]
            var length = 0
            for index in sequence.indices.dropFirst() {
                while length > 0, sequence[index] != sequence[length] { length = shorter[length] }
                if sequence[index] == sequence[length] { length += 1 }
                shorter.append(length)
            }
            self.shorter = shorter
        }

        /// Returns whether `byte` completes the sequence.
        mutating func step(_ byte: UInt8) -> Bool {
            while length > 0, sequence[length] != byte { length = shorter[length] }
            if sequence[length] == byte { length += 1 }
            return length == sequence.count
        }
    }

    private var watches: [Watch]
    /// Text that waits, escaped.
    private(set) var held: [UInt8] = []
    /// Where in `held` the character of each decoded byte begins.
    private var starts: [Int] = []

    /// - Parameter sequences: decoded.
    init(_ sequences: [[UInt8]]) {
        watches = sequences.filter { !$0.isEmpty }.map { Watch($0) }
    }

    /// Takes the next piece and appends to `ready` what may be shown.
    ///
    /// - Returns: the sequence that ends the text; nothing before it waits any more.
    mutating func take(_ piece: Span<UInt8>, into ready: inout [UInt8]) -> [UInt8]? {
        var index = held.count
        // Where the text that has been decoded ends: half of a surrogate pair may stand behind it.
        if let pending { index = pending }
        pending = nil
        held.append(piece)
        var decoded: [UInt8] = []
        while index < held.count {
            decoded.removeAll(keepingCapacity: true)
            let next = Self.decode(held.span, index, into: &decoded)
            guard let next else {
                pending = index
                break
            }
            for byte in decoded {
                starts.append(index)
                for number in watches.indices where watches[number].step(byte) {
                    let sequence = watches[number].sequence
                    let start = starts[starts.count - sequence.count]
                    ready.append(held.span.extracting(..<start))
                    reset()
                    return sequence
                }
            }
            index = next
        }
        let waiting = watches.reduce(0) { max($0, $1.length) }
        let end = waiting > 0 ? starts[starts.count - waiting] : pending ?? held.count
        ready.append(held.span.extracting(..<end))
        held.removeFirst(end)
        starts.removeFirst(starts.count - waiting)
        for index in starts.indices { starts[index] -= end }
        if let place = pending { pending = place - end }
        return nil
    }

    /// Where half of a surrogate pair stands, at the end of `held`.
    private var pending: Int?

    /// The text ends here: nothing of it waits any more.
    mutating func finish() -> [UInt8] {
        var rest: [UInt8] = []
        swap(&rest, &held)
        reset()
        return rest
    }

    private mutating func reset() {
        held.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        pending = nil
        for index in watches.indices { watches[index].length = 0 }
    }

    /// Appends the UTF-8 of the character at `index`, or its next byte, and returns where the next
    /// one stands; nil for half of a surrogate pair at the end, whose other half may come.
    private static func decode(
        _ text: Span<UInt8>, _ index: Int, into decoded: inout [UInt8]
    ) -> Int? {
        let (character, length) = EscapedText.character(text, index)
        guard character == EscapedText.other, length == 6 else {
            decoded.append(character)
            return index + length
        }
        let unit = codeUnit(text, index)
        guard UTF16.isLeadSurrogate(unit) else {
            append(UInt32(unit), to: &decoded)
            return index + 6
        }
        guard index + 6 < text.count else { return nil }
        guard text[index + 6] == UInt8(ascii: "\\"), text[index + 7] == UInt8(ascii: "u") else {
            append(0xFFFD, to: &decoded)
            return index + 6
        }
        let trail = codeUnit(text, index + 6)
        guard UTF16.isTrailSurrogate(trail) else {
            append(0xFFFD, to: &decoded)
            return index + 6
        }
        append(
            0x1_0000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(trail) - 0xDC00), to: &decoded)
        return index + 12
    }

    private static func codeUnit(_ text: Span<UInt8>, _ index: Int) -> UInt16 {
        var unit: UInt16 = 0
        for offset in 2..<6 { unit = unit << 4 | (text[index + offset].hexDigitValue ?? 0) }
        return unit
    }

    private static func append(_ scalar: UInt32, to decoded: inout [UInt8]) {
        decoded.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    }
}
