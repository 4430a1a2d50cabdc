// "Did you mean …?": how far apart two words are.

/// The number of single-character slips between two words.
enum EditDistance {
    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the
    /// other (optimal string alignment), over UTF-8 bytes.
    static func between(_ first: some StringProtocol, _ second: some StringProtocol) -> Int {
        let first = Array(first.utf8)
        let second = Array(second.utf8)
        var beforePrevious: [Int] = []
        var previous = Array(0...second.count)
        for (row, byte) in first.enumerated() {
            var current = [row + 1]
            for (column, other) in second.enumerated() {
                var cost = previous[column] + (byte == other ? 0 : 1)
                cost = min(cost, previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, byte == second[column - 1], first[row - 1] == other {
                    cost = min(cost, beforePrevious[column - 1] + 1)
                }
                current.append(cost)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[second.count]
    }

    /// The closest candidate, the first of several; nil if each takes more than `limit` slips.
    static func closest(
        to word: some StringProtocol, among candidates: [String], atMost limit: Int
    ) -> String? {
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = between(word, candidate)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.candidate
    }
}
