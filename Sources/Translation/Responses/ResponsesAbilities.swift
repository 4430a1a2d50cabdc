// What servers of the Responses API take of it. It is one API as little as chat completions: OpenAI's
// own has all of it, gateways a part, local servers the least. What is not proven is not sent.

/// What an upstream takes of the Responses API.
package struct ResponsesAbilities: Sendable, Equatable {
    /// The tool by which the upstream searches the web.
    package enum WebSearch: Sendable, Equatable {
        /// `web_search` (OpenAI, xAI).
        case native
        /// `openrouter:web_search`.
        case openRouter
        case none
    }

    /// Whether system messages are the developer's.
    package var hasDeveloper = false
    /// `include: ["reasoning.encrypted_content"]`: reasoning that comes back.
    package var includesEncrypted = false
    /// `reasoning.summary`: thoughts are shown only to who asks.
    package var asksForSummaries = false
    /// Items of `reasoning_text`, where the reasoning itself was shown.
    package var takesThoughts = false
    /// Images and files in the output of a call.
    package var takesMediaInOutputs = false
    /// `stop`, which OpenAI's does not have.
    package var takesStop = false
    /// `prompt_cache_key` and `safety_identifier`.
    package var takesCacheKey = false
    /// `stream_options.include_obfuscation`, to be switched off: two fifths of a text delta.
    package var obfuscates = false
    /// `phase` of assistant messages, for models that know it.
    package var takesPhase = false
    /// DeepSeek: no message and no reasoning may stand between two calls of a turn.
    package var wantsCallsTogether = false
    /// Reasoning models refuse `temperature` and `top_p`.
    package var refusesSampling = false
    package var webSearch = WebSearch.none

    package init() {}
}

extension ResponsesAbilities {
    package static let openAI: ResponsesAbilities = {
        var abilities = azure
        abilities.obfuscates = true
        return abilities
    }()

    package static let azure: ResponsesAbilities = {
        var abilities = ResponsesAbilities()
        abilities.hasDeveloper = true
        abilities.includesEncrypted = true
        abilities.asksForSummaries = true
        abilities.takesMediaInOutputs = true
        abilities.takesCacheKey = true
        abilities.takesPhase = true
        abilities.refusesSampling = true
        abilities.webSearch = .native
        return abilities
    }()

    package static let xAI: ResponsesAbilities = {
        var abilities = ResponsesAbilities()
        abilities.includesEncrypted = true
        abilities.webSearch = .native
        return abilities
    }()

    package static let openRouter: ResponsesAbilities = {
        var abilities = ResponsesAbilities()
        abilities.includesEncrypted = true
        abilities.asksForSummaries = true
        abilities.takesThoughts = true
        abilities.takesStop = true
        abilities.webSearch = .openRouter
        return abilities
    }()

    package static let deepSeek: ResponsesAbilities = {
        var abilities = ResponsesAbilities()
        abilities.takesThoughts = true
        abilities.wantsCallsTogether = true
        return abilities
    }()

    /// Only what every server is known to take.
    package static let generic: ResponsesAbilities = {
        var abilities = ResponsesAbilities()
        abilities.takesThoughts = true
        return abilities
    }()
}
