// The usage of a response: the same facts as with chat completions under other names. It comes once,
// with the end.

extension TokenUsage {
    /// Reads a response's `usage` object.
    mutating func read(_ document: JSONDocument, ofResponse usage: JSONNode) {
        reset()
        var members = document.members(of: usage)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "input_tokens") {
                prompt = Self.count(document, value)
            } else if document.equals(key, "output_tokens") {
                output = Self.count(document, value)
            } else if document.equals(key, "input_tokens_details") {
                readPromptDetails(document, value)
            } else if document.equals(key, "output_tokens_details") {
                if let tokens = document.member(value, "reasoning_tokens") {
                    reasoning = Self.count(document, tokens)
                }
            } else if document.equals(key, "server_tool_use_details") {
                readServerTools(document, value)
            } else if document.equals(key, "cost") {
                readCost(document, value)
            } else if document.equals(key, "cost_in_usd_ticks"), cost.isEmpty {
                readTicks(document, value)
            }
        }
    }

    /// xAI counts in ten-billionths of a dollar.
    private mutating func readTicks(_ document: JSONDocument, _ value: JSONNode) {
        guard let ticks = document.integer(value), ticks >= 0 else { return }
        let unit = 10_000_000_000
        cost.append(decimal: ticks / unit)
        cost.append(UInt8(ascii: "."))
        var digit = unit / 10
        while digit > 0 {
            cost.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: ticks / digit % 10))
            digit /= 10
        }
    }
}
