// What remains of blocks that chat completions has no form for: the words in them. The work of
// Anthropic's own servers (searches, code runs, MCP calls) stands in histories that started
// elsewhere; a model that reads it as text can go on from it.

extension RequestWriter {
    /// Deeper content is left out: no real block nests as far.
    private static var flattenedDepthMax: Int { 8 }

    /// Adds the words of `block` as one text, or names it when it has none.
    mutating func addFlattened(_ block: ContentBlock) {
        switch block.kind {
        case .fallback, .browserState, .containerUpload:
            noteUnknown(block)
            return
        default: break
        }
        let start = scratch.count
        if let type = block.type, block.kind != .compaction, block.kind != .text {
            scratch.append("[")
            scratch.append(document, document.content(type))
            if let name = block.name, document.kind(name) == .string {
                scratch.append(": ")
                scratch.append(document, document.content(name))
            }
            scratch.append("]")
        }
        let heading = scratch.count
        if let input = block.input, document.kind(input) == .object {
            scratch.append("\\n")
            scratch.append(escaping: document, input)
        }
        appendWords(of: block.text, depth: 0)
        appendWords(of: block.content, depth: 0)
        if scratch.count == heading {
            scratch.removeSubrange(start...)
            noteUnknown(block)
        } else {
            if block.kind == .unknown {
                noteUnknown(block)
                // Its words reach the upstream all the same.
                unknownBlocks -= 1
            }
            // Without a heading the words need no line of their own.
            if heading == start { scratch.removeSubrange(start..<start + 2) }
            addComposed(since: start)
        }
    }

    /// Appends the texts at `node` and within it, each on a line of its own.
    private mutating func appendWords(of node: JSONNode?, depth: Int) {
        guard let node, depth < Self.flattenedDepthMax else { return }
        switch document.kind(node) {
        case .string:
            guard !isBlank(document.content(node)) else { return }
            scratch.append("\\n")
            scratch.append(document, document.content(node))
        case .array:
            var elements = document.elements(of: node)
            while let element = document.next(&elements) {
                appendWords(of: element, depth: depth + 1)
            }
        case .object:
            if let type = document.member(node, "type"), document.equals(type, "base64") { return }
            if let name = document.member(node, "tool_name"), document.kind(name) == .string {
                // A search for tools has the effect of ToolSearch's references.
                loadedTools.insert(document.unescaped(name))
            }
            var members = document.members(of: node)
            while let (key, value) = document.next(&members) {
                if isWorded(key) {
                    appendWords(of: value, depth: depth + 1)
                } else if document.equals(key, "encrypted_content") {
                    appendPage(value)
                }
            }
        case .number, .true, .false, .null: break
        }
    }

    /// Appends what a page says that the proxy itself has packed.
    private mutating func appendPage(_ node: JSONNode) {
        guard document.kind(node) == .string,
            let text = SearchContent.open(document.unescaped(node).span), !text.isEmpty
        else { return }
        scratch.append("\\n")
        scratch.append(jsonEscaping: text.span)
    }

    /// Whether a member holds words for a reader: no types, ids or encrypted content.
    private func isWorded(_ key: JSONNode) -> Bool {
        document.equals(key, "text") || document.equals(key, "title")
            || document.equals(key, "url") || document.equals(key, "content")
            || document.equals(key, "stdout") || document.equals(key, "stderr")
            || document.equals(key, "source") || document.equals(key, "data")
            || document.equals(key, "error_code") || document.equals(key, "tool_name")
            || document.equals(key, "tool_references") || document.equals(key, "tools")
            || document.equals(key, "name") || document.equals(key, "description")
    }
}
