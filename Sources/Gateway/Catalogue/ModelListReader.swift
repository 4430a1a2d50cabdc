// The upstream's list of models, read as it comes. A list may have megabytes, and the loop that
// receives it also serves clients: so each piece is only scanned for where models end, and each
// model is parsed by itself. Memory is that of one model, time that of one piece.
//
//   opening ──▶ object ──▶ list ──▶ object …        {"object":"list","data":[{…},{…}]}
//   opening ──▶ list                                [{…},{…}]
//
// The scan does not check the JSON between models; a list that is no list has no models, and a
// model that is not well formed is left out. Nothing of it is ever copied to a client unread.

import Translation

/// Reads the models of `GET …/models`.
package struct ModelListReader {
    /// The models so far, in the order of the list. Of several with the same id the first counts.
    package private(set) var models: [CatalogueModel] = []
    /// How many elements were no models, or too large to be one.
    package private(set) var skipped = 0
    /// Whether the whole list has come.
    package private(set) var isComplete = false

    /// Ten times what OpenRouter lists.
    package static let modelsMax = 5000
    /// The largest of OpenRouter's has 8 KiB.
    static let elementBytesMax = 128 << 10
    /// Longer keys are not the one that is looked for.
    private static let keyBytesMax = 16

    /// The bytes of the model at hand.
    private var element: [UInt8] = []
    /// Those of the last string outside the list: perhaps a key.
    private var key: [UInt8] = []
    private var document = JSONDocument()
    private var ids: Set<String> = []
    /// Containers open round the present byte.
    private var depth = 0
    /// The depth of the list's elements; nil outside the list.
    private var elementDepth: Int?
    private var isInString = false
    private var isEscaped = false
    /// Whether the text begins as one that can hold a list; nil before it has begun.
    private var isJSON: Bool?

    package init() {}

    /// Takes the next piece of the body.
    package mutating func read(_ bytes: Span<UInt8>) {
        // Where the element at hand begins in this piece.
        var start = 0
        var index = 0
        if isJSON == nil { index = skipOpening(bytes) }
        guard isJSON == true else { return }
        while index < bytes.count {
            let byte = bytes[index]
            index &+= 1
            if isInString {
                readInString(byte)
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
                if elementDepth == nil { key.removeAll(keepingCapacity: true) }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == elementDepth {
                    start = index - 1
                    element.removeAll(keepingCapacity: true)
                }
                open(isList: byte == UInt8(ascii: "["))
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth = max(0, depth - 1)
                guard let elementDepth else { break }
                if depth == elementDepth {
                    append(bytes.extracting(start..<index))
                    finishElement()
                } else if depth < elementDepth {
                    self.elementDepth = nil
                    isComplete = true
                }
            default: break
            }
        }
        if let elementDepth, depth > elementDepth { append(bytes.extracting(start...)) }
    }

    /// Looks at the first byte that is no white space, and returns its index.
    private mutating func skipOpening(_ bytes: Span<UInt8>) -> Int {
        var index = 0
        while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
        if index < bytes.count {
            isJSON = bytes[index] == UInt8(ascii: "{") || bytes[index] == UInt8(ascii: "[")
        }
        return index
    }

    private mutating func readInString(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInString = false
        } else if elementDepth == nil, key.count < Self.keyBytesMax {
            key.append(byte)
        }
    }

    private mutating func open(isList: Bool) {
        depth += 1
        // The whole text is the list, or the member `data` of the whole text.
        guard elementDepth == nil, !isComplete, isList else { return }
        if depth == 1 || depth == 2 && key.elementsEqual("data".utf8) { elementDepth = depth }
    }

    /// One byte more than an element may have shows that it is too large.
    private mutating func append(_ bytes: Span<UInt8>) {
        let room = Self.elementBytesMax + 1 - element.count
        element.append(bytes.extracting(first: min(room, bytes.count)))
    }

    private mutating func finishElement() {
        defer { element.removeAll(keepingCapacity: true) }
        guard element.count <= Self.elementBytesMax, models.count < Self.modelsMax,
            (try? document.parse(exchanging: &element)) != nil,
            let model = CatalogueModel(document)
        else {
            skipped += 1
            return
        }
        if ids.insert(model.id).inserted { models.append(model) }
    }
}
