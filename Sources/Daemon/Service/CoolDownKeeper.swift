// The table of routing that all workers share, and what of it outlives a restart: the cool-downs of
// keys that last longer than one takes, such as a spent daily allowance. In the file times are the
// calendar's; keys stand there as digests.

import EventLoop
import Gateway
import Glibc
import Logging
import Translation

/// The daemon's table of routing, and the file of its cool-downs.
final class CoolDownKeeper {
    let routing: Guarded<RoutingTable>
    private let directory = StateDirectory()
    private let logger: Logger
    private var savedAt: Duration = .zero

    private static let fileName = "cooldowns.json"
    private static let savePeriod = Duration.seconds(10)

    /// Takes what the last run has left.
    init(_ settings: Settings, at now: Duration, logger: Logger) {
        self.logger = logger
        routing = Guarded(RoutingTable(seed: Worker.randomSeed()))
        switch directory?.look(at: Self.fileName, bytesMax: CoolDownFile.bytesMax) {
        case .content(let bytes):
            guard let kept = CoolDownFile.decode(bytes, timeOfDay: Self.timeOfDay()) else {
                logger.warning(
                    "\(Self.fileName) in the state directory is not what was written there; who is to be left alone is learnt anew"
                )
                return
            }
            routing.withLock { $0.restore(kept, for: settings, at: now) }
        case .unfit(let reason):
            logger.warning(
                "\(Self.fileName) in the state directory is not used: \(reason); who is to be left alone is learnt anew"
            )
        case .nothing, nil: break
        }
    }

    /// Writes the file now and then, on a thread of its own.
    func saveIfDue(at now: Duration) {
        guard now - savedAt >= Self.savePeriod, let directory, let text = encoded(at: now) else {
            return
        }
        savedAt = now
        directory.replaceInBackground(
            Self.fileName, with: { text },
            failed: { [logger] reason in
                logger.warning(
                    "\(Self.fileName) could not be written into the state directory: \(reason)")
            })
    }

    /// Writes the file at the end.
    func save(at now: Duration) {
        guard let directory, let text = encoded(at: now) else { return }
        if let failure = directory.replace(Self.fileName, with: text) {
            logger.warning(
                "\(Self.fileName) could not be written into the state directory: \(failure)")
        }
    }

    /// The file's content; nil when it has not changed.
    private func encoded(at now: Duration) -> [UInt8]? {
        let kept = routing.withLock { $0.isKeptChanged ? $0.kept(at: now) : nil }
        return kept.map { CoolDownFile.encode($0, timeOfDay: Self.timeOfDay()) }
    }

    private static func timeOfDay() -> Duration {
        var time = timespec()
        // SAFETY: the call fills the local value.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec)
    }
}
