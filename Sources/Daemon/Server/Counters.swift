// What is counted over all workers. Relaxed atomics: the figures are for people and for the
// connection limit, and order nothing.

import Gateway
import Synchronization

/// The daemon's figures since its start.
final class Counters: Sendable {
    let connectionsOpen = Atomic<Int>(0)
    let requests = Atomic<Int>(0)
    let failures = Atomic<Int>(0)
    /// The last failure, for the status line.
    let lastFailure = Mutex<String?>(nil)

    func count(_ record: RequestRecord) {
        requests.add(1, ordering: .relaxed)
        switch record.outcome {
        case .completed, .cancelled: return
        case .failed, .interrupted: break
        }
        failures.add(1, ordering: .relaxed)
        lastFailure.withLock { $0 = record.errorMessage }
    }
}
