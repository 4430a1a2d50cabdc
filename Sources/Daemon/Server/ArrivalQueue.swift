// Connections in the order in which they came, to find the one that has waited longest. Whoever ends or
// becomes a guest stays in the queue until it is asked about: that costs nothing on the way.

/// A queue of the numbers of connections.
struct ArrivalQueue {
    private var numbers: [UInt64] = []
    /// The numbers before this one are done with.
    private var first = 0

    /// - Parameters:
    ///   - open: the connections that are open: the queue is cleared when it has become much longer.
    ///   - isWaiting: whether a connection is still one of the queue's.
    mutating func append(_ number: UInt64, open: Int, isWaiting: (UInt64) -> Bool) {
        numbers.append(number)
        guard numbers.count > 64 + 2 * open else { return }
        numbers = numbers[first...].filter(isWaiting)
        first = 0
    }

    /// The number of the connection that has waited longest; it leaves the queue.
    mutating func takeFirst(where isWaiting: (UInt64) -> Bool) -> UInt64? {
        while first < numbers.count {
            let number = numbers[first]
            first += 1
            if isWaiting(number) { return number }
        }
        numbers.removeAll(keepingCapacity: true)
        first = 0
        return nil
    }
}
