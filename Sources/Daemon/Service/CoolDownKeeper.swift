// The table of routing that all workers share, and what of it outlives a restart: the cool-downs of
// keys that last longer than one takes, such as a spent daily allowance. In the file times are the
// calendar's; keys stand there as digests.

import EventLoop
import Gateway
import Logging

/// The daemon's table of routing, and the file of its cool-downs.
final class CoolDownKeeper {
    let routing: Guarded<RoutingTable>
    private var file: StateFile

    /// Takes what the last run has left.
    init(_ settings: Settings, at now: Duration, logger: Logger) {
        routing = Guarded(RoutingTable(seed: Worker.randomSeed()))
        file = StateFile(
            "cooldowns.json", bytesMax: CoolDownFile.bytesMax, savePeriod: .seconds(10),
            consequence: "who is to be left alone is learnt anew", logger: logger)
        let kept = file.load { CoolDownFile.decode($0, timeOfDay: CalendarTime.now()) }
        if let kept { routing.withLock { $0.restore(kept, for: settings, at: now) } }
    }

    /// Writes the file now and then, on a thread of its own.
    func saveIfDue(at now: Duration) {
        guard file.isDue(at: now), let text = encoded(at: now) else { return }
        file.saveInBackground(at: now) { text }
    }

    /// Writes the file at the end.
    func save(at now: Duration) {
        guard let text = encoded(at: now) else { return }
        file.save(text)
    }

    /// The file's content; nil when it has not changed.
    private func encoded(at now: Duration) -> [UInt8]? {
        let kept = routing.withLock { $0.isKeptChanged ? $0.kept(at: now) : nil }
        return kept.map { CoolDownFile.encode($0, timeOfDay: CalendarTime.now()) }
    }
}
