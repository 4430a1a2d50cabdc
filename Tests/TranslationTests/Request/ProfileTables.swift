// The tables of docs/translation.md: what each kind of upstream takes, one table for each API.

@testable import Translation

enum ProfileTables {
    private typealias Column = (title: String, value: (UpstreamProfile) -> String)

    private static func table(_ columns: [Column]) -> String {
        let head = "| " + columns.map { $0.title }.joined(separator: " | ") + " |"
        let line = "|" + String(repeating: "---|", count: columns.count)
        let rows = UpstreamProfile.all.map { profile in
            "| " + columns.map { $0.value(profile) }.joined(separator: " | ") + " |"
        }
        return ([head, line] + rows).joined(separator: "\n")
    }

    private static func yes(_ value: Bool) -> String { value ? "yes" : "–" }

    private static var upstream: Column { ("upstream", { "`\($0.name)`" }) }

    static var chat: String {
        table([
            upstream,
            ("length", { $0.usesMaxCompletionTokens ? "`max_completion_tokens`" : "`max_tokens`" }),
            ("reasoning asked by", { name($0.reasoningDialect) }),
            ("reasoning goes back as", { name($0.reasoningField) }),
            ("caching", { yes($0.allowsCacheControl) }),
            ("files", { $0.allowsFiles ? ($0.allowsFileURLs ? "data, URL" : "data") : "–" }),
            ("`strict`", { yes($0.allowsStrict) }),
            ("format", { name($0.structuredOutput) }),
            ("`top_k`", { yes($0.allowsTopK) }),
            ("parallel off", { yes($0.allowsParallelToolCalls) }),
            ("stops", { "\($0.stopSequencesMax)" }),
            ("system", { $0.systemMessages == .anywhere ? "anywhere" : "first" }),
            ("search", { yes($0.allowsServerTools) }),
            ("`user`", { yes($0.allowsUser) }),
        ])
    }

    static var responses: String {
        table([
            upstream,
            ("system is", { $0.responses.hasDeveloper ? "`developer`" : "`system`" }),
            ("encrypted reasoning", { yes($0.responses.includesEncrypted) }),
            ("`summary`", { yes($0.responses.asksForSummaries) }),
            ("`reasoning_text`", { yes($0.responses.takesThoughts) }),
            ("media in outputs", { yes($0.responses.takesMediaInOutputs) }),
            ("`stop`", { $0.responses.takesStop ? "sent" : "watched for" }),
            ("`prompt_cache_key`", { yes($0.responses.takesCacheKey) }),
            ("`phase`", { yes($0.responses.takesPhase) }),
            ("sampling", { $0.responses.refusesSampling ? "not with reasoning" : "yes" }),
            ("search", { name($0.responses.webSearch) }),
        ])
    }

    static var messages: String {
        table([
            upstream,
            ("billing line", { $0.messages.keepsBilling ? "stays" : "–" }),
            ("cache `ttl`", { yes($0.messages.takesCacheLifetimes) }),
            ("tool search", { yes($0.messages.takesToolSearch) }),
            ("server tools", { yes($0.messages.takesServerTools) }),
            ("`custom`", { yes($0.messages.takesCustomType) }),
            ("system in between", { yes($0.messages.takesSystemMessages) }),
            (
                "images",
                { profile in
                    guard profile.messages.takesImages else { return "–" }
                    return profile.messages.takesImageURLs ? "data, URL" : "data"
                }
            ),
            ("documents", { yes($0.messages.takesDocuments) }),
            ("thinking goes back", { name($0.messages.thinking) }),
            ("`count_tokens`", { $0.messages.countsTokens ? "asked" : "counted here" }),
        ])
    }

    private static func name(_ thinking: MessagesAbilities.Thinking) -> String {
        switch thinking {
        case .signed: "its own"
        case .asItCame: "as it came"
        case .demanded: "before each call"
        }
    }

    private static func name(_ search: ResponsesAbilities.WebSearch) -> String {
        switch search {
        case .native: "`web_search`"
        case .openRouter: "`openrouter:web_search`"
        case .none: "–"
        }
    }

    private static func name(_ dialect: UpstreamProfile.ReasoningDialect) -> String {
        switch dialect {
        case .reasoningObject: "`reasoning`"
        case .reasoningEffort: "`reasoning_effort`"
        case .thinkingParameter: "`thinking`"
        case .none: "–"
        }
    }

    private static func name(_ field: UpstreamProfile.ReasoningField) -> String {
        switch field {
        case .reasoningDetails: "`reasoning_details`"
        case .reasoningContent: "`reasoning_content`"
        case .reasoning: "`reasoning`"
        case .none: "–"
        }
    }

    private static func name(_ output: UpstreamProfile.StructuredOutput) -> String {
        switch output {
        case .schema: "schema"
        case .object: "any JSON"
        case .prompt: "in words"
        }
    }
}
