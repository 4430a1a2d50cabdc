// What the response side must know of the request it answers. The request translator fills it in
// while it makes the upstream body; the stream translator reads it.

/// The facts of a translated request that its response depends on.
package struct RequestFacts: Sendable {
    /// The model as the client named it, decoded.
    package var requestedModel: [UInt8] = []
    /// Whether the client asked for events; otherwise it gets one message.
    package var isStreaming = false
    /// The client's `max_tokens`.
    package var maxTokens = 0
    /// The client's `stop_sequences`, decoded.
    package var stopSequences: [[UInt8]] = []
    /// Whether the upstream does not know the stop sequences, so that the answer is cut here.
    package var emulatesStopSequences = false
    /// Whether the client has a tool called `parallel`.
    package var offersParallelTool = false
    /// Tool names that had to be changed for the upstream, by their upstream form.
    package var clientToolNames: [[UInt8]: [UInt8]] = [:]
    /// The functions on offer, by their names upstream.
    package var toolNames: [[UInt8]] = []
    /// Tool-call ids that stand in the conversation already, in the client's form: a response must
    /// not use them again.
    package var usedToolIDs: Set<[UInt8]> = []
    /// Whether the client wants thinking blocks without their text (`display: "omitted"`).
    package var omitsThinkingText = false
    /// Whether the answer's format was asked for in words of ours: models put a code fence around it.
    package var takesFenceOff = false
    /// Whether a web search was offered to the upstream as a server tool.
    package var offersWebSearch = false
    /// How long written cache entries live, for the split in `cache_creation`.
    package var cachesForAnHour = false

    package init() {}
}

extension RequestFacts {
    /// The client's name of the tool that the upstream calls `name`.
    ///
    /// Models put markup of theirs into names: `x<|channel|>commentary`, `functions.x`,
    /// `default_api:x`. It is taken off when no tool of that name is on offer and one of the plain
    /// name is.
    func clientName(of name: [UInt8]) -> [UInt8] {
        if let known = clientToolNames[name] { return known }
        guard let plain = Self.withoutMarkup(name), !toolNames.contains(name),
            toolNames.contains(plain)
        else { return name }
        return clientToolNames[plain] ?? plain
    }

    private static let prefixes: [StaticString] = [
        "functions.", "functions:", "default_api.", "default_api:",
    ]

    /// Nil if there is none.
    private static func withoutMarkup(_ name: [UInt8]) -> [UInt8]? {
        var plain = name[...]
        if let token = name.firstOffset(of: "<|") { plain = name[..<token] }
        while plain.last == 0x20 { plain.removeLast() }
        for prefix in prefixes where matches(plain.span, 0, prefix) {
            plain = plain.dropFirst(prefix.utf8CodeUnitCount)
        }
        return plain.count == name.count ? nil : Array(plain)
    }
}
