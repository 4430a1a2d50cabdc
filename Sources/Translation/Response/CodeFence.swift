// The code fence that models put around JSON when they are asked for it in words: three ticks and a
// word before, three ticks after. Who asked for a format by the API expects JSON and nothing else. Only a fence
// that begins the text is taken off, and the one that ends it.

/// Takes one code fence off text, escaped as it stands in JSON, that comes in pieces.
struct CodeFence {
    private enum Place {
        /// Before the first character but white space. → ticks, over
        case start
        /// Within the ticks that open the fence: how many. → info, over
        case ticks(Int)
        /// Within the word after them. → inside, over
        case info
        /// Just after the line end behind that word. → inside
        case opened
        /// Within the fence. → over
        case inside(Tail)
        /// There is no fence, or no more to be looked for.
        case over
    }

    /// What of a closing fence stands at the end of the text so far.
    private enum Tail { case none, space, ticks(Int), closed }

    private var place = Place.start
    /// What may be a fence.
    private var held: [UInt8] = []

    /// Longer than any fence with the white space around it.
    private static let heldBytesMax = 4096
    private static let tick = UInt8(ascii: "`")

    /// Takes a piece and appends what surely is text.
    mutating func take(_ piece: Span<UInt8>, into output: inout [UInt8]) {
        var index = 0
        while index < piece.count {
            if case .over = place {
                output.append(piece.extracting(index...))
                return
            }
            let (character, length) = EscapedText.character(piece, index)
            let bytes = piece.extracting(index..<index &+ length)
            index &+= length
            if next(character) {
                held.append(bytes)
                if case .opened = place {
                    held.removeAll(keepingCapacity: true)
                    place = .inside(.space)
                }
                if held.count > Self.heldBytesMax { giveUp(&output) }
            } else {
                release(&output)
                output.append(bytes)
            }
        }
    }

    /// The text is over: what was no fence.
    mutating func finish(into output: inout [UInt8]) {
        switch place {
        case .start, .opened, .inside(.space), .inside(.closed): break
        case .inside(.ticks(let count)) where count >= 3: break
        case .ticks, .info, .inside, .over: release(&output)
        }
        held = []
        place = .over
    }

    private mutating func release(_ output: inout [UInt8]) {
        output.append(held.span)
        held.removeAll(keepingCapacity: true)
    }

    private mutating func giveUp(_ output: inout [UInt8]) {
        release(&output)
        if case .inside = place { place = .inside(.none) } else { place = .over }
    }

    /// Returns whether the character may belong to a fence.
    private mutating func next(_ character: UInt8) -> Bool {
        let isSpace = character <= 0x20
        switch place {
        case .over, .opened: return false
        case .start:
            if isSpace { return true }
            place = character == Self.tick ? .ticks(1) : .over
        case .ticks(let count):
            if character == Self.tick {
                place = .ticks(count + 1)
            } else {
                place = count >= 3 ? .info : .over
                if case .info = place { return next(character) }
            }
        case .info:
            if character == 0x0A {
                place = .opened
            } else if !isSpace, !Self.isOfWord(character) {
                place = .over
            }
        case .inside(let tail): return continues(tail, character, isSpace)
        }
        if case .over = place { return false }
        return true
    }

    private mutating func continues(
        _ tail: Tail, _ character: UInt8, _ isSpace: Bool
    ) -> Bool {
        switch tail {
        case .none, .space:
            guard isSpace || character == Self.tick else { break }
            place = .inside(isSpace ? .space : .ticks(1))
            return true
        case .ticks(let count):
            if character == Self.tick {
                place = .inside(.ticks(count + 1))
                return true
            }
            guard count >= 3, isSpace else { break }
            place = .inside(.closed)
            return true
        case .closed:
            guard isSpace else { break }
            return true
        }
        place = .inside(.none)
        return false
    }

    private static func isOfWord(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}
