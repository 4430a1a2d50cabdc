// One event of an OpenAI Responses stream: what it is and where its members stand. An event's type
// is told in the data; where it is not, the event's name tells it. Types that are not listed here
// (there are dozens, and each month brings new ones) say nothing to a client of the Messages API.

/// An event, as places in its document.
struct ResponseEvent {
    var name: JSONNode?
    var delta, text, arguments, refusal: JSONNode?
    var item, part, annotation, response, error: JSONNode?
    var itemID: JSONNode?
    /// The place of the event's item in the output. Where it is told, it names the item: ids change
    /// from event to event with some gateways.
    var outputIndex: Int?
    /// The place of a part within its item: `content_index` or `summary_index`.
    var partIndex: Int?

    init(_ document: JSONDocument) {
        var members = document.members(of: .root)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "type") {
                name = value
            } else if document.equals(key, "delta") {
                delta = value
            } else if document.equals(key, "output_index") {
                outputIndex = document.integer(value)
            } else if document.equals(key, "content_index")
                || document.equals(key, "summary_index")
            {
                partIndex = document.integer(value)
            } else if document.equals(key, "item_id") {
                itemID = value
            } else if document.equals(key, "item") {
                item = value
            } else if document.equals(key, "text") {
                text = value
            } else {
                takeRarer(document, key, value)
            }
        }
    }

    private mutating func takeRarer(
        _ document: JSONDocument, _ key: JSONNode, _ value: JSONNode
    ) {
        if document.equals(key, "part") {
            part = value
        } else if document.equals(key, "arguments") {
            arguments = value
        } else if document.equals(key, "refusal") {
            refusal = value
        } else if document.equals(key, "annotation") {
            annotation = value
        } else if document.equals(key, "response") {
            response = value
        } else if document.equals(key, "error") {
            if !document.isNull(value) { error = value }
        }
    }

    /// What an event is about.
    enum Kind {
        /// The response is there or goes on; its echo of the request says nothing.
        case begun
        case itemAdded, itemDone
        case text, textDone
        case refusal, refusalDone
        case annotation
        case summary, summaryDone
        case thought, thoughtDone
        case arguments, argumentsDone
        case partDone
        /// The response is over, well or not.
        case completed, incomplete, failed
        case error
        case other
    }

    /// The kind of the event called `name`.
    static func kind(_ name: Span<UInt8>) -> Kind {
        let prefix: StaticString = "response."
        guard matches(name, 0, prefix) else { return name.isSame(as: "error") ? .error : .other }
        let name = name.extracting(prefix.utf8CodeUnitCount...)
        if name.isSame(as: "output_text.delta") { return .text }
        if name.isSame(as: "function_call_arguments.delta") { return .arguments }
        if name.isSame(as: "reasoning_summary_text.delta") { return .summary }
        if name.isSame(as: "reasoning_text.delta") { return .thought }
        for (text, kind) in others where name.isSame(as: text) { return kind }
        return .other
    }

    private static let others: [(name: StaticString, kind: Kind)] = [
        ("output_item.added", .itemAdded), ("output_item.done", .itemDone),
        ("content_part.done", .partDone), ("reasoning_part.done", .partDone),
        ("reasoning_summary_part.done", .partDone), ("output_text.done", .textDone),
        ("function_call_arguments.done", .argumentsDone),
        ("reasoning_summary_text.done", .summaryDone), ("reasoning_text.done", .thoughtDone),
        // OpenRouter's older names.
        ("reasoning_summary.delta", .summary), ("reasoning_summary.done", .summaryDone),
        ("reasoning.delta", .thought), ("reasoning.done", .thoughtDone),
        ("refusal.delta", .refusal), ("refusal.done", .refusalDone),
        ("output_text.annotation.added", .annotation), ("created", .begun),
        ("in_progress", .begun), ("queued", .begun), ("completed", .completed),
        ("done", .completed), ("incomplete", .incomplete), ("failed", .failed),
        ("cancelled", .failed), ("error", .error),
    ]
}

extension Span where Element == UInt8 {
    /// Whether these bytes are `text`.
    func isSame(as text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && matches(self, 0, text)
    }
}
