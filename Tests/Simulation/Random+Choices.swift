// Choices of the seeded generator. Everything that happens in a run comes from one of these.

import TestSupport

extension SplitMix64 {
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    /// Sizes as networks have them: mostly what there is, often a few bytes, now and then one.
    mutating func size(upTo count: Int) -> Int {
        guard count > 1 else { return count }
        switch below(8) {
        case 0: return 1
        case 1, 2: return min(count, number(1...40))
        case 3, 4: return number(1...count)
        default: return count
        }
    }
}
