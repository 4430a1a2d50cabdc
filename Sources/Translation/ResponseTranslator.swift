// The response of one upstream call, whichever API it is in. Whoever drives it need not know.

/// Translates or relays one upstream response.
package struct ResponseTranslator: ~Copyable {
    package typealias Progress = StreamTranslator.Progress

    /// Of the APIs that are translated. There is one all the same where a response is relayed, and
    /// nothing happens to it: every chunk would have to unwrap it otherwise.
    private var stream: StreamTranslator
    /// Of the Messages API; nil where the response is translated.
    private var relay: MessagesRelay?
    private let isRelayed: Bool

    /// - Parameter profile: of upstreams that do not speak the Messages API.
    package init(
        _ api: UpstreamAPI, facts: RequestFacts, identity: StreamTranslator.Identity,
        inputTokensEstimate: Int, errorReader: UpstreamErrorReader,
        profile: StreamTranslator.Profile
    ) {
        var profile = profile
        profile.speaksResponses = api == .responses
        stream = StreamTranslator(
            facts: facts, identity: identity, inputTokensEstimate: inputTokensEstimate,
            errorReader: errorReader, profile: profile)
        isRelayed = api == .messages
        relay =
            isRelayed
            ? MessagesRelay(
                facts: facts, identity: identity, inputTokensEstimate: inputTokensEstimate,
                errorReader: errorReader) : nil
    }

    /// A better estimate of the input's size is there.
    package mutating func inputTokensCounted(_ tokens: Int) {
        stream.inputTokensCounted(tokens)
        relay?.inputTokensCounted(tokens)
    }

    /// Bytes of the upstream's body have come.
    package mutating func received(
        _ bytes: Span<UInt8>, into output: inout [UInt8]
    ) -> Progress {
        guard isRelayed else { return stream.received(bytes, into: &output) }
        return relay?.received(bytes, into: &output) ?? .waiting
    }

    /// The upstream's body has ended properly, as far as HTTP can tell.
    package mutating func ended(into output: inout [UInt8]) -> Progress {
        guard isRelayed else { return stream.ended(into: &output) }
        return relay?.ended(into: &output) ?? .waiting
    }

    /// The caller has noticed a failure: of the transport, or a time-out.
    package mutating func failed(
        _ failure: UpstreamFailure, into output: inout [UInt8]
    ) -> Progress {
        guard isRelayed else { return stream.failed(failure, into: &output) }
        return relay?.failed(failure, into: &output) ?? .waiting
    }

    /// Writes a sign of life, where the client can take one.
    package func ping(into output: inout [UInt8]) {
        switch relay {
        case .some(let relay): relay.ping(into: &output)
        case .none: stream.ping(into: &output)
        }
    }

    /// Ends a response that is `empty` as a message without content.
    package mutating func writeEmptyMessage(into output: inout [UInt8]) {
        precondition(!isRelayed, "a response that is relayed is never empty")
        stream.writeEmptyMessage(into: &output)
    }

    /// Ends a response for which there was no room: a message without content.
    package mutating func writeCutMessage(into output: inout [UInt8]) {
        precondition(canBeCut, "servers of the Messages API end such a message themselves")
        stream.writeCutMessage(into: &output)
    }

    /// Whether the response can be ended by `writeCutMessage`.
    package var canBeCut: Bool { !isRelayed }

    /// The bytes that are kept of the response.
    package var heldBytes: Int {
        guard isRelayed else { return stream.heldBytes }
        return switch relay {
        case .some(let relay): relay.heldBytes
        case .none: 0
        }
    }

    /// The response in figures so far.
    package var summary: ResponseSummary {
        switch relay {
        case .some(let relay): relay.summary
        case .none: stream.summary
        }
    }

    /// How many events have come.
    package var eventCount: Int {
        guard isRelayed else { return stream.summary.events }
        return switch relay {
        case .some(let relay): relay.summary.events
        case .none: 0
        }
    }

    /// Why it failed, after `failed` and `failedMidStream`.
    package var failure: UpstreamFailure? {
        switch relay {
        case .some(let relay): relay.failure
        case .none: stream.failure
        }
    }

    /// Whether the answer is complete though the upstream would go on, and bill.
    package var leavesUpstreamRunning: Bool { !isRelayed && stream.leavesUpstreamRunning }
}
