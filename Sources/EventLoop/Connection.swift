// A connected stream socket of a loop. It reads into the loop's buffer, so it holds no memory while
// idle, and collects output over a turn, so that a turn costs one send however much is appended.
//
// States: open → lingering → closed, or open → closed. The subclass is called
//   - while open:  received, peerFinished, peerLeftWhilePaused, drained;
//   - at the end:  closed(_:), exactly once and last, whoever closed and why. It may come before
//                  the call that caused it (close, closeLingering) returns.
//
// The descriptor is watched for what is wanted and for nothing else; level-triggered epoll would
// otherwise tell the same thing on every turn. Errors and hang-ups are told always, and each ends
// the connection, at once or after the input that is left.
import CLinux
import Glibc

/// A non-blocking stream socket with batched output. The loop holds it until it is closed.
open class Connection: EventHandler {
    /// The loop it belongs to.
    package final let loop: Loop
    /// The socket's number; somebody else's once `isClosed`.
    package final let socket: Int32
    /// Output that waits, behind bytes that are sent already (see `outputBytes`): append to it,
    /// then call `markDirty`.
    package final var output: [UInt8] = []
    /// `drained` is called when output falls to this number of bytes.
    package final var outputLowWater = 0
    /// The most that is read at once; at most what `received` promises.
    package final var readBytesMax = Loop.readBytesMax
    /// How long the peer may take nothing of the output that waits for it. What the kernel takes
    /// into its buffer counts as taken.
    package final var sendTimeout = Duration.seconds(60)

    private final var state = State.open
    private final var descriptor: Descriptor?
    /// How much of `output` is sent.
    private final var sentBytes = 0
    /// Whether a flush is due at the end of the turn.
    private final var isDirty = false
    /// Whether the kernel has no room: the next flush comes with `writable`.
    private final var isBlocked = false
    private final var isReadingPaused = false
    /// Ends a connection whose output stands still; made when that first happens.
    private final var stallTimer: Timer?
    /// Whether the end of input has been read.
    private final var isInputEnded = false
    /// Whether the peer's leaving was noticed while reading was paused.
    private final var isPeerLeaving = false

    private enum State {
        /// → lingering, closed
        case open
        /// → closed
        case lingering(Lingering)
        /// Final.
        case closed
    }

    /// An empty output buffer larger than this goes back to the loop: idle connections are many, and each
    /// is to hold less than 16 KiB with all that hangs on it. What a stream writes in a turn is
    /// smaller as a rule, so it does not allocate.
    private static let keptCapacityMax = 8 * 1024

    /// Takes over a connected, non-blocking socket and watches it for input.
    package init(on loop: Loop, socket: consuming Descriptor) throws(SystemError) {
        self.loop = loop
        self.socket = socket.rawValue
        descriptor = consume socket
        super.init()
        try loop.register(self.socket, for: .readable, handler: self)
    }

    // MARK: For the subclass to override

    /// Bytes have arrived: at most 64 KiB, and once a turn. They are gone when this returns.
    open func received(_ bytes: Span<UInt8>) {
        preconditionFailure("a connection that is read from overrides received(_:)")
    }

    /// The peer has sent all it will; all of it has been received. The peer may still read.
    open func peerFinished() {
        close()
    }

    /// While reading was paused the peer has shut its sending side or closed. Input it sent before
    /// may be waiting still: `resumeReading` brings it, and then `peerFinished`.
    open func peerLeftWhilePaused() {
        close()
    }

    /// Output has fallen from above `outputLowWater` to at most that.
    open func drained() {}

    /// The connection is closed: the last call.
    open func closed(_ cause: CloseCause) {}

    override public final func ready(_ readiness: Readiness, on descriptor: Int32) {
        if readiness.contains(.writable) { flush() }
        if isClosed { return }
        if isReading {
            if !readiness.isDisjoint(with: [.readable, .hangup, .error]) { read() }
        } else if readiness.contains(.error) {
            finish(.failed(SystemError("recv", code: pendingError())))
        } else if readiness.contains(.hangup) {
            finish(.peerGone)
        } else if readiness.contains(.peerClosed), !isPeerLeaving {
            isPeerLeaving = true
            updateInterest()
            if case .open = state { peerLeftWhilePaused() }
        }
    }
}

