// What kind of thing has gone wrong with an upstream. It is said once, where the failure is read, and
// everything that has to be decided follows from it: the error that the client gets, whether and how
// the request is asked again, what the doctor advises, what is remembered. None of them looks at the
// client's error for that, which says less: a refused key and a fault of the upstream are both a 500.

/// The kind of an upstream's failure.
package enum FailureKind: String, Sendable, CaseIterable {
    /// The upstream does not take the request as it is.
    case requestFault = "request_fault"
    /// Prompt, or prompt and answer, are longer than the model's context.
    case contextTooLong = "context_too_long"
    /// The content is not wanted: by moderation, a policy, a guardrail.
    case contentRefused = "content_refused"
    /// The upstream has no such model, or nothing at this path.
    case modelMissing = "model_missing"
    /// The proxy's key is not accepted.
    case keyRefused = "key_refused"
    /// The key may not do this, or not from here.
    case notPermitted = "not_permitted"
    /// No money is left.
    case outOfCredit = "out_of_credit"
    case rateLimited = "rate_limited"
    /// The upstream, or its provider, has too much to do.
    case overloaded
    /// The upstream, or its provider, is down.
    case unavailable
    /// The upstream failed within, and says no more than that.
    case internalFault = "internal_fault"
    /// No connection to the upstream came about: it cannot have begun to work.
    case unreachable
    /// The connection ended before an answer began.
    case unanswered
    /// The upstream, or an answer of it, took too long.
    case timeout
    /// The connection ended within the answer.
    case brokenAnswer = "broken_answer"
    /// What came is no chat completion, or is not all of one.
    case badAnswer = "bad_answer"
    /// A proper end without any content.
    case emptyAnswer = "empty_answer"
    /// Only the administrator can help: a redirect, a certificate, a proxy on the way.
    case misconfigured
    /// The proxy's own machine gives no socket.
    case noSocket = "no_socket"
    /// The proxy may hold no more bytes.
    case noMemory = "no_memory"
    /// The proxy itself ends before the answer does.
    case shuttingDown = "shutting_down"
}
