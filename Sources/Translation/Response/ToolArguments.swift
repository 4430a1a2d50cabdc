// Follows a tool call's arguments, which arrive in pieces of JSON inside JSON strings, to the end
// of the first complete object. What comes after it must not reach the client: trailing white space
// is harmless, but a second copy of the object (Kimi) would be a second input.
//
// The pieces are looked at as they are, still escaped: `{\"a\":\"b\\\"c\"}` has the object's quotes
// as `\"` and a quote inside its string as `\\\"`. A piece never ends within an escape, since each
// was a JSON string of its own.

/// Finds the extent of an object in escaped pieces.
struct ToolArguments {
    enum Extent: Equatable {
        /// Only white space so far.
        case nothing
        /// Inside the object.
        case begun
        /// The object is complete.
        case complete
        /// The first value is no object.
        case foreign
    }

    private(set) var extent = Extent.nothing
    private var depth = 0
    private var isInString = false
    /// Whether the last character, within a string, was a backslash that takes the next one.
    private var isEscaping = false

    /// Takes the next piece and returns which part of it belongs to the first value.
    mutating func take(_ piece: Span<UInt8>) -> Range<Int> {
        var index = 0
        var start = 0
        while index < piece.count {
            let (character, length) = EscapedText.character(piece, index)
            switch extent {
            case .complete:
                return start..<start
            case .foreign:
                return start..<piece.count
            case .nothing:
                if character <= 0x20 {
                    start = index &+ length
                } else if character == UInt8(ascii: "{") {
                    extent = .begun
                    depth = 1
                } else {
                    extent = .foreign
                }
                index &+= length
            case .begun:
                index &+= length
                if step(character) {
                    extent = .complete
                    return start..<index
                }
            }
        }
        return start..<piece.count
    }

    /// Returns whether `character` completes the object.
    @inline(__always)
    private mutating func step(_ character: UInt8) -> Bool {
        if isInString {
            if isEscaping {
                isEscaping = false
            } else if character == UInt8(ascii: "\\") {
                isEscaping = true
            } else if character == UInt8(ascii: "\"") {
                isInString = false
            }
            return false
        }
        switch character {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth &+= 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth &-= 1
        default: break
        }
        return depth == 0
    }
}

/// Reading the inside of JSON strings without decoding it.
enum EscapedText {
    /// Stands for every character that is not ASCII.
    static var other: UInt8 { 0xFF }

    /// The character that stands at `index` of valid string content, and how many bytes it takes
    /// there. Bytes of multi-byte characters come one by one, as themselves.
    @inline(__always)
    static func character(_ text: Span<UInt8>, _ index: Int) -> (character: UInt8, length: Int) {
        let byte = text[index]
        guard byte == UInt8(ascii: "\\") else { return (byte, 1) }
        return escape(text, index)
    }

    private static func escape(_ text: Span<UInt8>, _ index: Int) -> (UInt8, Int) {
        switch text[index &+ 1] {
        case UInt8(ascii: "n"): return (0x0A, 2)
        case UInt8(ascii: "r"): return (0x0D, 2)
        case UInt8(ascii: "t"): return (0x09, 2)
        case UInt8(ascii: "b"): return (0x08, 2)
        case UInt8(ascii: "f"): return (0x0C, 2)
        case UInt8(ascii: "u"):
            var unit: UInt16 = 0
            for offset in 2..<6 {
                unit = unit << 4 | (text[index &+ offset].hexDigitValue ?? 0)
            }
            return (unit < 0x80 ? UInt8(truncatingIfNeeded: unit) : other, 6)
        case let character: return (character, 2)
        }
    }
}
