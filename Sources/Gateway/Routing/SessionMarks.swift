// Where the requests of a session begin to ask, if not with the first model of their chain: with the
// one that has answered in its stead, since that has the prompt in its cache now, or with the one after
// that whose stream has died, since the client repeats the request at once.

/// What is kept of the last sessions, by their digests.
struct SessionMarks: Sendable {
    private struct Mark: Sendable {
        var entry: Int
        var usedAt: MonotonicTime
    }

    private var marks: [UInt64: Mark] = [:]
    /// The sessions whose prompts have become longer than a route's limit, with that.
    private var sizes: [UInt64: (limit: Int, usedAt: MonotonicTime)] = [:]

    static let sessionsMax = 4096
    private static let lifetime = Duration.seconds(300)

    /// The entry that a session's request begins with.
    mutating func entry(of session: UInt64, at now: MonotonicTime) -> Int {
        guard var mark = marks[session] else { return 0 }
        guard now < mark.usedAt + Self.lifetime else {
            marks[session] = nil
            return 0
        }
        mark.usedAt = now
        marks[session] = mark
        return mark.entry
    }

    mutating func set(_ session: UInt64, to entry: Int, at now: MonotonicTime) {
        guard entry > 0 else { return marks[session] = nil }
        if marks[session] == nil, marks.count >= Self.sessionsMax,
            let oldest = marks.min(by: { $0.value.usedAt < $1.value.usedAt })
        {
            marks[oldest.key] = nil
        }
        marks[session] = Mark(entry: entry, usedAt: now)
    }

    /// The entry has failed: if the session was to begin with it, it is not any more.
    mutating func remove(_ session: UInt64, from entry: Int) {
        if marks[session]?.entry == entry { marks[session] = nil }
    }

    // MARK: Sizes

    /// Whether a prompt is over a limit: one that was once stays so until it is much shorter, because
    /// each change of the model costs the prompt's cache.
    mutating func isOver(
        _ limit: Int, session: UInt64?, tokens: Int, isCompacted: Bool, at now: MonotonicTime
    ) -> Bool {
        guard let session else { return tokens > limit }
        // One session may be over several limits; they are told apart by the key.
        let key = session ^ (UInt64(bitPattern: Int64(limit)) &* 0x9E37_79B9_7F4A_7C15)
        if tokens > limit {
            if sizes[key] == nil, sizes.count >= Self.sessionsMax,
                let oldest = sizes.min(by: { $0.value.usedAt < $1.value.usedAt })
            {
                sizes[oldest.key] = nil
            }
            sizes[key] = (limit, now)
            return true
        }
        guard sizes[key] != nil else { return false }
        guard !isCompacted, tokens >= limit / 10 * 6 else {
            sizes[key] = nil
            return false
        }
        sizes[key]?.usedAt = now
        return true
    }
}
