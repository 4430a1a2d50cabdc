// What is counted over all workers. Relaxed atomics: the figures are for people and for the
// connection limit, and order nothing.

import EventLoop
import Gateway
import Synchronization
import Translation

/// The daemon's figures since its start.
final class Counters: Sendable {
    let connectionsOpen = Atomic<Int>(0)
    /// Of those, the ones whose peers have shown that they may use the proxy, and the ones that have
    /// no place.
    let guestsOpen = Atomic<Int>(0)
    let turnedAwayOpen = Atomic<Int>(0)
    /// What requests and answers hold of the memory budget.
    let memoryHeld = Atomic<Int>(0)
    /// Requests with a body that are under way.
    let requestsOpen = Atomic<Int>(0)
    let requests = Atomic<Int>(0)
    let failures = Atomic<Int>(0)
    private let usage = Guarded(UsageTotals())
    /// The last failure, for the status line: every user of the machine reads it there, so it has no
    /// text that a client or an upstream has written.
    let lastFailure = Guarded<LastFailure?>(nil)

    struct LastFailure: Sendable {
        let status: Int
        /// Of the upstream's failure, else the type of the error.
        let kind: String
        /// The upstream that the request has got to; empty if it has got to none.
        let upstream: String
    }

    /// The places that are taken. Another worker may be about to take one more.
    var places: AdmissionPolicy.Tally {
        let guests = guestsOpen.load(ordering: .relaxed)
        let turnedAway = turnedAwayOpen.load(ordering: .relaxed)
        let others = connectionsOpen.load(ordering: .relaxed) - guests - turnedAway
        return AdmissionPolicy.Tally(
            guests: guests, strangers: max(0, others), turnedAway: turnedAway)
    }

    func count(_ record: RequestRecord) {
        requests.add(1, ordering: .relaxed)
        countUsage(record)
        switch record.outcome {
        case .completed, .cancelled: return
        case .failed, .interrupted: break
        }
        failures.add(1, ordering: .relaxed)
        let failure = LastFailure(
            status: record.status,
            kind: record.failure?.rawValue ?? record.errorType?.rawValue ?? record.outcome.rawValue,
            upstream: record.upstream)
        lastFailure.withLock { $0 = failure }
    }

    /// What all requests together have used.
    var usageTotals: UsageTotals { usage.withLock { $0 } }

    /// Once a request, so a lock is good enough.
    private func countUsage(_ record: RequestRecord) {
        guard !record.upstreamModel.isEmpty else { return }
        usage.withLock { totals in
            totals.inputTokens &+= record.inputTokens
            totals.cacheReadTokens &+= record.cacheReadTokens
            totals.cacheWriteTokens &+= record.cacheWriteTokens
            totals.outputTokens &+= record.outputTokens
            let cost = MoneyAmount(String(decoding: record.cost, as: UTF8.self))
            totals.cost = totals.cost + (cost ?? .zero)
            totals.cacheSaving = totals.cacheSaving + (record.cacheSaving ?? .zero)
            if record.divergence != nil { totals.prefixBreaks &+= 1 }
        }
    }
}
