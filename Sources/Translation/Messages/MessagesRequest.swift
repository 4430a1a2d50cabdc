// A request for an upstream that speaks the Messages API itself: the client's own bytes, with as little
// changed as can be. Thinking is signed over what came before it, and caches compare bytes; so
// nothing is written anew but what would be refused. What that is, MessagesAbilities says.

/// Makes the upstream's request out of the client's.
struct MessagesRequest {
    let document: JSONDocument
    let outline: RequestOutline
    let settings: RequestSettings
    let abilities: MessagesAbilities
    var edits = JSONEdits()
    var facts = RequestFacts()
    var dropped = DroppedFields()
    /// Whether thinking has to be switched off for the history's sake.
    var forbidsThinking = false
    /// Whether nothing is left of the system prompt.
    var isSystemGone = false

    /// Replaces `output` by the upstream's body.
    static func translate(
        _ document: JSONDocument, outline: RequestOutline, settings: RequestSettings,
        into output: inout [UInt8]
    ) -> TranslatedRequest {
        var request = MessagesRequest(
            document: document, outline: outline, settings: settings,
            abilities: settings.profile.messages)
        request.facts.requestedModel = outline.model
        request.facts.isStreaming = outline.isStreaming
        request.facts.maxTokens = outline.maxTokens
        request.edit()
        if settings.betas.areCut { request.dropped.note("anthropic-beta") }
        output.removeAll(keepingCapacity: true)
        output.reserveCapacity(document.bytes.count + 64)
        request.edits.apply(to: document.bytes.span, into: &output)
        return TranslatedRequest(
            facts: request.facts, dropped: request.dropped, headers: UpstreamHeaders(),
            fingerprint: nil)
    }

    // MARK: The top level

    private mutating func edit() {
        editSystem()
        editMessages()
        let lost = editTools()
        var members = MemberList(document, .root)
        for index in members.members.indices {
            let key = members.members[index].key
            if settings.omittedFields.contains(document.string(key) ?? "") {
                members.members[index].isKept = false
                dropped.note("", document, key)
            }
            if document.equals(key, "thinking"), thinkingRemedy == .leftOut, !forbidsThinking {
                members.members[index].isKept = false
                dropped.note("thinking")
            }
            if document.equals(key, "tools"), lost.all { members.members[index].isKept = false }
            if document.equals(key, "tool_choice"), lost.all || lost.chosen {
                members.members[index].isKept = false
                dropped.note("tool_choice")
            }
            if document.equals(key, "system"), isSystemGone {
                members.members[index].isKept = false
            }
        }
        members.remove(from: document, into: &edits)
        editScalars()
    }

