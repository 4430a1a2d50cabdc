// A tournament tree over ranks: every node holds the lower rank of its two children, so the root
// holds the lowest of all. Unlike a heap it has no stale entries to carry along, and of equal
// ranks it finds the leftmost.

/// Ranks by index, and the lowest of them.
struct RankTree {
    /// Node 1 is the root, 2n and 2n + 1 are the children of n, the leaf of index i is leaves + i.
    private var nodes: [UInt32] = []
    private var leaves = 0

    /// Makes room for `count` ranks, all absent. The tree is valid after `build`.
    mutating func reset(count: Int) {
        // The next power of two.
        leaves = 1 &<< (Int.bitWidth &- (count &- 1).leadingZeroBitCount)
        if nodes.count < 2 &* leaves {
            nodes = Array(repeating: Vocabulary.absent, count: 2 &* leaves)
        } else {
            for leaf in leaves..<2 &* leaves { nodes[leaf] = Vocabulary.absent }
        }
    }

    /// Sets a rank before `build`.
    mutating func fill(_ index: Int, with rank: UInt32) {
        nodes[leaves &+ index] = rank
    }

    /// Makes the inner nodes.
    mutating func build() {
        var node = leaves &- 1
        while node > 0 {
            nodes[node] = min(nodes[2 &* node], nodes[2 &* node &+ 1])
            node &-= 1
        }
    }

    /// Sets a rank, and the nodes above it as far up as they change.
    mutating func update(_ index: Int, to rank: UInt32) {
        var node = leaves &+ index
        nodes[node] = rank
        while node > 1 {
            let lower = min(nodes[node], nodes[node ^ 1])
            node &>>= 1
            if nodes[node] == lower { return }
            nodes[node] = lower
        }
    }

    /// The first index of the lowest rank, or nil if all are absent.
    func leftmostLowest() -> Int? {
        let lowest = nodes[1]
        if lowest == Vocabulary.absent { return nil }
        var node = 1
        while node < leaves {
            node &*= 2
            if nodes[node] != lowest { node &+= 1 }
        }
        return node &- leaves
    }
}
