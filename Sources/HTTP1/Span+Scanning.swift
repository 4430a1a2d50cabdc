// Searching bytes eight at a time, and comparing them with constants.
//
// The searches use the borrow trick on 64-bit words ("Bit Twiddling Hacks", S. E. Anderson: a
// zero byte in a word): the lowest flagged byte is exact, those above it may be false, and only
// the lowest is used. Words are read as little-endian, so the lowest byte is the first one.

extension Span where Element == UInt8 {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }
    private static var highBits: UInt64 { 0x8080_8080_8080_8080 }

    @inline(__always)
    private func word(at index: Int) -> UInt64 {
        // SAFETY: the load is checked against the bounds; every bit pattern is a UInt64.
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
        return UInt64(littleEndian: word)
    }

    /// The index of the first line feed in `start..<end`.
    func firstLineFeed(from start: Int, to end: Int) -> Int? {
        var index = start
        while end &- index >= 8 {
            let difference = word(at: index) ^ (Self.ones &* UInt64(Byte.lineFeed))
            let zeros = (difference &- Self.ones) & ~difference & Self.highBits
            if zeros != 0 { return index &+ zeros.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < end {
            if self[index] == Byte.lineFeed { return index }
            index &+= 1
        }
        return nil
    }

    /// The index of the first control byte at or after `start`, tab not counted; `count` if none.
    func firstControlByte(from start: Int) -> Int {
        var index = start
        while count &- index >= 8 {
            let word = word(at: index)
            let belowBlank = (word &- (Self.ones &* UInt64(Byte.blank))) & ~word
            let difference = word ^ (Self.ones &* UInt64(Byte.delete))
            let deletes = (difference &- Self.ones) & ~difference
            let flags = (belowBlank | deletes) & Self.highBits
            if flags == 0 {
                index &+= 8
                continue
            }
            index &+= flags.trailingZeroBitCount / 8
            if self[index] != Byte.tab { return index }
            index &+= 1
        }
        while index < count, !Byte.isControl(self[index]) { index &+= 1 }
        return index
    }

    /// Whether the bytes in `range` are `text`.
    func equals(_ text: StaticString, in range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for index in range {
            // SAFETY: `index - lowerBound` is less than the number of bytes `text` has.
            if self[index] != (unsafe text.utf8Start[index &- range.lowerBound]) { return false }
        }
        return true
    }

    /// Whether the bytes in `range` are `text`, upper and lower case letters being the same.
    ///
    /// Bytes are compared without bit 5, so `text` must hold letters, digits, `-` and `/` only,
    /// and the bytes in `range` no control bytes.
    func equalsIgnoringCase(_ text: StaticString, in range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for index in range {
            // SAFETY: `index - lowerBound` is less than the number of bytes `text` has.
            let expected = unsafe text.utf8Start[index &- range.lowerBound]
            if self[index] | 0x20 != expected | 0x20 { return false }
        }
        return true
    }
}

extension [UInt8] {
    mutating func append(_ span: Span<UInt8>) {
        // SAFETY: the pointer is used inside the closure only.
        unsafe span.withUnsafeBufferPointer { unsafe self.append(contentsOf: $0) }
    }

    mutating func append(_ text: StaticString) {
        // SAFETY: the pointer is used inside the closure only.
        text.withUTF8Buffer { unsafe self.append(contentsOf: $0) }
    }

    /// Appends a non-negative number in decimal.
    mutating func append(decimal number: Int) {
        precondition(number >= 0, "lengths, counts and seconds are never negative")
        var rest = number
        var power = 1
        while rest / power >= 10 { power *= 10 }
        while power > 0 {
            append(Byte.zero &+ UInt8(truncatingIfNeeded: rest / power))
            rest %= power
            power /= 10
        }
    }
}

extension Span<UInt8> {
    /// Whether the name of a field is one of those that only the response encoder writes.
    func isEncodersOwn(in range: Range<Int>) -> Bool {
        equalsIgnoringCase("content-length", in: range)
            || equalsIgnoringCase("transfer-encoding", in: range)
            || equalsIgnoringCase("connection", in: range)
    }
}
