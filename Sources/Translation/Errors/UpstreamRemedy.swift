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
    /// Do not name these betas, with commas between them; empty for any (the Messages API).
    case dropBetas(String)
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
        case .dropBetas(let names): names.isEmpty ? "no betas" : "no \(names)"
        case .askByResponses: "responses"
        case .askByChat: "chat completions"
        case .lowerMaxTokens(let tokens): "max_tokens \(tokens)"
        case .raiseMaxTokens(let tokens): "max_tokens from \(tokens)"
        }
    }
}

// MARK: For people

extension UpstreamRemedy {
    /// What a remedy is, in the words of the table in docs/limits.md.
    package struct Description {
        /// What the upstream has refused.
        package let refused: String
        /// What is done for the second request.
        package let then: String
        /// What `x-claude-proxy-dropped` says of it; empty when nothing is lost.
        package var named = ""
        /// Whether later requests are spared the refusal.
        package var isRemembered = "yes"
    }

    /// One of each kind, in the order of the table.
    package static let kinds: [UpstreamRemedy] = [
        .dropParameter(""), .dropValue("", []), .dropTopPBesideTemperature, .stopReasoningWithTools,
        .dropBetas(""), .askByResponses, .askByChat, .lowerMaxTokens(0), .raiseMaxTokens(0),
        .keepReasoning, .dropImages, .foldSystem, .returnReasoning, .dropPatterns, .dropStrict,
        .dropReasoning,
    ]

    package var description: Description {
        switch self {
        case .dropParameter:
            Description(refused: "a parameter", then: "left out", named: "its name")
        case .dropValue:
            Description(
                refused: "a value of a parameter", then: "left out while it has this value",
                named: "its name")
        case .dropTopPBesideTemperature:
            Description(
                refused: "`temperature` and `top_p` together", then: "without `top_p`",
                named: "`top_p`")
        case .stopReasoningWithTools:
            Description(
                refused: "effort beside tools", then: "the effort `none`",
                named: "`output_config.effort`")
        case .dropBetas:
            Description(
                refused: "betas of `anthropic-beta` (the Messages API)",
                then: "without those, and without the fields that need them",
                named: "`anthropic-beta`", isRemembered: "if they are named")
        case .askByResponses:
            Description(
                refused: "chat completions, for the sake of the Responses API (OpenAI, Azure)",
                then: "asked by that")
        case .askByChat:
            Description(
                refused: "the Responses API (404), where it was our choice",
                then: "asked by chat completions")
        case .lowerMaxTokens:
            Description(
                refused: "an answer of this length, too long", then: "the length that is named",
                named: "`max_tokens`")
        case .raiseMaxTokens:
            Description(
                refused: "an answer of this length, too short",
                then: "the length that is named, or 16", named: "`max_tokens`")
        case .keepReasoning:
            Description(
                refused: "doing without reasoning", then: "it stays on", named: "`thinking`")
        case .dropImages:
            Description(
                refused: "images", then: "a text in their place", named: "`messages.content.image`")
        case .foldSystem:
            Description(
                refused: "system messages after the first", then: "folded into the user's",
                named: "`messages.system`")
        case .returnReasoning:
            Description(
                refused: "calls without `reasoning_content`",
                then: "it goes back with every call, as a blank where there is none")
        case .dropPatterns:
            Description(
                refused: "patterns and formats in schemas", then: "left out",
                named: "`tools.input_schema.pattern`")
        case .dropStrict:
            Description(
                refused: "a strict schema", then: "without `strict`",
                named: "`tools.strict`, `output_config.format.strict`",
                isRemembered: "unless it is about that one schema")
        case .dropReasoning:
            Description(
                refused: "reasoning of earlier turns, signatures", then: "without it",
                named: "`thinking`", isRemembered: "no")
        }
    }
}
