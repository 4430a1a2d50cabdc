// An error as a client of the Messages API gets it: the one value that every failure becomes, and
// the one place where it turns into bytes. Status, type and wording are an interface: clients
// retry, compact or give up by them (docs/translation.md lists who does what).

/// The error types of the Messages API.
package enum APIErrorType: String, Sendable {
    case invalidRequest = "invalid_request_error"
    case authentication = "authentication_error"
    case billing = "billing_error"
    case permission = "permission_error"
    case notFound = "not_found_error"
    case conflict = "conflict_error"
    case requestTooLarge = "request_too_large"
    case rateLimit = "rate_limit_error"
    case api = "api_error"
    case timeout = "timeout_error"
    case overloaded = "overloaded_error"
    /// The content is not wanted. No type of the API's reference, but clients know it: they ask once
    /// and show the text (Claude Code 2.1.332), where a 403 would read "Failed to authenticate".
    case policyBlocked = "policy_blocked"
}

/// A failure in the form in which a client gets it.
package struct APIError: Error, Equatable, Sendable {
    /// The HTTP status while the response head has not been sent.
    package var status: Int
    package var type: APIErrorType
    /// A sentence for people: what failed, and where it helps, what to do. Never a secret.
    package var message: String
    /// `error.details` as JSON text, for the few errors that clients read by machine.
    package var detailsJSON: String?
    /// Seconds, sent as `retry-after`.
    package var retryAfter: Int?
    /// Sent as `x-should-retry`, which clients put before their own judgement of the status.
    package var shouldRetry: Bool?

    package init(
        status: Int, type: APIErrorType, message: String, detailsJSON: String? = nil,
        retryAfter: Int? = nil, shouldRetry: Bool? = nil
    ) {
        self.status = status
        self.type = type
        self.message = message
        self.detailsJSON = detailsJSON
        self.retryAfter = retryAfter
        self.shouldRetry = shouldRetry
    }

    /// A 400 for a request that cannot be understood.
    package static func invalidRequest(_ message: String) -> APIError {
        APIError(status: 400, type: .invalidRequest, message: message)
    }

    /// A 400 for content that moderation or a guardrail (403) does not want: asking again is of no use.
    package static func contentRefused(_ message: String) -> APIError {
        APIError(status: 400, type: .policyBlocked, message: message, shouldRetry: false)
    }

    /// A 400 for a prompt that is longer than the model's context, in the words by which clients
    /// compact it.
    package static func promptTooLong(_ input: Int, limit: Int) -> APIError {
        .invalidRequest(ContextOverflow(input: input, limit: limit, output: nil).message)
    }

    /// Appends `{"type":"error","error":{…},"request_id":…}`.
    package func writeEnvelope(requestID: [UInt8], into output: inout [UInt8]) {
        output.append(#"{"type":"error","error":{"type":""#)
        output.append(contentsOf: type.rawValue.utf8)
        output.append(#"","message":"#)
        output.append(jsonString: message)
        if let detailsJSON {
            output.append(#","details":"#)
            output.append(contentsOf: detailsJSON.utf8)
        }
        output.append(#"},"request_id":""#)
        output.append(contentsOf: requestID)
        output.append(#""}"#)
    }

    /// Appends the failure as the last event of a stream.
    package func writeEvent(requestID: [UInt8], into output: inout [UInt8]) {
        output.append("event: error\ndata: ")
        writeEnvelope(requestID: requestID, into: &output)
        output.append("\n\n")
    }
}
