// A thread beside a loop, for work that would stop the loop for longer than its streams should wait. Work
// goes to it as a value and comes back as one, by way of a mailbox; nothing is shared meanwhile.
import CLinux
import Glibc

/// Does one piece of work after another, beside a loop.
package final class SideThread<Work: Sendable>: Sendable {
    private enum Order: Sendable {
        case work(Work)
        case stop
    }

    private let orders = Guarded<[Order]>([])
    /// Counts the orders that were not taken yet.
    private let bell: Descriptor
    private let thread: Guarded<Thread?> = Guarded(nil)

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - run: does a piece of work, on the thread.
    ///   - done: gets each piece back.
    package init(
        named name: String, run: @escaping @Sendable (inout Work) -> Void, done: Mailbox<Work>
    ) throws(SystemError) {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_SEMAPHORE))
        guard descriptor >= 0 else { throw SystemError("eventfd") }
        bell = Descriptor(owning: descriptor)
        let started = try Thread(named: name) { [self] in
            while case .work(var work) = next() {
                run(&work)
                done.send(work)
            }
        }
        thread.withLock { $0 = started }
    }

    /// Has a piece of work done. Never blocks but for the lock.
    package func start(_ work: Work) { send(.work(work)) }

    /// Ends the thread after the work that it has begun, and waits for that.
    package func stop() {
        send(.stop)
        thread.withLock { $0.take() }?.join()
    }

    private func send(_ order: Order) {
        orders.withLock { $0.append(order) }
        var one: UInt64 = 1
        // SAFETY: eight bytes of a local value.
        _ = unsafe write(bell.rawValue, &one, 8)
    }

    /// Waits for the next order.
    private func next() -> Order {
        var ring: UInt64 = 0
        // SAFETY: eight bytes into a local value. A signal may interrupt it.
        while unsafe read(bell.rawValue, &ring, 8) != 8 {}
        return orders.withLock { $0.removeFirst() }
    }
}
