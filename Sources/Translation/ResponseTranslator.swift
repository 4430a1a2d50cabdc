// The response of one upstream call, whichever API it is in. Whoever drives it need not know.

/// Translates or relays one upstream response.
package struct ResponseTranslator: ~Copyable {
    package typealias Progress = StreamTranslator.Progress

    // One of the two.
    private var stream: StreamTranslator?
    private var relay: MessagesRelay?

    /// - Parameter profile: of upstreams that do not speak the Messages API.
    package init(
        _ api: UpstreamAPI, facts: RequestFacts, identity: StreamTranslator.Identity,
        inputTokensEstimate: Int, errorReader: UpstreamErrorReader,
        profile: StreamTranslator.Profile
    ) {
        switch api {
        case .chat, .responses:
            var profile = profile
            profile.speaksResponses = api == .responses
            stream = StreamTranslator(
                facts: facts, identity: identity, inputTokensEstimate: inputTokensEstimate,
                errorReader: errorReader, profile: profile)
        case .messages:
            relay = MessagesRelay(
                facts: facts, identity: identity, inputTokensEstimate: inputTokensEstimate,
                errorReader: errorReader)
        }
    }

    /// A better estimate of the input's size is there.
    package mutating func inputTokensCounted(_ tokens: Int) {
        stream?.inputTokensCounted(tokens)
        relay?.inputTokensCounted(tokens)
    }

    /// Bytes of the upstream's body have come.
    package mutating func received(
        _ bytes: Span<UInt8>, into output: inout [UInt8]
    ) -> Progress {
        if let progress = stream?.received(bytes, into: &output) { return progress }
        return relay?.received(bytes, into: &output) ?? .waiting
    }

    /// The upstream's body has ended properly, as far as HTTP can tell.
    package mutating func ended(into output: inout [UInt8]) -> Progress {
        if let progress = stream?.ended(into: &output) { return progress }
        return relay?.ended(into: &output) ?? .waiting
    }

    /// The caller has noticed a failure: of the transport, or a time-out.
    package mutating func failed(
        _ failure: UpstreamFailure, into output: inout [UInt8]
    ) -> Progress {
        if let progress = stream?.failed(failure, into: &output) { return progress }
        return relay?.failed(failure, into: &output) ?? .waiting
    }

    /// Writes a sign of life, where the client can take one.
    package func ping(into output: inout [UInt8]) {
        switch stream {
        case .some(let stream): stream.ping(into: &output)
        case .none:
            switch relay {
            case .some(let relay): relay.ping(into: &output)
            case .none: break
            }
        }
    }

    /// Ends a response that is `empty` as a message without content.
    package mutating func writeEmptyMessage(into output: inout [UInt8]) {
        stream?.writeEmptyMessage(into: &output)
    }

    /// The response in figures so far.
    package var summary: ResponseSummary {
        switch stream {
        case .some(let stream): stream.summary
        case .none:
            switch relay {
            case .some(let relay): relay.summary
            case .none: ResponseSummary()
            }
        }
    }

    /// How many events have come.
    package var eventCount: Int {
        switch stream {
        case .some(let stream): stream.summary.events
        case .none:
            switch relay {
            case .some(let relay): relay.summary.events
            case .none: 0
            }
        }
    }

    /// Why it failed, after `failed` and `failedMidStream`.
    package var failure: UpstreamFailure? {
        switch stream {
        case .some(let stream): stream.failure
        case .none:
            switch relay {
            case .some(let relay): relay.failure
            case .none: nil
            }
        }
    }

    /// Whether the answer is complete though the upstream would go on, and bill.
    package var leavesUpstreamRunning: Bool {
        switch stream {
        case .some(let stream): stream.leavesUpstreamRunning
        case .none: false
        }
    }
}
