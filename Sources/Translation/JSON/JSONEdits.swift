// Changes to a text of which all the rest stays as it is, byte for byte.

/// Replacements of parts of a text. They may be noted in any order; one within another, or beside it
/// at the same place, is left out in favour of the one that was noted first.
struct JSONEdits {
    private var edits: [(range: Range<Int>, text: [UInt8])] = []

    var isEmpty: Bool { edits.isEmpty }

    mutating func replace(_ range: Range<Int>, by text: [UInt8]) {
        edits.append((range, text))
    }

    mutating func remove(_ range: Range<Int>) { edits.append((range, [])) }

    /// Whether all of `range` is to go or to be replaced.
    func covers(_ range: Range<Int>) -> Bool {
        edits.contains {
            $0.range.lowerBound <= range.lowerBound && $0.range.upperBound >= range.upperBound
        }
    }

    /// Appends the changed text.
    func apply(to text: Span<UInt8>, into output: inout [UInt8]) {
        var position = 0
        for (range, replacement) in ordered {
            guard range.lowerBound >= position else { continue }
            output.append(text.extracting(position..<range.lowerBound))
            output.append(replacement.span)
            position = range.upperBound
        }
        output.append(text.extracting(position...))
    }

    /// By place; of those that begin alike, the one that covers most comes first.
    private var ordered: [(range: Range<Int>, text: [UInt8])] {
        edits.enumerated().sorted { left, right in
            if left.element.range.lowerBound != right.element.range.lowerBound {
                return left.element.range.lowerBound < right.element.range.lowerBound
            }
            if left.element.range.upperBound != right.element.range.upperBound {
                return left.element.range.upperBound > right.element.range.upperBound
            }
            return left.offset < right.offset
        }.map { $0.element }
    }
}
