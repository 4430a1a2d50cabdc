// What all requests together have used: for /health and for the status line.

import Translation

/// Sums since the daemon's start.
package struct UsageTotals: Sendable, Equatable {
    /// Input that no cache had a part in.
    package var inputTokens = 0
    package var cacheReadTokens = 0
    package var cacheWriteTokens = 0
    package var outputTokens = 0
    package var cost = MoneyAmount.zero
    /// What the caches have saved, as far as prices are known; negative when they have cost more.
    package var cacheSaving = MoneyAmount.zero
    /// How often a session's prompt did not begin as in its last turn.
    package var prefixBreaks = 0

    package init() {}

    /// All of the prompts.
    package var promptTokens: Int { inputTokens + cacheReadTokens + cacheWriteTokens }

    /// The cached part of the prompts in percent; nil without any.
    package var cachedPercent: Int? {
        promptTokens > 0 ? Int(Double(cacheReadTokens) * 100 / Double(promptTokens)) : nil
    }

    /// Appends the sums as a JSON object. Money is text, since it must not be rounded.
    func write(into body: inout [UInt8]) {
        func write(_ key: StaticString, _ number: Int) {
            body.append(key)
            body.append(decimal: number)
        }
        write(#"{"input_tokens":"#, inputTokens)
        write(#","cache_read_tokens":"#, cacheReadTokens)
        write(#","cache_write_tokens":"#, cacheWriteTokens)
        write(#","output_tokens":"#, outputTokens)
        body.append(#","cost_usd":"#)
        body.append(jsonString: cost.description)
        body.append(#","cache_saving_usd":"#)
        body.append(jsonString: cacheSaving.description)
        write(#","prefix_breaks":"#, prefixBreaks)
        body.append("}")
    }
}

extension UsageTotals: CustomStringConvertible {
    /// In a line, for people; empty before anything was used.
    package var description: String {
        guard let cachedPercent else { return "" }
        var text = "\(promptTokens) prompt tokens (\(cachedPercent) % from caches)"
        if cost > .zero { text += ", \(cost.cents) spent" }
        if cacheSaving > .zero { text += ", \(cacheSaving.cents) saved by caches" }
        if cacheSaving < .zero {
            text += ", \((MoneyAmount.zero - cacheSaving).cents) lost by writing caches"
        }
        if prefixBreaks > 0 {
            text += ", \(prefixBreaks) prompts did not go on from their last turn"
        }
        return text
    }
}
