// A stream made backwards: first what a model is to have said, by chance, then the bytes with which
// one of the many kinds of servers would say it. So a test knows what must come out, whatever the
// translation thinks.

import TestSupport

@testable import Translation

/// What a model says, and the stream that says it.
struct PlannedStream {
    struct Call {
        var id: String?
        var name: String
        /// The arguments as JSON text; empty for none.
        var arguments: String
    }

    /// How reasoning is told.
    enum Reasoning: CaseIterable {
        case details, detailsAndPlain, plain, content, tags, parts
    }

    /// How calls are told.
    enum Calls: CaseIterable {
        /// The first piece has index, id and name, the others the index. They may interleave.
        case indexed
        /// Every piece has everything.
        case repeating
        /// Later pieces have an empty id and an empty name.
        case emptying
        /// Every piece has an id of its own; the first one counts.
        case unstable
        /// Every call has index 0 and an id of its own.
        case sameIndex
        /// No index: a piece without an id belongs to the last call.
        case indexless
        /// Each call in one piece, without an index.
        case whole
    }

    enum Usage: CaseIterable {
        case withFinish, afterFinish, withoutChoices, nullChoices, always, groq, never
    }

    var thinking = ""
    var signature: String?
    var before = ""
    var calls: [Call] = []
    var after = ""
    var finish: String?
    var prompt = 0
    var cached = 0
    var written = 0
    var output = 0
    var reasoning = Reasoning.plain
    var callStyle = Calls.indexed
    var usage = Usage.afterFinish
    private(set) var bytes: [UInt8] = []

    init(_ random: inout SplitMix64) {
        if Bool.random(using: &random) { thinking = Self.words(1...6, &random) }
        reasoning = Self.any(&random)
        // These two begin the text: white space around them is nobody's.
        if reasoning == .tags { thinking = Self.trimmed(thinking) }
        let isSigned = reasoning == .details || reasoning == .detailsAndPlain
        if isSigned, !thinking.isEmpty, random.below(4) > 0 {
            signature = "c2ln\(random.below(99))"
        }
        if random.below(3) > 0 { before = Self.trimmed(Self.words(1...12, &random)) }
        callStyle = Self.any(&random)
        if Bool.random(using: &random) {
            for number in 0..<(1 + random.below(3)) { calls.append(call(number, &random)) }
            if random.below(4) == 0 { after = Self.words(1...4, &random) }
        }
        if callStyle == .whole, calls.contains(where: { $0.id == nil }) {
            // Nothing but the completeness of one would tell it from the next.
            for number in calls.indices where calls[number].arguments.isEmpty {
                calls[number].arguments = "{}"
            }
        }
        if reasoning == .tags { after = Self.trimmed(after) }
        if thinking.isEmpty, calls.isEmpty, before.isEmpty { before = "x" }
        finish = ["stop", "tool_calls", "length", "content_filter", nil][random.below(5)]
        usage = Self.any(&random)
        prompt = random.below(5000)
        cached = random.below(2000)
        written = random.below(1000)
        output = random.below(500)
        bytes = render(&random)
    }

    /// The stop reason that a client must be given.
    var stopReason: String {
        switch finish {
        case "length": "max_tokens"
        case "content_filter": "refusal"
        default: calls.isEmpty ? "end_turn" : "tool_use"
        }
    }

    /// The items of `reasoning_details`, their pieces joined; empty in other dialects.
    var details: [JSONValue] {
        guard reasoning == .details || reasoning == .detailsAndPlain, !thinking.isEmpty else {
            return []
        }
        var item: [String: JSONValue] = [
            "type": .string("reasoning.text"), "text": .string(thinking),
            "format": .string("anthropic-claude-v1"),
        ]
        item["index"] = JSONValue("0")
        if let signature { item["signature"] = .string(signature) }
        return [.object(item)]
    }

    // MARK: Chance

    private static func any<Value: CaseIterable>(_ random: inout SplitMix64) -> Value
    where Value.AllCases == [Value] {
        Value.allCases[random.below(Value.allCases.count)]
    }

    private static func words(_ range: ClosedRange<Int>, _ random: inout SplitMix64) -> String {
        let words = [
            "a", " b", "\n", "é", "\"", "\\", "\\u0041", "a<b", "😀", " ", "\t", "END", "{}", "𝄞",
            "</", "data: x",
        ]
        return (0..<Int.random(in: range, using: &random))
            .map { _ in words[random.below(words.count)] }.joined()
    }

