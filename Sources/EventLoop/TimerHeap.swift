// The timers of a loop, as a binary heap with the earliest first. Invariants:
//   - an entry's key is never later than its timer's deadline (it may be earlier: the timer was
//     moved out or cancelled since, and the entry is put right when it comes up);
//   - a timer has at most one entry, at the index it knows, so an earlier deadline or the timer's
//     end finds it without a search.

/// A binary heap of timers, lazy about deadlines that move out.
final class TimerHeap {
    private var entries: [Entry] = []

    private struct Entry {
        var key: Duration
        // SAFETY: a timer removes its entry in its deinit, so an entry's timer is alive.
        unowned(unsafe) let timer: Timer
    }

    /// A time before which no timer is due; nil when there are none.
    var nextDeadline: Duration? { entries.first?.key }

    /// The entries, stale ones included.
    var count: Int { entries.count }

    /// Fires all timers that are due. A timer that schedules itself again for a time that has
    /// passed may wait for the next turn: an action cannot hold the loop here.
    func fire(at now: Duration) {
        var budget = entries.count
        while budget > 0, let first = entries.first, first.key <= now {
            budget -= 1
            // SAFETY: see Entry; the strong reference keeps it alive through its own action.
            let timer = unsafe first.timer
            guard let deadline = timer.deadline else {
                remove(at: 0)
                continue
            }
            if deadline > first.key {
                entries[0].key = deadline
                siftDown(0)
            } else {
                remove(at: 0)
                timer.fire()
            }
        }
    }

    /// Keeps the first invariant: nothing to do for a deadline that moves out.
    func deadlineChanged(of timer: Timer, to deadline: Duration) {
        guard let index = timer.heapIndex else {
            let last = entries.count
            entries.append(Entry(key: deadline, timer: timer))
            timer.heapIndex = last
            siftUp(last)
            return
        }
        guard deadline < entries[index].key else { return }
        entries[index].key = deadline
        siftUp(index)
    }

    /// Takes out the entry at `index`.
    func remove(at index: Int) {
        // SAFETY: see Entry. The timer may be in its deinit: it is only written to.
        unsafe entries[index].timer.heapIndex = nil
        let last = entries.removeLast()
        guard index < entries.count else { return }
        place(last, at: index)
        siftDown(index)
        siftUp(index)
    }

    private func place(_ entry: Entry, at index: Int) {
        entries[index] = entry
        // SAFETY: see Entry.
        unsafe entry.timer.heapIndex = index
    }

    private func siftUp(_ start: Int) {
        let entry = entries[start]
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.key < entries[parent].key else { break }
            place(entries[parent], at: index)
            index = parent
        }
        if index != start { place(entry, at: index) }
    }

    private func siftDown(_ start: Int) {
        let entry = entries[start]
        var index = start
        while true {
            var child = 2 * index + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].key < entries[child].key { child += 1 }
            guard entries[child].key < entry.key else { break }
            place(entries[child], at: index)
            index = child
        }
        if index != start { place(entry, at: index) }
    }
}
