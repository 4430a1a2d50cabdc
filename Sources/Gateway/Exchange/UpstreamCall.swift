// What the core asks of the upstream and what it hears back: the words between Gateway and Upstream.

package import Translation

/// A call of an upstream. Which host it goes to and with which credentials follows from the upstream,
/// and so from the configuration alone; only where that says so, the credential is the client's.
package struct UpstreamCall: Equatable, Sendable {
    /// What is asked for.
    package enum Resource: Sendable, Equatable {
        /// `POST …/chat/completions`, `…/responses` or `…/messages`.
        case answer(UpstreamAPI)
        /// `POST …/messages/count_tokens`.
        case tokenCount
        /// `GET …/models`.
        case models
    }

    /// Who is asked.
    package let upstream: Upstream
    package var resource: Resource
    /// The translated request.
    package var body: [UInt8]
    /// The value of `x-anthropic-beta`, which OpenRouter wants for some features of Claude models.
    package var beta: String?
    /// The client's own header fields that an upstream of the Messages API is to see, as lines.
    package var forwarded: ForwardedFields?
    /// The client's own credential, if the upstream is asked with that.
    package var credential: ClientCredential?

    package init(
        to upstream: Upstream, _ resource: Resource = .answer(.chat), body: [UInt8],
        beta: String? = nil
    ) {
        self.upstream = upstream
        self.resource = resource
        self.body = body
        self.beta = beta
    }

    /// The call for the list of models.
    package static func models(of upstream: Upstream) -> UpstreamCall {
        var call = UpstreamCall(to: upstream, .models, body: [])
        if upstream.configuration.api == .messages { call.forwarded = ForwardedFields() }
        return call
    }
}

/// The head of the upstream's answer, as far as anyone needs it.
public struct UpstreamHead: Equatable, Sendable {
    package var status = 0
    /// Lower case, without parameters.
    package var contentType: [UInt8] = []
    package var retryAfter: [UInt8] = []
    package var rateLimitReset: [UInt8] = []
    /// OpenRouter's `X-Generation-Id`, or Anthropic's `request-id`.
    package var generationID: [UInt8] = []
    /// The fields `anthropic-…`, which tell of the account, where that is the client's: lines without
    /// ends.
    package var accountFields: [[UInt8]] = []

    package init() {}
}

/// Why the upstream could not be asked, or why its answer broke off.
public struct TransferFailure: Error, Equatable, Sendable {
    package enum Kind: Sendable {
        /// The host's name has no address.
        case resolve
        /// The HTTP or SOCKS proxy on the way is not to be had, or refuses.
        case proxy
        /// Nobody listens, or no route.
        case connect
        /// This machine gives no socket: its descriptors are used up.
        case noSocket
        /// No connection within the connect time-out.
        case connectTimeout
        /// The certificate is not to be trusted: expired, another host's, from an unknown issuer.
        case certificate
        /// The CA certificates of this machine, or those that are set, cannot be read.
        case trustStore
        /// TLS failed in another way.
        case tls
        /// The connection ended before the answer began.
        case closedBeforeAnswer
        /// The connection ended within the answer.
        case brokenAnswer
        /// The answer breaks the rules of HTTP, or our limits for its head.
        case protocolViolation
        /// Anything else.
        case other
    }

    package var kind: Kind
    /// What the transport says of it, for people. Holds no secret.
    package var detail: String

    package init(_ kind: Kind, detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// Whether the upstream cannot have begun to work on the request, so that asking again is free.
    package var isFreeToRetry: Bool {
        switch kind {
        case .resolve, .connect, .connectTimeout, .closedBeforeAnswer: true
        case .proxy, .noSocket, .certificate, .trustStore, .tls, .brokenAnswer,
            .protocolViolation, .other:
            false
        }
    }
}
