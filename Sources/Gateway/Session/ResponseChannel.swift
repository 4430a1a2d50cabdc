// The way of one answer onto the wire: whole, or as a stream of chunks. It knows what HTTP wants for
// this request (version, HEAD, keep-alive); it does not know what it carries.

import HTTP1
import Translation

/// Writes the response to one request into the connection's output.
struct ResponseChannel {
    /// Without its prefix.
    let requestID: [UInt8]
    /// Whether the connection may serve another request after this one.
    var keepsAlive: Bool
    /// The status that has been written; 0 before.
    private(set) var status = 0
    /// Of the body, framing included.
    private(set) var bodyBytes = 0
    /// The value of the Date field.
    var date = ""
    /// Added to the head.
    var dropped = ""
    /// Who was asked; nil while nobody was.
    var target: Target?
    var generationID: [UInt8] = []
    /// What the upstream has told of the client's account there; added to the head.
    var accountFields: [[UInt8]] = []

    /// Who was asked, for the head's fields.
    struct Target {
        private let entry: RouteEntry
        /// How many calls were made.
        var attempts: Int

        init(_ candidate: Candidate, attempts: Int) {
            entry = candidate.target
            self.attempts = attempts
        }

        fileprivate func write(into head: inout ResponseHead) {
            head.add(entry.headFields)
            head.add("x-claude-proxy-attempts", attempts)
        }
    }

    private let isHTTP10: Bool
    private let isHead: Bool
    private var chunks = ChunkWriter()

    /// - Parameter head: the request's; nil when it could not be read.
    init(requestID: [UInt8], head: RequestHead?) {
        self.requestID = requestID
        isHTTP10 = head?.versionMinor == 0
        isHead = head?.method == .head
        keepsAlive = head?.keepsAlive ?? false
    }

    /// The identifier as clients see it.
    var prefixedRequestID: [UInt8] { Array("req_".utf8) + requestID }

    // MARK: Whole answers

    /// Writes a JSON answer.
    mutating func send(
        status: Int = 200, _ body: [UInt8], adding fields: (inout ResponseHead) -> Void = { _ in },
        into output: inout [UInt8]
    ) {
        var head = head(status: status, contentType: "application/json")
        fields(&head)
        ResponseEncoder.append(
            head, framing: .contentLength(body.count), persistence: persistence, to: &output)
        guard !isHead else { return }
        output.append(contentsOf: body)
        bodyBytes = body.count
    }

    /// Writes an error in its envelope.
    mutating func send(_ error: APIError, allow: StaticString? = nil, into output: inout [UInt8]) {
        var body: [UInt8] = []
        error.writeEnvelope(requestID: prefixedRequestID, into: &body)
        send(
            status: error.status, body,
            adding: { head in
                if let seconds = error.retryAfter { head.add("retry-after", seconds) }
                if let flag = error.shouldRetry {
                    head.add("x-should-retry", flag ? "true" : "false")
                }
                if let allow { head.add("allow", allow) }
            }, into: &output)
    }

    // MARK: Streams

    /// Writes the head of an event stream and opens the first chunk.
    mutating func beginStream(into output: inout [UInt8]) {
        // The last event of a stream to HTTP/1.0 is followed by the connection's end.
        if isHTTP10 { keepsAlive = false }
        var head = head(status: 200, contentType: "text/event-stream; charset=utf-8")
        head.add("cache-control", "no-cache")
        // nginx holds streams back unless it is told otherwise.
        head.add("x-accel-buffering", "no")
        ResponseEncoder.append(
            head, framing: isHTTP10 ? .untilClose : .chunked, persistence: persistence,
            to: &output)
        openChunk(in: &output)
    }

    /// Lets what is appended to the output become part of the stream, until `closeChunk`.
    mutating func openChunk(in output: inout [UInt8]) {
        if !isHTTP10 { chunks.open(in: &output) }
    }

    /// Ends the chunk; one without content leaves no trace.
    mutating func closeChunk(in output: inout [UInt8]) { chunks.close(in: &output) }

    /// Ends the stream.
    mutating func finishStream(into output: inout [UInt8]) {
        if !isHTTP10 { chunks.finish(in: &output) }
    }

    /// Takes a `beginStream` or `openChunk` back to which nothing was added.
    mutating func takeBack(to end: Int, in output: inout [UInt8], isHeadIncluded: Bool) {
        chunks = ChunkWriter()
        output.removeSubrange(end...)
        if isHeadIncluded { status = 0 }
    }

    /// Counts bytes of a stream that were written.
    mutating func countStreamed(_ bytes: Int) { bodyBytes += bytes }

    // MARK: Parts

    private mutating func head(status: Int, contentType: StaticString) -> ResponseHead {
        precondition(self.status == 0, "an answer has one status")
        self.status = status
        var head = ResponseHead(status: status)
        head.add("content-type", contentType)
        head.add("date", sanitizing: date)
        head.add("request-id", sanitizing: "req_" + String(decoding: requestID, as: UTF8.self))
        if !generationID.isEmpty {
            head.add("x-generation-id", sanitizing: String(decoding: generationID, as: UTF8.self))
        }
        target?.write(into: &head)
        for line in accountFields { head.add(foreignLine: line) }
        if !dropped.isEmpty { head.add("x-claude-proxy-dropped", sanitizing: dropped) }
        return head
    }

    private var persistence: Persistence {
        guard keepsAlive else { return .close }
        return isHTTP10 ? .keepAliveHTTP10 : .keepAlive
    }
}
