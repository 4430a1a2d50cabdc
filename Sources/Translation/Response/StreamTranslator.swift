// The heart of the proxy: an upstream's chat completion, in whatever shape and pieces it comes,
// becomes an Anthropic message, as events or as one object. Sans I/O: bytes in, bytes out, and what
// the caller should know.
//
// The layers, each in a file of its own: SSEParser finds events; this file follows the stream as a
// whole; +Chunk reads one chunk; +Reasoning, +Text, +ToolCalls and +Search decide which block a
// piece goes into; +End closes the message; MessageWriter writes it.
//
// Invariants: nothing is written before the first content, so that until then an error can still
// have its true status; at most one block is open; the end is written once; what a peer sends can
// fail the response but never trap.

/// Translates one upstream response.
package struct StreamTranslator: ~Copyable {
    /// What the response is called towards the client.
    package struct Identity: Sendable {
        /// The message's id, of `[a-zA-Z0-9_]`.
        package var messageID: [UInt8]
        /// The request's id, for error events.
        package var requestID: [UInt8]
        /// The model as the upstream was asked for it; sealed into reasoning.
        package var upstreamModel: [UInt8]
        /// The model to report; nil reports what the upstream says.
        package var reportedModel: [UInt8]?
        /// What reasoning is sealed with; without one no reasoning can come back.
        package var sealKey: SealKey?
        /// Who answers: upstream and key, as a digest; sealed into reasoning that is encrypted for
        /// them alone. It has no line breaks.
        package var maker: [UInt8] = []

        package init(
            messageID: [UInt8], requestID: [UInt8], upstreamModel: [UInt8],
            reportedModel: [UInt8]?, sealKey: SealKey?
        ) {
            self.messageID = messageID
            self.requestID = requestID
            self.upstreamModel = upstreamModel
            self.reportedModel = reportedModel
            self.sealKey = sealKey
        }
    }

    /// How the upstream differs from others.
    package struct Profile: Sendable {
        /// Whether `<think>` tags at the begin of the text are reasoning.
        package var parsesThinkTags = false
        /// Whether `completion_tokens` leaves reasoning tokens out (xAI).
        package var countsReasoningApart = false
        /// Whether it speaks OpenAI's Responses API instead of chat completions.
        package var speaksResponses = false
        package init() {}
    }

    /// What a response may take.
    package struct Limits: Sendable {
        /// One event of the upstream, or one line.
        package var eventBytesMax = SSEParser.eventBytesMaxDefault
        /// What is gathered: a whole message, a call's arguments, sealed reasoning.
        package var contentBytesMax = 64 << 20
        /// What is read of a body that is no answer, such as a proxy's page.
        package var pageBytesMax = 64 << 10
        /// Tool calls in one response; real ones have a dozen.
        package var toolCallsMax = 1024
        /// Blocks in one response: each is several hundred bytes for the client, and for the
        /// upstream it may be a dozen.
        package var blocksMax = 4096
        /// Elements of the lists in one event (parts of content, details, annotations, images,
        /// calls): each may become an event of its own.
        package var partsMax = 4096
        package init() {}
    }

    /// Where the response stands.
    package enum Progress: Equatable, Sendable {
        /// No content has come; nothing has been written.
        case waiting
        /// Content has come, and as events it has been written.
        case started
        /// The answer is complete and written. The rest of the upstream's body is of no interest.
        case finished
        /// The upstream has properly ended without any content. Nothing has been written: the
        /// caller may ask again, or have `writeEmptyMessage` end the response.
        case empty
        /// The response failed before anything was written: the error can have its true status, or
        /// the caller can ask again.
        case failed(APIError)
        /// The response failed after events were written; an `error` event has ended it.
        case failedMidStream(APIError)
    }

    enum Phase {
        /// Nothing but white space has come. → events, body, failed
        case opening
        /// An event stream. → finished, empty, failed
        case events
        /// Something else, which is gathered to its end. → finished, empty, failed
        case body
        case finished
        case empty
        case failed(APIError)
    }

    let facts: RequestFacts
    let identity: Identity
    let profile: Profile
    let limits: Limits
    /// What `message_start` says; a better one may come until then.
    private(set) var inputTokensEstimate: Int
    private(set) var errorReader: UpstreamErrorReader

    var phase = Phase.opening
    var parser: SSEParser
    var document = JSONDocument()
    /// How many more elements of lists the event at hand may have.
    var partsLeft = 0
    var body: [UInt8] = []
    var writer: MessageWriter
    var finish = UpstreamFinish()
    var hasRefused = false
    var reasoning = ReasoningState()
    var thinkTags = ThinkTags()
    var held = HeldText()
    var fence = CodeFence()
    var calls = ToolCallLedger()
    /// The ids of the conversation's tool calls, in the client's form, with those of this response.
    var takenToolIDs: Set<[UInt8]>
    var search = SearchResults()
    /// The items of a Responses stream.
    var items = ResponseItems()
    /// Watches the text where the upstream does not know the client's stop sequences.
    var stops: StopSequenceScanner?
    /// Whether the answer is complete though the upstream would go on, and bill.
    package internal(set) var leavesUpstreamRunning = false
    /// The end of the text, escaped, for stop sequences.
    var tail: [UInt8] = []
    /// The model that the message names; settled when it starts.
    var model: [UInt8] = []
    /// The response in figures so far.
    package internal(set) var summary = ResponseSummary()
    /// Why it failed, after `failed` and `failedMidStream`.
    package internal(set) var failure: UpstreamFailure?

    package init(
        facts: RequestFacts, identity: Identity, inputTokensEstimate: Int,
        errorReader: UpstreamErrorReader, profile: Profile = Profile(), limits: Limits = Limits()
    ) {
        self.facts = facts
        self.identity = identity
        self.profile = profile
        self.limits = limits
        self.inputTokensEstimate = inputTokensEstimate
        self.errorReader = errorReader
        takenToolIDs = facts.usedToolIDs
        if facts.emulatesStopSequences { stops = StopSequenceScanner(facts.stopSequences) }
        parser = SSEParser(eventBytesMax: limits.eventBytesMax)
        writer = MessageWriter(isStreaming: facts.isStreaming)
    }

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
        case .events: readEvents(bytes, from: position, into: &output)
        case .body: gatherBody(bytes.extracting(position...), into: &output)
        case .opening, .finished, .empty, .failed: break
        }
        return progress
    }

    /// The upstream's body has ended properly, as far as HTTP can tell.
    package mutating func ended(into output: inout [UInt8]) -> Progress {
        switch phase {
        case .opening:
            fail(Self.notAnAnswer("an empty body"), into: &output)
        case .events:
            drainParser(into: &output)
            if case .events = phase { upstreamEnded(into: &output) }
        case .body: bodyEnded(into: &output)
        case .finished, .empty, .failed: break
        }
        return progress
    }

    /// The caller has noticed a failure: of the transport, or a time-out. An answer that had
    /// already said why it stops is complete, and ends as such.
    package mutating func failed(
        _ failure: UpstreamFailure, into output: inout [UInt8]
    ) -> Progress {
        switch phase {
        case .events where finish.reason != nil: end(into: &output)
        case .opening, .events, .body: fail(failure, into: &output)
        case .finished, .empty, .failed: break
        }
        return progress
    }

    /// Writes a sign of life, where the client can take one.
    package func ping(into output: inout [UInt8]) {
        guard facts.isStreaming else { return }
        switch phase {
        case .opening, .events, .body: output.append("event: ping\ndata: {\"type\":\"ping\"}\n\n")
        case .finished, .empty, .failed: break
        }
    }

    /// Ends a response that is `empty` as a message without content.
    package mutating func writeEmptyMessage(into output: inout [UInt8]) {
        guard case .empty = phase else { return }
        writeEnd(.endTurn, into: &output)
    }

    private var progress: Progress {
        switch phase {
        case .opening: .waiting
        case .events, .body: writer.hasStarted ? .started : .waiting
        case .finished: .finished
        case .empty: .empty
        case .failed(let error): writer.hasWritten ? .failedMidStream(error) : .failed(error)
        }
    }

    // MARK: The stream as a whole

    /// The first byte tells what comes: chat completions are objects, pages start with `<`, and
    /// white space may precede all of them (OpenRouter keeps connections alive with it).
    private mutating func open(_ bytes: Span<UInt8>, _ position: inout Int) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position &+= 1
            case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "<"):
                phase = .body
                return
            default:
                phase = .events
                return
            }
        }
    }

    private mutating func readEvents(
        _ bytes: Span<UInt8>, from start: Int, into output: inout [UInt8]
    ) {
        var position = start
        while case .events = phase {
            switch parser.next(in: bytes, from: &position) {
            case .event: eventReceived(isLast: false, into: &output)
            case .needsMore: return
            case .tooLong:
                fail(
                    Self.malformed(
                        "an event of more than \(limits.eventBytesMax) bytes"), into: &output)
            }
        }
    }

    private mutating func drainParser(into output: inout [UInt8]) {
        while case .events = phase, parser.finish() == .event {
            eventReceived(isLast: true, into: &output)
        }
    }

    /// The stream is over without `[DONE]`: complete if the upstream has said why it stops.
    private mutating func upstreamEnded(into output: inout [UInt8]) {
        if finish.reason != nil {
            end(into: &output)
        } else if summary.events == 0 {
            fail(Self.notAnAnswer("no events"), into: &output)
        } else {
            fail(Self.cutOff, into: &output)
        }
    }

    /// One event is in the parser's buffer.
    private mutating func eventReceived(isLast: Bool, into output: inout [UInt8]) {
        guard let first = parser.data.first(where: { $0 > 0x20 }) else { return }
        let isError = parser.name.span.count == 5 && matches(parser.name.span, 0, "error")
        guard first == UInt8(ascii: "{") else {
            if first == UInt8(ascii: "["), isDone {
                // The answer is whole, even where no finish_reason came.
                if profile.speaksResponses {
                    responseDone(into: &output)
                } else {
                    end(into: &output)
                }
            } else if isError {
                let text = Array(parser.data.prefix(limits.pageBytesMax))
                fail(errorReader.read(status: 500, body: text), into: &output)
            }
            // Anything else that is no object (`null`, a keep-alive word) says nothing.
            return
        }
        summary.events &+= 1
        if profile.speaksResponses, passOverEcho() { return }
        var chunk = JSONDocument()
        swap(&chunk, &document)
        if Self.parse(&chunk, exchanging: &parser.data) {
            if chunk.mayHoldHalfPairs { writer.mindsHalfPairs = true }
            if profile.speaksResponses {
                responseEventReceived(chunk, isError: isError, into: &output)
            } else {
                chunkReceived(chunk, isError: isError, into: &output)
            }
        } else if isLast {
            fail(Self.cutOff, into: &output)
        } else {
            fail(Self.malformed("an event that is not JSON"), into: &output)
        }
        swap(&chunk, &document)
    }

    private var isDone: Bool {
        let data = parser.data.span
        var start = 0
        while data[start] <= 0x20 { start &+= 1 }
        return matches(data, start, "[DONE]")
    }

    // MARK: A body that is no event stream

    private mutating func gatherBody(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
        guard body.count + bytes.count <= limits.contentBytesMax else {
            fail(Self.tooLarge(limits.contentBytesMax), into: &output)
            return
        }
        body.append(bytes)
        // A page or a list is no completion however it goes on; its begin tells what it is.
        if body.count >= limits.pageBytesMax, body[0] != UInt8(ascii: "{") {
            fail(Self.notAnAnswer(errorReader.summary(ofPage: body)), into: &output)
        }
    }

    /// The whole body is there: one chat completion, an error, or something else altogether.
    private mutating func bodyEnded(into output: inout [UInt8]) {
        var completion = JSONDocument()
        let isHTML = body.first == UInt8(ascii: "<")
        guard !isHTML, Self.parse(&completion, exchanging: &body),
            completion.kind(.root) == .object
        else {
            let text = isHTML ? body : completion.takeBytes()
            fail(Self.notAnAnswer(errorReader.summary(ofPage: text)), into: &output)
            return
        }
        summary.events = 1
        phase = .events
        writer.mindsHalfPairs = completion.mayHoldHalfPairs
        if profile.speaksResponses {
            responseBodyReceived(completion, into: &output)
            return
        }
        chunkReceived(completion, isError: false, into: &output)
        guard case .events = phase else { return }
        if completion.member(.root, "choices") == nil {
            fail(Self.notAnAnswer("JSON that is no chat completion"), into: &output)
        } else {
            end(into: &output)
        }
    }

    /// Parses `text`, after a repair if it is not UTF-8. Returns whether it is JSON.
    private static func parse(
        _ document: inout JSONDocument, exchanging text: inout [UInt8]
    ) -> Bool {
        do throws(JSONError) {
            try document.parse(exchanging: &text)
            return true
        } catch .invalidUTF8 {
            // Rare: a server that cuts characters in two. U+FFFD stands for the pieces.
            let repaired = String(decoding: document.takeBytes(), as: UTF8.self)
            return (try? document.parse([UInt8](repaired.utf8))) != nil
        } catch {
            return false
        }
    }

    // MARK: Failures

    mutating func fail(_ failure: UpstreamFailure, into output: inout [UInt8]) {
        let error = failure.error
        self.failure = failure
        if writer.hasWritten { error.writeEvent(requestID: identity.requestID, into: &output) }
        summary.blocks = writer.blockCount
        phase = .failed(error)
    }

    /// The answer is none, or not all of one.
    mutating func fail(_ error: APIError, into output: inout [UInt8]) {
        fail(UpstreamFailure(.badAnswer, error: error), into: &output)
    }

    static var cutOff: APIError {
        APIError(
            status: 502, type: .api,
            message: "The upstream closed the connection before its answer was complete.")
    }

    static func malformed(_ what: String) -> APIError {
        APIError(status: 502, type: .api, message: "The upstream sent \(what).")
    }

    static func notAnAnswer(_ what: String) -> APIError {
        APIError(
            status: 502, type: .api,
            message: "The upstream answered 200, but with \(what) instead of a chat completion.")
    }

    static func tooLarge(_ bytes: Int) -> APIError {
        APIError(
            status: 502, type: .api,
            message: "The upstream's answer is larger than \(bytes) bytes, the proxy's limit.")
    }
}
