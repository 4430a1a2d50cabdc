// Follows a tool call's arguments, which arrive in pieces of JSON inside JSON strings, to the end
// of the first complete object. What comes after it must not reach the client: trailing white space
// is harmless, but a second copy of the object (Kimi) would be a second input.
//
// What models write that is JSON but for a trifle is mended on the way, since clients hand broken
// arguments back to the model: a comma before a closing bracket is left out, a raw control character
// in a string is escaped, and half of a surrogate pair becomes U+FFFD. Whether a comma is the last one
// shows only in what follows it, perhaps in the next piece: until then it is held.
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

    /// What is held until more has come. "Inner" escapes are those of the arguments' own strings.
    private enum Pending: Equatable {
        case nothing
        /// A comma, with the white space after it.
        case comma
        /// The outer escape of a lead surrogate.
        case outerLead
        /// The digits of an inner escape: how many there are, their value, and the lead before them.
        case digits(Int, UInt16, afterLead: Bool)
        /// The digits of a lead surrogate, then perhaps a backslash.
        case lead(hasBackslash: Bool)
    }

    /// Where reading a piece stands.
    private struct Cursor {
        var index = 0
        /// What follows has not been appended yet.
        var plain = 0
        /// Where that begins that is held, if nothing is held from before.
        var hold = 0
    }

    private(set) var extent = Extent.nothing
    private var depth = 0
    private var isInString = false
    /// Whether the last character, within a string, was a backslash that takes the next one.
    private var isEscaping = false
    private var pending = Pending.nothing
    /// What is held of earlier pieces.
    private var held: [UInt8] = []

    /// How much is held.
    var heldBytes: Int { held.count }

    /// Takes the next piece and appends what belongs to the first value, mended.
    mutating func take(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        var cursor = Cursor()
        while cursor.index < piece.count {
            if extent == .begun {
                let (character, length) = EscapedText.character(piece, cursor.index)
                if isOrdinary(character) {
                    cursor.index &+= length
                    guard step(character) else { continue }
                    extent = .complete
                    output.append(piece.extracting(cursor.plain..<cursor.index))
                    return
                }
                mend(piece, character, length, &cursor, &output)
            } else if !begin(piece, &cursor, &output) {
                return
            }
        }
        guard extent == .begun else { return }
        if pending == .nothing {
            output.append(piece.extracting(cursor.plain...))
        } else if held.isEmpty {
            output.append(piece.extracting(cursor.plain..<cursor.hold))
            held.append(piece.extracting(cursor.hold...))
        } else {
            held.append(piece.extracting(cursor.plain...))
        }
    }

    /// Looks for the begin of the value. Returns whether to go on.
    private mutating func begin(
        _ piece: Span<UInt8>, _ cursor: inout Cursor, _ output: inout [UInt8]
    ) -> Bool {
        switch extent {
        case .begun: return true
        case .complete: return false
        case .nothing: break
        case .foreign:
            output.append(piece.extracting(cursor.index...))
            return false
        }
        let (character, length) = EscapedText.character(piece, cursor.index)
        if character == UInt8(ascii: "{") {
            extent = .begun
            depth = 1
            cursor.plain = cursor.index
        } else if character > 0x20 {
            extent = .foreign
            return true
        }
        cursor.index &+= length
        return true
    }

    /// Whether nothing but `step` has to look at the character.
    @inline(__always)
    private func isOrdinary(_ character: UInt8) -> Bool {
        guard pending == .nothing, character >= 0x20, character != EscapedText.other else {
            return false
        }
        return isInString
            ? !isEscaping || character != UInt8(ascii: "u") : character != UInt8(ascii: ",")
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

    // MARK: Mending

    /// Looks at a character that may have to be held or changed, or that follows one that is held.
    private mutating func mend(
        _ piece: Span<UInt8>, _ character: UInt8, _ length: Int, _ cursor: inout Cursor,
        _ output: inout [UInt8]
    ) {
        switch pending {
        case .nothing: hold(piece, character, length, &cursor, &output)
        case .comma:
            if character <= 0x20 {
                cursor.index &+= length
            } else if character == UInt8(ascii: "}") || character == UInt8(ascii: "]") {
                replace(with: [], piece, &cursor, &output)
            } else {
                release(&output)
            }
        case .outerLead:
            if HalfPair(piece, at: cursor.index) == .trail {
                cursor.index &+= length
                release(&output)
            } else {
                replace(with: Array(#"\ufffd"#.utf8), piece, &cursor, &output)
            }
        case .digits(let count, let unit, let afterLead):
            guard let digit = character.hexDigitValue else { return release(&output) }
            cursor.index &+= length
            let unit = unit << 4 | digit
            pending = .digits(count + 1, unit, afterLead: afterLead)
            if count == 3 { escapeEnded(unit, afterLead: afterLead, piece, &cursor, &output) }
        case .lead(hasBackslash: false):
            if character == UInt8(ascii: "\\") {
                cursor.index &+= length
                pending = .lead(hasBackslash: true)
            } else {
                replace(with: Array("fffd".utf8), piece, &cursor, &output)
            }
        case .lead(hasBackslash: true):
            if character == UInt8(ascii: "u") {
                cursor.index &+= length
                pending = .digits(0, 0, afterLead: true)
            } else {
                replace(with: Array(#"fffd\\"#.utf8), piece, &cursor, &output)
                isEscaping = true
            }
        }
    }

    /// Nothing is held: begins to hold, or changes the character, or passes it.
    private mutating func hold(
        _ piece: Span<UInt8>, _ character: UInt8, _ length: Int, _ cursor: inout Cursor,
        _ output: inout [UInt8]
    ) {
        let start = cursor.index
        cursor.index &+= length
        cursor.hold = start
        if character == EscapedText.other {
            isEscaping = false
            switch HalfPair(piece, at: start) {
            case .lead: pending = .outerLead
            case .trail: replace(with: Array(#"\ufffd"#.utf8), piece, &cursor, &output)
            case nil: break
            }
        } else if !isInString {
            if character == UInt8(ascii: ",") { pending = .comma }
        } else if character < 0x20 {
            var escape: [UInt8] = []
            // The backslash that takes the character is there already.
            if !isEscaping { escape.append(#"\\"#) }
            Self.appendEscape(of: character, to: &escape)
            isEscaping = false
            replace(with: escape, piece, &cursor, &output)
        } else {
            // The `u` of an escape, of which only the digits may have to change.
            isEscaping = false
            pending = .digits(0, 0, afterLead: false)
            cursor.hold = cursor.index
        }
    }

    /// The four digits of an inner escape are there.
    private mutating func escapeEnded(
        _ unit: UInt16, afterLead: Bool, _ piece: Span<UInt8>, _ cursor: inout Cursor,
        _ output: inout [UInt8]
    ) {
        let half = HalfPair(unit)
        if afterLead, half != .trail {
            replace(with: Array(#"fffd\\u"#.utf8), piece, &cursor, &output)
            var digits: [UInt8] = []
            digits.append(hexadecimal: UInt8(truncatingIfNeeded: unit >> 8))
            digits.append(hexadecimal: UInt8(truncatingIfNeeded: unit))
            if half == .lead {
                held = digits
                pending = .lead(hasBackslash: false)
            } else {
                output.append(digits.span)
            }
        } else if !afterLead, half == .lead {
            pending = .lead(hasBackslash: false)
        } else if !afterLead, half == .trail {
            replace(with: Array("fffd".utf8), piece, &cursor, &output)
        } else {
            release(&output)
        }
    }

    /// What is held is in order.
    private mutating func release(_ output: inout [UInt8]) {
        pending = .nothing
        output.append(held.span)
        held.removeAll(keepingCapacity: true)
    }

    /// Puts `text` in the place of what is held, up to the cursor.
    private mutating func replace(
        with text: [UInt8], _ piece: Span<UInt8>, _ cursor: inout Cursor, _ output: inout [UInt8]
    ) {
        pending = .nothing
        if held.isEmpty { output.append(piece.extracting(cursor.plain..<cursor.hold)) }
        held.removeAll(keepingCapacity: true)
        output.append(text.span)
        cursor.plain = cursor.index
    }

    /// The rest of the escape of a control character after its backslash.
    private static func appendEscape(of character: UInt8, to output: inout [UInt8]) {
        switch character {
        case 0x08: output.append("b")
        case 0x09: output.append("t")
        case 0x0A: output.append("n")
        case 0x0C: output.append("f")
        case 0x0D: output.append("r")
        default:
            output.append("u00")
            output.append(hexadecimal: character)
        }
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
            let unit = unit(text, index &+ 2)
            return (unit < 0x80 ? UInt8(truncatingIfNeeded: unit) : other, 6)
        case let character: return (character, 2)
        }
    }

    /// The code unit of the four digits at `index`.
    static func unit(_ text: Span<UInt8>, _ index: Int) -> UInt16 {
        var unit: UInt16 = 0
        for offset in 0..<4 { unit = unit << 4 | (text[index &+ offset].hexDigitValue ?? 0) }
        return unit
    }
}
