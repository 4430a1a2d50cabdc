// A timer that is moved far more often than it fires: each event of a connection pushes its idle
// deadline out. To move it later or to cancel it therefore only writes a property; the heap finds
// out when the old deadline comes up and puts the timer back where it belongs (TimerHeap).
//
// The heap does not own its timers: a timer that its owner lets go of leaves the heap. So a closed
// connection leaves nothing behind, and there is at most one heap entry a living timer.

/// Calls an action once, when its deadline has come. Let go of it to be rid of it.
package final class Timer {
    /// When it fires, as `Loop.now` counts; nil while it is not scheduled.
    package private(set) var deadline: Duration?

    /// Where the heap holds it; nil while it does not.
    var heapIndex: Int?
    private let heap: TimerHeap
    private let action: () -> Void

    /// A timer that is not scheduled yet. The action should hold the timer's owner `unowned` or
    /// `weak`: the owner holds the timer.
    package init(on loop: Loop, action: @escaping () -> Void) {
        heap = loop.timers
        self.action = action
    }

    deinit {
        if let heapIndex { heap.remove(at: heapIndex) }
    }

    /// Fires at `deadline`, once, instead of when it was to fire before. A deadline that has passed
    /// fires in the present turn if its timers are still to come, else in the next.
    package func schedule(at deadline: Duration) {
        self.deadline = deadline
        heap.deadlineChanged(of: self, to: deadline)
    }

    /// Does not fire.
    package func cancel() {
        deadline = nil
    }

    /// The heap has taken the timer out because its deadline came.
    func fire() {
        deadline = nil
        action()
    }
}
