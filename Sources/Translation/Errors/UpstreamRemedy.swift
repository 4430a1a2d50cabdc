// What the proxy can do about a refusal. Each kind has one place where it changes the translation:
// `RequestSettings.apply`. What refusals mean is read in Refusal.swift.

/// What may help when a request is tried once more, before the client hears of the failure.
package enum UpstreamRemedy: Hashable, Sendable {
    /// Leave this member of the body out.
    case dropParameter(String)
    /// Leave this member of the body out while it has the value that it had: JSON, empty as long as
    /// nobody has looked it up.
    case dropValue(String, [UInt8])
    /// Leave `top_p` out beside `temperature`.
    case dropTopPBesideTemperature
    /// Leave reasoning out of the history and switch it off.
    case dropReasoning
    /// Do not switch reasoning off.
    case keepReasoning
    /// Give reasoning back as `reasoning_content`, with every message that calls tools.
    case returnReasoning
    /// No strict schemas.
    case dropStrict
    /// No patterns and formats in schemas.
    case dropPatterns
    /// Words in the place of images.
    case dropImages
    /// System messages only at the beginning.
    case foldSystem
    /// The effort "none" beside tools.
    case stopReasoningWithTools
    /// Ask by the Responses API: the model wants that.
    case askByResponses
    /// Ask by chat completions: the upstream does not have the Responses API.
    case askByChat
    /// No longer answer than this: there is money, or room, or leave for no more.
    case lowerMaxTokens(Int)
    /// No shorter answer than this: the upstream gives none.
    case raiseMaxTokens(Int)

    /// What the remedy is called in logs.
    package var name: String {
        switch self {
        case .dropParameter(let name): "no \(name)"
        case .dropValue(let name, _): "no such \(name)"
        case .dropTopPBesideTemperature: "top_p or temperature"
        case .dropReasoning: "no reasoning"
        case .keepReasoning: "reasoning always"
        case .returnReasoning: "reasoning_content"
        case .dropStrict: "no strict"
        case .dropPatterns: "no pattern"
        case .dropImages: "no images"
        case .foldSystem: "system first"
        case .stopReasoningWithTools: "no effort with tools"
        case .askByResponses: "responses"
        case .askByChat: "chat completions"
        case .lowerMaxTokens(let tokens): "max_tokens \(tokens)"
        case .raiseMaxTokens(let tokens): "max_tokens from \(tokens)"
        }
    }
}
