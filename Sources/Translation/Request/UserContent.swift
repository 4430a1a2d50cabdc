// What a user message holds besides tool results: texts, images, documents, search results.

extension RequestWriter {
    /// Adds a user message's content to the parts.
    ///
    /// - Returns: whether tool results were among it that have been written as tool messages.
    mutating func addUserContent(_ entry: MessageEntry) throws(APIError) -> Bool {
        guard entry.hasBlocks else {
            addText(
                entry.content, madeUpMarks.contains(entry.path) ? .fiveMinutes : nil)
            return false
        }
        var hadResults = false
        var elements = document.elements(of: entry.content)
        var index = 0
        while let element = document.next(&elements) {
            let path = entry.path.content(index)
            index += 1
            let block = try readBlock(element, at: path)
            if block.kind == .toolResult {
                if try belongsToCall(block, at: path) {
                    hadResults = true
                } else {
                    try addOrphan(block, at: path)
                }
            } else {
                try addUserBlock(block, at: path)
            }
        }
        return hadResults
    }

    private mutating func addUserBlock(
        _ block: ContentBlock, at path: FieldPath
    ) throws(APIError) {
        switch block.kind {
        case .text:
            let text = try document.required(block.text, .string, at: path, "text")
            addText(text, try cacheControl(block.cacheControl, at: path))
        case .image:
            if let part = try imagePart(block, at: path) { parts.append(part) }
            attach(try cacheControl(block.cacheControl, at: path))
        case .document:
            let mark = try cacheControl(block.cacheControl, at: path)
            try addDocument(block, at: path)
            attach(mark)
        case .searchResult:
            try addSearchResult(block, at: path, try cacheControl(block.cacheControl, at: path))
        case .toolReference: try addToolReference(block, at: path)
        default: addFlattened(block)
        }
    }

    /// Adds a search result as text.
    mutating func addSearchResult(
        _ block: ContentBlock, at path: FieldPath, _ cacheControl: CacheControl?
    ) throws(APIError) {
        let title = try document.required(block.title, .string, at: path, "title")
        let source = try document.required(block.source, .string, at: path, "source")
        let content = try document.required(block.content, .list, at: path, "content")
        let start = scratch.count
        scratch.append("[Search result] ")
        scratch.append(document, document.content(title))
        scratch.append("\\n")
        scratch.append(document, document.content(source))
        var elements = document.elements(of: content)
        var index = 0
        while let element = document.next(&elements) {
            let inner = path.nested("content", index)
            let text = try readBlock(element, at: inner)
            let string = try document.required(text.text, .string, at: inner, "text")
            scratch.append("\\n")
            scratch.append(document, document.content(string))
            index += 1
        }
        addComposed(since: start, cacheControl)
    }
}
