// Whose turn it is to count tokens. Counting takes the time that nothing else wants: a step is made on
// a turn of the loop that had no events, or on every fourth if there are always some, so that counts
// end on a busy loop, too.
//
// The shortest count comes first: most are short, and of twenty-four counts of one conversation that
// come at once (Claude Code's /context) the first then leaves in the memo what the others look up.
// Every eighth step goes to the one that has waited longest, however long it is.

/// Something that can count on.
package protocol Counting: AnyObject {
    /// About what is left to be counted.
    var bytesToCount: Int { get }
}

/// The counts under way on one loop, and the order of their steps.
package struct CountingTurns<Element: Counting> {
    private var waiting: [Element] = []
    private var busyTurns = 0
    private var steps = 0

    package init() {}

    /// With events on every turn, one in so many makes a step nevertheless.
    private static var busyTurnsMax: Int { 3 }
    private static var longestWaitSteps: Int { 8 }

    package var isEmpty: Bool { waiting.isEmpty }

    package mutating func add(_ element: Element) {
        guard !waiting.contains(where: { $0 === element }) else { return }
        waiting.append(element)
    }

    package mutating func remove(_ element: Element) { waiting.removeAll { $0 === element } }

    /// The one that may make a step on this turn; it is taken out.
    package mutating func next(isIdle: Bool) -> Element? {
        guard !waiting.isEmpty else { return nil }
        guard isIdle || busyTurns >= Self.busyTurnsMax else {
            busyTurns += 1
            return nil
        }
        busyTurns = 0
        steps += 1
        guard steps % Self.longestWaitSteps != 0 else { return waiting.removeFirst() }
        var shortest = 0
        for index in waiting.indices
        where waiting[index].bytesToCount < waiting[shortest].bytesToCount {
            shortest = index
        }
        return waiting.remove(at: shortest)
    }
}