// MARK: - Input

extension Connection {
    /// Receives nothing until `resumeReading`; the peer's data waits in the kernel, whose full
    /// buffer holds the peer back.
    package final func pauseReading() {
        guard case .open = state else { return }
        isReadingPaused = true
        updateInterest()
    }

    /// Receives again, from the next turn on.
    package final func resumeReading() {
        guard case .open = state else { return }
        isReadingPaused = false
        updateInterest()
    }

    private var isReading: Bool { !isReadingPaused && !isInputEnded }

    private func updateInterest() {
        var interest: Interest = isBlocked ? .writable : []
        if isReading {
            interest.insert(.readable)
        } else if !isInputEnded && !isPeerLeaving {
            interest.insert(.peerClosed)
        }
        loop.setInterest(interest, of: socket)
    }

    /// Reads once: the next connection has its turn before there is more.
    private func read() {
        let buffer = unsafe loop.readBuffer
        // SAFETY: the kernel writes at most the buffer's length.
        let count = unsafe recv(
            socket, buffer.baseAddress, min(buffer.count, readBytesMax), 0)
        if count > 0 {
            if case .lingering(let lingering) = state {
                drop(count, lingering)
            } else {
                // SAFETY: that many bytes have just been written; nothing else reads into the
                // buffer before `received` returns, as reads come from the loop's dispatch only.
                let filled = unsafe UnsafeBufferPointer(rebasing: buffer[..<count])
                unsafe received(Span(_unsafeElements: filled))
            }
        } else if count == 0 {
            isInputEnded = true
            updateInterest()
            switch state {
            case .open: peerFinished()
            case .lingering(let lingering): if lingering.isOutputShut { finish(.lingered) }
            case .closed: preconditionFailure("a closed connection is not registered")
            }
        } else if errno != EAGAIN && errno != EINTR {
            finish(.failed(SystemError("recv")))
        }
    }

    /// The error that the socket holds. An error that epoll told and that is gone again still ends
    /// the connection: told on every turn, it would spin.
    private func pendingError() -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        // SAFETY: the kernel fills the local value of the size told.
        let result = unsafe getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size)
        return result == 0 && code != 0 ? code : ECONNRESET
    }
}

// MARK: - Output

extension Connection {
    /// The bytes that wait to be sent: for back-pressure.
    package final var outputBytes: Int { output.count - sentBytes }

    /// Has what was appended to `output` sent at the end of this turn, or as soon as there is room.
    package final func markDirty() {
        guard case .open = state else { return }
        flushAtTurnEnd()
    }

    /// Much output is about to come: lets it use room that the connections of the loop lend one
    /// another, so that a burst allocates nothing.
    package final func borrowRoom() {
        if output.isEmpty, output.capacity <= Connection.keptCapacityMax {
            loop.borrowRoom(&output)
        }
    }

    private func flushAtTurnEnd() {
        guard !isDirty, !isBlocked else { return }
        isDirty = true
        loop.flushAtTurnEnd(self)
    }

    /// Sends once. What the kernel does not take waits until it tells that there is room.
    final func flush() {
        isDirty = false
        let before = outputBytes
        if isClosed || before == 0 { return }
        // SAFETY: the kernel reads within the array lent for the call.
        let count = unsafe output.withUnsafeBytes { bytes in
            let unsent = unsafe bytes.baseAddress?.advanced(by: sentBytes)
            return unsafe send(socket, unsent, before, Int32(MSG_NOSIGNAL))
        }
        if count < 0 {
            guard errno == EAGAIN || errno == EINTR else {
                finish(.failed(SystemError("send")))
                return
            }
        } else {
            sentBytes += count
        }
        isBlocked = outputBytes > 0
        watchForStall(hasSent: count > 0)
        compact()
        updateInterest()
        switch state {
        case .open:
            if before > outputLowWater && outputBytes <= outputLowWater { drained() }
        case .lingering(let lingering):
            if !isBlocked { shutOutput(lingering) }
        case .closed:
            preconditionFailure("a closed connection sends nothing")
        }
    }

