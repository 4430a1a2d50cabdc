// The walk over `messages`. The two APIs differ most in where tool results stand: the Messages API
// has them as blocks of the next user message, in any order, beside text and images; chat
// completions wants one message each, directly after the assistant's, before anything else.
//
// So the conversation is cut into turns: the assistant messages that follow one another (they
// become one), then every user and system message up to the next assistant message. The results
// among these come first, in the order of the calls; then each message with what else it holds, in
// place.
//
// Histories are not always whole: clients cut, interrupt and edit them. An upstream answers 400 to
// a call without result, a result without call, or two of either, and goes on doing so in every
// further turn; so what is missing is made up and what is superfluous left out (ToolResults).

/// A message's fields.
struct MessageEntry {
    enum Role { case user, assistant, system }

    var role = Role.user
    var content = JSONNode.root
    /// Whether `content` is a list of blocks instead of a string.
    var hasBlocks = false
    var outputConfig: JSONNode?
    var isClearedByNextUser = false
    /// The place in `messages`.
    var index = 0

    var path: FieldPath { FieldPath("messages", index) }
}

extension RequestWriter {
    /// Writes the elements of `messages`, after the system message.
    mutating func writeMessages() throws(APIError) {
        var entries: [MessageEntry] = []
        var elements = document.elements(of: outline.fields.messages ?? .root)
        var index = 0
        while let element = document.next(&elements) {
            let entry = try readMessage(element, index)
            index += 1
            if !isVoid(entry) { entries.append(entry) }
        }
        let lastUser = entries.lastIndex { $0.role == .user } ?? -1
        entries = removeCleared(entries, lastUser: lastUser)

        var position = 0
        while position < entries.count {
            let turn = position
            while position < entries.count, entries[position].role == .assistant { position += 1 }
            let answers = position
            while position < entries.count, entries[position].role != .assistant { position += 1 }
            try writeAssistant(entries[turn..<answers], isLast: answers == entries.count)
            try matchResults(entries[answers..<position])
            try writeToolMessages()
            try writeOthers(
                entries[answers..<position], isFollowed: position < entries.count)
        }
        guard messageCount > 0 else {
            throw FieldPath("messages").refusal("at least one message must have content")
        }
    }

