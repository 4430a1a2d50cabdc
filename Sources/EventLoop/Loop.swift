// The event loop: one thread, one epoll, plain calls. Everything a thread owns (clients, upstream
// transfers, timers) is driven from here, so nothing in it needs a lock, a Task or an actor.
//
// One turn, in this order:
//
//   1. wait       epoll_wait, until an event, the next timer, or not at all when work is left over.
//                 Right after it the clock is read: `now` is the time of the whole turn.
//   2. dispatch   at most 256 events, each to its handler's `ready`. Messages from other threads
//                 (Mailbox) and signals (SignalSource) are events like any other.
//   3. catch up   only if a timer is due, and the wait has not seen everything (it timed out, was
//                 interrupted, or had too much to tell): what has arrived by now is dispatched as
//                 well. A timer says that something did not come, which nobody knows before he has
//                 looked. After a pause of the process (SIGSTOP, a frozen cgroup) both are there.
//   4. timers     all that are due, on every turn: steady traffic cannot starve them.
//   5. hooks      `addTurnEndHook`: for whoever collects work over a turn, as curl's "at once".
//   6. flush      every connection with new output sends it: one send a connection a turn, however
//                 many times the turn has appended to it.
//   7. repeat     without sleeping, if the flush made new output or somebody called `requestTurn`.
//
// Stale events: a handler may close a descriptor while events for it wait in the same batch, and
// the kernel may give the number to a new socket at once. So the tag of each event is (generation,
// descriptor), the generation being new for each registration, and an event whose generation is
// not the table's is dropped. The table is an array indexed by the descriptor: the kernel hands out
// the lowest free number, so it stays dense.
import CLinux
import Glibc

