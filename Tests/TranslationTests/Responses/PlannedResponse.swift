// A Responses stream made backwards: first what a model is to have said, by chance, then the events
// with which one of the servers would say it.

import TestSupport

@testable import Translation

/// What a model says by the Responses API, and the stream that says it.
struct PlannedResponse {
    enum Item {
        /// Pieces of summary, and what is encrypted.
        case summary([String], encrypted: String?)
        case thought(String)
        case message([String])
        case call(id: String, name: String, arguments: String)
    }

    /// The habits of a server.
    struct Habits {
        var namesEvents = true
        var hasIndexes = true
        var rotatesIds = false
        var announces = true
        /// Whether deltas come, and the repetitions at the end of parts and items.
        var hasDeltas = true
        var hasPartEnds = true
        var hasItemEnds = true
        var repeatsOutput = true
        var sendsDone = false
    }

    var items: [Item] = []
    var habits = Habits()
    var end = "completed"
    var input = 0
    var cached = 0
    var output = 0
    private(set) var bytes: [UInt8] = []

    init(_ random: inout SplitMix64) {
        for _ in 0..<(1 + random.below(4)) {
            switch random.below(5) {
            case 0:
                let parts = (0..<random.below(3)).map { _ in Self.words(&random) }
                let isSecret = parts.isEmpty || random.below(3) > 0
                items.append(.summary(parts, encrypted: isSecret ? "enc\(random.below(99))" : nil))
            case 1: items.append(.thought(Self.words(&random)))
            case 2:
                items.append(.message((0...random.below(2)).map { _ in Self.words(&random) }))
            default:
                let arguments = [
                    "{}", "", "{\"p\":1}", "{ \"q\" : [ {\"r\":\"}]\\\"{\"} ] }",
                    "{\"t\":\"é😀\\\\\"}",
                ][random.below(5)]
                items.append(
                    .call(
                        id: "call_\(items.count)", name: ["Read", "Write"][random.below(2)],
                        arguments: arguments))
            }
        }
        habits.namesEvents = Bool.random(using: &random)
        habits.hasIndexes = random.below(4) > 0
        habits.rotatesIds = habits.hasIndexes && random.below(3) == 0
        habits.announces = random.below(4) > 0
        habits.hasDeltas = random.below(5) > 0
        habits.hasPartEnds = Bool.random(using: &random)
        habits.repeatsOutput = random.below(4) > 0
        // Without the ends of items, the list at the end must say what there was, and nothing may
        // depend on when it is said: what is encrypted, or calls without arguments.
        let needsEnds = items.contains { item in
            switch item {
            case .summary(_, let encrypted): encrypted != nil
            case .call(_, _, let arguments): arguments.isEmpty
            case .thought, .message: false
            }
        }
        habits.hasItemEnds =
            needsEnds || !(habits.repeatsOutput && habits.hasIndexes) || random.below(3) > 0
        habits.sendsDone = Bool.random(using: &random)
        end = ["completed", "completed", "length", "filter"][random.below(4)]
        input = random.below(5000)
        cached = random.below(2000)
        output = random.below(500)
        bytes = render(&random)
    }

    var stopReason: String {
        switch end {
        case "length": return "max_tokens"
        case "filter": return "refusal"
        default:
            let hasCall = items.contains { if case .call = $0 { true } else { false } }
            return hasCall ? "tool_use" : "end_turn"
        }
    }

    /// What the client must be told, as blocks in short. Where calls are announced and all the rest
    /// stands in the list at the end, their blocks have begun before it comes.
    var outline: [String] {
        let isAllAtTheEnd = !habits.hasDeltas && !habits.hasPartEnds && !habits.hasItemEnds
        guard isAllAtTheEnd else { return items.flatMap(Self.outline) }
        let isCall = { (item: Item) in if case .call = item { true } else { false } }
        return (items.filter(isCall) + items.filter { !isCall($0) }).flatMap(Self.outline)
    }

    private static func outline(_ item: Item) -> [String] {
        switch item {
        case .summary(let parts, let encrypted):
            if parts.isEmpty { return encrypted == nil ? [] : ["redacted_thinking"] }
            return ["thinking:\(parts.joined(separator: "\n\n"))"]
        case .thought(let text): return ["thinking:\(text)"]
        case .message(let parts): return parts.map { "text:\($0)" }
        case .call(let id, let name, _): return ["tool_use:\(id):\(name)"]
        }
    }

    private static func words(_ random: inout SplitMix64) -> String {
        let words = ["a", " b", "\n", "é", "\"", "\\", "<think>", "😀", "{}", "data: x"]
        return (0...random.below(6)).map { _ in words[random.below(words.count)] }.joined()
    }

    // MARK: Bytes