    private static func trimmed(_ text: String) -> String {
        let inner = text.drop { $0.isWhitespace }
        return String(inner.reversed().drop { $0.isWhitespace }.reversed())
    }

    private func call(_ number: Int, _ random: inout SplitMix64) -> Call {
        let values = [
            "{\"p\":1}", "{\"p\":\"\(number)\"}", "{ \"q\" : [ {\"r\":\"}]\\\"{\"} ] }",
            "{\"t\":\"é😀\\\\\"}", "{\"n\":1.50,\"m\":{}}", "", "{}",
        ]
        var call = Call(
            id: ["call_\(number)", "functions.f:\(number)", "t-\(number)"][random.below(3)],
            name: ["Read", "Write"][random.below(2)], arguments: values[random.below(values.count)])
        switch callStyle {
        case .indexed, .emptying, .whole:
            if random.below(4) == 0 { call.id = nil }
        case .repeating, .sameIndex, .indexless, .unstable: break
        }
        return call
    }

    // MARK: Bytes

    private func render(_ random: inout SplitMix64) -> [UInt8] {
        var events = reasoningEvents(&random)
        if reasoning != .tags || thinking.isEmpty { events += textEvents(before, &random) }
        if let signature {
            // It comes last of the reasoning, and now and then when the text has begun.
            let first = events.firstIndex { $0.contains("\"content\":\"") } ?? events.count
            let place = random.below(3) == 0 ? events.count : min(first, events.count)
            let late = max(place, thinkingEvents(in: events))
            events.insert(Upstream.details(Upstream.signature(signature)), at: late)
        }
        events += callEvents(&random)
        events += textEvents(after, &random)
        events = withUsage(events)
        events += endEvents(&random)
        if Bool.random(using: &random) { events.append(Upstream.done) }
        if finish == nil, events.last != Upstream.done { events.append(Upstream.done) }
        var text = ""
        for event in events {
            for _ in 0..<(random.below(6) == 0 ? 2 : 0) { text += Upstream.comment }
            text += event
        }
        let lineEnd: [UInt8] = [[0x0A], [0x0D, 0x0A], [0x0D]][random.below(3)]
        return text.utf8.flatMap { $0 == 0x0A ? lineEnd : [$0] }
    }

    /// How many events there are up to the last one with reasoning.
    private func thinkingEvents(in events: [String]) -> Int {
        (events.lastIndex { $0.contains("reasoning.text") } ?? -1) + 1
    }