/// The event loop of one thread. Make it, use it and let go of it on that thread.
// SAFETY: the unsafe storage is the kernel's event record, always initialised, and the read buffer,
// which stays inside this module.
@safe package final class Loop {
    /// Monotonic time since boot, read once a turn, right after the wait.
    package private(set) var now: Duration

    /// Timers that wait; see Timer.
    let timers = TimerHeap()
    /// Where connections read to: shared, so that an idle connection holds no buffer.
    let readBuffer: UnsafeMutableBufferPointer<UInt8>

    /// Large output buffers that no connection needs at the moment; see `Connection.borrowRoom`.
    private var spareRooms: [[UInt8]] = []

    private let epoll: Descriptor
    private var registrations: [Registration] = []
    private var generation: UInt32 = 0
    private var events: [epoll_event]
    private var hooks: [() -> Void] = []
    private var unflushed: [Connection] = []
    private var flushing: [Connection] = []
    private var isTurnRequested = false
    /// The events of this turn. None means that nothing was urgent.
    package private(set) var turnEventCount = 0
    private var isStopped = false
    /// Whether this turn's wait was ended by a signal, as it is after a pause of the process.
    private var wasInterrupted = false

    /// An entry of the table, at the descriptor's index.
    private struct Registration {
        /// nil: nobody is registered for the descriptor.
        var handler: EventHandler?
        var generation: UInt32
        var interest: Interest
    }

    /// Enough for a busy turn, few enough that timers and flushes are not kept waiting.
    private static let eventsPerTurnMax = 256
    /// No turn takes so long that a timer is later than this.
    private static let latenessMax = Duration.milliseconds(500)
    /// How often a turn looks for more before it fires timers: with the events of one look, as much as
    /// has come to every connection that a daemon may have.
    private static let catchUpRoundsMax = 64
    /// One read takes at most this much; also the most one connection gets before the next has its
    /// turn.
    static let readBytesMax = 64 * 1024

    /// Few, and none larger than a burst: they are never given back to the system.
    private static let spareRoomsMax = 4
    private static let spareRoomBytesMax = 1 << 20

    /// Makes a loop with nothing registered. Throws when descriptors have run out.
    package init() throws(SystemError) {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("epoll_create1") }
        epoll = Descriptor(owning: descriptor)
        unsafe events = Array(repeating: epoll_event(), count: Loop.eventsPerTurnMax)
        unsafe readBuffer = .allocate(capacity: Loop.readBytesMax)
        now = Loop.clock()
    }

    deinit {
        // SAFETY: allocated in init, and lent only for the length of a call on this thread.
        unsafe readBuffer.deallocate()
    }

    /// Monotonic time since boot, read now: for measuring within a turn.
    package static func clock() -> Duration {
        var time = timespec()
        // SAFETY: the call fills the local value it is given; the monotonic clock always exists.
        let result = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        precondition(result == 0, "the monotonic clock exists")
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

// MARK: - Turns

extension Loop {
    /// Turns until `stop`.
    package func run() {
        while !isStopped { turn() }
    }

    /// Lets `run` return after the present turn. From another thread, send a message to a mailbox
    /// whose receiver calls this.
    package func stop() {
        isStopped = true
    }

    /// One turn, which sleeps no longer than `limit`.
    package func turn(waitingAtMost limit: Duration? = nil) {
        wasInterrupted = false
        turnEventCount = wait(milliseconds: waitMilliseconds(atMost: limit))
        now = Loop.clock()
        for index in 0..<turnEventCount { dispatch(index) }
        catchUp()
        timers.fire(at: now)
        for hook in hooks { hook() }
        flush()
    }

    /// Before a timer fires: dispatches what was there at `now`, if this turn has not seen all of it.
    /// `now` was read before the looks that are taken here. After a pause of the process, what one
    /// event leads to (a connection to accept, then its request) may wait as well.
    private func catchUp() {
        guard let deadline = timers.nextDeadline, deadline <= now else { return }
        let wasPaused = wasInterrupted || now - deadline > Loop.latenessMax
        let hasSeenAll = turnEventCount > 0 && turnEventCount < Loop.eventsPerTurnMax
        guard wasPaused || !hasSeenAll else { return }
        for _ in 0..<Loop.catchUpRoundsMax {
            let count = wait(milliseconds: 0)
            for index in 0..<count { dispatch(index) }
            turnEventCount += count
            if count == 0 || count < Loop.eventsPerTurnMax && !wasPaused { return }
        }
    }

    /// Lets the next turn come without sleeping: there is work that no descriptor announces.
    package func requestTurn() {
        isTurnRequested = true
    }

    /// Calls `hook` at the end of each turn, before the connections flush; hooks run in the order
    /// in which they were added.
    package func addTurnEndHook(_ hook: @escaping () -> Void) {
        hooks.append(hook)
    }

    /// Has the connection flush at the end of this turn, or of the next one if this turn's flush is
    /// under way.
    func flushAtTurnEnd(_ connection: Connection) {
        unflushed.append(connection)
    }

    /// Exchanges an empty buffer for one with room, if there is one.
    func borrowRoom(_ buffer: inout [UInt8]) {
        guard var room = spareRooms.popLast() else { return }
        swap(&buffer, &room)
    }

    /// Takes an empty buffer back and leaves one without room.
    func returnRoom(_ buffer: inout [UInt8]) {
        var room: [UInt8] = []
        swap(&buffer, &room)
        guard spareRooms.count < Loop.spareRoomsMax, room.capacity <= Loop.spareRoomBytesMax else {
            return
        }
        spareRooms.append(room)
    }

    /// The number of events that wait in `events`.
    private func wait(milliseconds timeout: Int32) -> Int {
        let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
            // SAFETY: the kernel writes at most `count` events into the array lent here.
            unsafe epoll_wait(epoll.rawValue, buffer.baseAddress, Int32(buffer.count), timeout)
        }
        if count < 0 {
            precondition(errno == EINTR, "epoll_wait fails otherwise only by a bug of ours")
            wasInterrupted = true
            return 0
        }
        return Int(count)
    }

    /// How long to sleep: -1 is until an event.
    private func waitMilliseconds(atMost limit: Duration?) -> Int32 {
        defer { isTurnRequested = false }
        if isTurnRequested || !unflushed.isEmpty { return 0 }
        guard let deadline = timers.nextDeadline else { return limit?.millisecondsRoundedUp ?? -1 }
        let remaining = deadline - Loop.clock()
        return min(remaining, limit ?? remaining).millisecondsRoundedUp
    }

    private func dispatch(_ index: Int) {
        // SAFETY: `u64` is the member of the union that `control` writes.
        let tag = unsafe events[index].data.u64
        let readiness = unsafe Readiness(rawValue: events[index].events)
        let descriptor = Int(tag & 0xFFFF_FFFF)
        guard
            let handler = registrations[descriptor].handler,
            registrations[descriptor].generation == UInt32(tag >> 32)
        else { return }
        handler.ready(readiness, on: Int32(descriptor))
    }

    /// Sends what this turn has produced. Output made meanwhile (a drained connection asks its
    /// source for more) is the next turn's, which then does not sleep.
    private func flush() {
        guard !unflushed.isEmpty else { return }
        swap(&unflushed, &flushing)
        for connection in flushing { connection.flush() }
        flushing.removeAll(keepingCapacity: true)
    }
}

