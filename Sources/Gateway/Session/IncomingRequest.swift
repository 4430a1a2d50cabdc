// A request while it is being received, and what of its head is needed once it is complete.

import HTTP1
import Translation

/// A request on its way in.
struct IncomingRequest {
    /// When its first byte came.
    let receivedAt: MonotonicTime
    var bodyStartedAt: MonotonicTime
    var lastProgressAt: MonotonicTime
    var bodyBytes = 0
    var body: [UInt8] = []
    /// How long the head says that the body is; zero if it does not.
    private var expectedBytes = 0

    var route = Endpoint.probe
    /// The target's query, without the `?`.
    var query: [UInt8] = []
    /// Whether the client may use models, and so may know what they cost; asked for /health, which
    /// everybody gets.
    var mayAskModels = false
    var isGzip = false
    var isAnthropicClient = false
    var sessionID: [UInt8]?
    /// What goes on to an upstream that speaks the Messages API; nil for any other.
    var forwarded: ForwardedFields?
    /// The client's own credential, for upstreams that are asked with it.
    var credential: ClientCredential?
    /// Whose tokens a request for a count asks for.
    var calibrationName: [UInt8] = []
    /// Whether the prompt was to be counted, and cannot be.
    var isCountedInVain = false
    /// Stands for the client where counts are looked up.
    var owner: UInt64 = 0
    var record = RequestRecord()

    init(at now: MonotonicTime) {
        receivedAt = now
        bodyStartedAt = now
        lastProgressAt = now
    }

    /// Takes what later steps need from the head.
    mutating func take(_ head: RequestHead, from peer: Peer, id: [UInt8], at now: MonotonicTime) {
        bodyStartedAt = now
        lastProgressAt = now
        query = head.query.map { Array($0) } ?? []
        isGzip = head.field("content-encoding").map(Self.isGzip) ?? false
        isAnthropicClient = head.field("anthropic-version") != nil
        sessionID = head.field("x-claude-code-session-id").flatMap(Self.sessionID)
        identify(id, from: peer)
        record.method = head.method.rawValue
        record.path = Array(head.path.prefix(Limits.loggedBytesMax))
        record.userAgent =
            head.field("user-agent").map { Array($0.prefix(Limits.loggedBytesMax)) } ?? []
    }

    /// Takes what is known without a head.
    mutating func identify(_ id: [UInt8], from peer: Peer) {
        record.requestID = id
        record.receivedAt = receivedAt
        record.client = peer.name
    }

    mutating func append(_ bytes: Span<UInt8>, at now: MonotonicTime) {
        drop(bytes.count, at: now)
        // By now the client has sent what was reserved, so its word is worth something. Growing by
        // doubling would copy tens of megabytes at once.
        if body.count + bytes.count > body.capacity, expectedBytes > body.capacity {
            body.reserveCapacity(expectedBytes)
        }
        body.append(bytes)
    }

    /// Counts bytes of the body and keeps nothing of them.
    mutating func drop(_ count: Int, at now: MonotonicTime) {
        lastProgressAt = now
        bodyBytes += count
    }

    /// Makes room for a body of this length.
    mutating func expectBody(of length: Int?) {
        guard let length else { return }
        expectedBytes = length
        body.reserveCapacity(min(length, Limits.bodyReservedMax))
    }

    /// Hands the body out and keeps nothing of it.
    mutating func takeBody() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &body)
        return taken
    }

    private static func isGzip(_ value: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: value, as: UTF8.self).lowercased()
        return text == "gzip" || text == "x-gzip"
    }

    /// OpenRouter takes up to 256 characters; an identifier of visible ASCII is one, anything else
    /// is not.
    private static func sessionID(_ value: ArraySlice<UInt8>) -> [UInt8]? {
        let isPlain = value.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isPlain && !value.isEmpty && value.count <= 256 ? Array(value) : nil
    }
}

extension RequestRecord {
    /// Takes what a body of so many bytes asks for, and which model of the upstream's is asked.
    mutating func note(_ outline: RequestOutline, bytes: Int, asking model: [UInt8]) {
        requestBytes = bytes
        requestedModel = Array(outline.model.prefix(Limits.loggedBytesMax))
        upstreamModel = model
    }
}
