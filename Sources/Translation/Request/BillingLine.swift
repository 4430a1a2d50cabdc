// Claude Code's billing line, which stands somewhere in the system prompt: nothing to anyone but
// Anthropic, and in some versions new in every request.

enum BillingLine {
    private static var mark: StaticString { "x-anthropic-billing-header:" }

    /// The first billing line in `range` of escaped text, with its line end, and when it comes first
    /// with the empty lines after it.
    static func find(in range: Range<Int>, of bytes: Span<UInt8>) -> Range<Int>? {
        var lineStart = range.lowerBound
        while true {
            if matches(bytes, lineStart, mark) {
                var end = lineEnd(bytes, lineStart, range.upperBound)
                while lineStart == range.lowerBound, isLineEnd(bytes, end, range.upperBound) {
                    end += 2
                }
                return lineStart..<end
            }
            let next = lineEnd(bytes, lineStart, range.upperBound)
            if next == range.upperBound { return nil }
            lineStart = next
        }
    }

    /// The index after the next line end (an escape, `\n`) at or after `start`.
    private static func lineEnd(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end {
            guard bytes[index] == UInt8(ascii: "\\") else {
                index &+= 1
                continue
            }
            if bytes[index &+ 1] == UInt8(ascii: "n") { return index &+ 2 }
            index &+= 2
        }
        return end
    }

    private static func isLineEnd(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> Bool {
        index + 1 < end && bytes[index] == UInt8(ascii: "\\")
            && bytes[index + 1] == UInt8(ascii: "n")
    }
}
