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
        /// The model's context is full.
        case contextFull
        /// A word that is none of the known ones, nor of their kinds.
        case other

        /// Reads a word: the known ones first, then what it is made of. Every maker has words of its
        /// own (Z.AI `sensitive`, DeepSeek `insufficient_system_resource`, Mistral `model_length`,
        /// Google `MAX_TOKENS`), and a cut or failed answer must not look finished.
        init(_ document: JSONDocument, _ node: JSONNode) {
            let text = document.bytes[document.content(node)].prefix(64)
            let word = text.map { 65...90 ~= $0 ? $0 | 0x20 : $0 }
            switch String(decoding: word, as: UTF8.self) {
            case "stop", "eos", "end_turn", "complete", "stop_sequence": self = .stop
            case "length", "max_tokens": self = .length
            case "tool_calls", "function_call", "tool_use", "tool_call": self = .toolCalls
            case "content_filter": self = .contentFilter
            case "error": self = .error
            default: self = Self.kinds.first { word.has($0.parts) }?.reason ?? .other
            }
        }

        private static let kinds: [(reason: Reason, parts: [StaticString])] = [
            (.contextFull, ["context_window", "context_length", "context_limit", "context_full"]),
            (
                .contentFilter,
                [
                    "filter", "safety", "sensitive", "refus", "recitation", "prohibited",
                    "blocklist",
                    "blocked", "violation", "moderation", "guardrail", "spii", "toxic", "unsafe",
                    "policy", "censor",
                ]
            ),
            (.length, ["length", "max_token", "max_output", "token_limit", "error_limit"]),
            (
                .error,
                [
                    "error", "fail", "abort", "timeout", "timed_out", "insufficient", "cancel",
                    "interrupt", "malformed", "unexpected", "unavailable", "overload", "disconnect",
                ]
            ),
        ]
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
        reason = Reason(document, node)
    }

    mutating func read(_ document: JSONDocument, nativeReason node: JSONNode) {
        guard native == nil, document.kind(node) == .string, !document.isEmptyString(node) else {
            return
        }
        if document.equals(node, "stop_sequence") {
            native = .stopSequence
            return
        }
        switch Reason(document, node) {
        case .length, .contextFull: native = .length
        case .contentFilter: native = .refusal
        // Seen behind a benign finish_reason: the answer is broken all the same.
        case .error: native = .failure
        case .stop, .toolCalls, .other: native = .other
        }
    }

    mutating func read(_ document: JSONDocument, matchedStop node: JSONNode) {
        guard document.kind(node) == .string else { return }
        matchedSequence = document.unescaped(node)
    }

    /// Where the end is told otherwise than in a chunk.
    mutating func conclude(_ reason: Reason, matchedStop sequence: [UInt8] = []) {
        self.reason = self.reason ?? reason
        matchedSequence = sequence
    }

    /// Whether the upstream owns that its answer is broken. A cut at the token limit outranks what
    /// comes after it: MiniMax reports the limit as a finish first and then as an error.
    var isFailure: Bool {
        reason != .length && reason != .contextFull && (reason == .error || native == .failure)
    }

    var isCutOff: Bool {
        reason == .length || reason == .contextFull
            || (native == .length && reason != .toolCalls && reason != .contentFilter)
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
    /// Whether one of `parts` is in the word.
    fileprivate func has(_ parts: [StaticString]) -> Bool {
        parts.contains { part in firstOffset(of: part) != nil }
    }

    func hasSuffix(_ other: [UInt8]) -> Bool {
        count >= other.count && self[(count - other.count)...].elementsEqual(other)
    }
}