    private mutating func editScalars() {
        let fields = outline.fields
        var model: [UInt8] = [UInt8(ascii: "\"")]
        model.append(jsonEscaping: settings.upstreamModel.span)
        model.append(UInt8(ascii: "\""))
        let isOff = forbidsThinking && thinkingType != "disabled"
        if let thinking = fields.thinking, !document.isNull(thinking) {
            if isOff {
                edits.replace(document.literal(thinking), by: Array(#"{"type":"disabled"}"#.utf8))
                dropped.note("thinking")
            } else if thinkingRemedy == .adaptive {
                edits.replace(document.literal(thinking), by: Array(#"{"type":"adaptive"}"#.utf8))
            }
        } else if isOff, abilities.thinking == .demanded {
            // It thinks unless told not to.
            model.append(#","thinking":{"type":"disabled"}"#)
        }
        if let node = fields.model { edits.replace(document.literal(node), by: model) }
        if let node = fields.maxTokens, let most = settings.capabilities.outputTokensMax, most > 0,
            outline.maxTokens > most
        {
            var number: [UInt8] = []
            number.append(decimal: most)
            edits.replace(document.literal(node), by: number)
        }
        editCacheControl(fields.cacheControl)
    }

    /// What the client's `thinking` says; empty when it says nothing.
    var thinkingType: String {
        outline.fields.thinking.flatMap { document.member($0, "type") }
            .flatMap { document.string($0) } ?? ""
    }

    /// What becomes of a `thinking` that the model refuses; nil for one that it takes.
    private var thinkingRemedy: MessagesAbilities.ThinkingRule.Remedy? {
        guard !abilities.thinkingRules.isEmpty else { return nil }
        // Names may begin with a maker's.
        let name = settings.upstreamModel.split(separator: UInt8(ascii: "/")).last ?? []
        let rule = abilities.thinkingRules.first { name.starts(with: $0.prefix.utf8) }
        guard let rule, rule.refused.contains(thinkingType) else { return nil }
        return rule.remedy
    }

    // MARK: System

    private mutating func editSystem() {
        guard !abilities.keepsBilling, let system = outline.fields.system else {
            editCacheControls(inBlocksOf: outline.fields.system)
            return
        }
        if document.kind(system) == .string {
            isSystemGone = removeBillingLines(in: system)
            return
        }
        var list = ElementList(document, system)
        for index in list.elements.indices {
            let block = list.elements[index].node
            editCacheControl(document.member(block, "cache_control"))
            guard let text = document.member(block, "text"), document.kind(text) == .string else {
                continue
            }
            if removeBillingLines(in: text) { list.elements[index].isKept = false }
        }
        isSystemGone = !list.elements.isEmpty && list.elements.allSatisfy { !$0.isKept }
        if !isSystemGone { list.remove(from: document, into: &edits) }
    }

    /// Returns whether nothing is left of the text.
    private mutating func removeBillingLines(in text: JSONNode) -> Bool {
        let range = document.content(text)
        var start = range.lowerBound
        var lines: [Range<Int>] = []
        while let line = BillingLine.find(
            in: start..<range.upperBound, of: document.bytes.span)
        {
            lines.append(line)
            start = line.upperBound
        }
        let removed = lines.reduce(0) { $0 + $1.count }
        if removed > 0, removed == range.count { return true }
        for line in lines { edits.remove(line) }
        return false
    }

    // MARK: Breakpoints

    mutating func editCacheControl(_ node: JSONNode?) {
        guard !abilities.takesCacheLifetimes, let node, document.kind(node) == .object,
            document.count(node) > 1
        else { return }
        edits.replace(document.literal(node), by: Array(#"{"type":"ephemeral"}"#.utf8))
    }

    mutating func editCacheControls(inBlocksOf list: JSONNode?) {
        guard let list else { return }
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            editCacheControl(document.member(element, "cache_control"))
        }
    }

    // MARK: Tools

    /// Returns what of the tools is lost: all of them, or the one that was to be called.
    private mutating func editTools() -> (all: Bool, chosen: Bool) {
        guard let tools = outline.fields.tools, document.kind(tools) == .array else {
            return (false, false)
        }
        let chosen = outline.fields.toolChoice.flatMap { document.member($0, "name") }
            .flatMap { document.string($0) }
        var isChosenLost = false
        var list = ElementList(document, tools)
        for index in list.elements.indices {
            let tool = list.elements[index].node
            if isRefused(tool) {
                list.elements[index].isKept = false
                if let type = document.member(tool, "type") {
                    dropped.note("tools:", document, type)
                }
                let name = document.member(tool, "name").flatMap { document.string($0) }
                if name != nil, name == chosen { isChosenLost = true }
                continue
            }
            editTool(tool)
        }
        let isAllLost = !list.elements.isEmpty && list.elements.allSatisfy { !$0.isKept }
        if !isAllLost { list.remove(from: document, into: &edits) }
        return (isAllLost, isChosenLost)
    }

    private func isRefused(_ tool: JSONNode) -> Bool {
        let isPlaceholder =
            document.member(tool, "name").map { document.equals($0, "DeferredToolPlaceholder") }
            ?? false
        if isPlaceholder, !abilities.takesToolSearch { return true }
        guard let type = document.member(tool, "type"), document.kind(type) == .string,
            !document.equals(type, "custom")
        else { return false }
        if document.hasPrefix(type, "tool_search_tool_") { return !abilities.takesToolSearch }
        // A schema of its own makes any tool the client's.
        return !abilities.takesServerTools && document.member(tool, "input_schema") == nil
    }

    private mutating func editTool(_ tool: JSONNode) {
        var members = MemberList(document, tool)
        for index in members.members.indices {
            let (key, value) = (members.members[index].key, members.members[index].value)
            if document.equals(key, "cache_control") {
                editCacheControl(value)
            } else if document.equals(key, "defer_loading"), !abilities.takesToolSearch {
                // What nobody can search for is simply there.
                members.members[index].isKept = false
            } else if document.equals(key, "type"), document.equals(value, "custom"),
                !abilities.takesCustomType
            {
                members.members[index].isKept = false
            }
        }
        members.remove(from: document, into: &edits)
    }
}
