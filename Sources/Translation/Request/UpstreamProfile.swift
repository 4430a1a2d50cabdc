// What each kind of upstream understands. All of them speak OpenAI's chat completions; none of them
// the same. A translator asks the profile, never a host name, so that a new server is a new row.
// An unknown host gets `generic`: only what every server takes.

/// The capabilities of an upstream server.
package struct UpstreamProfile: Sendable, Equatable {
    /// How reasoning is asked for.
    package enum ReasoningDialect: Sendable, Equatable {
        /// `reasoning: {effort | max_tokens, enabled}` and `verbosity` (OpenRouter).
        case reasoningObject
        /// `reasoning_effort: "low" | "medium" | "high"` (OpenAI).
        case reasoningEffort
        /// `thinking: {type: "enabled" | "disabled"}` (DeepSeek).
        case thinkingParameter
        case none
    }

    /// Under which name earlier reasoning goes back in assistant messages.
    package enum ReasoningField: Sendable, Equatable {
        /// `reasoning_details`, unmodified (OpenRouter).
        case reasoningDetails
        /// The text, as `reasoning_content`.
        case reasoningContent
        /// The text, as `reasoning`.
        case reasoning
        case none
    }

    /// Where system messages may stand.
    package enum SystemMessages: Sendable, Equatable {
        case anywhere
        /// Only as the first message; others become user text, and the roles must alternate.
        case firstOnly
    }

    /// Where the images of a tool's result go.
    package enum ToolMedia: Sendable, Equatable {
        /// Into a user message after the tool messages: what every server takes.
        case userMessage
        /// Into the tool message itself.
        case inline
    }

    /// What can be asked of the answer's shape.
    package enum StructuredOutput: Sendable, Equatable {
        /// `response_format: {type: "json_schema"}`.
        case schema
        /// `response_format: {type: "json_object"}`, and the schema in words.
        case object
        /// The schema in words only.
        case prompt
    }

    /// What stands for "some tool must be called".
    package enum ForcedChoice: String, Sendable {
        case required, any
    }

    /// What `tool_call_id` may look like.
    package enum ToolIDForm: Sendable, Equatable {
        case any
        /// Exactly nine of `[a-zA-Z0-9]` (Mistral).
        case nineAlphanumerics
        /// OpenAI: "string too long. Expected a string with maximum length 40".
        case atMost40
    }

    /// The header field that a key goes into.
    package enum KeyField: Sendable, Equatable {
        /// `Authorization: Bearer …`.
        case bearer
        /// `api-key: …` (Azure).
        case apiKey
        /// `x-api-key: …` (Anthropic).
        case xAPIKey
    }

    package var name: String
    /// Whether nothing works without a key. A server of one's own usually wants none.
    package var needsKey = false
    package var keyField = KeyField.bearer
    /// Whether `GET …/key` tells what the key may spend.
    package var tellsOfKey = false
    /// Whether a model that `GET …/models` leaves out is not there. Others answer to more names.
    package var listsEveryModel = false
    /// `max_completion_tokens` instead of `max_tokens`.
    package var usesMaxCompletionTokens = false
    package var allowsStreamOptions = true
    package var allowsCacheControl = false
    package var reasoningDialect = ReasoningDialect.none
    /// The highest effort of the dialect `reasoningEffort`.
    package var effortMax = ReasoningEffort.high
    package var reasoningField = ReasoningField.none
    /// DeepSeek: an assistant message with calls must say `reasoning_content`, if only "", and no
    /// other needs it.
    package var wantsReasoningWithCalls = false
    /// Kimi: the same, and an empty one will not do.
    package var fillsReasoningWithCalls = false
    package var toolMedia = ToolMedia.userMessage
    /// `file` parts: PDF documents.
    package var allowsFiles = false
    /// A URL as `file_data`.
    package var allowsFileURLs = false
    /// `function.strict` and `json_schema.strict`.
    package var allowsStrict = true
    package var structuredOutput = StructuredOutput.schema
    package var allowsSessionID = false
    /// `provider: {order}`: who among several is to answer.
    package var allowsProviderOrder = false
    package var allowsUser = false
    package var toolIDForm = ToolIDForm.any
    package var allowsTopK = false
    package var allowsParallelToolCalls = true
    package var forcedChoice = ForcedChoice.required
    /// Whether `completion_tokens` leaves reasoning tokens out (response side).
    package var countsReasoningApart = false
    /// Whether text may hold `<think>` tags to be taken as reasoning (response side).
    package var parsesThinkTags = false
    /// `openrouter:web_search` and `openrouter:web_fetch`.
    package var allowsServerTools = false
    package var systemMessages = SystemMessages.anywhere
    package var stopSequencesMax = 4
    /// A trailing assistant message must carry `prefix: true` (Mistral).
    package var marksPrefill = false
    /// A trailing assistant message is gone on with only if that is asked for (vLLM).
    package var asksForContinuation = false
    /// Calls that another model has made are marked so that Gemini takes them (Google).
    package var signsForeignCalls = false
    /// The API that it is asked by where nothing else is set.
    package var api = UpstreamAPI.chat
    /// Whether models that chat completions refuse are asked by the Responses API.
    package var switchesToResponses = false
    /// What it takes where it is asked by the Responses API.
    package var responses = ResponsesAbilities.generic
    /// What it takes where it is asked by the Messages API.
    package var messages = MessagesAbilities.generic
    /// Members for every body.
    package var extraFields: [ExtraField] = []

    package init(name: String) { self.name = name }

    /// The API that `model` is asked by where that is ours to choose, before any refusal has taught
    /// anything. What a deployment of Azure's is called says nothing of the model; its refusal does.
    package func api(for model: [UInt8]) -> UpstreamAPI {
        switchesToResponses && ModelFamily.needsResponses(model) ? .responses : api
    }
}