// MARK: - Registration

extension Loop {
    /// Watches `descriptor` and keeps `handler` until `deregister`. Throws when the kernel has no
    /// memory or the user no more watches. To register a descriptor twice is a bug.
    package func register(
        _ descriptor: Int32, for interest: Interest, handler: EventHandler
    ) throws(SystemError) {
        let index = Int(descriptor)
        if index >= registrations.count { growTable(toHold: index) }
        precondition(registrations[index].handler == nil, "the descriptor is registered already")
        generation &+= 1
        guard control(EPOLL_CTL_ADD, descriptor, interest, generation) else {
            throw SystemError("epoll_ctl")
        }
        registrations[index] = Registration(
            handler: handler, generation: generation, interest: interest)
    }

    /// Watches a registered descriptor for something else; no system call when nothing changes.
    package func setInterest(_ interest: Interest, of descriptor: Int32) {
        let index = Int(descriptor)
        precondition(isRegistered(descriptor), "only a registered descriptor has an interest")
        guard registrations[index].interest != interest else { return }
        precondition(
            !registrations[index].interest.union(interest).contains(.exclusive),
            "an exclusive registration cannot change: deregister, then register again")
        registrations[index].interest = interest
        let generation = registrations[index].generation
        let isDone = control(EPOLL_CTL_MOD, descriptor, interest, generation)
        precondition(isDone, "the kernel refuses this only for a descriptor closed too early")
    }

    /// Stops watching and lets go of the handler. Events for it that already wait are dropped.
    /// **Call this before closing**: afterwards the number may be somebody else's.
    package func deregister(_ descriptor: Int32) {
        precondition(isRegistered(descriptor), "only a registered descriptor can be deregistered")
        registrations[Int(descriptor)].handler = nil
        let isDone = control(EPOLL_CTL_DEL, descriptor, [], 0)
        precondition(isDone, "the kernel refuses this only for a descriptor closed too early")
    }

    /// Like `deregister`, for the descriptor of a library that may have closed it already.
    package func forget(_ descriptor: Int32) {
        precondition(isRegistered(descriptor), "only a registered descriptor can be forgotten")
        registrations[Int(descriptor)].handler = nil
        // A closed descriptor has left epoll by itself.
        _ = control(EPOLL_CTL_DEL, descriptor, [], 0)
    }

    /// A library has closed a registered descriptor without a word and has just opened another of the
    /// same number: watches that one for the same things.
    package func renew(_ descriptor: Int32) {
        precondition(isRegistered(descriptor), "only a registered descriptor can be renewed")
        generation &+= 1
        registrations[Int(descriptor)].generation = generation
        let interest = registrations[Int(descriptor)].interest
        let isDone = control(EPOLL_CTL_ADD, descriptor, interest, generation)
        precondition(isDone, "a new descriptor is not in epoll yet, and its predecessor left room")
    }

    /// Whether somebody is registered for the descriptor.
    package func isRegistered(_ descriptor: Int32) -> Bool {
        let index = Int(descriptor)
        return index < registrations.count && registrations[index].handler != nil
    }

    /// False when the kernel refuses, with `errno` set.
    private func control(
        _ operation: Int32, _ descriptor: Int32, _ interest: Interest, _ generation: UInt32
    ) -> Bool {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        unsafe event.data.u64 = UInt64(generation) << 32 | UInt64(descriptor)
        // SAFETY: the kernel reads the local value during the call only.
        return unsafe epoll_ctl(epoll.rawValue, operation, descriptor, &event) == 0
    }

    private func growTable(toHold index: Int) {
        let free = Registration(handler: nil, generation: 0, interest: [])
        let count = max(index + 1, registrations.count * 2)
        registrations.append(contentsOf: repeatElement(free, count: count - registrations.count))
    }
}