    private func reasoningEvents(_ random: inout SplitMix64) -> [String] {
        guard !thinking.isEmpty else { return [] }
        if reasoning == .tags {
            return textEvents("<think>\n\(thinking)</think>\n\n\(before)", &random)
        }
        return Self.pieces(thinking, &random).map { piece in
            let text = Self.quoted(piece, &random)
            let item =
                #"{"type":"reasoning.text","text":\#(text),"format":"anthropic-claude-v1","index":0}"#
            switch reasoning {
            case .details: return Upstream.details(item)
            case .detailsAndPlain:
                return Upstream.chunk(#"{"reasoning":\#(text),"reasoning_details":[\#(item)]}"#)
            case .plain: return Upstream.chunk(#"{"content":null,"reasoning":\#(text)}"#)
            case .content, .tags: return Upstream.chunk(#"{"reasoning_content":\#(text)}"#)
            case .parts:
                return Upstream.chunk(
                    #"{"content":[{"type":"thinking","thinking":[{"type":"text","text":\#(text)}]}]}"#
                )
            }
        }
    }

    private func textEvents(_ text: String, _ random: inout SplitMix64) -> [String] {
        Self.pieces(text, &random).map {
            Upstream.chunk(#"{"role":"assistant","content":\#(Self.quoted($0, &random))}"#)
        }
    }

    private func callEvents(_ random: inout SplitMix64) -> [String] {
        var queues = calls.indices.map { pieces(of: $0, &random) }
        let mayInterleave =
            callStyle == .indexed || callStyle == .repeating || callStyle == .emptying
        let interleaves = mayInterleave && Bool.random(using: &random)
        var events: [String] = []
        // Calls begin in order, since blocks do.
        var begun = 0
        while let first = queues.firstIndex(where: { !$0.isEmpty }) {
            let candidates = queues.indices.filter { !queues[$0].isEmpty && $0 <= begun }
            let next = interleaves ? candidates[random.below(candidates.count)] : first
            begun = max(begun, next + 1)
            events.append(Upstream.calls(queues[next].removeFirst()))
        }
        return events
    }

    private func pieces(of number: Int, _ random: inout SplitMix64) -> [String] {
        let call = calls[number]
        let index: Int? =
            switch callStyle {
            case .indexed, .repeating, .emptying, .unstable: number
            case .sameIndex: 0
            case .indexless, .whole: nil
            }
        if callStyle == .whole {
            let isObject = !call.arguments.isEmpty && Bool.random(using: &random)
            let text = isObject ? call.arguments : Self.quoted(call.arguments, &random)
            return [Upstream.call(index: nil, id: call.id, name: call.name, arguments: text)]
        }
        var texts = call.arguments.isEmpty ? [""] : Self.pieces(call.arguments, &random)
        if !call.arguments.isEmpty, callStyle != .unstable, random.below(4) == 0 {
            // What Kimi appends: white space, or all of it once more.
            texts.append([" \n", call.arguments][random.below(2)])
        }
        return texts.enumerated().map { place, text in
            let arguments = Self.quoted(text, &random)
            if place == 0 || callStyle == .repeating {
                return Upstream.call(
                    index: index, id: call.id, name: call.name, arguments: arguments)
            }
            if callStyle == .unstable {
                return Upstream.call(index: index, id: "new-\(place)", arguments: arguments)
            }
            return callStyle == .emptying
                ? Upstream.call(index: index, id: "", name: "", arguments: arguments)
                : Upstream.call(index: index, arguments: arguments)
        }
    }

    // MARK: The end

    private var usageJSON: String {
        #"{"prompt_tokens":\#(prompt),"completion_tokens":\#(output),"prompt_tokens_details":"#
            + #"{"cached_tokens":\#(cached),"cache_write_tokens":\#(written)}}"#
    }

    /// Adds a usage to every event where the server counts as it goes.
    private func withUsage(_ events: [String]) -> [String] {
        guard usage == .always else { return events }
        let less = #","usage":{"prompt_tokens":\#(prompt),"completion_tokens":0}}"#
        return events.map { String($0.dropLast(3)) + less + "\n\n" }
    }

    private func endEvents(_ random: inout SplitMix64) -> [String] {
        let more = ",\"usage\":\(usageJSON)"
        let chunk = Upstream.chunk("{}", finish: finish)
        // Most of OpenRouter's streams say it twice; only the first word counts.
        let isTold = finish != nil && Bool.random(using: &random)
        let again = isTold ? Upstream.chunk(#"{"content":""}"#, finish: "stop") : ""
        switch usage {
        case .withFinish, .always: return [Upstream.chunk("{}", finish: finish, more: more)]
        case .afterFinish: return [chunk, Upstream.chunk("{}", finish: finish, more: more)]
        case .withoutChoices: return [chunk, again, Upstream.event(#"{"choices":[]\#(more)}"#)]
        case .nullChoices: return [chunk, Upstream.event(#"{"choices":null\#(more)}"#)]
        case .groq:
            return [
                Upstream.chunk("{}", finish: finish, more: ",\"x_groq\":{\"usage\":\(usageJSON)}")
            ]
        case .never: return [chunk, again]
        }
    }

    // MARK: Text

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

    /// `text` as a JSON string, with one of the escapes that serialisers choose.
    private static func quoted(_ text: String, _ random: inout SplitMix64) -> String {
        let escapesAll = random.below(4) == 0
        var output = "\""
        for unit in text.utf16 {
            switch unit {
            case 0x22: output += "\\\""
            case 0x5C: output += "\\\\"
            case 0x0A: output += escapesAll ? "\\u000a" : "\\n"
            case 0x09: output += "\\t"
            case 0x20...0x7E where !escapesAll:
                output.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default: output += "\\u" + hexadecimal(unit)
            }
        }
        return output + "\""
    }

    private static func hexadecimal(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
