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
    /// `default_api:x`, `functions.x:0`; or write them in other letters. That is mended when no tool of
    /// that name is on offer and one of the plain name is.
    func clientName(of name: [UInt8]) -> [UInt8] {
        if let known = clientToolNames[name] { return known }
        guard !toolNames.contains(name), let plain = offered(Self.withoutMarkup(name)) else {
            return name
        }
        return clientToolNames[plain] ?? plain
    }

    /// The tool on offer of this name, or else the only one whose name has the same letters.
    private func offered(_ name: [UInt8]) -> [UInt8]? {
        if toolNames.contains(name) { return name }
        let alike = toolNames.filter { Self.isSame($0, name) }
        return alike.count == 1 ? alike[0] : nil
    }

    private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { 65...90 ~= byte ? byte | 0x20 : byte }

    private static let prefixes: [StaticString] = [
        "functions.", "functions:", "function.", "default_api.", "default_api:", "tools.", "tools:",
    ]

    private static func withoutMarkup(_ name: [UInt8]) -> [UInt8] {
        var plain = name[...]
        let recipient: StaticString = "to="
        if matches(name.span, 0, "<|") {
            // `<|start|>assistant to=functions.x`
            guard let offset = name.firstOffset(of: recipient) else { return name }
            plain = plain.dropFirst(offset + recipient.utf8CodeUnitCount)
        }
        if let token = Array(plain).firstOffset(of: "<|") { plain = plain.prefix(token) }
        while let byte = plain.first, byte <= 0x20 { plain.removeFirst() }
        while let byte = plain.last, byte <= 0x20 { plain.removeLast() }
        for prefix in prefixes where Array(plain).firstOffset(of: prefix) == 0 {
            plain = plain.dropFirst(prefix.utf8CodeUnitCount)
            break
        }
        // Kimi's ids of calls: `functions.x:0`.
        if let colon = plain.lastIndex(of: UInt8(ascii: ":")), colon + 1 < plain.endIndex,
            plain[(colon + 1)...].allSatisfy({ 0x30...0x39 ~= $0 })
        {
            plain = plain[..<colon]
        }
        return Array(plain)
    }
}
