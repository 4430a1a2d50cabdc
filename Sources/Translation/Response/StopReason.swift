// Why the model stopped: the upstream's `finish_reason`, its native word for it where a gateway
// passes that on, and what became of the answer decide together.

/// Why a message ended, in the client's terms.
package enum StopReason: Equatable, Sendable {
    case endTurn
    case toolUse
    case maxTokens
    /// One of the request's stop sequences, decoded.
    case stopSequence([UInt8])
    case refusal

    /// The word for `stop_reason`.
    package var word: StaticString {
        switch self {
        case .endTurn: "end_turn"
        case .toolUse: "tool_use"
        case .maxTokens: "max_tokens"
        case .stopSequence: "stop_sequence"
        case .refusal: "refusal"
        }
    }

    /// Appends the members `stop_reason`, `stop_sequence` and, for refusals, `stop_details`.
    func write(into output: inout [UInt8]) {
        output.append(#""stop_reason":""#)
        output.append(word)
        output.append(#"","stop_sequence":"#)
        if case .stopSequence(let sequence) = self {
            output.append(#"""#)
            output.append(jsonEscaping: sequence.span)
            output.append(#"""#)
        } else {
            output.append("null")
        }
        if case .refusal = self {
            output.append(#","stop_details":{"type":"refusal","category":null,"explanation":"#)
            output.append(#""The upstream's content filter stopped this answer."}"#)
        }
    }
}

/// What the upstream says about its end: the first `finish_reason` that is not null, and the first
/// native one.
struct UpstreamFinish {
    enum Reason {
        case stop, length, toolCalls, contentFilter, error
        /// A word that is none of the known ones.
        case other
    }

    enum NativeReason {
        case stopSequence, length, refusal, failure
        case other
    }

    private(set) var reason: Reason?
    private(set) var native: NativeReason?
    /// What vLLM says in `stop_reason`: the very sequence that fired.
    private(set) var matchedSequence: [UInt8] = []

    mutating func read(_ document: JSONDocument, finishReason node: JSONNode) {
        guard reason == nil, document.kind(node) == .string, !document.isEmptyString(node) else {
            return
        }
        if document.equals(node, "stop") {
            reason = .stop
        } else if document.equals(node, "length") || document.equals(node, "max_tokens") {
            reason = .length
        } else if document.equals(node, "tool_calls") || document.equals(node, "function_call") {
            reason = .toolCalls
        } else if document.equals(node, "content_filter") {
            reason = .contentFilter
        } else if document.equals(node, "error") {
            reason = .error
        } else {
            reason = .other
        }
    }

    mutating func read(_ document: JSONDocument, nativeReason node: JSONNode) {
        guard native == nil, document.kind(node) == .string, !document.isEmptyString(node) else {
            return
        }
        if document.equals(node, "stop_sequence") {
            native = .stopSequence
        } else if document.equals(node, "length") || document.equals(node, "max_tokens")
            || document.equals(node, "MAX_TOKENS")
        {
            native = .length
        } else if document.equals(node, "refusal") || document.equals(node, "SAFETY")
            || document.equals(node, "PROHIBITED_CONTENT")
        {
            native = .refusal
        } else if document.equals(node, "error") || document.equals(node, "network_error")
            || document.equals(node, "MALFORMED_FUNCTION_CALL")
        {
            // Seen behind a benign finish_reason: the answer is broken all the same.
            native = .failure
        } else {
            native = .other
        }
    }

    mutating func read(_ document: JSONDocument, matchedStop node: JSONNode) {
        guard document.kind(node) == .string else { return }
        matchedSequence = document.unescaped(node)
    }

    /// Whether the upstream owns that its answer is broken. A cut at the token limit outranks what
    /// comes after it: MiniMax reports the limit as a finish first and then as an error.
    var isFailure: Bool { reason != .length && (reason == .error || native == .failure) }

    var isCutOff: Bool {
        reason == .length || (native == .length && reason != .toolCalls && reason != .contentFilter)
    }

    /// The stop reason for an answer of which the rest is known.
    ///
    /// - Parameters:
    ///   - hasCalls: whether a tool call was streamed. Google finishes those with `stop`.
    ///   - hasRefused: whether the upstream streamed text as a refusal.
    ///   - tail: the end of the answer's text, decoded, at least as long as any stop sequence.
    func stopReason(
        hasCalls: Bool, hasRefused: Bool, tail: [UInt8], sequences: [[UInt8]]
    ) -> StopReason {
        if reason == .contentFilter || native == .refusal { return .refusal }
        if isCutOff { return .maxTokens }
        if hasCalls { return .toolUse }
        if hasRefused { return .refusal }
        if !matchedSequence.isEmpty, sequences.contains(matchedSequence) {
            return .stopSequence(matchedSequence)
        }
        if native == .stopSequence {
            // Nobody says which one fired; with a single one there is no doubt, and some upstreams
            // leave it in the text.
            if sequences.count == 1 { return .stopSequence(sequences[0]) }
            for sequence in sequences where !sequence.isEmpty && tail.hasSuffix(sequence) {
                return .stopSequence(sequence)
            }
        }
        return .endTurn
    }
}

extension [UInt8] {
    func hasSuffix(_ other: [UInt8]) -> Bool {
        count >= other.count && self[(count - other.count)...].elementsEqual(other)
    }
}
