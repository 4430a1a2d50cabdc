// Reasoning between `<think>` and `</think>` at the begin of the text, as models give it that are
// served without a reasoning parser. The tags may be split over chunks at any character and may be
// escaped (`\u003cthink\u003e`). What could be the begin of a tag is held back until it is decided.
//
// A `<think>` later in the text is text: people and models write about these tags.

/// Splits text, escaped as it stands in JSON, into reasoning and answer.
struct ThinkTags {
    /// A part of what was given.
    enum Part: Equatable {
        case reasoning(Range<Int>)
        case text(Range<Int>)
        /// What was held back turned out to be reasoning, or text: it is in `held`.
        case heldReasoning
        case heldText
    }

    private enum Place {
        /// Before the first character but white space. → opened, text
        case start
        /// Just after the opening tag: white space there is no reasoning. → inside
        case opened
        /// → closed
        case inside
        /// Just after the closing tag: white space there is no text. → text
        case closed
        case text
    }

    private static var opening: StaticString { "<think>" }
    private static var closing: StaticString { "</think>" }
    /// White space before a tag is held no longer than this.
    private static var heldBytesMax: Int { 256 }

    private var place = Place.start
    /// How many characters of the expected tag have matched.
    private var matched = 0
    /// What is held back. The caller clears it when it has taken it.
    var held: [UInt8] = []

    /// Whether everything that follows is plain text, so that the scan can be left out.
    var isDone: Bool { place == .text && held.isEmpty }

    /// The next part of `text` from `position` on, which it advances; nil when all is used up.
    mutating func next(_ text: Span<UInt8>, _ position: inout Int) -> Part? {
        while position < text.count {
            switch place {
            case .start: if let part = begin(text, &position) { return part }
            case .opened, .closed:
                let (character, length) = EscapedText.character(text, position)
                if character <= 0x20 {
                    position &+= length
                } else {
                    place = place == .opened ? .inside : .text
                }
            case .inside: if let part = reason(text, &position) { return part }
            case .text:
                let start = position
                position = text.count
                return .text(start..<position)
            }
        }
        return nil
    }

    /// The text has ended: what is still held back.
    mutating func finish() -> Part? {
        guard !held.isEmpty else { return nil }
        return place == .inside ? .heldReasoning : .heldText
    }

    /// Looks for the opening tag; white space before it is dropped with it.
    private mutating func begin(_ text: Span<UInt8>, _ position: inout Int) -> Part? {
        let start = position
        while position < text.count {
            let (character, length) = EscapedText.character(text, position)
            if matched == 0, character <= 0x20, held.count < Self.heldBytesMax {
                position &+= length
            } else if Self.matches(character, Self.opening, matched) {
                position &+= length
                matched += 1
                guard matched == Self.opening.utf8CodeUnitCount else { continue }
                matched = 0
                held.removeAll(keepingCapacity: true)
                place = .opened
                return nil
            } else {
                matched = 0
                place = .text
                position = start
                return held.isEmpty ? nil : .heldText
            }
        }
        held.append(text.extracting(start..<position))
        return nil
    }

    /// Looks for the closing tag.
    private mutating func reason(_ text: Span<UInt8>, _ position: inout Int) -> Part? {
        let start = position
        var candidate = position
        while position < text.count {
            let (character, length) = EscapedText.character(text, position)
            if Self.matches(character, Self.closing, matched) {
                if matched == 0 { candidate = position }
                position &+= length
                matched += 1
                guard matched == Self.closing.utf8CodeUnitCount else { continue }
                matched = 0
                held.removeAll(keepingCapacity: true)
                place = .closed
                return nil
            }
            guard matched > 0 else {
                let end = plainEnd(text, position)
                defer { position = end }
                return .reasoning(position..<end)
            }
            // No tag after all.
            matched = 0
            guard held.isEmpty else {
                position = start
                return .heldReasoning
            }
            return .reasoning(candidate..<position)
        }
        if matched > 0 { held.append(text.extracting(candidate..<position)) }
        return nil
    }

    /// The end of what surely is no tag: the next `<`, or the end.
    private func plainEnd(_ text: Span<UInt8>, _ start: Int) -> Int {
        var position = start
        while position < text.count {
            let (character, length) = EscapedText.character(text, position)
            if character == UInt8(ascii: "<") { break }
            position &+= length
        }
        return position
    }

    private static func matches(
        _ character: UInt8, _ tag: StaticString, _ index: Int
    ) -> Bool {
        // SAFETY: a tag is left as soon as its last character has matched, so the index is below
        // the tag's count.
        unsafe tag.utf8Start[index] == character
    }
}
