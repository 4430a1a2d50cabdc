// The system prompt. It becomes the first message. Claude Code's billing line is taken out wherever
// it stands: it means nothing to anyone but Anthropic, in some versions it is new in every request,
// and then no prefix cache ever hits.

extension RequestWriter {
    /// Writes the top-level `system`, with what the translation itself has to tell the model.
    mutating func writeSystem() throws(APIError) {
        let path = FieldPath("system")
        if let system = outline.fields.system, !document.isNull(system) {
            switch document.kind(system) {
            case .string:
                addSystemText(system, madeUpMarks.contains(path) ? .fiveMinutes : nil)
            case .array:
                var elements = document.elements(of: system)
                var index = 0
                while let element = document.next(&elements) {
                    try addSystemBlock(element, at: FieldPath("system", index))
                    index += 1
                }
            case .object, .number, .true, .false, .null: throw path.error(.notStringOrList)
            }
        }
        if plan.lacksServerTools { addComposed(Self.serverToolNote) }
        try addSchemaNote()
        guard !parts.isEmpty else { return }
        writePlainMessage(.system)
        clearParts()
        scratch.removeAll(keepingCapacity: true)
    }

    /// Sent when a web search was asked for and the upstream has none: a model that is asked to
    /// search and cannot would make results up, and clients take any text for the result.
    static var serverToolNote: StaticString {
        """
        Searching or fetching from the web is not possible in this conversation. When asked to, \
        say so; do not make up results.
        """
    }

    private mutating func addSystemBlock(
        _ node: JSONNode, at path: FieldPath
    ) throws(APIError) {
        let block = try readBlock(node, at: path)
        guard let text = block.text else {
            if block.kind == .text { throw path.error("text", .required) }
            noteUnknown(block)
            return
        }
        _ = try document.required(text, .string, at: path, "text")
        addSystemText(text, try cacheControl(block.cacheControl, at: path))
    }

    /// Adds the string at `node` without its billing lines.
    mutating func addSystemText(_ node: JSONNode, _ cacheControl: CacheControl?) {
        let range = document.content(node)
        var start = range.lowerBound
        let composed = scratch.count
        while let line = BillingLine.find(
            in: start..<range.upperBound, of: document.bytes.span)
        {
            scratch.append(document, start..<line.lowerBound)
            start = line.upperBound
        }
        if start == range.lowerBound {
            addText(range, cacheControl)
        } else if scratch.count == composed {
            // The usual case: the line came first, and what follows is a slice again.
            addText(start..<range.upperBound, cacheControl)
        } else {
            scratch.append(document, start..<range.upperBound)
            addComposed(since: composed, cacheControl)
        }
    }
}