    private mutating func readMessage(
        _ node: JSONNode, _ index: Int
    ) throws(APIError) -> MessageEntry {
        let path = FieldPath("messages", index)
        _ = try document.required(node, .object, at: path)
        var entry = MessageEntry()
        entry.index = index
        var role: JSONNode?
        var content: JSONNode?
        var clearAt: JSONNode?
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "role") {
                role = value
            } else if document.equals(key, "content") {
                content = value
            } else if document.equals(key, "output_config") {
                entry.outputConfig = value
            } else if document.equals(key, "clear_at") {
                clearAt = value
            } else {
                dropped.note("messages.", document, key)
            }
        }
        let name = try document.required(role, .string, at: path, "role")
        if document.equals(name, "user") {
            entry.role = .user
        } else if document.equals(name, "assistant") {
            entry.role = .assistant
        } else if document.equals(name, "system") {
            entry.role = .system
        } else {
            throw path.error("role", .notARole)
        }
        guard let content else { throw path.error("content", .required) }
        switch document.kind(content) {
        case .string: entry.hasBlocks = false
        case .array: entry.hasBlocks = true
        case .object, .number, .true, .false, .null: throw path.error("content", .notStringOrList)
        }
        entry.content = content
        if let clearAt = try document.optional(clearAt, .string, at: path, "clear_at") {
            entry.isClearedByNextUser = document.equals(clearAt, "next_user_message")
        }
        return entry
    }

    /// Whether nothing of an assistant message would reach the upstream: a message of thoughts
    /// alone, as an interrupted answer leaves it, says nothing to the model. Known beforehand, the
    /// messages of the user around it make one turn.
    private func isVoid(_ entry: MessageEntry) -> Bool {
        guard entry.role == .assistant else { return false }
        guard entry.hasBlocks else { return isBlank(document.content(entry.content)) }
        var elements = document.elements(of: entry.content)
        while let element = document.next(&elements) {
            guard isVoidBlock(element) else { return false }
        }
        return true
    }

    /// False, too, for what is not well formed: that is to be refused where it is read.
    private func isVoidBlock(_ node: JSONNode) -> Bool {
        guard let type = document.member(node, "type") else { return false }
        if document.equals(type, "text") {
            guard let text = document.member(node, "text") else { return false }
            return document.kind(text) == .string && isBlank(document.content(text))
        }
        if document.equals(type, "thinking") {
            guard let thinking = document.member(node, "thinking") else { return false }
            let signature = document.member(node, "signature")
            return document.kind(thinking) == .string
                && signature.map { document.kind($0) == .string || document.isNull($0) } ?? true
        }
        guard document.equals(type, "redacted_thinking"), let data = document.member(node, "data")
        else { return false }
        return document.kind(data) == .string
    }

    /// Leaves out the system messages that were to last until the next user message, where there is
    /// one.
    private mutating func removeCleared(
        _ entries: [MessageEntry], lastUser: Int
    ) -> [MessageEntry] {
        guard entries.contains(where: { $0.role == .system && $0.isClearedByNextUser }) else {
            return entries
        }
        return entries.enumerated().filter { index, entry in
            !(entry.role == .system && entry.isClearedByNextUser && index < lastUser)
        }.map { $0.element }
    }

    // MARK: User and system messages

    /// Writes a turn's user and system messages, without the results that are written already.
    ///
    /// Where system messages may only come first, they become user text, and all of the turn
    /// becomes one message: chat templates that forbid the one want roles to alternate, too.
    private mutating func writeOthers(
        _ entries: ArraySlice<MessageEntry>, isFollowed: Bool
    ) throws(APIError) {
        let isFolded = settings.profile.systemMessages == .firstOnly
        // A turn of system messages alone needs no words of the user.
        var mayBeEmpty = !entries.contains { $0.role == .user }
        for entry in entries {
            switch entry.role {
            case .assistant: break
            case .user:
                parts.append(contentsOf: attachments)
                attachments.removeAll(keepingCapacity: true)
                let unknown = unknownBlocks
                let hadResults = try addUserContent(entry)
                if entry.hasBlocks, unknownBlocks > unknown,
                    unknownBlocks - unknown == document.count(entry.content)
                {
                    throw entry.path.refusal("content", "the proxy knows none of these blocks")
                }
                if isFolded {
                    if hadResults { mayBeEmpty = true }
                } else {
                    writeUserMessage(mayBeEmpty: hadResults)
                }
            case .system:
                let isReminder = isFolded && messageCount + parts.count > 0
                if isReminder, settings.foldsRefusedSystem { dropped.note("messages.system") }
                try addSystemContent(entry, isReminder: isReminder)
                if !isReminder { writeSystemMessage() }
            }
        }
        if isFolded {
            // System messages that say nothing must not leave two answers side by side.
            writeUserMessage(mayBeEmpty: mayBeEmpty && !(endsWithAnswer && isFollowed))
        }
        clearParts()
        scratch.removeAll(keepingCapacity: true)
    }

    /// Writes the collected parts as a user message. A message that holds nothing that can be sent
    /// still stands between others: it gets a text of ours, unless results stand for it.
    private mutating func writeUserMessage(mayBeEmpty: Bool) {
        if parts.isEmpty {
            if mayBeEmpty { return }
            addComposed("(empty message)")
        }
        writePlainMessage(.user)
        clearParts()
    }

    private mutating func writeSystemMessage() {
        guard !parts.isEmpty else { return }
        writePlainMessage(.system)
        clearParts()
    }

    /// Writes the collected parts as a message of the user or of the system.
    mutating func writePlainMessage(_ role: PromptFingerprint.Role) {
        if settings.api == .responses {
            writeInputMessage(role)
            return
        }
        beginMessage(
            role == .user ? #"{"role":"user","content":"# : #"{"role":"system","content":"#)
        writeContent()
        output.append(UInt8(ascii: "}"))
    }

    /// Adds the content of a system message within the conversation.
    private mutating func addSystemContent(
        _ entry: MessageEntry, isReminder: Bool
    ) throws(APIError) {
        if let effort = try effort(in: entry.outputConfig, at: entry.path) {
            effortOverride = effort
        }
        let first = parts.count
        if entry.hasBlocks {
            var elements = document.elements(of: entry.content)
            var index = 0
            while let element = document.next(&elements) {
                let path = entry.path.content(index)
                let block = try readBlock(element, at: path)
                switch block.kind {
                case .toolAddition, .toolRemoval: try noteToolChange(block, at: path)
                default:
                    guard let text = block.text else {
                        if block.kind == .text { throw path.error("text", .required) }
                        noteUnknown(block)
                        break
                    }
                    _ = try document.required(text, .string, at: path, "text")
                    addSystemText(text, try cacheControl(block.cacheControl, at: path))
                }
                index += 1
            }
        } else {
            addSystemText(entry.content, nil)
        }
        if isReminder { wrapAsReminders(from: first) }
    }

    /// The form in which Claude Code itself puts such texts into user messages.
    private mutating func wrapAsReminders(from first: Int) {
        for index in first..<parts.count {
            guard case .text(var text) = parts[index] else { continue }
            let start = scratch.count
            scratch.append("<system-reminder>\\n")
            if text.isComposed {
                scratch.append(contentsOf: Array(scratch[text.range]))
            } else {
                scratch.append(document, text.range)
            }
            scratch.append("\\n</system-reminder>")
            text.range = start..<scratch.count
            text.isComposed = true
            parts[index] = .text(text)
        }
    }

    /// Names a block that reaches the upstream not at all.
    mutating func noteUnknown(_ block: ContentBlock) {
        if block.kind == .unknown { unknownBlocks += 1 }
        guard let type = block.type else { return }
        dropped.note("messages.content:", document, type)
    }
}
