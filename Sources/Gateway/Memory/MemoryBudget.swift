// How many bytes of requests and answers the process may hold: what stands between one greedy client
// and everybody else's answers being cut by the kernel. The limit comes from the configuration or from
// what the machine gives the service; the count is the shell's, since all loops share it.

/// The budget of bytes.
package struct MemoryBudget: Equatable, Sendable {
    /// The most that may be held.
    package let bytes: Int

    package init(bytes: Int) { self.bytes = bytes }

    /// The budget where none is set.
    ///
    /// - Parameters:
    ///   - limit: what the service manager lets the process have; nil when it has no limit.
    ///   - machine: the machine's memory.
    package static func bytes(ofLimit limit: Int?, machine: Int) -> Int {
        // Beside what is counted there are the program itself, buffers that grow by copying, and a
        // document that is being parsed: half of a limit that ends the process is theirs. A machine
        // has other services.
        max(Limits.memoryBudgetMin, min(limit.map { $0 / 2 } ?? .max, machine / 4))
    }

    /// Of the budget a quarter is for small requests alone: whoever sends large ones cannot shut
    /// everybody out.
    var bytesForLarge: Int { bytes / 4 * 3 }

    /// Whether so much may be held.
    ///
    /// - Parameters:
    ///   - total: of all requests, with what is asked for.
    ///   - own: of the request that asks, with what it asks for.
    package func allows(total: Int, own: Int) -> Bool {
        total <= (own <= Limits.smallRequestMemoryMax ? bytes : bytesForLarge)
    }

    /// The largest body of a request that could be held if there were no other.
    package var bodyBytesMax: Int {
        (max(bytesForLarge, min(bytes, Limits.smallRequestMemoryMax)) - Limits.requestMemoryBase)
            / 2
    }

    /// Whether a request of this size could be held if there were no other.
    func couldHold(_ own: Int) -> Bool { allows(total: own, own: own) }
}
