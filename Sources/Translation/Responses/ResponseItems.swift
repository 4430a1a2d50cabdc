// The items of a response: messages, reasoning, calls. An event names its item by `output_index`;
// llama.cpp's have none, there the item's id does, and without both it is the last one of its kind.
// The kind counts too: servers that give every item the same index are told apart by it.

/// One item of a response.
struct ResponseItem {
    enum Kind { case message, reasoning, call, other }

    var kind: Kind
    var outputIndex: Int?
    /// The item's id, kept where the index is missing.
    var id: [UInt8] = []
    /// The number of its call, in the ledger.
    var call: Int?
    /// The upstream's id of its call.
    var callID: [UInt8] = []
    /// Whether any of its text, reasoning or refusal has come.
    var hasText = false
    /// Whether its reasoning came as summaries; nil while none has come.
    var isSummary: Bool?
    /// The parts whose text has come, the last one last.
    private(set) var parts: [Int] = []
    /// What has come of a call that may stand for several, escaped; nil for any other.
    var wrapped: [UInt8]?
    var isDone = false

    /// Real items have a few parts; of more, the ends are not known from repetitions.
    private static var partsMax: Int { 256 }

    mutating func noteText(of part: Int?) {
        hasText = true
        guard let part, parts.last != part else { return }
        parts.removeAll { $0 == part }
        if parts.count == Self.partsMax { parts.removeFirst() }
        parts.append(part)
    }
}

/// The items of a response in the order in which they began.
struct ResponseItems {
    /// What an event says of its item.
    struct Key {
        var kind: ResponseItem.Kind
        var outputIndex: Int?
        /// Decoded, and empty where the index is known.
        var id: [UInt8] = []
        /// Empty where the event does not tell it.
        var callID: [UInt8] = []
    }

    var items: [ResponseItem] = []
    /// The item whose thinking block is open, or was the last to be.
    var shownThought: Int?
    /// The item and the part whose text block is open, or was the last to be.
    var shownText: (item: Int, part: Int?)?
    /// The item that goes into the next signature, as JSON; empty when there is none.
    var sealedItem: [UInt8] = []
    /// Items that came too late for their thinking block, or without one.
    var looseItems: [[UInt8]] = []
    /// Whether the response's id and model have been looked for.
    var hasEcho = false

    var gatheredBytes: Int {
        var bytes = sealedItem.count
        for item in looseItems { bytes += item.count }
        for item in items { bytes += item.wrapped?.count ?? 0 }
        return bytes
    }

    /// The item that `key` names; nil when it is a new one.
    func find(_ key: Key) -> Int? {
        for number in items.indices.reversed() {
            let item = items[number]
            guard item.kind == key.kind else { continue }
            if let index = key.outputIndex {
                guard item.outputIndex == index else { continue }
            } else if !key.id.isEmpty {
                guard item.id == key.id else { continue }
            } else if item.isDone {
                return nil
            }
            return number
        }
        return nil
    }

    /// The item that an `added` or `done` event is about; nil when it is a new one, at whatever
    /// index: one of another call, or after the end of the one that had its index.
    func find(_ key: Key, isDone: Bool) -> Int? {
        guard let number = find(key) else { return nil }
        let item = items[number]
        let isOther = !key.callID.isEmpty && !item.callID.isEmpty && item.callID != key.callID
        // A tool search may settle a call's id only when it is done.
        if isOther, !isDone || item.isDone { return nil }
        return item.isDone && !isDone ? nil : number
    }

    /// Whether every item that has begun is done, and there is one.
    var areDone: Bool { !items.isEmpty && items.allSatisfy(\.isDone) }
}
