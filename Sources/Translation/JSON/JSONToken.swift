// The vocabulary of the JSON tape: what a token is, how a place on the tape is named, and what can
// be wrong with a document. JSONDocument holds the tape; JSONTapeBuilder makes it.

/// The seven kinds of JSON values (RFC 8259 §3).
package enum JSONKind: UInt8, Sendable {
    case object, array, string, number, `true`, `false`, null
}

/// One token of the tape, 16 bytes.
///
/// A value's bytes are `start..<end` of the document: for strings what stands between the quotes,
/// still escaped; for everything else the whole literal, brackets included. `next` is the index of
/// the token after the value and all that it contains, so that skipping a value is one load.
struct JSONToken: Sendable {
    var start: UInt32
    var end: UInt32
    var next: UInt32
    var kind: JSONKind
    /// Whether a string holds at least one backslash.
    var isEscaped: Bool
    /// Whether a string holds an escape that may be half of a surrogate pair. In the outermost value's
    /// token: whether any string of the text does.
    var mayHoldHalfPair = false
}

/// A value's place on the tape of one document. Meaningless for any other document.
package struct JSONNode: Equatable, Sendable {
    let index: Int32

    /// The document's outermost value.
    package static let root = JSONNode(index: 0)

    init(index: Int32) { self.index = index }
    init(index: Int) { self.index = Int32(truncatingIfNeeded: index) }
}

/// Why some bytes are no JSON text, with the offset of the byte that shows it.
package enum JSONError: Error, Equatable {
    case unexpectedEnd
    case unexpectedByte(offset: Int)
    case controlCharacterInString(offset: Int)
    case invalidEscape(offset: Int)
    case invalidNumber(offset: Int)
    case invalidUTF8(offset: Int)
    case trailingBytes(offset: Int)
    case tooDeep(offset: Int)
    case tooManyValues
    case tooLarge
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unexpectedEnd: "the text ends in the middle of a value"
        case .unexpectedByte(let offset): "unexpected character at byte \(offset)"
        case .controlCharacterInString(let offset):
            "unescaped control character in a string at byte \(offset)"
        case .invalidEscape(let offset): "invalid escape sequence at byte \(offset)"
        case .invalidNumber(let offset): "malformed number at byte \(offset)"
        case .invalidUTF8(let offset): "invalid UTF-8 in the string at byte \(offset)"
        case .trailingBytes(let offset): "unexpected text after the value at byte \(offset)"
        case .tooDeep(let offset): "nested too deeply at byte \(offset)"
        case .tooManyValues: "it holds more values than any real request does"
        case .tooLarge: "the text is too large"
        }
    }
}

#if DEBUG
    /// Counts what is read of documents: values walked over, comparisons, bytes decoded. A measure of
    /// work that no clock and no other thread disturbs.
    // SAFETY: a meter belongs to one test, which reads it on the thread that translates.
    final class StepMeter: @unchecked Sendable {
        var steps = 0
    }
#endif
