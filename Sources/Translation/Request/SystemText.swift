// The system prompt. It becomes the first message. Claude Code's billing line is taken out wherever
// it stands: it means nothing to anyone but Anthropic, in some versions it is new in every request,
// and then no prefix cache ever hits.

extension RequestWriter {
    private static var billingMark: StaticString { "x-anthropic-billing-header:" }

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
        beginMessage(#"{"role":"system","content":"#)
        writeContent()
        output.append(UInt8(ascii: "}"))
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
        while let line = billingLine(in: start..<range.upperBound) {
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

    /// The first billing line in `range`, with its line end, and when it comes first with the empty
    /// lines after it.
    private func billingLine(in range: Range<Int>) -> Range<Int>? {
        let bytes = document.bytes.span
        var lineStart = range.lowerBound
        while true {
            if matches(bytes, lineStart, Self.billingMark) {
                var end = lineEnd(bytes, lineStart, range.upperBound)
                while lineStart == range.lowerBound, isLineEnd(bytes, end, range.upperBound) {
                    end += 2
                }
                return lineStart..<end
            }
            let next = lineEnd(bytes, lineStart, range.upperBound)
            if next == range.upperBound { return nil }
            lineStart = next
        }
    }

    /// The index after the next line end (an escape, `\n`) at or after `start`.
    private func lineEnd(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end {
            guard bytes[index] == UInt8(ascii: "\\") else {
                index &+= 1
                continue
            }
            if bytes[index &+ 1] == UInt8(ascii: "n") { return index &+ 2 }
            index &+= 2
        }
        return end
    }

    private func isLineEnd(_ bytes: Span<UInt8>, _ index: Int, _ end: Int) -> Bool {
        index + 1 < end && bytes[index] == UInt8(ascii: "\\")
            && bytes[index + 1] == UInt8(ascii: "n")
    }
}