/// A member of the upstream body that configuration adds. It takes the place of a member of the
/// same name that the translator would write.
package struct ExtraField: Sendable, Equatable {
    package var name: String
    /// The value: JSON text that has been checked.
    package var json: [UInt8]

    package init(name: String, json: [UInt8]) {
        self.name = name
        self.json = json
    }
}

// MARK: - The profiles

extension UpstreamProfile {
    package static let openrouter: UpstreamProfile = {
        var profile = UpstreamProfile(name: "openrouter")
        profile.tellsOfKey = true
        profile.listsEveryModel = true
        profile.needsKey = true
        profile.allowsCacheControl = true
        profile.reasoningDialect = .reasoningObject
        profile.reasoningField = .reasoningDetails
        profile.allowsFiles = true
        profile.allowsFileURLs = true
        profile.allowsSessionID = true
        profile.allowsProviderOrder = true
        profile.allowsUser = true
        profile.allowsTopK = true
        profile.allowsServerTools = true
        profile.responses = .openRouter
        profile.messages = .openRouter
        return profile
    }()

    package static let openai: UpstreamProfile = {
        var profile = UpstreamProfile(name: "openai")
        profile.needsKey = true
        profile.usesMaxCompletionTokens = true
        profile.toolIDForm = .atMost40
        profile.reasoningDialect = .reasoningEffort
        profile.allowsFiles = true
        profile.allowsUser = true
        profile.switchesToResponses = true
        profile.responses = .openAI
        return profile
    }()

    package static let azure: UpstreamProfile = {
        var profile = openai
        profile.name = "azure"
        profile.keyField = .apiKey
        profile.responses = .azure
        return profile
    }()

    package static let deepseek: UpstreamProfile = {
        var profile = UpstreamProfile(name: "deepseek")
        profile.needsKey = true
        profile.reasoningDialect = .thinkingParameter
        profile.reasoningField = .reasoningContent
        profile.wantsReasoningWithCalls = true
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.structuredOutput = .object
        profile.stopSequencesMax = 16
        profile.responses = .deepSeek
        profile.messages = .deepSeek
        return profile
    }()

    package static let zai: UpstreamProfile = {
        var profile = UpstreamProfile(name: "zai")
        profile.needsKey = true
        profile.reasoningDialect = .thinkingParameter
        profile.reasoningField = .reasoningContent
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.structuredOutput = .object
        return profile
    }()

    package static let moonshot: UpstreamProfile = {
        var profile = UpstreamProfile(name: "moonshot")
        profile.needsKey = true
        profile.reasoningField = .reasoningContent
        profile.fillsReasoningWithCalls = true
        profile.allowsParallelToolCalls = false
        profile.messages = .moonshot
        return profile
    }()

    package static let groq: UpstreamProfile = {
        var profile = UpstreamProfile(name: "groq")
        profile.needsKey = true
        profile.reasoningDialect = .reasoningEffort
        profile.reasoningField = .reasoning
        profile.allowsUser = true
        profile.allowsStrict = false
        return profile
    }()

    /// Gemini behind Google's own OpenAI-compatible endpoint, which refuses names it does not know.
    package static let google: UpstreamProfile = {
        var profile = UpstreamProfile(name: "google")
        profile.needsKey = true
        profile.signsForeignCalls = true
        profile.reasoningDialect = .reasoningEffort
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.systemMessages = .firstOnly
        return profile
    }()

    package static let mistral: UpstreamProfile = {
        var profile = UpstreamProfile(name: "mistral")
        profile.needsKey = true
        profile.allowsStreamOptions = false
        profile.toolIDForm = .nineAlphanumerics
        profile.forcedChoice = .any
        profile.systemMessages = .firstOnly
        profile.marksPrefill = true
        return profile
    }()

    package static let vllm: UpstreamProfile = {
        var profile = UpstreamProfile(name: "vllm")
        profile.asksForContinuation = true
        profile.reasoningDialect = .reasoningEffort
        profile.reasoningField = .reasoning
        profile.allowsTopK = true
        profile.parsesThinkTags = true
        profile.systemMessages = .firstOnly
        profile.stopSequencesMax = 16
        profile.messages = .vllm
        return profile
    }()

