// The conversation on its way to an upstream that speaks the Messages API: whose thinking may go along,
// and what of the rest would be refused.

extension MessagesRequest {
    /// What becomes of a block.
    private enum Fate {
        case kept
        case removed
        case replaced([UInt8])
    }

    /// A message as far as it matters.
    private struct Entry {
        var node: JSONNode
        var content: JSONNode?
        var isAssistant = false
        var isSystem = false
        var hasResults = false
        var hasCalls = false
        var isKept = true
    }

    mutating func editMessages() {
        guard let messages = outline.fields.messages else { return }
        var entries: [Entry] = []
        var elements = document.elements(of: messages)
        while let element = document.next(&elements) { entries.append(entry(element)) }
        let lastAssistant = entries.lastIndex { $0.isAssistant }
        for index in entries.indices {
            edit(&entries[index], isLastAnswer: index == lastAssistant)
        }
        var list = ElementList(document, messages)
        for index in entries.indices where !entries[index].isKept {
            list.elements[index].isKept = false
        }
        list.remove(from: document, into: &edits)
        if !abilities.takesSystemMessages { placeSystemMessages(entries) }
    }

    private func entry(_ node: JSONNode) -> Entry {
        var entry = Entry(node: node)
        entry.content = document.member(node, "content")
        if let role = document.member(node, "role") {
            entry.isAssistant = document.equals(role, "assistant")
            entry.isSystem = document.equals(role, "system")
        }
        guard let content = entry.content else { return entry }
        var blocks = document.elements(of: content)
        while let block = document.next(&blocks) {
            guard let type = document.member(block, "type") else { continue }
            if document.equals(type, "tool_result") { entry.hasResults = true }
            if document.equals(type, "tool_use") { entry.hasCalls = true }
        }
        return entry
    }

    private mutating func edit(_ entry: inout Entry, isLastAnswer: Bool) {
        guard let content = entry.content, document.kind(content) == .array else {
            if entry.isAssistant, entry.hasCalls { return }
            return
        }
        var list = ElementList(document, content)
        var hasThinking = false
        var hasLostThinking = false
        for index in list.elements.indices {
            let block = list.elements[index].node
            let isThought = isThought(block)
            switch fate(of: block) {
            case .kept: hasThinking = hasThinking || isThought
            case .removed:
                list.elements[index].isKept = false
                hasLostThinking = hasLostThinking || isThought
                if isThought { dropped.note("messages.content.thinking") }
            case .replaced(let text):
                edits.replace(document.literal(block), by: text)
                hasThinking = hasThinking || isThought
            }
        }
        if !list.elements.isEmpty, list.elements.allSatisfy({ !$0.isKept }) {
            entry.isKept = false
            return
        }
        list.remove(from: document, into: &edits)
        guard entry.isAssistant, entry.hasCalls else { return }
        switch abilities.thinking {
        case .signed:
            // "Expected thinking or redacted_thinking, but found tool_use."
            if isLastAnswer, hasLostThinking, !hasThinking { forbidsThinking = true }
        case .asItCame: break
        case .demanded: if !hasThinking { forbidsThinking = true }
        }
    }

    // MARK: Blocks

    private func isThought(_ block: JSONNode) -> Bool {
        guard let type = document.member(block, "type") else { return false }
        return document.equals(type, "thinking") || document.equals(type, "redacted_thinking")
    }

    private mutating func fate(of block: JSONNode) -> Fate {
        guard document.kind(block) == .object, let type = document.member(block, "type") else {
            return .kept
        }
        if document.equals(type, "thinking") { return fate(ofThinking: block, field: "signature") }
        if document.equals(type, "redacted_thinking") {
            return fate(ofThinking: block, field: "data")
        }
        if let text = replacement(of: block, type) { return .replaced(text) }
        editCacheControl(document.member(block, "cache_control"))
        if document.equals(type, "tool_result"), let content = document.member(block, "content") {
            var elements = document.elements(of: content)
            while let inner = document.next(&elements) {
                if let type = document.member(inner, "type"),
                    let text = replacement(of: inner, type)
                {
                    edits.replace(document.literal(inner), by: text)
                } else {
                    editCacheControl(document.member(inner, "cache_control"))
                }
            }
        }
        return .kept
    }

