// A client: it sends requests in pieces, reads answers in pieces, and checks that each of its requests
// is answered once, in order, and with what the upstream said.

import TestSupport

/// One client with its side of a connection.
struct Client {
    /// Requests that are not answered yet, oldest first.
    private(set) var waiting: [RequestPlan] = []
    /// Requests that no byte of may be sent any more are not added; this says how many more will be.
    private(set) var requestsLeft: Int
    /// Of the first request in `waiting` that is not wholly sent.
    private(set) var sentBytes = 0
    private(set) var sendIndex = 0
    /// How slowly it reads: one reading in so many chances.
    private(set) var slowness: Int
    /// Whether it sends all that the connection takes, at once.
    private(set) var isFlooding = false
    private let pipelines: Bool
    private var reader = ResponseReader()
    /// Whether a hostile request is on its way: then what follows cannot be told apart.
    private(set) var isHostile = false
    /// Whether the server has said that it closes.
    private(set) var hasServerClosed = false
    /// It has no more to say, or nothing that it says counts.
    private(set) var hasSentAll = false
    private(set) var isStalling = false
    /// How many answers it has got.
    private(set) var answers = 0
    /// Where each request ends in all that is sent on the connection.
    private(set) var ends: [Int] = []
    /// Its own end of the connection.
    var hasFinished = false
    var hasReset = false

    init(_ random: inout SplitMix64) {
        requestsLeft = random.number(1...12)
        slowness = random.pick([1, 1, 1, 4, 4, 60])
        pipelines = random.chance(35)
    }

    // MARK: Sending

    /// The bytes that it would send now, a new request's if it likes.
    mutating func bytesToSend(
        _ random: inout SplitMix64, makingRequest make: (inout SplitMix64) -> RequestPlan
    ) -> ArraySlice<UInt8> {
        if sendIndex == waiting.count {
            guard requestsLeft > 0, !isHostile, !isStalling, !hasServerClosed, !hasSentAll,
                waiting.isEmpty || (pipelines && waiting.count < 200)
            else { return [] }
            add(make(&random))
            requestsLeft -= 1
            sentBytes = 0
            if case .hostile = waiting[sendIndex].kind { isHostile = true }
        }
        let plan = waiting[sendIndex]
        return plan.bytes[sentBytes..<plan.sendableBytes]
    }

    mutating func sent(_ count: Int) {
        sentBytes += count
        let plan = waiting[sendIndex]
        guard sentBytes == plan.sendableBytes else { return }
        guard plan.stallsAt == nil else {
            isStalling = true
            return
        }
        if plan.closes { hasSentAll = true }
        sendIndex += 1
        sentBytes = 0
    }

    /// Whether a part of a request is sent and the rest is not.
    var isWithinRequest: Bool { sendIndex < waiting.count && sentBytes > 0 }

    /// Goes on reading after a time of slowness.
    mutating func hurry() { slowness = 1 }

    /// Has many small requests sent at once, with no wait for answers, which are hardly read.
    mutating func flood(_ plans: [RequestPlan]) {
        isFlooding = true
        slowness = 60
        for plan in plans { add(plan) }
    }

    private mutating func add(_ plan: RequestPlan) {
        waiting.append(plan)
        ends.append((ends.last ?? 0) + plan.bytes.count)
    }

    /// Where the first request that is not answered stands in all that is sent.
    var unansweredEnd: Range<Int>? {
        guard !waiting.isEmpty else { return nil }
        let index = ends.count - waiting.count
        return (index > 0 ? ends[index - 1] : 0)..<ends[index]
    }

    var isIdle: Bool { waiting.isEmpty && requestsLeft == 0 }

    // MARK: Receiving

    /// Reads what has come; every complete answer goes to `answered`.
    mutating func received(
        _ bytes: ArraySlice<UInt8>,
        answered: (RequestPlan?, Response) throws -> Void, continued: () -> Void
    ) throws {
        try require(!hasServerClosed || bytes.isEmpty, "bytes after an answer that closes")
        reader.receive(bytes)
        while true {
            let plan = waiting.first
            guard
                let event = try reader.next(
                    isHead: plan?.isHead ?? false,
                    isHTTP10: plan?.isHTTP10 == true && !isHostile)
            else { return }
            switch event {
            case .interim:
                try require(plan?.expectsContinue == true || isHostile, "100 that nobody asked for")
                continued()
            case .response(let response):
                try take(response, answered)
            }
        }
    }

    /// The server has closed its side. Returns whether an answer had said that it would.
    mutating func connectionEnded(
        wasCut: Bool, answered: (RequestPlan?, Response) throws -> Void
    ) throws -> Bool {
        if let response = reader.ended(), !wasCut { try take(response, answered) }
        if !wasCut { try require(!reader.isWithinResponse, "the connection ends within an answer") }
        defer { hasServerClosed = true }
        return hasServerClosed
    }

    private mutating func take(
        _ response: Response, _ answered: (RequestPlan?, Response) throws -> Void
    ) throws {
        if response.closes { hasServerClosed = true }
        answers += 1
        guard !waiting.isEmpty else {
            try require(isHostile, "an answer \(response.status) to no request")
            return try answered(nil, response)
        }
        // An answer to a request that is not wholly sent is the last one.
        let plan = waiting.removeFirst()
        if sendIndex > 0 {
            sendIndex -= 1
        } else {
            let isPartial = sentBytes > 0 || plan.bytes.isEmpty
            try require(isPartial || isHostile, "an answer before the request")
            try require(
                response.closes || isHostile, "half a request is answered and the connection stays")
            sentBytes = 0
            hasSentAll = true
        }
        try answered(plan, response)
    }
}
