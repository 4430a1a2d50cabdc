// Gives memory back to the system after a crowd of connections. glibc keeps what lies below the top of
// its heap: a thousand connections of some ten KiB each would stay as that much memory for ever.

import CLinux
import EventLoop
import Glibc

/// Watches one loop's connections end.
final class HeapTrim {
    private let loop: Loop
    private lazy var timer = Timer(on: loop) { [unowned self] in trim() }
    private var count = 0
    /// The most connections at once since the last time.
    private var most = 0

    /// Fewer leave nothing behind that is worth the walk through the heap, which takes a millisecond
    /// or so for one that was crowded.
    private static let endedMin = 64
    /// The ends of a crowd come together.
    private static let delay = Duration.seconds(1)

    init(on loop: Loop) { self.loop = loop }

    func opened(_ count: Int) {
        self.count = count
        most = max(most, count)
    }

    func closed(_ count: Int) {
        self.count = count
        guard most - count >= Self.endedMin, timer.deadline == nil else { return }
        timer.schedule(at: loop.now + Self.delay)
    }

    private func trim() {
        _ = malloc_trim(0)
        most = count
    }
}
