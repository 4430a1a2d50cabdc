// What is known of libcurl's sockets, by descriptor, and what is to be done in the event loop when
// libcurl speaks of one. docs/decisions/0021 has the rules and the reason for each.

import EventLoop

/// The sockets of all lanes of one event loop.
struct SocketTable {
    /// What is to be done in the loop.
    enum Step: Equatable {
        case nothing
        /// Watch the descriptor.
        case register(Interest)
        /// Watch it for something else.
        case change(Interest)
        /// Stop watching a descriptor that may be closed already.
        case forget
        /// Watch the new socket of this number for what its predecessor was watched for.
        case renew
    }

    /// Who is to hear of an event.
    enum Receiver: Equatable {
        case lane(ObjectIdentifier)
        /// Nobody: the socket rests, and something has come. It is to be forgotten.
        case resting(ObjectIdentifier?)
    }

    private struct State {
        /// The inode of the last socket that we have opened by this number; 0 for none.
        var inode: UInt = 0
        /// It is that socket, and it is connected: we shall hear of its end.
        var isConnected = false
        var isRegistered = false
        /// Registered, and libcurl wants to hear of events.
        var isAwaited = false
        /// Whose multi handle has said so last.
        var lane: ObjectIdentifier?
        /// What libcurl waits for.
        var interest: Interest = []
        /// How often the socket was writable in a row and nothing was written.
        var emptyWrites = 0
        /// Whether the socket is not watched for being writable at the moment.
        var isHeldBack = false

        var watched: Interest { isHeldBack ? interest.subtracting(.writable) : interest }
    }

    private var states: [State] = []

    /// So often a socket may be writable for nothing before it is held back.
    private static let emptyWritesMax = 2

    /// libcurl waits for `interest`; empty for nothing any more.
    ///
    /// - Parameter inode: tells a socket from others of its number; asked for once a connection.
    mutating func watched(
        _ descriptor: CInt, for interest: Interest, lane: ObjectIdentifier, inode: () -> UInt
    ) -> Step {
        makeRoom(for: descriptor)
        var state = states[Int(descriptor)]
        defer { states[Int(descriptor)] = state }
        if interest.isEmpty {
            // The number may be another lane's by now.
            guard state.lane == lane else { return .nothing }
            state.isAwaited = false
            return state.isRegistered && !state.isConnected ? Self.leave(&state) : .nothing
        }
        if interest.contains(.readable), !state.isConnected, state.inode != 0 {
            state.isConnected = state.inode == inode()
        }
        if interest != state.interest || state.lane != lane {
            state.isHeldBack = false
            state.emptyWrites = 0
        }
        state.interest = interest
        state.lane = lane
        state.isAwaited = true
        guard !state.isRegistered else { return .change(state.watched) }
        state.isRegistered = true
        return .register(state.watched)
    }

    /// The kernel has no memory for one more watch.
    mutating func registrationFailed(_ descriptor: CInt) {
        states[Int(descriptor)].isRegistered = false
        states[Int(descriptor)].isAwaited = false
    }

    /// Whether the socket is one of ours and connected.
    func isConnected(_ descriptor: CInt) -> Bool {
        Int(descriptor) < states.count && states[Int(descriptor)].isConnected
    }

    /// We have opened a socket for libcurl.
    mutating func opened(_ descriptor: CInt, inode: UInt, lane: ObjectIdentifier?) -> Step {
        makeRoom(for: descriptor)
        let old = states[Int(descriptor)]
        var state = State()
        state.inode = inode
        state.lane = lane
        defer { states[Int(descriptor)] = state }
        guard old.isRegistered else { return .nothing }
        // A lane has closed a socket of this number in the same breath. If it is this one, it believes
        // that we go on watching.
        guard old.lane == lane else { return .forget }
        state.isRegistered = true
        state.isAwaited = old.isAwaited
        state.interest = old.interest
        return .renew
    }

    /// The socket is to be closed.
    mutating func closed(_ descriptor: CInt) -> Step {
        makeRoom(for: descriptor)
        defer { states[Int(descriptor)] = State() }
        return states[Int(descriptor)].isRegistered ? .forget : .nothing
    }

    /// Something has come.
    mutating func ready(_ descriptor: CInt) -> Receiver {
        guard let lane = states[Int(descriptor)].lane, states[Int(descriptor)].isAwaited else {
            _ = Self.leave(&states[Int(descriptor)])
            return .resting(states[Int(descriptor)].lane)
        }
        return .lane(lane)
    }

    // MARK: Writing in vain

    /// The socket was writable, and libcurl has had its turn. HTTP/2 has windows of its own: while the
    /// upstream's is shut, libcurl 7.88 waits for a socket that is always writable.
    mutating func wasWritable(_ descriptor: CInt, hasWritten: Bool) -> Step {
        var state = states[Int(descriptor)]
        defer { states[Int(descriptor)] = state }
        guard !hasWritten, state.isAwaited, state.interest == [.readable, .writable] else {
            state.emptyWrites = 0
            return .nothing
        }
        state.emptyWrites += 1
        guard state.emptyWrites >= Self.emptyWritesMax else { return .nothing }
        state.isHeldBack = true
        return .change(state.watched)
    }

    /// It is time to try again: something has come, or some time has passed.
    mutating func retryWriting(_ descriptor: CInt) -> Step {
        makeRoom(for: descriptor)
        guard states[Int(descriptor)].isHeldBack else { return .nothing }
        states[Int(descriptor)].isHeldBack = false
        states[Int(descriptor)].emptyWrites = Self.emptyWritesMax - 1
        guard states[Int(descriptor)].isRegistered, states[Int(descriptor)].isAwaited else {
            return .nothing
        }
        return .change(states[Int(descriptor)].watched)
    }

    func isHeldBack(_ descriptor: CInt) -> Bool { states[Int(descriptor)].isHeldBack }

    private static func leave(_ state: inout State) -> Step {
        state.isRegistered = false
        state.isAwaited = false
        state.isHeldBack = false
        return .forget
    }

    private mutating func makeRoom(for descriptor: CInt) {
        let missing = Int(descriptor) + 1 - states.count
        if missing > 0 { states.append(contentsOf: repeatElement(State(), count: missing)) }
    }
}
