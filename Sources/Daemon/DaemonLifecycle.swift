// The daemon's life as a pure machine: what signals, workers and the clock mean in each of its phases.
// ProxyDaemon carries the actions out.
//
//   serving ──stop──▶ draining ──all drained──▶ ended
//      │                 │ second stop, or its time is over
//   reload               ▼
//   (several may      interrupting ──all drained──▶ ended
//   be under way)        │ its time is over
//                        ▼
//                     abandoned

/// The phases of a daemon with a fixed number of workers.
struct DaemonLifecycle {
    /// What the daemon is to do.
    enum Action: Equatable {
        /// Read the configuration again and say what came of it with `reloadFailed` or
        /// `reloadBegan`.
        case reload
        /// Every worker serves by the new configuration, or all go on with the old one.
        case endReload(isApplied: Bool)
        /// Have every worker drain, within the drain's time.
        case drain
        /// Have every worker end its answers, within a moment.
        case interrupt
        /// Let every loop end.
        case stop
        /// End although somebody has not taken the end of its answer.
        case abandon
    }

    private enum Phase: Equatable {
        /// Next: draining.
        case serving
        /// Next: interrupting, ended.
        case draining(left: Int)
        /// Next: abandoned, ended.
        case interrupting(left: Int)
        case abandoned
        case ended
    }

    private let workers: Int
    private var phase = Phase.serving
    /// How many workers have still to say that they serve by the newest configuration.
    private var applying = 0
    /// Whether what they apply is the new configuration.
    private var isApplied = true
    /// The same for a sign of life.
    private var silent = 0
    private var round = 0

    init(workers: Int) {
        precondition(workers > 0, "a daemon has at least the worker of the main thread")
        self.workers = workers
    }

    /// Whether new requests are served.
    var isServing: Bool { phase == .serving }

    // MARK: Signals

    /// SIGHUP. A daemon that ends has no use for a configuration.
    func reloadRequested() -> Action? { isServing ? .reload : nil }

    /// SIGTERM or SIGINT. The second does not wait; more change nothing.
    mutating func stopRequested() -> Action? {
        switch phase {
        case .serving:
            phase = .draining(left: workers)
            return .drain
        case .draining(let left):
            phase = .interrupting(left: left)
            return .interrupt
        case .interrupting, .abandoned, .ended: return nil
        }
    }

    // MARK: Reloads

    /// The configuration is not usable.
    func reloadFailed() -> Action {
        precondition(isServing, "only a daemon that serves reads its configuration")
        return .endReload(isApplied: false)
    }

    /// Every worker is told other settings now.
    ///
    /// - Parameter isApplied: whether they are the new configuration. Of one that is not usable a
    ///   part may count nevertheless: trust that is withdrawn.
    mutating func reloadBegan(isApplied: Bool = true) {
        self.isApplied = isApplied
        precondition(isServing, "only a daemon that serves reads its configuration")
        applying += workers
    }

    /// A worker serves by the newest configuration that it was told.
    mutating func workerApplied() -> Action? {
        precondition(applying > 0, "a worker applies what it was told once")
        applying -= 1
        // A worker may have been told before the signal to stop came.
        return applying == 0 && isServing ? .endReload(isApplied: isApplied) : nil
    }

    // MARK: The end

    /// A worker has nothing left to do.
    mutating func workerDrained() -> Action? {
        switch phase {
        case .draining(1), .interrupting(1):
            phase = .ended
            return .stop
        case .draining(let left):
            phase = .draining(left: left - 1)
        case .interrupting(let left):
            phase = .interrupting(left: left - 1)
        case .abandoned: break
        case .serving, .ended:
            preconditionFailure("a worker is drained once, and only when it was told to")
        }
        return nil
    }

    /// The time for draining, or for ending answers, is over. It may race with the last worker.
    mutating func timeIsOver() -> Action? {
        switch phase {
        case .draining(let left):
            phase = .interrupting(left: left)
            return .interrupt
        case .interrupting:
            phase = .abandoned
            return .abandon
        case .abandoned, .ended: return nil
        case .serving: preconditionFailure("a daemon that serves has no time limit")
        }
    }

    // MARK: Signs of life

    /// Every worker is asked for one now, by this number.
    mutating func signsRequested() -> Int {
        round &+= 1
        silent = workers
        return round
    }

    /// A worker's loop turns. Returns whether all of them do. An answer to an older question does
    /// not count: its worker has still to answer the newest.
    mutating func workerIsAlive(round: Int) -> Bool {
        guard round == self.round else { return false }
        precondition(silent > 0, "a worker answers a question once")
        silent -= 1
        return silent == 0
    }
}
