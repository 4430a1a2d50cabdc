// Gathers the `reasoning_details` of one thinking block, to be sealed into its signature. A stream
// brings an item in hundreds of pieces, each with its type, format and index; kept as they come
// they would weigh ten times their text. So consecutive pieces of one item are joined into the item
// that the same response has without streaming: texts concatenated, the signature (which comes in a
// piece of its own) beside them. OpenRouter's own client library does the same before it sends them
// back. An item of one piece keeps its bytes; so does whatever is not plain text or summary:
// encrypted items, unknown types, unknown members.

/// Joins the pieces of reasoning items, in order.
struct ReasoningCollector {
    private enum Kind { case text, summary, other }

    /// The finished items, separated by commas.
    private var items: [UInt8] = []

    // The item whose pieces are being joined.
    private var pieces = 0
    private var kind = Kind.other
    private var firstPiece: [UInt8] = []
    private var text: [UInt8] = []
    private var members = Members()

    /// The members of an item beside type and text, as literals; empty where absent or null.
    private struct Members {
        var index: [UInt8] = []
        var format: [UInt8] = []
        var id: [UInt8] = []
        var signature: [UInt8] = []

        var bytes: Int { index.count + format.count + id.count + signature.count }

        mutating func removeAll() {
            index.removeAll(keepingCapacity: true)
            format.removeAll(keepingCapacity: true)
            id.removeAll(keepingCapacity: true)
            signature.removeAll(keepingCapacity: true)
        }
    }

    /// The parts of one piece, as places in its document.
    private struct Piece {
        var kind = Kind.other
        var text: JSONNode?
        var index: JSONNode?
        var format: JSONNode?
        var id: JSONNode?
        var signature: JSONNode?
        var hasUnknownMember = false
    }

    /// Whether there is nothing to seal.
    var isEmpty: Bool { items.isEmpty && pieces == 0 }

    /// How much has gathered.
    var bytes: Int { items.count + text.count + firstPiece.count + members.bytes }

    /// Whether the last item is of a kind that comes signed (Claude's) and its signature has not
    /// come yet.
    var awaitsSignature: Bool {
        pieces > 0 && kind == .text && members.signature.isEmpty
            && matches(members.format.span, 0, "\"anthropic")
    }

    /// Adds the item or piece of one at `node`.
    mutating func add(_ document: JSONDocument, _ node: JSONNode) {
        let piece = Self.read(document, node)
        guard piece.kind != .other, !piece.hasUnknownMember else {
            flush()
            separate()
            items.append(document, node)
            return
        }
        if continues(document, piece) {
            pieces += 1
        } else {
            flush()
            pieces = 1
            kind = piece.kind
            firstPiece.append(document.bytes.span.extracting(document.literal(node)))
        }
        if let text = piece.text {
            // As it is: the next piece may begin with the other half of a character.
            self.text.append(document.bytes.span.extracting(document.content(text)))
        }
        Self.keep(document, piece.index, in: &members.index)
        Self.keep(document, piece.format, in: &members.format)
        Self.keep(document, piece.id, in: &members.id)
        Self.keep(document, piece.signature, in: &members.signature)
    }

    /// The items in order, separated by commas; the collector is empty afterwards.
    mutating func take() -> [UInt8] {
        flush()
        var taken: [UInt8] = []
        swap(&taken, &items)
        return taken
    }

    // MARK: Pieces

    private static func read(_ document: JSONDocument, _ node: JSONNode) -> Piece {
        var piece = Piece()
        guard document.kind(node) == .object else { return piece }
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "type") {
                if document.equals(value, "reasoning.text") { piece.kind = .text }
                if document.equals(value, "reasoning.summary") { piece.kind = .summary }
            } else if document.equals(key, "text") || document.equals(key, "summary") {
                if document.kind(value) == .string {
                    piece.text = value
                } else if !document.isNull(value) {
                    piece.hasUnknownMember = true
                }
            } else if document.equals(key, "index") {
                piece.index = value
            } else if document.equals(key, "format") {
                piece.format = value
            } else if document.equals(key, "id") {
                piece.id = value
            } else if document.equals(key, "signature") {
                piece.signature = value
            } else {
                piece.hasUnknownMember = true
            }
        }
        return piece
    }

    /// Whether the piece belongs to the item that is being joined: of its kind, before its
    /// signature, and at odds with it in nothing.
    private func continues(_ document: JSONDocument, _ piece: Piece) -> Bool {
        pieces > 0 && kind == piece.kind && members.signature.isEmpty
            && agrees(document, piece.index, members.index)
            && agrees(document, piece.format, members.format)
            && agrees(document, piece.id, members.id)
    }

    private func agrees(
        _ document: JSONDocument, _ node: JSONNode?, _ literal: [UInt8]
    ) -> Bool {
        guard let node, !document.isNull(node), !literal.isEmpty else { return true }
        let range = document.literal(node)
        guard range.count == literal.count else { return false }
        let bytes = document.bytes.span
        let expected = literal.span
        for offset in 0..<expected.count
        where bytes[range.lowerBound &+ offset] != expected[offset] { return false }
        return true
    }

    private static func keep(
        _ document: JSONDocument, _ node: JSONNode?, in literal: inout [UInt8]
    ) {
        guard literal.isEmpty, let node, !document.isNull(node), !document.isEmptyString(node)
        else { return }
        literal.append(document, node)
    }

    private mutating func separate() {
        if !items.isEmpty { items.append(",") }
    }

    private mutating func flush() {
        guard pieces > 0 else { return }
        separate()
        if pieces == 1 {
            items.append(contentsOf: firstPiece)
        } else {
            writeJoined()
        }
        pieces = 0
        firstPiece.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        members.removeAll()
    }

    private mutating func writeJoined() {
        if kind == .text {
            items.append(#"{"type":"reasoning.text","text":""#)
        } else {
            items.append(#"{"type":"reasoning.summary","summary":""#)
        }
        items.append(contentsOf: text)
        items.append("\"")
        if !members.signature.isEmpty {
            items.append(#","signature":"#)
            items.append(contentsOf: members.signature)
        }
        if !members.id.isEmpty {
            items.append(#","id":"#)
            items.append(contentsOf: members.id)
        }
        if !members.format.isEmpty {
            items.append(#","format":"#)
            items.append(contentsOf: members.format)
        }
        if !members.index.isEmpty {
            items.append(#","index":"#)
            items.append(contentsOf: members.index)
        }
        items.append("}")
    }
}

extension ReasoningSeal {
    /// The `reasoning_details` that the seals of one assistant message carry, in order, as the
    /// inside of a JSON array. A signature that came too late for its block, and so in a seal of its
    /// own, is joined to its text again. Seals of other dialects are skipped.
    package static func details(in seals: [ReasoningSeal]) -> [UInt8] {
        var collector = ReasoningCollector()
        for seal in seals where seal.dialect == .details {
            var document = JSONDocument()
            guard
                (try? document.parse([UInt8(ascii: "[")] + seal.content + [UInt8(ascii: "]")]))
                    != nil
            else { continue }
            var elements = document.elements(of: .root)
            while let element = document.next(&elements) { collector.add(document, element) }
        }
        return collector.take()
    }
}
