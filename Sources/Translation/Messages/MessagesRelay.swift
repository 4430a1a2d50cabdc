// The response of an upstream that speaks the Messages API itself. Its events go on to the client as
// they are, padding and unknown members and all: signatures and caches depend on bytes that nobody
// here understands. What is read on the way: who answers, what it costs, why it ends, and whether it
// ends at all, since only `message_stop` is an end.
//
// Invariants: nothing is written before the first content, so that until then an error can still
// have its true status; events are written whole, so that a ping may stand between any two; the end
// is written once.

/// Relays one upstream response.
package struct MessagesRelay: ~Copyable {
    package typealias Progress = StreamTranslator.Progress

    private enum Phase {
        /// Nothing but white space has come. → events, body, failed
        case opening
        /// An event stream; the message has not begun, or nothing of it has been written.
        /// → content, failed
        case events
        /// Content has been written. → finished, failed
        case content
        /// Something else, or the one message that was asked for: gathered to its end.
        /// → finished, failed
        case body
        case finished
        case failed(APIError)
    }

    private let facts: RequestFacts
    private let identity: StreamTranslator.Identity
    private let limits: StreamTranslator.Limits
    private var inputTokensEstimate: Int
    private var errorReader: UpstreamErrorReader
    private var phase = Phase.opening
    private var parser: SSEParser
    private var document = JSONDocument()
    private var body: [UInt8] = []
    /// The event `message_start`, until the first content comes.
    private var held: [UInt8] = []
    /// The id of the message that has begun; nil before.
    private var messageID: [UInt8]?
    private var usage = RelayedUsage()
    /// The response in figures so far.
    package private(set) var summary = ResponseSummary()
    /// Why it failed, after `failed` and `failedMidStream`.
    package private(set) var failure: UpstreamFailure?

    package init(
        facts: RequestFacts, identity: StreamTranslator.Identity, inputTokensEstimate: Int,
        errorReader: UpstreamErrorReader,
        limits: StreamTranslator.Limits = StreamTranslator.Limits()
    ) {
        self.facts = facts
        self.identity = identity
        self.limits = limits
        self.inputTokensEstimate = inputTokensEstimate
        self.errorReader = errorReader
        parser = SSEParser(eventBytesMax: limits.eventBytesMax)
    }

    /// The bytes that are kept of the response.
    package var heldBytes: Int { body.count + held.count + parser.heldBytes }

    // MARK: What happens to it

    /// A better estimate of the input's size is there.
    package mutating func inputTokensCounted(_ tokens: Int) {
        inputTokensEstimate = tokens
        errorReader.inputTokensEstimate = tokens
    }

    /// Bytes of the upstream's body have come.
    package mutating func received(
        _ bytes: Span<UInt8>, into output: inout [UInt8]
    ) -> Progress {
        var position = 0
        if case .opening = phase { open(bytes, &position) }
        switch phase {
        case .events, .content: readEvents(bytes, from: position, into: &output)
        case .body: gatherBody(bytes.extracting(position...), into: &output)
        case .opening, .finished, .failed: break
        }
        return progress
    }

    /// The upstream's body has ended properly, as far as HTTP can tell.
    package mutating func ended(into output: inout [UInt8]) -> Progress {
        switch phase {
        case .opening: fail(Self.notAMessage("an empty body"), into: &output)
        case .events, .content:
            while isReading, parser.finish() == .event { eventReceived(into: &output) }
            if isReading { fail(StreamTranslator.cutOff, into: &output) }
        case .body: bodyEnded(into: &output)
        case .finished, .failed: break
        }
        return progress
    }

    /// The caller has noticed a failure: of the transport, or a time-out.
    package mutating func failed(
        _ failure: UpstreamFailure, into output: inout [UInt8]
    ) -> Progress {
        switch phase {
        case .opening, .events, .content, .body: fail(failure, into: &output)
        case .finished, .failed: break
        }
        return progress
    }

    /// Writes a sign of life, where the client can take one.
    package func ping(into output: inout [UInt8]) {
        guard facts.isStreaming else { return }
        switch phase {
        case .opening, .events, .content, .body:
            output.append("event: ping\ndata: {\"type\":\"ping\"}\n\n")
        case .finished, .failed: break
        }
    }

    private var progress: Progress {
        switch phase {
        case .opening, .events, .body: .waiting
        case .content: .started
        case .finished: .finished
        case .failed(let error): hasWritten ? .failedMidStream(error) : .failed(error)
        }
    }

    private var hasWritten = false

    private var isReading: Bool {
        switch phase {
        case .events, .content: true
        case .opening, .body, .finished, .failed: false
        }
    }

    // MARK: The stream as a whole

    /// A client that wants one message gets the upstream's one message. A stream never begins as
    /// an object does.
    private mutating func open(_ bytes: Span<UInt8>, _ position: inout Int) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position &+= 1
            case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "<"):
                phase = .body
                return
            default:
                phase = facts.isStreaming ? .events : .body
                return
            }
        }
    }

    private mutating func readEvents(
        _ bytes: Span<UInt8>, from start: Int, into output: inout [UInt8]
    ) {
        var position = start
        while isReading {
            switch parser.next(in: bytes, from: &position) {
            case .event: eventReceived(into: &output)
            case .needsMore: return
            case .tooLong:
                fail(
                    StreamTranslator.malformed(
                        "an event of more than \(limits.eventBytesMax) bytes"), into: &output)
            }
        }
    }

    /// One event is in the parser's buffer.
    private mutating func eventReceived(into output: inout [UInt8]) {
        let kind = RelayedEvent.kind(name: parser.name.span, data: parser.data.span)
        if kind != .ping { summary.events &+= 1 }
        switch kind {
        case .delta:
            summary.contentBytes &+= parser.data.count
            forward("content_block_delta", into: &output)
        case .blockStart: blockStarted(into: &output)
        case .blockStop: forward("content_block_stop", into: &output)
        case .ping:
            // Before the first content, the caller decides about the client's first byte.
            if case .content = phase { forward("ping", into: &output) }
        case .start: messageStarted(into: &output)
        case .messageDelta: messageDeltaReceived(into: &output)
        case .stop:
            guard messageID != nil else { return failUnbegun(into: &output) }
            forward("message_stop", into: &output)
            if isReading { end() }
        case .error: errorReceived(into: &output)
        case .other:
            guard case .content = phase, !parser.name.isEmpty else { return }
            output.append("event: ")
            output.append(parser.name.span)
            output.append("\n")
            Self.writeData(parser.data.span, into: &output)
        }
    }

    private mutating func end() {
        finishSummary()
        phase = .finished
    }

    // MARK: Events

    /// Writes the event at hand as it came, after whatever has been held back.
    private mutating func forward(_ name: StaticString, into output: inout [UInt8]) {
        guard messageID != nil else { return failUnbegun(into: &output) }
        if case .events = phase { release(into: &output) }
        output.append("event: ")
        output.append(name)
        output.append("\n")
        Self.writeData(parser.data.span, into: &output)
    }

    private mutating func release(into output: inout [UInt8]) {
        output.append(held.span)
        held = []
        hasWritten = true
        phase = .content
    }

    /// Writes an event's data, each of its lines as one.
    private static func writeData(_ data: Span<UInt8>, into output: inout [UInt8]) {
        output.append("data: ")
        var start = 0
        for index in data.indices where data[index] == UInt8(ascii: "\n") {
            output.append(data.extracting(start..<index))
            output.append("\ndata: ")
            start = index + 1
        }
        output.append(data.extracting(start...))
        output.append("\n\n")
    }

    private mutating func failUnbegun(into output: inout [UInt8]) {
        fail(StreamTranslator.malformed("content before its message had begun"), into: &output)
    }

    private mutating func blockStarted(into output: inout [UInt8]) {
        summary.blocks += 1
        let isCall = Self.beginsCall(parser.data.span)
        if isCall { summary.toolCalls += 1 }
        forward("content_block_start", into: &output)
    }

    private static func beginsCall(_ data: Span<UInt8>) -> Bool {
        guard let block = JSONSkim.member("content_block", ofObjectAt: 0, in: data),
            let type = JSONSkim.member("type", ofObjectAt: block.lowerBound, in: data)
        else { return false }
        return data.extracting(type).isSame(as: "\"tool_use\"")
    }

    private mutating func messageStarted(into output: inout [UInt8]) {
        guard let event = parse(), let message = event.member(.root, "message"),
            event.kind(message) == .object
        else {
            fail(StreamTranslator.malformed("a message_start that is none"), into: &output)
            return
        }
        defer { document = event }
        let id = event.member(message, "id").map { event.unescaped($0) } ?? []
        if let messageID {
            // A gateway that has asked again behind our back: the same message, or another one
            // into which this one cannot be changed.
            if messageID != id {
                fail(
                    StreamTranslator.malformed("a second message within the first"),
                    into: &output)
            }
            return
        }
        messageID = id
        noteMessage(event, message)
        held.append("event: message_start\n")
        var start: [UInt8] = []
        splice(event, message, into: &start)
        Self.writeData(start.span, into: &held)
    }

    private mutating func noteMessage(_ event: JSONDocument, _ message: JSONNode) {
        if let id = event.member(message, "id") {
            summary.upstreamID = event.unescaped(id, bytesMax: Self.nameBytesMax)
        }
        if let model = event.member(message, "model"), event.kind(model) == .string {
            summary.upstreamModel = event.unescaped(model, bytesMax: Self.nameBytesMax)
        }
        if let node = event.member(message, "usage") { usage.read(event, node) }
    }

    /// Longer than any id or name of a model.
    private static var nameBytesMax: Int { 512 }

    private mutating func messageDeltaReceived(into output: inout [UInt8]) {
        if let event = parse(keepsData: true) {
            if let node = event.member(.root, "usage") { usage.read(event, node) }
            if let delta = event.member(.root, "delta") { noteEnd(event, delta) }
            document = event
        }
        forward("message_delta", into: &output)
    }

    private mutating func noteEnd(_ event: JSONDocument, _ node: JSONNode) {
        guard let reason = event.member(node, "stop_reason") else { return }
        let known: [StopReason] = [.endTurn, .toolUse, .maxTokens, .refusal]
        summary.stopReason = known.first { event.equals(reason, $0.word) }
        if event.equals(reason, "stop_sequence") {
            let sequence = event.member(node, "stop_sequence").map {
                event.unescaped($0, bytesMax: Self.nameBytesMax)
            }
            summary.stopReason = .stopSequence(sequence ?? [])
        }
    }

    private mutating func errorReceived(into output: inout [UInt8]) {
        guard let event = parse() else {
            fail(errorReader.read(status: 500, body: parser.data), into: &output)
            return
        }
        var failure = errorReader.read(midStream: event)
        if let error = event.member(.root, "error"), let details = event.member(error, "details"),
            event.kind(details) == .object
        {
            failure.error.detailsJSON = String(
                decoding: event.bytes[event.literal(details)], as: UTF8.self)
        }
        document = event
        fail(failure, into: &output)
    }

    /// The event at hand as a document; nil when it is no JSON. The caller gives it back.
    private mutating func parse(keepsData: Bool = false) -> JSONDocument? {
        var event = JSONDocument()
        swap(&event, &document)
        var data = parser.data
        guard (try? event.parse(exchanging: &data)) != nil else { return nil }
        if !keepsData { parser.data = [] }
        return event
    }

    // MARK: One message

    private mutating func gatherBody(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
        guard body.count + bytes.count <= limits.contentBytesMax else {
            fail(StreamTranslator.tooLarge(limits.contentBytesMax), into: &output)
            return
        }
        body.append(bytes)
        if body.count >= limits.pageBytesMax, body[0] != UInt8(ascii: "{") {
            fail(Self.notAMessage(errorReader.summary(ofPage: body)), into: &output)
        }
    }

    private mutating func bodyEnded(into output: inout [UInt8]) {
        var message = JSONDocument()
        guard (try? message.parse(exchanging: &body)) != nil, message.kind(.root) == .object else {
            fail(
                Self.notAMessage(errorReader.summary(ofPage: message.takeBytes())), into: &output)
            return
        }
        summary.events = 1
        if let error = message.member(.root, "error"), !message.isNull(error) {
            fail(errorReader.read(midStream: message), into: &output)
            return
        }
        guard !facts.isStreaming, let content = message.member(.root, "content"),
            message.kind(content) == .array
        else {
            fail(Self.notAMessage("JSON that is no message"), into: &output)
            return
        }
        summary.blocks = message.count(content)
        var blocks = message.elements(of: content)
        while let block = message.next(&blocks) {
            if let type = message.member(block, "type"), message.equals(type, "tool_use") {
                summary.toolCalls += 1
            }
        }
        noteMessage(message, .root)
        noteEnd(message, .root)
        splice(message, .root, into: &output)
        end()
    }

    /// Writes all of `event` with what is to be changed in the message at `message`: its model, and
    /// the input's size where the upstream does not tell it.
    private func splice(
        _ event: JSONDocument, _ message: JSONNode, into output: inout [UInt8]
    ) {
        var edits = JSONEdits()
        if let name = identity.reportedModel, let model = event.member(message, "model") {
            var literal: [UInt8] = [UInt8(ascii: "\"")]
            literal.append(jsonEscaping: name.span)
            literal.append(UInt8(ascii: "\""))
            edits.replace(event.literal(model), by: literal)
        }
        if facts.isStreaming, usage.isUnknown,
            let node = event.member(message, "usage"), event.kind(node) == .object,
            let input = event.member(node, "input_tokens")
        {
            var number: [UInt8] = []
            number.append(decimal: max(1, inputTokensEstimate))
            edits.replace(event.literal(input), by: number)
        }
        edits.apply(to: event.bytes.span, into: &output)
    }

    // MARK: The end

    private mutating func finishSummary() {
        usage.write(into: &summary.usage)
        guard summary.usage.isEstimate else { return }
        summary.usage.prompt = max(1, inputTokensEstimate)
        summary.usage.output = (summary.contentBytes + 3) / 4
    }

    private mutating func fail(_ failure: UpstreamFailure, into output: inout [UInt8]) {
        self.failure = failure
        if hasWritten { failure.error.writeEvent(requestID: identity.requestID, into: &output) }
        finishSummary()
        phase = .failed(failure.error)
    }

    private mutating func fail(_ error: APIError, into output: inout [UInt8]) {
        fail(UpstreamFailure(.badAnswer, error: error), into: &output)
    }

    private static func notAMessage(_ what: String) -> APIError {
        APIError(
            status: 502, type: .api,
            message: "The upstream answered 200, but with \(what) instead of a message.")
    }
}
