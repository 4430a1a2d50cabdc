// The usage of a relayed message. It is told at its beginning and at its end, and servers differ in
// what they tell when: Anthropic the same numbers twice, others zeros at first, or at first the whole
// prompt and at the end what of it came from a cache. To add would count twice, to take the larger of
// each would, too.

/// What the events of a message tell of its usage.
struct RelayedUsage {
    private var input = 0
    private var cacheRead = 0
    private var cacheWrite = 0
    private var output = 0
    private var thinking: Int?
    private var webSearches = 0
    private var webFetches = 0
    /// The tokens read from and written to caches by the event that `input` is from.
    private var cachedOfInput = 0
    private var hasCounts = false

    /// Whether nothing is known of the prompt's size.
    var isUnknown: Bool { input == 0 && cacheRead == 0 && cacheWrite == 0 }

    /// Reads a `usage` object.
    mutating func read(_ document: JSONDocument, _ usage: JSONNode) {
        guard document.kind(usage) == .object else { return }
        var given: Int?
        var read = 0
        var written = 0
        var members = document.members(of: usage)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "input_tokens") {
                given = TokenUsage.count(document, value)
            } else if document.equals(key, "output_tokens") {
                output = max(output, TokenUsage.count(document, value))
            } else if document.equals(key, "cache_read_input_tokens") {
                read = TokenUsage.count(document, value)
            } else if document.equals(key, "cache_creation_input_tokens") {
                written = TokenUsage.count(document, value)
            } else if document.equals(key, "output_tokens_details") {
                if let tokens = document.member(value, "thinking_tokens") {
                    thinking = max(thinking ?? 0, TokenUsage.count(document, tokens))
                }
            } else if document.equals(key, "server_tool_use") {
                if let count = document.member(value, "web_search_requests") {
                    webSearches = max(webSearches, TokenUsage.count(document, count))
                }
                if let count = document.member(value, "web_fetch_requests") {
                    webFetches = max(webFetches, TokenUsage.count(document, count))
                }
            }
        }
        hasCounts = true
        cacheRead = max(cacheRead, read)
        cacheWrite = max(cacheWrite, written)
        if let given { take(input: given, cached: read + written) }
    }

    /// The event with the most from caches knows the rest best; without any, the largest number is
    /// the whole prompt; between equals, the smaller leaves out what the other counts in.
    private mutating func take(input given: Int, cached: Int) {
        if cached > cachedOfInput {
            input = given
            cachedOfInput = cached
        } else if cached == cachedOfInput {
            input = cached == 0 || input == 0 ? max(input, given) : min(input, given)
        }
    }

    func write(into usage: inout TokenUsage) {
        guard hasCounts, !isUnknown || output > 0 else { return }
        usage.isEstimate = false
        usage.prompt = input + cacheRead + cacheWrite
        usage.cacheRead = cacheRead
        usage.cacheWrite = cacheWrite
        usage.output = output
        usage.reasoning = thinking
        usage.webSearches = webSearches
        usage.webFetches = webFetches
    }
}