    private func render(_ random: inout SplitMix64) -> [UInt8] {
        var text = random.below(3) == 0 ? ": PROCESSING\n\n" : ""
        text += event("created", #""response":{"id":"r","model":"m-1","status":"in_progress"}"#)
        for index in items.indices { text += events(of: index, &random) }
        let list = habits.repeatsOutput ? items.indices.map { json(of: $0, id: "z\($0)") } : []
        let usage =
            #"{"input_tokens":\#(input),"input_tokens_details":{"cached_tokens":\#(cached)},"output_tokens":\#(output)}"#
        let reason = end == "length" ? "max_output_tokens" : "content_filter"
        let isCut = end != "completed"
        text += event(
            isCut ? "incomplete" : "completed",
            #""response":{"id":"r","status":"\#(isCut ? "incomplete" : "completed")","#
                + (isCut ? #""incomplete_details":{"reason":"\#(reason)"},"# : "")
                + #""output":[\#(list.joined(separator: ","))],"usage":\#(usage)}"#)
        if habits.sendsDone { text += "data: [DONE]\n\n" }
        let lineEnd: [UInt8] = [[0x0A], [0x0D, 0x0A]][random.below(2)]
        return text.utf8.flatMap { $0 == 0x0A ? lineEnd : [$0] }
    }

    private func event(_ type: String, _ json: String) -> String {
        let name = habits.namesEvents ? "event: response.\(type)\n" : ""
        return "\(name)data: {\"type\":\"response.\(type)\",\(json)}\n\n"
    }

    private func json(of index: Int, id: String) -> String {
        switch items[index] {
        case .summary(let parts, let encrypted):
            let list = parts.map { #"{"type":"summary_text","text":\#(Self.quoted($0))}"# }
            let secret = encrypted.map { #","encrypted_content":"\#($0)""# } ?? ""
            return
                #"{"type":"reasoning","id":"\#(id)","summary":[\#(list.joined(separator: ","))]\#(secret)}"#
        case .thought(let text):
            return
                #"{"type":"reasoning","id":"\#(id)","summary":[],"content":[{"type":"reasoning_text","text":\#(Self.quoted(text))}]}"#
        case .message(let parts):
            let list = parts.map { #"{"type":"output_text","text":\#(Self.quoted($0))}"# }
            return #"{"type":"message","id":"\#(id)","content":[\#(list.joined(separator: ","))]}"#
        case .call(let callID, let name, let arguments):
            return
                #"{"type":"function_call","id":"\#(id)","call_id":"\#(callID)","name":"\#(name)","arguments":\#(Self.quoted(arguments))}"#
        }
    }

    private func events(of index: Int, _ random: inout SplitMix64) -> String {
        func id() -> String { habits.rotatesIds ? "id-\(random.below(1 << 20))" : "id-\(index)" }
        func place() -> String {
            habits.hasIndexes
                ? #""output_index":\#(index),"item_id":"\#(id())""# : #""item_id":"\#(id())""#
        }
        var text = ""
        var isCall = false
        if case .call = items[index] { isCall = true }
        if habits.announces || isCall && !habits.hasItemEnds {
            let item = isCall ? emptied(index, id: id()) : json(of: index, id: id())
            let number = habits.hasIndexes ? #""output_index":\#(index),"# : ""
            text += event("output_item.added", number + #""item":\#(item)"#)
        }
        func part(_ kind: String, _ number: Int, _ piece: String, _ name: String, _ key: String) {
            text += event(
                "\(kind)", place() + #","\#(name)":\#(number),"\#(key)":\#(Self.quoted(piece))"#)
        }
        func parts(_ texts: [String], _ kind: String, _ name: String) {
            for (number, whole) in texts.enumerated() {
                if habits.hasDeltas {
                    for piece in Self.pieces(whole, &random) {
                        part("\(kind).delta", number, piece, name, "delta")
                    }
                }
                if habits.hasPartEnds { part("\(kind).done", number, whole, name, "text") }
            }
        }
        switch items[index] {
        case .summary(let texts, _): parts(texts, "reasoning_summary_text", "summary_index")
        case .thought(let whole): parts([whole], "reasoning_text", "content_index")
        case .message(let texts): parts(texts, "output_text", "content_index")
        case .call(_, _, let arguments):
            if habits.hasDeltas {
                for piece in Self.pieces(arguments, &random) {
                    text += event(
                        "function_call_arguments.delta",
                        place() + #","delta":\#(Self.quoted(piece))"#)
                }
            }
            if habits.hasPartEnds {
                text += event(
                    "function_call_arguments.done",
                    place() + #","arguments":\#(Self.quoted(arguments))"#)
            }
        }
        if habits.hasItemEnds {
            let number = habits.hasIndexes ? #""output_index":\#(index),"# : ""
            text += event("output_item.done", number + #""item":\#(json(of: index, id: id()))"#)
        }
        return text
    }

    /// A call as it is announced.
    private func emptied(_ index: Int, id: String) -> String {
        guard case .call(let callID, let name, _) = items[index] else { return "{}" }
        return
            #"{"type":"function_call","id":"\#(id)","call_id":"\#(callID)","name":"\#(name)","arguments":""}"#
    }

    private static func pieces(_ text: String, _ random: inout SplitMix64) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            let count = 1 + random.below(5)
            pieces.append(String(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    private static func quoted(_ text: String) -> String {
        var output: [UInt8] = []
        output.append(jsonString: text)
        return String(decoding: output, as: UTF8.self)
    }
}
