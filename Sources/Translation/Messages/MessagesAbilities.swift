// What servers of the Messages API take of it. Anthropic's own takes all that clients send; those that
// call themselves compatible refuse things that Claude Code sends every turn.

/// What an upstream takes of the Messages API.
package struct MessagesAbilities: Sendable, Equatable {
    /// Whose thinking may go back.
    package enum Thinking: Sendable, Equatable {
        /// Only what the upstream signed itself: any other is refused, and the request with it.
        case signed
        /// As it came; ours is left out.
        case asItCame
        /// Any, and some must stand before every call.
        case demanded
    }

    /// What of `thinking` a family of models refuses.
    package struct ThinkingRule: Sendable, Equatable {
        package enum Remedy: Sendable, Equatable {
            /// The field is left out: the model thinks as it always does.
            case leftOut
            /// `{"type":"adaptive"}`.
            case adaptive
        }

        /// How the names of these models begin.
        package let prefix: String
        package let refused: [String]
        package let remedy: Remedy
    }

    /// Claude Code's billing line: it means nothing to anyone but Anthropic.
    package var keepsBilling = false
    /// `ttl` and `scope` of `cache_control`.
    package var takesCacheLifetimes = false
    /// Tools that are searched for: `tool_reference`, `defer_loading` and the tools that search.
    package var takesToolSearch = false
    /// Tools that Anthropic's servers run.
    package var takesServerTools = true
    /// `"type": "custom"` of tools.
    package var takesCustomType = true
    /// System messages within the conversation.
    package var takesSystemMessages = false
    package var takesImages = true
    /// Images that the upstream is to fetch.
    package var takesImageURLs = true
    package var takesDocuments = true
    package var thinking = Thinking.asItCame
    /// Models that take no `thinking` of these types, by the beginnings of their names: the first that
    /// fits counts.
    package var thinkingRules: [ThinkingRule] = []
    /// `POST …/count_tokens`.
    package var countsTokens = false

    package init() {}
}

extension MessagesAbilities {
    package static let anthropic: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.keepsBilling = true
        abilities.takesCacheLifetimes = true
        abilities.takesToolSearch = true
        abilities.takesSystemMessages = true
        abilities.thinking = .signed
        abilities.thinkingRules = [
            ThinkingRule(prefix: "claude-sonnet-5", refused: ["enabled"], remedy: .adaptive)
        ]
        abilities.countsTokens = true
        return abilities
    }()

    /// OpenRouter: Anthropic's, mostly, but its billing line.
    package static let openRouter: MessagesAbilities = {
        var abilities = anthropic
        abilities.keepsBilling = false
        abilities.countsTokens = false
        return abilities
    }()

    package static let deepSeek: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.takesCustomType = false
        abilities.takesImages = false
        abilities.takesDocuments = false
        abilities.thinking = .demanded
        return abilities
    }()

    package static let moonshot: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.thinking = .demanded
        abilities.thinkingRules = [kimiCode]
        return abilities
    }()

    /// "only type=enabled is allowed for this model" (issue 141 of Kimi-K2, June 2026).
    private static let kimiCode = ThinkingRule(
        prefix: "kimi-k2.7-code", refused: ["disabled", "adaptive"], remedy: .leftOut)

    /// MiniMax: no files with any of its models.
    package static let minimax: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.takesDocuments = false
        return abilities
    }()

    /// Alibaba's: nobody runs the web search.
    package static let dashscope: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.takesServerTools = false
        return abilities
    }()

    package static let llamaCpp: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.takesServerTools = false
        abilities.countsTokens = true
        return abilities
    }()

    package static let lmStudio: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.takesServerTools = false
        return abilities
    }()

    /// Ollama: images as data alone.
    package static let ollama: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.takesServerTools = false
        abilities.takesDocuments = false
        abilities.takesImageURLs = false
        return abilities
    }()

    /// vLLM: it checks blocks and tools against its own short list.
    package static let vllm: MessagesAbilities = {
        var abilities = MessagesAbilities()
        abilities.takesServerTools = false
        abilities.takesDocuments = false
        abilities.countsTokens = true
        return abilities
    }()

    /// What strict ones take.
    package static let generic = MessagesAbilities()
}
