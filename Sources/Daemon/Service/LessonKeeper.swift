// Keeps what all workers learn from refusals, and carries it over a restart in the state directory.
// Without one it is kept in memory alone.

import Gateway
import Logging

/// The daemon's copy of the lessons, and their file.
final class LessonKeeper {
    private(set) var book = LessonBook()
    private var file: StateFile
    private var isChanged = false

    /// Takes what the last run has left.
    init(at now: Duration, logger: Logger) {
        // A lesson that a crash costs is learnt again with one request.
        file = StateFile(
            "lessons.json", bytesMax: LessonBook.encodedBytesMax, savePeriod: .seconds(10),
            consequence: "what upstreams refuse is learnt anew", logger: logger)
        let stored = file.load {
            LessonBook(encoded: $0, at: now, timeOfDay: CalendarTime.now())
        }
        if let stored { book = stored }
    }

    func learn(_ lessons: [UpstreamLesson]) {
        for lesson in lessons { book.learn(lesson) }
        isChanged = true
    }

    /// Writes the file now and then, on a thread of its own.
    func saveIfDue(at now: Duration) {
        guard isChanged, file.isDue(at: now) else { return }
        isChanged = false
        let timeOfDay = CalendarTime.now()
        file.saveInBackground(at: now) { [book] in book.encoded(at: now, timeOfDay: timeOfDay) }
    }

    /// Writes the file at the end.
    func save(at now: Duration) {
        guard isChanged else { return }
        file.save(book.encoded(at: now, timeOfDay: CalendarTime.now()))
    }
}