    /// Output that waits has `sendTimeout` from the last progress.
    private func watchForStall(hasSent: Bool) {
        guard isBlocked else {
            stallTimer?.cancel()
            return
        }
        guard hasSent || stallTimer?.deadline == nil else { return }
        let timer = stallTimer ?? Timer(on: loop) { [unowned self] in finish(.stalled) }
        stallTimer = timer
        timer.schedule(at: loop.now + sendTimeout)
    }

    /// Drops what is sent, when that is all of it or the larger part: so each byte is moved at most
    /// once on average.
    private func compact() {
        if sentBytes == output.count {
            output.removeAll(keepingCapacity: true)
            if output.capacity > Connection.keptCapacityMax { loop.returnRoom(&output) }
            sentBytes = 0
        } else if sentBytes >= outputBytes {
            output.removeSubrange(..<sentBytes)
            sentBytes = 0
        }
    }
}

// MARK: - The end

extension Connection {
    /// Whether the end has come; every call on a closed connection does nothing.
    package final var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    /// Closes now; output that waits is lost.
    package final func close() {
        finish(.byOwner)
    }

    /// Sends what is queued, shuts the sending side, and drops what still comes until the peer
    /// closes too. To close at once would reset a peer that is still sending, and the reset may
    /// destroy the answer before the peer has read it (RFC 9112, section 9.6).
    ///
    /// Ends `limit` after the shutdown, or after the last bytes that came, though not for ever; or
    /// when more than `bytesMax` bytes have come; or when the peer does not take what is queued, as
    /// ever.
    package final func closeLingering(
        for limit: Duration = .seconds(2), droppingAtMost bytesMax: Int = 1 << 20
    ) {
        guard case .open = state else { return }
        let timer = Timer(on: loop) { [unowned self] in finish(.lingered) }
        let lingering = Lingering(timer: timer, limit: limit, bytesLeft: bytesMax)
        state = .lingering(lingering)
        isReadingPaused = false
        if outputBytes == 0 {
            shutOutput(lingering)
        } else {
            updateInterest()
            flushAtTurnEnd()
        }
    }

    /// All is sent.
    private func shutOutput(_ lingering: Lingering) {
        guard !isInputEnded, lingering.bytesLeft >= 0, shutdown(socket, Int32(SHUT_WR)) == 0 else {
            finish(.lingered)
            return
        }
        lingering.isOutputShut = true
        lingering.end = loop.now + lingering.limit * 5
        lingering.timer.schedule(at: loop.now + lingering.limit)
        updateInterest()
    }

    /// Input that nobody wants.
    private func drop(_ count: Int, _ lingering: Lingering) {
        lingering.bytesLeft -= count
        guard lingering.bytesLeft < 0 else {
            if let end = lingering.end {
                lingering.timer.schedule(at: min(end, loop.now + lingering.limit))
            }
            return
        }
        if lingering.isOutputShut {
            finish(.lingered)
        } else {
            // The answer has still to go out; the rest of the input may wait in the kernel.
            isReadingPaused = true
            updateInterest()
        }
    }

    private func finish(_ cause: CloseCause) {
        if isClosed { return }
        state = .closed
        loop.deregister(socket)
        descriptor.take()?.close()
        stallTimer = nil
        output = []
        sentBytes = 0
        closed(cause)
    }
}

/// What a lingering close has left.
private final class Lingering {
    let timer: Timer
    let limit: Duration
    var bytesLeft: Int
    var isOutputShut = false
    /// When all patience ends; set once the output is shut.
    var end: Duration?

    init(timer: Timer, limit: Duration, bytesLeft: Int) {
        self.timer = timer
        self.limit = limit
        self.bytesLeft = bytesLeft
    }
}