    /// The text that stands for a block that the upstream refuses.
    private mutating func replacement(of block: JSONNode, _ type: JSONNode) -> [UInt8]? {
        var text: [UInt8] = []
        text.append(#"{"type":"text","text":""#)
        if document.equals(type, "tool_reference"), !abilities.takesToolSearch {
            text.append("Tool loaded: ")
            if let name = document.member(block, "tool_name"), document.kind(name) == .string {
                text.append(document, document.content(name))
            }
        } else if document.equals(type, "image"), !abilities.takesImages {
            text.append("[An image was left out: this model takes no images.]")
            dropped.note("messages.content.image")
        } else if document.equals(type, "image"), !abilities.takesImageURLs, isURL(block) {
            text.append("[An image was left out: this server fetches none.]")
            dropped.note("messages.content.image")
        } else if document.equals(type, "document"), !abilities.takesDocuments, isFile(block) {
            text.append("[A document was left out: this model takes no files.]")
            dropped.note("messages.content.document")
        } else {
            return nil
        }
        text.append(#""}"#)
        return text
    }

    private func isURL(_ block: JSONNode) -> Bool {
        sourceType(of: block).map { document.equals($0, "url") } ?? false
    }

    private func isFile(_ block: JSONNode) -> Bool {
        guard let type = sourceType(of: block) else { return true }
        return !document.equals(type, "text") && !document.equals(type, "content")
    }

    private func sourceType(of block: JSONNode) -> JSONNode? {
        document.member(block, "source").flatMap { document.member($0, "type") }
    }

    // MARK: Thinking

    /// - Parameter field: where the signature is, or what stands for it.
    private func fate(ofThinking block: JSONNode, field: StaticString) -> Fate {
        let isRedacted = document.member(block, "thinking") == nil
        if settings.isWithoutReasoning { return .removed }
        let signature = document.member(block, field).map { document.unescaped($0) } ?? []
        if let seal = ReasoningSeal.open(signature.span, settings.sealKey) {
            return fate(of: seal, block, isRedacted: isRedacted)
        }
        switch abilities.thinking {
        case .signed: return isForeign(signature) ? .removed : .kept
        case .asItCame: return .kept
        case .demanded: return isRedacted ? .removed : .kept
        }
    }

    /// Whether a signature is surely none of Anthropic's.
    private func isForeign(_ signature: [UInt8]) -> Bool {
        signature.isEmpty || matches(signature.span, 0, "litellm_encrypted_reasoning:")
    }

    /// A thought that came through us from another upstream.
    private func fate(of seal: ReasoningSeal, _ block: JSONNode, isRedacted: Bool) -> Fate {
        switch abilities.thinking {
        case .signed:
            let blocks =
                seal.isAtHome(in: settings.upstreamModel) ? Self.signedBlocks(in: seal) : []
            return blocks.isEmpty ? .removed : .replaced(blocks)
        case .asItCame: return .removed
        case .demanded:
            // What it says is enough.
            guard !isRedacted, let text = document.member(block, "thinking"),
                document.kind(text) == .string, !document.isEmptyString(text)
            else { return .removed }
            var plain: [UInt8] = []
            plain.append(#"{"type":"thinking","thinking":"#)
            plain.append(document, text)
            plain.append(#","signature":""}"#)
            return .replaced(plain)
        }
    }

    /// The blocks that Anthropic made, in items that OpenRouter made of them.
    private static func signedBlocks(in seal: ReasoningSeal) -> [UInt8] {
        guard seal.dialect == .details else { return [] }
        var list = JSONDocument()
        let text = [UInt8(ascii: "[")] + seal.content + [UInt8(ascii: "]")]
        guard (try? list.parse(text)) != nil else { return [] }
        var blocks: [UInt8] = []
        var elements = list.elements(of: .root)
        while let item = list.next(&elements) {
            guard let format = list.member(item, "format"), list.hasPrefix(format, "anthropic"),
                let type = list.member(item, "type")
            else { return [] }
            if !blocks.isEmpty { blocks.append(UInt8(ascii: ",")) }
            if list.equals(type, "reasoning.text"),
                let signature = list.member(item, "signature"), list.kind(signature) == .string,
                !list.isEmptyString(signature)
            {
                blocks.append(#"{"type":"thinking","thinking":"#)
                if let text = list.member(item, "text"), list.kind(text) == .string {
                    blocks.append(list, text)
                } else {
                    blocks.append("\"\"")
                }
                blocks.append(#","signature":"#)
                blocks.append(list, signature)
                blocks.append("}")
            } else if list.equals(type, "reasoning.encrypted"),
                let data = list.member(item, "data"), list.kind(data) == .string
            {
                blocks.append(#"{"type":"redacted_thinking","data":"#)
                blocks.append(list, data)
                blocks.append("}")
            } else {
                return []
            }
        }
        return blocks
    }

    // MARK: System messages

    /// Makes system messages the user's, in place; one between calls and their results goes after
    /// these.
    private mutating func placeSystemMessages(_ entries: [Entry]) {
        var index = 0
        while index < entries.count {
            guard entries[index].isSystem else {
                index += 1
                continue
            }
            let first = index
            while index < entries.count, entries[index].isSystem { index += 1 }
            let splitsPair =
                index < entries.count && entries[index].hasResults && first > 0
                && entries[first - 1].hasCalls
            for number in first..<index where entries[number].isKept {
                if splitsPair {
                    continue
                }
                rename(entries[number])
            }
            guard splitsPair else { continue }
            move(entries[first..<index], behind: entries[index])
        }
    }

    private mutating func rename(_ entry: Entry) {
        guard let role = document.member(entry.node, "role") else { return }
        edits.replace(document.literal(role), by: Array("\"user\"".utf8))
        var members = MemberList(document, entry.node)
        for index in members.members.indices {
            let key = members.members[index].key
            if document.equals(key, "clear_at") || document.equals(key, "output_config") {
                members.members[index].isKept = false
            }
        }
        members.remove(from: document, into: &edits)
    }

    /// Puts the system messages behind the results that they stand before.
    private mutating func move(_ entries: ArraySlice<Entry>, behind results: Entry) {
        guard let first = entries.first else { return }
        var moved: [UInt8] = []
        for entry in entries where entry.isKept {
            guard let content = entry.content else { continue }
            moved.append(#",{"role":"user","content":"#)
            moved.append(document, content)
            moved.append("}")
        }
        let start = document.literal(first.node).lowerBound
        let end = document.literal(results.node)
        edits.remove(start..<end.lowerBound)
        edits.replace(end.upperBound..<end.upperBound, by: moved)
    }
}
