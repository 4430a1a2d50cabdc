// What a connection decides, without its socket: which of its peer's bytes count, what it waits for,
// when it ends. It is told what system calls have brought, and the time; it never looks for itself.
// `Connection` makes the calls, and the simulation plays them.
//
//   open ──▶ lingering ──▶ shut ──▶ closed, or any ──▶ closed
//
// Lingering (RFC 9112, section 9.6): what is queued is still sent, then the sending side is shut, and
// what the peer sends meanwhile is dropped. To close at once would reset a peer that is still sending,
// and the reset may destroy the answer before the peer has read it.

/// The state of one connection, and its rules.
package struct ConnectionFlow {
    private enum State {
        /// → lingering, closed
        case open
        /// Output is still to be sent. → shut, closed
        case lingering(Lingering)
        /// All is sent, and the peer has yet to close, until `end`. → closed
        case shut(Lingering, end: Duration)
        /// Final.
        case closed
    }

    /// What a lingering close has left.
    private struct Lingering {
        /// The time that the peer has after the shutdown, or after the last bytes that came.
        let limit: Duration
        var bytesLeft: Int
    }

    /// What follows from an event, for the connection to do at once.
    package enum Consequence {
        case nothing
        /// Hand the bytes that have come to the owner.
        case deliver
        /// Tell the owner that output has fallen to `outputLowWater`.
        case tellDrained
        /// Tell the owner that the peer has sent all it will.
        case tellPeerFinished
        /// Tell the owner that the peer has left, although nobody reads.
        case tellPeerLeft
        /// Shut the sending side, then tell `outputShut`.
        case shutOutput
        /// Close the socket.
        case close(CloseCause)
    }

    private var state = State.open
    /// How much of the output is sent.
    package private(set) var sentBytes = 0
    /// When `deadlineReached` is to be called; nil for never.
    package private(set) var deadline: Duration?
    /// `tellDrained` follows when output falls to this number of bytes.
    package var outputLowWater = 0
    /// How long the peer may take nothing of the output that waits for it.
    package var sendTimeout = Duration.seconds(60)
    /// Whether the kernel has no room for more output.
    package private(set) var isBlocked = false
    private var isReadingPaused = false
    /// Whether the end of input has been read.
    private var isInputEnded = false
    /// Whether the peer's leaving was noticed while reading was paused.
    private var isPeerLeaving = false

    package init() {}

    package var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    package var isClosed: Bool {
        if case .closed = state { true } else { false }
    }

    package var isReading: Bool { !isReadingPaused && !isInputEnded }

    /// What the socket is to be watched for: what is wanted and nothing else, since level-triggered
    /// epoll would tell the rest on every turn.
    package var interest: Interest {
        var interest: Interest = isBlocked ? .writable : []
        if isReading {
            interest.insert(.readable)
        } else if !isInputEnded && !isPeerLeaving {
            interest.insert(.peerClosed)
        }
        return interest
    }
}

// MARK: - Input

extension ConnectionFlow {
    /// The owner wants no input for now, or wants it again.
    package mutating func pauseReading(_ isPaused: Bool) {
        if isOpen { isReadingPaused = isPaused }
    }

    /// `count` bytes have come.
    package mutating func received(_ count: Int, at now: Duration) -> Consequence {
        switch state {
        case .open: return .deliver
        case .lingering(var lingering):
            lingering.bytesLeft -= count
            state = .lingering(lingering)
            // The answer has still to go out; the rest of the input may wait in the kernel.
            if lingering.bytesLeft < 0 { isReadingPaused = true }
            return .nothing
        case .shut(var lingering, let end):
            lingering.bytesLeft -= count
            guard lingering.bytesLeft >= 0 else { return close(.lingered) }
            state = .shut(lingering, end: end)
            deadline = min(end, now + lingering.limit)
            return .nothing
        case .closed: preconditionFailure("a closed connection is not read")
        }
    }

    /// The end of input has been read.
    package mutating func inputEnded() -> Consequence {
        isInputEnded = true
        switch state {
        case .open: return .tellPeerFinished
        case .lingering: return .nothing
        case .shut: return close(.lingered)
        case .closed: preconditionFailure("a closed connection is not read")
        }
    }

    /// The peer has shut its sending side, which was noticed while nobody read.
    package mutating func peerLeft() -> Consequence {
        guard !isPeerLeaving else { return .nothing }
        isPeerLeaving = true
        return isOpen ? .tellPeerLeft : .nothing
    }
}

// MARK: - Output

extension ConnectionFlow {
    /// The part of `output` that waits.
    package func outputBytes(of output: [UInt8]) -> Int { output.count - sentBytes }

    /// The kernel has taken `count` of the bytes that waited, maybe none.
    package mutating func sent(
        _ count: Int, of output: inout [UInt8], at now: Duration
    ) -> Consequence {
        let before = outputBytes(of: output)
        sentBytes += count
        let left = before - count
        isBlocked = left > 0
        if !isBlocked {
            deadline = nil
        } else if count > 0 || deadline == nil {
            deadline = now + sendTimeout
        }
        compact(&output)
        switch state {
        case .open:
            return before > outputLowWater && left <= outputLowWater ? .tellDrained : .nothing
        case .lingering(let lingering): return isBlocked ? .nothing : shutOutput(lingering)
        case .shut, .closed: preconditionFailure("after the shutdown nothing is sent")
        }
    }

    /// Drops what is sent, when that is all of it or the larger part: so each byte is moved at most
    /// once on average.
    private mutating func compact(_ output: inout [UInt8]) {
        if sentBytes == output.count {
            output.removeAll(keepingCapacity: true)
            sentBytes = 0
        } else if sentBytes >= output.count - sentBytes {
            output.removeSubrange(..<sentBytes)
            sentBytes = 0
        }
    }
}

// MARK: - The end

extension ConnectionFlow {
    /// The owner has said its last word: the connection lingers, with `outputBytes` to be sent.
    ///
    /// It ends `limit` after the shutdown, or after the last bytes that came, though not for ever; or
    /// when more than `bytesMax` bytes have come; or when the peer does not take what is queued.
    package mutating func linger(
        for limit: Duration, droppingAtMost bytesMax: Int, outputBytes: Int
    ) -> Consequence {
        guard isOpen else { return .nothing }
        let lingering = Lingering(limit: limit, bytesLeft: bytesMax)
        state = .lingering(lingering)
        isReadingPaused = false
        return outputBytes == 0 ? shutOutput(lingering) : .nothing
    }

    /// All is sent. A peer that has said all, or too much, is not waited for.
    private mutating func shutOutput(_ lingering: Lingering) -> Consequence {
        isInputEnded || lingering.bytesLeft < 0 ? close(.lingered) : .shutOutput
    }

    /// The sending side is shut, or it could not be.
    package mutating func outputShut(_ isShut: Bool, at now: Duration) -> Consequence {
        guard case .lingering(let lingering) = state, isShut else { return close(.lingered) }
        state = .shut(lingering, end: now + lingering.limit * 5)
        deadline = now + lingering.limit
        return .nothing
    }

    /// The deadline has come.
    package mutating func deadlineReached(at now: Duration) -> Consequence {
        guard let deadline, deadline <= now else { return .nothing }
        return close(isBlocked ? .stalled : .lingered)
    }

    /// The socket is not used again.
    package mutating func close(_ cause: CloseCause) -> Consequence {
        guard !isClosed else { return .nothing }
        state = .closed
        deadline = nil
        sentBytes = 0
        return .close(cause)
    }
}
