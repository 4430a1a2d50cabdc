// Web searches that the upstream ran for the client's `web_search` tool. It tells of them in
// `annotations` of the delta or of the choice: before the text those are results, during it citations
// too. The client expects the blocks of Anthropic's own search: the call, its results, and text that
// cites them.

/// What has been found, and what has been cited of it.
struct SearchResults {
    /// Results that wait for the next block, or for the end: Anthropic's `web_search_result` items, the
    /// inside of a JSON array.
    var json: [UInt8] = []
    /// Whether the blocks have been written: there is one search to show.
    var isWritten = false
    /// What was told before. Some servers repeat all annotations so far with each piece.
    private var told: Set<UInt64> = []

    private static let toldMax = 4096

    /// Takes note of some bytes, and returns whether they have not been told before.
    mutating func isNew(_ bytes: [UInt8]) -> Bool {
        // FNV-1a: whoever makes two alike has one citation less.
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        return told.count < Self.toldMax && told.insert(hash).inserted
    }
}

extension StreamTranslator {
    mutating func annotationsReceived(
        _ document: JSONDocument, _ annotations: JSONNode, into output: inout [UInt8]
    ) {
        var elements = document.elements(of: annotations)
        while let annotation = document.next(&elements), mayReadPart(into: &output) {
            if let source = document.member(annotation, "url_citation") {
                annotationReceived(document, source, into: &output)
            }
        }
    }

    /// A source that the upstream names. Within the text it is a citation of it. Wherever it comes it
    /// is a result of the search, for clients that show the links of results only.
    mutating func annotationReceived(
        _ document: JSONDocument, _ source: JSONNode, into output: inout [UInt8]
    ) {
        // Who did not ask for a search would not know the blocks.
        guard facts.offersWebSearch, isLive, let url = document.member(source, "url"),
            document.kind(url) == .string
        else { return }
        var piece: [UInt8] = []
        if writer.open == .text {
            Self.writeCitation(document, source, url, into: &piece)
            var place = piece
            for name: StaticString in ["start_index", "end_index"] {
                place.append(" ")
                if let index = document.member(source, name) { place.append(document, index) }
            }
            if search.isNew(place) { writer.citation(piece.span, into: &output) }
        }
        piece.removeAll()
        piece.append(document, url)
        guard !search.isWritten, search.isNew(piece) else { return }
        if !search.json.isEmpty { search.json.append(",") }
        Self.writeResult(document, source, url, into: &search.json)
    }

    /// The search's two blocks: before the text that rests on them, or where the upstream names its
    /// sources late, after it.
    mutating func writeSearchResults(into output: inout [UInt8]) {
        guard !search.json.isEmpty else { return }
        var id: [UInt8] = []
        id.append("srvtoolu_")
        id.append(contentsOf: identity.messageID.suffix(28))
        var block: [UInt8] = []
        block.append(#"{"type":"server_tool_use","id":""#)
        block.append(id.span)
        block.append(#"","name":"web_search","input":{}}"#)
        startMessage(into: &output)
        writer.wholeBlock(block.span, into: &output)
        block.removeAll(keepingCapacity: true)
        block.append(#"{"type":"web_search_tool_result","tool_use_id":""#)
        block.append(id.span)
        block.append(#"","content":["#)
        block.append(search.json.span)
        block.append("]}")
        writer.wholeBlock(block.span, into: &output)
        search.json = []
        search.isWritten = true
    }

    private static func writeResult(
        _ document: JSONDocument, _ source: JSONNode, _ url: JSONNode,
        into output: inout [UInt8]
    ) {
        output.append(#"{"type":"web_search_result","url":"#)
        output.append(document, url)
        output.append(#","title":"#)
        writeString(document, document.member(source, "title"), into: &output)
        // Opaque to clients, who send it back: what the page says, for later turns.
        output.append(#","encrypted_content":""#)
        if let content = document.member(source, "content"), document.kind(content) == .string {
            SearchContent.write(document.unescaped(content).span, into: &output)
        }
        output.append(#"","page_age":null}"#)
    }

    private static func writeCitation(
        _ document: JSONDocument, _ source: JSONNode, _ url: JSONNode,
        into output: inout [UInt8]
    ) {
        output.append(#"{"type":"web_search_result_location","url":"#)
        output.append(document, url)
        output.append(#","title":"#)
        writeString(document, document.member(source, "title"), into: &output)
        output.append(#","encrypted_index":"","cited_text":"#)
        writeString(document, document.member(source, "content"), into: &output)
        output.append("}")
    }

    private static func writeString(
        _ document: JSONDocument, _ node: JSONNode?, into output: inout [UInt8]
    ) {
        if let node, document.kind(node) == .string {
            output.append(document, node)
        } else {
            output.append("\"\"")
        }
    }
}
