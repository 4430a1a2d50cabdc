// Keeps what all workers learn from refusals, and carries it over a restart in the state directory.
// Without one it is kept in memory alone.

import EventLoop
import Gateway
import Glibc
import Logging

/// The daemon's copy of the lessons, and their file.
final class LessonKeeper {
    private(set) var book = LessonBook()
    private let directory = StateDirectory()
    private let logger: Logger
    private var isChanged = false
    private var savedAt: Duration = .zero

    private static let fileName = "lessons.json"
    /// A lesson that a crash costs is learnt again with one request.
    private static let savePeriod = Duration.seconds(10)

    /// Takes what the last run has left.
    init(at now: Duration, logger: Logger) {
        self.logger = logger
        let text: [UInt8]
        switch directory?.look(at: Self.fileName, bytesMax: LessonBook.encodedBytesMax) {
        case .content(let bytes): text = bytes
        case .unfit(let reason):
            logger.warning(
                "\(Self.fileName) in the state directory is not used: \(reason); what upstreams refuse is learnt anew"
            )
            return
        case .nothing, nil: return
        }
        guard
            let stored = LessonBook(encoded: text, at: now, timeOfDay: Self.timeOfDay())
        else {
            logger.warning(
                "\(Self.fileName) in the state directory is not what was written there; what upstreams refuse is learnt anew"
            )
            return
        }
        book = stored
    }

    func learn(_ lessons: [UpstreamLesson]) {
        for lesson in lessons { book.learn(lesson) }
        isChanged = true
    }

    /// Writes the file now and then, on a thread of its own.
    func saveIfDue(at now: Duration) {
        guard isChanged, now - savedAt >= Self.savePeriod, let directory else { return }
        isChanged = false
        savedAt = now
        let timeOfDay = Self.timeOfDay()
        directory.replaceInBackground(
            Self.fileName, with: { [book] in book.encoded(at: now, timeOfDay: timeOfDay) },
            failed: { [logger] reason in
                logger.warning(
                    "\(Self.fileName) could not be written into the state directory: \(reason)")
            })
    }

    /// Writes the file at the end.
    func save(at now: Duration) {
        guard isChanged, let directory else { return }
        let text = book.encoded(at: now, timeOfDay: Self.timeOfDay())
        if let failure = directory.replace(Self.fileName, with: text) {
            logger.warning(
                "\(Self.fileName) could not be written into the state directory: \(failure)")
        }
    }

    private static func timeOfDay() -> Duration {
        var time = timespec()
        // SAFETY: the call fills the local value.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec)
    }
}
