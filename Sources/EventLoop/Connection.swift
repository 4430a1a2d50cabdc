// A connected stream socket of a loop. It reads into the loop's buffer, so it holds no memory while
// idle, and collects output over a turn, so that a turn costs one send however much is appended.
//
// It makes the system calls; `ConnectionFlow` decides. The subclass is called
//   - while open:  received, peerFinished, peerLeftWhilePaused, drained;
//   - at the end:  closed(_:), exactly once and last, whoever closed and why. It may come before
//                  the call that caused it (close, closeLingering) returns.
//
// Errors and hang-ups are told always, and each ends the connection, at once or after the input that is
// left.
import CLinux
import Glibc

/// A non-blocking stream socket with batched output. The loop holds it until it is closed.
open class Connection: EventHandler {
    /// The loop it belongs to.
    package final let loop: Loop
    /// The socket's number; somebody else's once `isClosed`.
    package final let socket: Int32
    /// Output that waits, behind bytes that are sent already (see `outputBytes`), and empty when all is
    /// sent: append to it, then call `markDirty`.
    package final var output: [UInt8] = []
    /// The most that is read at once; at most what `received` promises.
    package final var readBytesMax = Loop.readBytesMax

    private final var flow = ConnectionFlow()
    private final var descriptor: Descriptor?
    /// Whether a flush is due at the end of the turn.
    private final var isDirty = false
    /// Ends a connection whose peer takes nothing, or does not close; made when it is first needed.
    private final var timer: Timer?

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

    /// `drained` is called when output falls to this number of bytes.
    package final var outputLowWater: Int {
        get { flow.outputLowWater }
        set { flow.outputLowWater = newValue }
    }

    /// How long the peer may take nothing of the output that waits for it. What the kernel takes
    /// into its buffer counts as taken.
    package final var sendTimeout: Duration {
        get { flow.sendTimeout }
        set { flow.sendTimeout = newValue }
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
        if flow.isReading {
            if !readiness.isDisjoint(with: [.readable, .hangup, .error]) { read() }
        } else if readiness.contains(.error) {
            take(flow.close(.failed(SystemError("recv", code: pendingError()))))
        } else if readiness.contains(.hangup) {
            take(flow.close(.peerGone))
        } else if readiness.contains(.peerClosed) {
            take(flow.peerLeft())
        }
    }

    /// Does what follows from an event.
    private final func take(_ consequence: ConnectionFlow.Consequence) {
        switch consequence {
        case .close(let cause): return finish(cause)
        case .nothing, .deliver, .tellDrained, .tellPeerFinished, .tellPeerLeft, .shutOutput: break
        }
        guard !isClosed else { return }
        loop.setInterest(flow.interest, of: socket)
        updateTimer()
        switch consequence {
        case .nothing, .deliver, .close: break
        case .tellDrained: drained()
        case .tellPeerFinished: peerFinished()
        case .tellPeerLeft: peerLeftWhilePaused()
        case .shutOutput:
            take(flow.outputShut(shutdown(socket, Int32(SHUT_WR)) == 0, at: loop.now))
        }
    }

    private final func updateTimer() {
        guard let deadline = flow.deadline else {
            timer?.cancel()
            return
        }
        let timer =
            timer
            ?? Timer(on: loop) { [unowned self] in take(flow.deadlineReached(at: loop.now)) }
        self.timer = timer
        timer.schedule(at: deadline)
    }
}

// MARK: - Input

extension Connection {
    /// Receives nothing until `resumeReading`; the peer's data waits in the kernel, whose full
    /// buffer holds the peer back.
    package final func pauseReading() { pauseReading(true) }

    /// Receives again, from the next turn on.
    package final func resumeReading() { pauseReading(false) }

    private func pauseReading(_ isPaused: Bool) {
        guard flow.isOpen else { return }
        flow.pauseReading(isPaused)
        loop.setInterest(flow.interest, of: socket)
    }

    /// Reads once: the next connection has its turn before there is more.
    private func read() {
        let buffer = unsafe loop.readBuffer
        // SAFETY: the kernel writes at most the buffer's length.
        let count = unsafe recv(
            socket, buffer.baseAddress, min(buffer.count, readBytesMax), 0)
        if count > 0 {
            let consequence = flow.received(count, at: loop.now)
            guard case .deliver = consequence else { return take(consequence) }
            // SAFETY: that many bytes have just been written; nothing else reads into the buffer
            // before `received` returns, as reads come from the loop's dispatch only.
            let filled = unsafe UnsafeBufferPointer(rebasing: buffer[..<count])
            unsafe received(Span(_unsafeElements: filled))
        } else if count == 0 {
            take(flow.inputEnded())
        } else if errno != EAGAIN && errno != EINTR {
            take(flow.close(.failed(SystemError("recv"))))
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
    package final var outputBytes: Int { flow.outputBytes(of: output) }

    /// Has what was appended to `output` sent at the end of this turn, or as soon as there is room.
    package final func markDirty() {
        if flow.isOpen { flushAtTurnEnd() }
    }

    /// Much output is about to come: lets it use room that the connections of the loop lend one
    /// another, so that a burst allocates nothing.
    package final func borrowRoom() {
        if output.isEmpty, output.capacity <= Connection.keptCapacityMax {
            loop.borrowRoom(&output)
        }
    }

    private func flushAtTurnEnd() {
        guard !isDirty, !flow.isBlocked else { return }
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
            let unsent = unsafe bytes.baseAddress?.advanced(by: flow.sentBytes)
            return unsafe send(socket, unsent, before, Int32(MSG_NOSIGNAL))
        }
        guard count >= 0 || errno == EAGAIN || errno == EINTR else {
            return take(flow.close(.failed(SystemError("send"))))
        }
        let consequence = flow.sent(max(0, count), of: &output, at: loop.now)
        if output.isEmpty, output.capacity > Connection.keptCapacityMax {
            loop.returnRoom(&output)
        }
        take(consequence)
    }
}

// MARK: - The end

extension Connection {
    /// Whether the end has come; every call on a closed connection does nothing.
    package final var isClosed: Bool { flow.isClosed }

    /// Closes now; output that waits is lost.
    package final func close() {
        take(flow.close(.byOwner))
    }

    /// Sends what is queued, shuts the sending side, and drops what still comes until the peer
    /// closes too, as `ConnectionFlow.linger` has it.
    package final func closeLingering(
        for limit: Duration = .seconds(2), droppingAtMost bytesMax: Int = 1 << 20
    ) {
        guard flow.isOpen else { return }
        take(flow.linger(for: limit, droppingAtMost: bytesMax, outputBytes: outputBytes))
        if !isClosed, outputBytes > 0 { flushAtTurnEnd() }
    }

    private func finish(_ cause: CloseCause) {
        loop.deregister(socket)
        descriptor.take()?.close()
        timer = nil
        output = []
        closed(cause)
    }
}
