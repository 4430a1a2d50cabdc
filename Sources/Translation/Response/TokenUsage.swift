// What a response cost in tokens. Upstreams report it once, twice, on every chunk or never, with
// cached tokens in four places; clients expect Anthropic's form, in which the input counts exclude
// one another. Numbers come from a peer: wrong types, negative and huge ones count as nothing or
// are cut off, so that no sum overflows.

/// The token counts of a response, in the upstream's terms.
package struct TokenUsage: Equatable, Sendable {
    /// All of the prompt, cached parts included.
    package var prompt = 0
    /// What of the prompt was read from a cache.
    package var cacheRead = 0
    /// What of the prompt was written to a cache.
    package var cacheWrite = 0
    /// All that the model produced, reasoning included.
    package var output = 0
    /// What of the output was reasoning; nil when the upstream does not say.
    package var reasoning: Int?
    package var webSearches = 0
    package var webFetches = 0
    /// What the upstream charges, as decimal text in its own words; empty when it does not say.
    package var cost: [UInt8] = []
    /// Whether the numbers are our own estimate.
    package var isEstimate = true

    package init() {}

    /// The prompt without what came from or went to a cache: Anthropic's `input_tokens`. Never
    /// negative, though some upstreams count a part as read and written at once.
    package var input: Int { max(0, prompt - cacheRead - cacheWrite) }

    /// Reads an upstream's `usage` object, which replaces what was known before: of several, the
    /// last one holds.
    ///
    /// - Parameter countsReasoningApart: whether `completion_tokens` leaves reasoning out (xAI). It
    ///   is also seen by itself when the total gives it away.
    mutating func read(
        _ document: JSONDocument, _ usage: JSONNode, countsReasoningApart: Bool
    ) {
        reset()
        var total = 0
        var completion = 0
        var members = document.members(of: usage)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "prompt_tokens") {
                prompt = Self.count(document, value)
            } else if document.equals(key, "completion_tokens") {
                completion = Self.count(document, value)
            } else if document.equals(key, "total_tokens") {
                total = Self.count(document, value)
            } else if document.equals(key, "prompt_tokens_details") {
                readPromptDetails(document, value)
            } else if document.equals(key, "completion_tokens_details") {
                if let tokens = document.member(value, "reasoning_tokens") {
                    reasoning = Self.count(document, tokens)
                }
            } else if document.equals(key, "server_tool_use_details")
                || document.equals(key, "server_tool_use")
            {
                readServerTools(document, value)
            } else if document.equals(key, "cost") {
                readCost(document, value)
            } else if document.equals(key, "prompt_cache_hit_tokens")
                || document.equals(key, "cached_tokens")
                || document.equals(key, "cache_read_input_tokens")
            {
                // DeepSeek; Moonshot; gateways in front of Anthropic.
                cacheRead = max(cacheRead, Self.count(document, value))
            } else if document.equals(key, "cache_creation_input_tokens") {
                cacheWrite = max(cacheWrite, Self.count(document, value))
            }
        }
        let reasoned = reasoning ?? 0
        let isApart =
            countsReasoningApart || (reasoned > 0 && total == prompt + completion + reasoned)
        output = isApart ? completion + reasoned : completion
    }

    mutating func reset() {
        prompt = 0
        cacheRead = 0
        cacheWrite = 0
        output = 0
        reasoning = nil
        webSearches = 0
        webFetches = 0
        cost.removeAll(keepingCapacity: true)
        isEstimate = false
    }

    mutating func readPromptDetails(_ document: JSONDocument, _ details: JSONNode) {
        if let tokens = document.member(details, "cached_tokens") {
            cacheRead = max(cacheRead, Self.count(document, tokens))
        }
        if let tokens = document.member(details, "cache_write_tokens") {
            cacheWrite = max(cacheWrite, Self.count(document, tokens))
        }
    }

    mutating func readServerTools(_ document: JSONDocument, _ details: JSONNode) {
        if let requests = document.member(details, "web_search_requests") {
            webSearches = Self.count(document, requests)
        }
        if let requests = document.member(details, "web_fetch_requests") {
            webFetches = Self.count(document, requests)
        }
    }

    mutating func readCost(_ document: JSONDocument, _ value: JSONNode) {
        // Perplexity splits its cost up.
        let number = document.member(value, "total_cost") ?? value
        if document.kind(number) == .number { cost.append(document, number) }
    }

    /// Above any real count, and far enough from overflow that sums of some are safe.
    private static var countMax: Int { 1 << 32 }

    static func count(_ document: JSONDocument, _ node: JSONNode) -> Int {
        min(max(0, document.integer(node) ?? 0), countMax)
    }

    /// Appends Anthropic's `usage` object with all its fields.
    ///
    /// - Parameter cachesForAnHour: which of the two lifetimes the written tokens belong to.
    func write(cachesForAnHour: Bool, into output: inout [UInt8]) {
        output.append(#"{"input_tokens":"#)
        output.append(decimal: input)
        output.append(#","cache_creation_input_tokens":"#)
        output.append(decimal: cacheWrite)
        output.append(#","cache_read_input_tokens":"#)
        output.append(decimal: cacheRead)
        output.append(#","cache_creation":{"ephemeral_5m_input_tokens":"#)
        output.append(decimal: cachesForAnHour ? 0 : cacheWrite)
        output.append(#","ephemeral_1h_input_tokens":"#)
        output.append(decimal: cachesForAnHour ? cacheWrite : 0)
        output.append(#"},"output_tokens":"#)
        output.append(decimal: self.output)
        if let reasoning {
            output.append(#","output_tokens_details":{"thinking_tokens":"#)
            output.append(decimal: reasoning)
            output.append("}")
        }
        if webSearches > 0 || webFetches > 0 {
            output.append(#","server_tool_use":{"web_search_requests":"#)
            output.append(decimal: webSearches)
            output.append(#","web_fetch_requests":"#)
            output.append(decimal: webFetches)
            output.append("}")
        }
        output.append(#","service_tier":"standard"}"#)
    }
}
