// What a session holds of the process's memory, and what happens when there is no more: the request is
// refused, before its body is read where its length is known, or its answer ends as an error.
//
// Counted is what grows with what peers send: the body as it came, the translated one, what is inflated,
// what is gathered of an answer, and what waits for the client. The rest is small and has limits of its
// own; `Limits.requestMemoryBase` stands for it.

import HTTP1
import Translation

extension ClientSession {
    /// Why a request whose head has come cannot be taken in, or nil: then its memory is reserved.
    mutating func memoryRefusal(of head: RequestHead) -> APIError? {
        // Twice: as it came, for another try, and as it goes upstream. What is inflated or comes in
        // chunks grows as it does.
        let length = head.contentLength ?? 0
        let need = Limits.requestMemoryBase + (request?.isGzip == true ? length : 2 * length)
        guard state.memoryBudget.couldHold(need) else { return .tooLargeForMemory }
        return holds(need) ? nil : .tooMuchMemory
    }

    /// Counts a body that is so large by now; false when that is too much. One whose length was known
    /// is counted already.
    mutating func holdsBody(_ bytes: Int) -> Bool {
        let need = Limits.requestMemoryBase + 2 * bytes
        return need <= memory.granted || holds(need)
    }

    /// What the session has of the process's budget.
    package var memoryGranted: Int { memory.granted }

    /// Whether the session may hold so much; false when there is no room.
    mutating func holds(_ bytes: Int) -> Bool {
        let state = state
        return memory.settle(at: bytes) { state.holdMemory($0, $1) }
    }

    private var exchangeHeldBytes: Int? {
        switch running {
        case .some(let running): running.exchange.heldBytes
        case nil: nil
        }
    }

    /// Counts what an event of the upstream has added; false when it is too much.
    mutating func holdsAnswer(_ output: [UInt8]) -> Bool {
        guard let held = exchangeHeldBytes else { return true }
        let bytes = Limits.requestMemoryBase + callBytes + held + output.count
        return memory.covers(bytes) || holds(bytes)
    }

    /// No request is under way: what is left is output that has not been taken, if it is much.
    mutating func releaseMemory(keeping output: Int) {
        let bytes = output > Limits.outputLowWater ? output : 0
        guard memory.granted > 0 || bytes > 0 else { return }
        if !holds(bytes) {
            // It is there already, whether there is room for it or not; what is granted stays.
            assert(bytes > memory.granted, "to give back is always possible")
        }
    }

    /// The connection is gone with everything that waited in it.
    package mutating func connectionEnded() { releaseMemory(keeping: 0) }
}

extension APIError {
    /// The process holds as much as it may.
    static let tooMuchMemory = APIError(
        status: 529, type: .overloaded,
        message: "The proxy holds as many bytes of requests and answers as its memory allows"
            + " (CLAUDE_PROXY_MEMORY_BUDGET); try again in a moment.", retryAfter: 2)

    /// There would be no room for the request even if there were no other.
    static let tooLargeForMemory = APIError(
        status: 413, type: .requestTooLarge,
        message: "The request is larger than the memory that the proxy may use for one"
            + " (CLAUDE_PROXY_MEMORY_BUDGET) allows.")
}
