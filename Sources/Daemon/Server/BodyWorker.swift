// Parses and translates large bodies beside a loop, one after another on a thread that is started when the
// first of them comes. What waits is here, not with the thread, so that it goes with its connection.

import EventLoop
import Gateway

/// One loop's work on large bodies.
final class BodyWorker {
    /// What is done for whom.
    struct Piece: Sendable {
        /// The connection's number.
        let connection: UInt64
        let id: WorkID
        var work: BodyWork
    }

    private final class WaitingPiece: Waiting {
        let piece: Piece
        var bytesLeft: Int { piece.work.bytes }

        init(_ piece: Piece) { self.piece = piece }
    }

    private var waiting = ShortestFirst<WaitingPiece>()
    private let done: Mailbox<Piece>
    private var thread: SideThread<Piece>?
    private var isBusy = false

    /// - Parameter deliver: gets each piece that is done, on the loop's thread.
    init(on loop: Loop, deliver: @escaping (Piece) -> Void) throws(SystemError) {
        done = try Mailbox()
        try done.attach(to: loop) { [unowned self] piece in
            isBusy = false
            startNext()
            deliver(piece)
        }
    }

    /// Has the work done, and delivered on a later turn.
    func start(_ piece: Piece) {
        waiting.add(WaitingPiece(piece))
        startNext()
    }

    /// The work is of no more use.
    func drop(_ id: WorkID, of connection: UInt64) {
        waiting.removeAll { $0.piece.connection == connection && $0.piece.id == id }
    }

    /// The connection is gone.
    func dropAll(of connection: UInt64) {
        waiting.removeAll { $0.piece.connection == connection }
    }

    /// Ends the thread, once it has done what it is at.
    func stop() { thread.take()?.stop() }

    private func startNext() {
        guard !isBusy, let next = waiting.next() else { return }
        isBusy = true
        guard let thread = startedThread else {
            // Better late than not at all.
            var piece = next.piece
            piece.work.run()
            return done.send(piece)
        }
        thread.start(next.piece)
    }

    /// Nil while the system has no thread to give.
    private var startedThread: SideThread<Piece>? {
        if thread == nil {
            thread = try? SideThread(named: "bodies", run: { $0.work.run() }, done: done)
        }
        return thread
    }
}
