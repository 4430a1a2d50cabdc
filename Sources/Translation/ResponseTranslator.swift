// The response of one upstream call, whichever API it is in. Whoever drives it need not know.

/// Translates or relays one upstream response.
package struct ResponseTranslator: ~Copyable {
    package typealias Progress = StreamTranslator.Progress

    /// Of the APIs that are translated. There is one all the same where a response is relayed, and
    /// nothing happens to it: every chunk would have to unwrap it otherwise.
    private var stream: StreamTranslator
    /// Of the Messages API; nil where the response is translated. Elsewhere: it is large, and every
    /// stream would have its room.
    private let relayed: Relayed?
    private var isRelayed: Bool { relayed != nil }

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
        relayed =
            api == .messages
            ? Relayed(
                MessagesRelay(
                    facts: facts, identity: identity, inputTokensEstimate: inputTokensEstimate,
                    errorReader: errorReader)) : nil
    }

    /// The place of a relay.
    private final class Relayed {
        var relay: MessagesRelay

        init(_ relay: consuming MessagesRelay) { self.relay = relay }
    }

    /// A better estimate of the input's size is there.
    package mutating func inputTokensCounted(_ tokens: Int) {
        stream.inputTokensCounted(tokens)
        relayed?.relay.inputTokensCounted(tokens)
    }

    /// Bytes of the upstream's body have come.
    package mutating func received(
        _ bytes: Span<UInt8>, into output: inout [UInt8]
    ) -> Progress {
        guard isRelayed else { return stream.received(bytes, into: &output) }
        return relayed?.relay.received(bytes, into: &output) ?? .waiting
    }

    /// The upstream's body has ended properly, as far as HTTP can tell.
    package mutating func ended(into output: inout [UInt8]) -> Progress {
        guard isRelayed else { return stream.ended(into: &output) }
        return relayed?.relay.ended(into: &output) ?? .waiting
    }

    /// The caller has noticed a failure: of the transport, or a time-out.
    package mutating func failed(
        _ failure: UpstreamFailure, into output: inout [UInt8]
    ) -> Progress {
        guard isRelayed else { return stream.failed(failure, into: &output) }
        return relayed?.relay.failed(failure, into: &output) ?? .waiting
    }

    /// Writes a sign of life, where the client can take one.
    package func ping(into output: inout [UInt8]) {
        if let relayed {
            relayed.relay.ping(into: &output)
        } else {
            stream.ping(into: &output)
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
        return relayed?.relay.heldBytes ?? 0
    }

    /// The response in figures so far.
    package var summary: ResponseSummary {
        if let relayed { relayed.relay.summary } else { stream.summary }
    }

    /// How many events have come.
    package var eventCount: Int {
        guard isRelayed else { return stream.summary.events }
        return relayed?.relay.summary.events ?? 0
    }

    /// Why it failed, after `failed` and `failedMidStream`.
    package var failure: UpstreamFailure? {
        if let relayed { relayed.relay.failure } else { stream.failure }
    }

    /// Whether the answer is complete though the upstream would go on, and bill.
    package var leavesUpstreamRunning: Bool { !isRelayed && stream.leavesUpstreamRunning }
}
