// Who goes when a store that all clients share is full. One client can make up any number of sessions;
// it must not drive out those of others.

/// The choice of an entry to be forgotten.
enum FairShare {
    /// The entry that was used longest ago among those of the owner who has the most.
    ///
    /// - Parameter entries: all of them, each with its owner and the number of its last use.
    static func victim<Key>(
        of entries: some Sequence<(key: Key, owner: UInt64, lastUsed: Int)>
    ) -> Key? {
        var counts: [UInt64: Int] = [:]
        var oldest: [UInt64: (key: Key, lastUsed: Int)] = [:]
        for entry in entries {
            counts[entry.owner, default: 0] += 1
            if entry.lastUsed < oldest[entry.owner]?.lastUsed ?? .max {
                oldest[entry.owner] = (entry.key, entry.lastUsed)
            }
        }
        // Among equals the one whose entry is older.
        let greediest = counts.max {
            ($0.value, -(oldest[$0.key]?.lastUsed ?? 0)) < (
                $1.value, -(oldest[$1.key]?.lastUsed ?? 0)
            )
        }
        return greediest.flatMap { oldest[$0.key]?.key }
    }
}
