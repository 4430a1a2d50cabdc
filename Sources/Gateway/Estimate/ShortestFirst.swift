// The order of what waits for its share of a loop's time: the shortest comes first, since most are short,
// and every eighth time the one that has waited longest, however long it is.

/// Something with work that waits.
package protocol Waiting: AnyObject {
    /// About what there is left to do.
    var bytesLeft: Int { get }
}

/// What waits, and who is next.
package struct ShortestFirst<Element: Waiting> {
    private var waiting: [Element] = []
    private var turns = 0

    private static var longestWaitTurns: Int { 8 }

    package init() {}

    package var isEmpty: Bool { waiting.isEmpty }

    package mutating func add(_ element: Element) {
        guard !waiting.contains(where: { $0 === element }) else { return }
        waiting.append(element)
    }

    package mutating func removeAll(where isGone: (Element) -> Bool) {
        waiting.removeAll(where: isGone)
    }

    /// The next; it is taken out.
    package mutating func next() -> Element? {
        guard !waiting.isEmpty else { return nil }
        turns += 1
        guard turns % Self.longestWaitTurns != 0 else { return waiting.removeFirst() }
        var shortest = 0
        for index in waiting.indices where waiting[index].bytesLeft < waiting[shortest].bytesLeft {
            shortest = index
        }
        return waiting.remove(at: shortest)
    }
}
