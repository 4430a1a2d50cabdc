// The tool calls of one response: which call a delta belongs to, and what has become of each. Nearly
// every server has its own idea of `index` and `id`; the rules are in `find`.

/// One tool call.
struct StreamedToolCall {
    enum State {
        /// Gathers until its block can open. → open
        case waiting
        /// Its block is open. → closed
        case open
        case closed
    }

    var state = State.waiting
    /// The upstream's `index`, where it has one.
    var index: Int?
    /// The upstream's id, decoded; empty when there is none.
    var id: [UInt8] = []
    /// The tool's name as the upstream has it, decoded; empty while it has not come.
    var name: [UInt8] = []
    /// The arguments so far, escaped, up to the end of the first value. Emptied when it closes.
    var arguments: [UInt8] = []
    var extent = ToolArguments()
    /// Whether an earlier call of the response has the same id.
    var isRepeated = false
    /// What the upstream wants back with the call, as a JSON literal; empty when there is nothing,
    /// and once it has been sealed.
    var extra: [UInt8] = []
    /// The id that the client knows the call by; empty while its block has not opened.
    var clientID: [UInt8] = []

    /// What is kept of its arguments.
    fileprivate var gatheredBytes: Int { arguments.count + extent.heldBytes }

    fileprivate mutating func take(_ piece: Span<UInt8>) {
        extent.take(piece, into: &arguments)
    }

    /// Whether no more arguments can follow.
    var isComplete: Bool { extent.extent == .complete }
}

/// The calls in the order in which they came.
struct ToolCallLedger {
    /// The members of a delta that say whose it is, decoded; empty where absent.
    struct Key {
        var index: Int?
        var id: [UInt8] = []
        var name: [UInt8] = []
    }

    var calls: [StreamedToolCall] = []
    /// The call whose block is open.
    private(set) var openCall: Int?
    /// How many calls before this one are closed: the next candidate for opening.
    private(set) var next = 0
    private(set) var gatheredBytes = 0

    /// Whether the open call, if any, takes no more arguments.
    var isOpenCallComplete: Bool {
        guard let openCall else { return true }
        return calls[openCall].isComplete
    }

    /// The call that a delta belongs to; nil when it begins a new one.
    ///
    /// An id that is known names its call, unless the index differs. An unknown id is a new call,
    /// even at a known index, or the late id of a call that has none, or one of the many that some
    /// servers make up for every piece of a call. Without an id the index decides; without both it
    /// is the last call, unless the delta names another tool or comes with a name after the last
    /// call is complete. A piece without id and name never begins a call: at an unknown index, too,
    /// it belongs to the last one, if that is not complete.
    func find(_ key: Key) -> Int? {
        if !key.id.isEmpty {
            if let known = calls.lastIndex(where: { $0.id == key.id }),
                key.index == nil || calls[known].index == nil || calls[known].index == key.index
            {
                return known
            }
            guard let last = last(at: key.index) else { return nil }
            let call = calls[last]
            let isLate = call.id.isEmpty && call.state == .waiting && call.name.isEmpty
            // The same id at another index, and that index known: the id is of no use.
            let isReused = call.id == key.id
            return isLate || isReused || isUnstable(key, call) ? last : nil
        }
        guard let last = last(at: key.index) ?? lastForAStray(key) else { return nil }
        let call = calls[last]
        guard !key.name.isEmpty, !call.name.isEmpty else { return last }
        if key.name != call.name { return nil }
        return key.index == nil && call.isComplete ? nil : last
    }

    /// Whether the delta is a piece of `call`, whose index it has, under an id of its own: a new call
    /// would name its tool, and would not begin within another's arguments.
    private func isUnstable(_ key: Key, _ call: StreamedToolCall) -> Bool {
        guard key.index != nil, !call.name.isEmpty else { return false }
        switch call.extent.extent {
        case .nothing: return key.name.isEmpty
        case .begun: return key.name.isEmpty || key.name == call.name
        case .complete, .foreign: return false
        }
    }

    /// The call that a delta belongs to whose index is nobody's: some servers begin a call at one
    /// index and go on at another.
    private func lastForAStray(_ key: Key) -> Int? {
        guard key.name.isEmpty, let last = calls.indices.last, !calls[last].isComplete else {
            return nil
        }
        return last
    }

    private func last(at index: Int?) -> Int? {
        guard let index else { return calls.indices.last }
        return calls.lastIndex { $0.index == index }
    }

    /// Begins a call and returns its number.
    mutating func begin(_ key: Key) -> Int {
        var call = StreamedToolCall()
        call.index = key.index
        call.id = key.id
        call.name = key.name
        call.isRepeated = !key.id.isEmpty && calls.contains { $0.id == key.id }
        calls.append(call)
        return calls.count - 1
    }

    /// Adds what a later delta knows better; repeated ids and names change nothing.
    mutating func update(_ number: Int, _ key: Key) {
        if calls[number].id.isEmpty, calls[number].state == .waiting, !key.id.isEmpty {
            calls[number].isRepeated = calls.contains { $0.id == key.id }
            calls[number].id = key.id
        }
        if calls[number].name.isEmpty { calls[number].name = key.name }
    }

    /// Adds a piece of arguments and returns which part of the call's arguments is new.
    mutating func add(_ piece: Span<UInt8>, to number: Int) -> Range<Int> {
        guard calls[number].state != .closed else { return 0..<0 }
        let start = calls[number].arguments.count
        gatheredBytes -= calls[number].gatheredBytes
        calls[number].take(piece)
        gatheredBytes += calls[number].gatheredBytes
        return start..<calls[number].arguments.count
    }

    /// Keeps a call's `extra_content`, unless there is one already.
    mutating func keep(extra: Span<UInt8>, of number: Int) {
        guard calls[number].extra.isEmpty, calls[number].state != .closed else { return }
        calls[number].extra.append(extra)
        gatheredBytes += extra.count
    }

    /// A call's `extra_content`, which is let go.
    mutating func takeExtra(of number: Int) -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &calls[number].extra)
        gatheredBytes -= taken.count
        return taken
    }

    mutating func open(_ number: Int, as clientID: [UInt8]) {
        precondition(openCall == nil && calls[number].state == .waiting, "calls open one by one")
        calls[number].state = .open
        calls[number].clientID = clientID
        openCall = number
    }

    /// Closes the open call and returns it, with its arguments.
    mutating func close() -> StreamedToolCall? {
        guard let number = openCall else { return nil }
        openCall = nil
        next = number + 1
        calls[number].state = .closed
        let call = calls[number]
        gatheredBytes -= call.gatheredBytes
        calls[number].arguments = []
        return call
    }
}
