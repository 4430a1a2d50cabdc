// The parts of one message on their way upstream. They are collected first, because the form of a
// message's content, a string or a list of parts, depends on all of them. A text part is a range of
// the client's own bytes, still escaped; what had to be composed stands in a scratch buffer.

/// A text within a message: escaped JSON string content.
struct TextPart {
    var range: Range<Int>
    /// Whether `range` is of the scratch buffer instead of the document.
    var isComposed = false
    var cacheControl: CacheControl?
}

/// A part of a message's content.
enum ContentPart {
    case text(TextPart)
    case image(ImageSource)
    case file(FileSource)
}

/// Where an image comes from.
enum ImageSource {
    case data(mediaType: JSONNode, data: JSONNode)
    case url(JSONNode)
}

/// Where a file comes from.
struct FileSource {
    var content: ImageSource
    /// The document's title, which becomes the name of the file.
    var title: JSONNode?
}

extension RequestWriter {
    // MARK: Collecting

    /// Adds the string at `node` as a text part, unless it is blank: upstreams refuse texts without
    /// a visible character.
    mutating func addText(_ node: JSONNode, _ cacheControl: CacheControl? = nil) {
        addText(document.content(node), cacheControl)
    }

    mutating func addText(_ range: Range<Int>, _ cacheControl: CacheControl? = nil) {
        guard !isBlank(range) else {
            attach(cacheControl)
            return
        }
        append(TextPart(range: range, cacheControl: cacheControl))
    }

    /// Adds what has been written to the scratch buffer since `start` as a text part.
    mutating func addComposed(since start: Int, _ cacheControl: CacheControl? = nil) {
        append(
            TextPart(range: start..<scratch.count, isComposed: true, cacheControl: cacheControl))
    }

    /// Adds a text of ours.
    mutating func addComposed(_ text: StaticString, _ cacheControl: CacheControl? = nil) {
        let start = scratch.count
        scratch.append(text)
        addComposed(since: start, cacheControl)
    }

    private mutating func append(_ text: TextPart) {
        var text = text
        text.cacheControl = text.cacheControl ?? waitingMark
        waitingMark = nil
        lastText = parts.count
        parts.append(.text(text))
    }

    /// Puts a breakpoint that stood on something else onto the nearest text before it, or if there
    /// is none in the message, onto the next.
    mutating func attach(_ cacheControl: CacheControl?) {
        guard let cacheControl else { return }
        guard let lastText, case .text(var text) = parts[lastText] else {
            waitingMark = cacheControl
            return
        }
        if text.cacheControl == nil { text.cacheControl = cacheControl }
        parts[lastText] = .text(text)
    }

    /// Ends a message's parts.
    mutating func clearParts() {
        parts.removeAll(keepingCapacity: true)
        lastText = nil
        waitingMark = nil
    }

    /// Whether the string content in `range` of the document shows nothing.
    func isBlank(_ range: Range<Int>) -> Bool {
        let bytes = document.bytes.span
        var index = range.lowerBound
        while index < range.upperBound {
            switch bytes[index] {
            case UInt8(ascii: " "): index += 1
            case UInt8(ascii: "\\"):
                let escape = bytes[index + 1]
                guard
                    escape == UInt8(ascii: "n") || escape == UInt8(ascii: "t")
                        || escape == UInt8(ascii: "r")
                else { return false }
                index += 2
            default: return false
            }
        }
        return true
    }

    // MARK: Writing

    /// Writes the collected parts as the value of `content`.
    mutating func writeContent() {
        guard needsList else {
            output.append(UInt8(ascii: "\""))
            writeJoinedTexts(separator: "\\n\\n")
            output.append(UInt8(ascii: "\""))
            return
        }
        let isOneText = parts.count == 1 && lastText == 0
        if isOneText { noteImmaterial(#"[{"type":"text","text":"#) }
        output.append(UInt8(ascii: "["))
        for index in parts.indices {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            switch parts[index] {
            case .text(let text):
                output.append(#"{"type":"text","text":""#)
                write(text)
                output.append(UInt8(ascii: "\""))
                write(text.cacheControl)
                if isOneText { noteImmaterial("}]") }
                output.append(UInt8(ascii: "}"))
            case .image, .file: write(parts[index])
            }
        }
        output.append(UInt8(ascii: "]"))
    }

    /// Whether the parts cannot be one string. With upstreams that know `cache_control`, several
    /// texts always stay several: whether a breakpoint is on one of them changes from turn to turn
    /// and must not change the prompt. Other upstreams get one string: some take nothing else.
    private var needsList: Bool {
        if keepsCacheControl, parts.count > 1 { return true }
        for part in parts {
            guard case .text(let text) = part, text.cacheControl == nil else { return true }
        }
        return false
    }

    /// Writes all texts among the parts as the content of one string.
    mutating func writeJoinedTexts(separator: StaticString) {
        var isFirst = true
        for index in parts.indices {
            guard case .text(let text) = parts[index] else { continue }
            if !isFirst { output.append(separator) }
            isFirst = false
            write(text)
        }
    }

    mutating func write(_ text: TextPart) {
        if text.isComposed {
            output.append(contentsOf: scratch[text.range])
        } else {
            output.append(document, text.range)
        }
    }

    /// Writes an image or file part.
    mutating func write(_ part: ContentPart) {
        if settings.api == .responses {
            writeInput(part)
            return
        }
        switch part {
        case .text: break
        case .image(let source):
            output.append(#"{"type":"image_url","image_url":{"url":"#)
            write(source)
            output.append("}}")
        case .file(let file):
            output.append(#"{"type":"file","file":{"filename":""#)
            writeFileName(file)
            output.append(#"","file_data":"#)
            write(file.content)
            output.append("}}")
        }
    }

    mutating func writeFileName(_ file: FileSource) {
        if let title = file.title, !document.isEmptyString(title) {
            output.append(document, document.content(title))
        } else {
            output.append("document.pdf")
        }
    }

    mutating func write(_ source: ImageSource) {
        switch source {
        case .url(let url): output.append(document, url)
        case .data(let mediaType, let data):
            output.append(#""data:"#)
            output.append(document, document.content(mediaType))
            output.append(";base64,")
            output.append(document, document.content(data))
            output.append(UInt8(ascii: "\""))
        }
    }
}
