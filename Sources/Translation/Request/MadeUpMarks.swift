// Breakpoints for a client that sets none. Models of Anthropic and Alibaba cache nothing without them,
// so every turn of such a client costs the whole prompt. Four are allowed: after the tools, after the
// system prompt, and on the last two turns of the user, so that a prompt is read up to where the last
// one was written.

/// The places in the request that are treated as if the client had marked them.
struct MadeUpMarks {
    /// Whether the last tool is to be marked.
    var isOnTools = false
    /// The index of that tool, once it is known which are offered.
    var tool: Int?
    /// The whole system prompt, or the index of its last block.
    var system: FieldPath?
    /// The last block, or the whole content, of a message.
    var messages: [FieldPath] = []

    func contains(_ path: FieldPath) -> Bool {
        if let tool, path.index == tool, path.root.isSame(as: "tools") { return true }
        if let system, path.isSame(as: system) { return true }
        for place in messages where path.isSame(as: place) { return true }
        return false
    }
}

extension RequestWriter {
    /// Chooses the places, if there are to be any.
    mutating func planCacheMarks() {
        guard settings.addsCacheMarks, keepsCacheControl, family.cachesOnlyToMarks,
            !document.contains("cache_control")
        else { return }
        madeUpMarks.isOnTools = true
        if let system = outline.fields.system {
            let blocks = document.count(system)
            madeUpMarks.system = FieldPath("system", blocks > 0 ? blocks - 1 : nil)
        }
        madeUpMarks.messages = lastUserPlaces()
    }

    /// The last block of the last message of the user in each of the last two turns.
    private func lastUserPlaces() -> [FieldPath] {
        var places: [FieldPath] = []
        var isInTurn = false
        var elements = document.elements(of: outline.fields.messages ?? .root)
        var index = 0
        while let message = document.next(&elements) {
            defer { index += 1 }
            guard let role = document.member(message, "role"),
                let content = document.member(message, "content")
            else { continue }
            if document.equals(role, "assistant") {
                isInTurn = false
            } else if document.equals(role, "user") {
                let path = FieldPath("messages", index)
                let blocks = document.count(content)
                let place = blocks > 0 ? path.content(blocks - 1) : path
                if isInTurn { places[places.count - 1] = place } else { places.append(place) }
                isInTurn = true
            }
        }
        return Array(places.suffix(2))
    }
}

extension FieldPath {
    /// Whether both name the same place, blocks within blocks apart.
    fileprivate func isSame(as other: FieldPath) -> Bool {
        index == other.index && block == other.block && inner == nil
            && root.isSame(as: other.root)
    }
}

extension StaticString {
    /// Whether both are the same text.
    fileprivate func isSame(as other: StaticString) -> Bool {
        utf8CodeUnitCount == other.utf8CodeUnitCount && "\(self)" == "\(other)"
    }
}

extension JSONDocument {
    /// Whether a string of the document, so perhaps a key, is `text` (ASCII, written plainly).
    func contains(_ text: StaticString) -> Bool {
        for index in 0..<valueCount where equals(JSONNode(index: index), text) { return true }
        return false
    }
}
