// Whose turn it is to count tokens. Counting takes the time that nothing else wants: a step is made on
// a turn of the loop that had no events, or on every fourth if there are always some, so that counts
// end on a busy loop, too.
//
// Of twenty-four counts of one conversation that come at once (Claude Code's /context) the shortest
// leaves in the memo what the others look up.

/// The counts under way on one loop, and the order of their steps.
package struct CountingTurns<Element: Waiting> {
    private var waiting = ShortestFirst<Element>()
    private var busyTurns = 0

    package init() {}

    /// With events on every turn, one in so many makes a step nevertheless.
    private static var busyTurnsMax: Int { 3 }

    package var isEmpty: Bool { waiting.isEmpty }

    package mutating func add(_ element: Element) { waiting.add(element) }

    package mutating func remove(_ element: Element) { waiting.removeAll { $0 === element } }

    /// The one that may make a step on this turn; it is taken out.
    package mutating func next(isIdle: Bool) -> Element? {
        guard !waiting.isEmpty else { return nil }
        guard isIdle || busyTurns >= Self.busyTurnsMax else {
            busyTurns += 1
            return nil
        }
        busyTurns = 0
        return waiting.next()
    }
}