    package static let llamaCpp: UpstreamProfile = {
        var profile = UpstreamProfile(name: "llama.cpp")
        profile.reasoningField = .reasoningContent
        profile.allowsTopK = true
        profile.allowsStrict = false
        profile.parsesThinkTags = true
        profile.systemMessages = .firstOnly
        profile.stopSequencesMax = 16
        profile.messages = .llamaCpp
        return profile
    }()

    package static let ollama: UpstreamProfile = {
        var profile = UpstreamProfile(name: "ollama")
        profile.reasoningDialect = .reasoningEffort
        profile.reasoningField = .reasoning
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.parsesThinkTags = true
        profile.systemMessages = .firstOnly
        profile.stopSequencesMax = 16
        profile.messages = .ollama
        return profile
    }()

    /// Which models take an effort is not to be told from their names: it is left out.
    package static let xai: UpstreamProfile = {
        var profile = UpstreamProfile(name: "xai")
        profile.needsKey = true
        profile.countsReasoningApart = true
        profile.allowsUser = true
        profile.responses = .xAI
        return profile
    }()

    package static let minimax: UpstreamProfile = {
        var profile = UpstreamProfile(name: "minimax")
        profile.needsKey = true
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.parsesThinkTags = true
        profile.systemMessages = .firstOnly
        profile.messages = .minimax
        return profile
    }()

    /// Alibaba's Model Studio.
    package static let dashscope: UpstreamProfile = {
        var profile = UpstreamProfile(name: "dashscope")
        profile.needsKey = true
        profile.allowsStrict = false
        profile.allowsTopK = true
        profile.systemMessages = .firstOnly
        profile.messages = .dashscope
        return profile
    }()

    /// Xiaomi's. Calls must come back with their reasoning, as DeepSeek's.
    package static let mimo: UpstreamProfile = {
        var profile = UpstreamProfile(name: "mimo")
        profile.needsKey = true
        profile.reasoningField = .reasoningContent
        profile.fillsReasoningWithCalls = true
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.messages = .moonshot
        return profile
    }()

    package static let lmStudio: UpstreamProfile = {
        var profile = UpstreamProfile(name: "lmstudio")
        profile.allowsTopK = true
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.parsesThinkTags = true
        profile.systemMessages = .firstOnly
        profile.messages = .lmStudio
        return profile
    }()

    /// Anthropic's own: the client's requests, hardly changed.
    package static let anthropic: UpstreamProfile = {
        var profile = UpstreamProfile(name: "anthropic")
        profile.needsKey = true
        profile.keyField = .xAPIKey
        profile.listsEveryModel = true
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.api = .messages
        profile.messages = .anthropic
        return profile
    }()

    /// Only what every server is known to take.
    package static let generic: UpstreamProfile = {
        var profile = UpstreamProfile(name: "generic")
        profile.allowsStrict = false
        profile.allowsParallelToolCalls = false
        profile.parsesThinkTags = true
        profile.systemMessages = .firstOnly
        return profile
    }()

    /// Every profile, `generic` last.
    package static let all: [UpstreamProfile] = [
        openrouter, openai, anthropic, azure, dashscope, deepseek, google, groq, mimo, minimax,
        mistral, moonshot, xai, zai, vllm, llamaCpp, lmStudio, ollama, generic,
    ]

    /// The profile called `name`; nil when there is none.
    package static func named(_ name: String) -> UpstreamProfile? {
        all.first { $0.name == name }
    }

    /// The profile of the servers at `host`, which may carry a port.
    package static func forHost(_ host: String) -> UpstreamProfile {
        let host = host.lowercased()
        // The ports that these listen on unless told otherwise.
        if host.hasSuffix(":11434") { return ollama }
        if host.hasSuffix(":1234") { return lmStudio }
        let parts = host.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let bare = parts.first.map(String.init) ?? host
        for (domain, profile) in domains where bare == domain || bare.hasSuffix("." + domain) {
            return profile
        }
        return generic
    }

    private static let domains: [(domain: String, profile: UpstreamProfile)] = [
        ("openrouter.ai", openrouter), ("api.openai.com", openai),
        ("api.anthropic.com", anthropic), ("openai.azure.com", azure),
        ("services.ai.azure.com", azure), ("cognitiveservices.azure.com", azure),
        ("deepseek.com", deepseek), ("generativelanguage.googleapis.com", google),
        ("aiplatform.googleapis.com", google), ("groq.com", groq), ("mistral.ai", mistral),
        ("moonshot.ai", moonshot), ("moonshot.cn", moonshot), ("z.ai", zai),
        ("x.ai", xai), ("minimax.io", minimax), ("minimaxi.com", minimax),
        ("dashscope.aliyuncs.com", dashscope), ("dashscope-intl.aliyuncs.com", dashscope),
        ("dashscope-us.aliyuncs.com", dashscope), ("maas.aliyuncs.com", dashscope),
        ("xiaomimimo.com", mimo),
        ("bigmodel.cn", zai), ("ollama.com", ollama),
    ]
}
