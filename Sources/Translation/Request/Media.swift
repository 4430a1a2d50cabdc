// Images and documents. What an upstream cannot take becomes a text that says so: a model that is
// told of a missing image asks for it in words, one that is told nothing makes it up.

extension RequestWriter {
    /// The part for an image block; nil when a text stands for it.
    mutating func imagePart(
        _ block: ContentBlock, at path: FieldPath
    ) throws(APIError) -> ContentPart? {
        let source = try document.required(block.source, .object, at: path, "source")
        let type = try document.required(
            document.member(source, "type"), .string, at: path, "source.type")
        let image: ImageSource
        if document.equals(type, "base64") {
            image = try dataSource(source, at: path)
        } else if document.equals(type, "url") {
            image = .url(
                try document.required(
                    document.member(source, "url"), .string, at: path, "source.url"))
        } else if document.equals(type, "file") {
            throw path.error("source", .fileSource)
        } else {
            throw path.error("source.type", .unknownSource)
        }
        if settings.capabilities.images == false {
            addComposed("[An image was left out: this model takes no images.]")
            dropped.note("messages.content.image")
            return nil
        }
        return .image(image)
    }

    private func dataSource(
        _ source: JSONNode, at path: FieldPath
    ) throws(APIError) -> ImageSource {
        .data(
            mediaType: try document.required(
                document.member(source, "media_type"), .string, at: path, "source.media_type"),
            data: try document.required(
                document.member(source, "data"), .string, at: path, "source.data"))
    }

    /// Adds a document to the parts: as a file part, or as its texts.
    mutating func addDocument(_ block: ContentBlock, at path: FieldPath) throws(APIError) {
        let source = try document.required(block.source, .object, at: path, "source")
        let type = try document.required(
            document.member(source, "type"), .string, at: path, "source.type")
        let title = try document.optional(block.title, .string, at: path, "title")
        let context = try document.optional(block.context, .string, at: path, "context")
        if document.equals(type, "text") {
            let data = try document.required(
                document.member(source, "data"), .string, at: path, "source.data")
            addDocumentText(title: title, context: context, data: data)
        } else if document.equals(type, "content") {
            addDocumentText(title: title, context: context, data: nil)
            try addDocumentContent(source, at: path)
        } else if document.equals(type, "base64") {
            let data = try dataSource(source, at: path)
            addDocumentText(title: title, context: context, data: nil)
            if !addEncodedText(data) { addFile(FileSource(content: data, title: title)) }
        } else if document.equals(type, "url") {
            let url = try document.required(
                document.member(source, "url"), .string, at: path, "source.url")
            addDocumentText(title: title, context: context, data: nil)
            addFile(FileSource(content: .url(url), title: title))
        } else if document.equals(type, "file") {
            throw path.error("source", .fileSource)
        } else {
            throw path.error("source.type", .unknownSource)
        }
    }

    /// Adds what a document says of itself, and its text.
    private mutating func addDocumentText(title: JSONNode?, context: JSONNode?, data: JSONNode?) {
        let start = scratch.count
        if let title, !document.isEmptyString(title) {
            scratch.append("[Document] ")
            scratch.append(document, document.content(title))
        }
        if let context, !document.isEmptyString(context) {
            if scratch.count > start { scratch.append("\\n") }
            scratch.append("[Context] ")
            scratch.append(document, document.content(context))
        }
        if scratch.count == start {
            if let data { addText(data) }
            return
        }
        if let data {
            scratch.append("\\n")
            scratch.append(document, document.content(data))
        }
        addComposed(since: start)
    }

    /// Adds a text that came in base64, as files without a type of their own do. Returns whether it is
    /// one: what cannot be read stays a file.
    private mutating func addEncodedText(_ source: ImageSource) -> Bool {
        guard case .data(let mediaType, let data) = source, document.hasPrefix(mediaType, "text/"),
            let text = Base64.decode(document.unescaped(data).span),
            String(validating: text, as: UTF8.self) != nil
        else { return false }
        let start = scratch.count
        scratch.append(jsonEscaping: text.span)
        let isBlank = text.allSatisfy { $0 <= 0x20 }
        if isBlank {
            scratch.removeSubrange(start...)
        } else {
            addComposed(since: start)
        }
        return true
    }

    /// Adds the blocks that a document of type `content` consists of.
    private mutating func addDocumentContent(
        _ source: JSONNode, at path: FieldPath
    ) throws(APIError) {
        guard let content = document.member(source, "content") else {
            throw path.error("source.content", .required)
        }
        switch document.kind(content) {
        case .string: addText(content)
        case .array:
            var elements = document.elements(of: content)
            var index = 0
            while let element = document.next(&elements) {
                let inner = path.nested("source.content", index)
                let block = try readBlock(element, at: inner)
                switch block.kind {
                case .text:
                    addText(try document.required(block.text, .string, at: inner, "text"))
                case .image:
                    if let part = try imagePart(block, at: inner) { parts.append(part) }
                default: addFlattened(block)
                }
                index += 1
            }
        case .object, .number, .true, .false, .null:
            throw path.error("source.content", .notStringOrList)
        }
    }

    private mutating func addFile(_ file: FileSource) {
        let isTaken: Bool =
            switch file.content {
            case .data: settings.profile.allowsFiles
            case .url: settings.profile.allowsFileURLs
            }
        if isTaken, settings.capabilities.files != false {
            parts.append(.file(file))
            return
        }
        dropped.note("messages.content.document")
        switch file.content {
        case .data: addComposed("[A PDF document was left out: this model takes no files.]")
        case .url(let url):
            let start = scratch.count
            scratch.append("[A document that this model cannot open: ")
            scratch.append(document, document.content(url))
            scratch.append("]")
            addComposed(since: start)
        }
    }
}
