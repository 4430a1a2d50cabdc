// What every client library demands of an event stream, whatever it holds: one message_start, first
// but for pings; blocks one after another, numbered 0, 1, 2…; message_delta before message_stop; and
// an end that says so, message_stop or error. It is the short form of MessageModel, which
// TranslationTests builds messages with.

@testable import Translation

/// Follows the events of one response and notes what is wrong with them.
struct EventStreamCheck {
    /// What is wrong with the stream; empty when it is legal.
    private(set) var problems: [String] = []
    private var isStarted = false
    private var hasOpenBlock = false
    private var blocks = 0
    private var hasDelta = false
    private var isOver = false

    /// Follows the whole of `body`.
    init(_ body: Substring) {
        var rest = body
        while let end = rest.firstRange(of: "\n\n") {
            receive(rest[..<end.lowerBound])
            rest = rest[end.upperBound...]
        }
        if rest.contains(where: { $0 != "\n" }) { problems.append("no end of event: \(rest)") }
        if !isOver { problems.append("neither message_stop nor error at the end") }
    }

    private mutating func receive(_ event: Substring) {
        let lines = event.split(separator: "\n", omittingEmptySubsequences: false)
        var data = JSONDocument()
        guard lines.count == 2, lines[0].hasPrefix("event: "), lines[1].hasPrefix("data: "),
            (try? data.parse([UInt8](lines[1].dropFirst(6).utf8))) != nil
        else { return problems.append("malformed event: \(event)") }
        let name = lines[0].dropFirst(7)
        expect(data.member(.root, "type").flatMap(data.string) == String(name), "type of \(name)")
        expect(!isOver, "\(name) after the end")
        switch name {
        case "ping": break
        case "error":
            let error = data.member(.root, "error")
            let message = error.flatMap { data.member($0, "message") }.flatMap(data.string)
            expect(message?.isEmpty == false, "an error without a message")
            isOver = true
        case "message_start":
            expect(!isStarted, "a second message_start")
            isStarted = true
        case "content_block_start":
            expect(isStarted && !hasDelta && !hasOpenBlock, "a block out of place")
            expectIndex(data)
            hasOpenBlock = true
        case "content_block_delta":
            expect(hasOpenBlock, "a delta without a block")
            expectIndex(data)
        case "content_block_stop":
            expect(hasOpenBlock, "a stop without a block")
            expectIndex(data)
            hasOpenBlock = false
            blocks += 1
        case "message_delta":
            expect(isStarted && !hasOpenBlock && !hasDelta, "message_delta out of place")
            expect(data.member(.root, "usage") != nil, "message_delta without usage")
            hasDelta = true
        case "message_stop":
            expect(hasDelta, "message_stop before message_delta")
            isOver = true
        default: problems.append("unknown event \(name)")
        }
    }

    private mutating func expectIndex(_ data: JSONDocument) {
        let index = data.member(.root, "index").flatMap(data.integer)
        expect(index == blocks, "index \(index ?? -1) in block \(blocks)")
    }

    private mutating func expect(_ isRight: Bool, _ problem: String) {
        if !isRight { problems.append(problem) }
    }
}
