// Options: who is asked when the first cannot answer, and for requests of particular kinds.

extension OptionTable {
    static let routes: [ConfigurationOption] = [
        ConfigurationOption(
            "CLAUDE_PROXY_ROUTES", \.routes, .routeRules,
            example: "subagent=openai/gpt-oss-120b,auxiliary=openai/gpt-oss-20b",
            """
            Models for requests of particular kinds.
            Each item is `kind=chain`, with a chain as in `OPENROUTER_MODEL`. The kinds, of which the
            first that fits counts, whatever their order here: `subagent.Type` and `subagent`, the
            sub-agents of Claude Code, by their type (`Explore`, `Plan`) or all of them;
            `compaction`, requests that compact a conversation; `auxiliary`, small ones beside it;
            `websearch`, those whose only tool is the web search; `over:N`, prompts of more than N
            tokens. Types, `compaction` and `auxiliary` need `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1` at
            the client. A model that a client asks for by an id with a slash is its own choice, but
            for sub-agents.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_FALLBACK_ON", \.fallbackCauses, .list(of: .choice()),
            """
            After which failures a chain's next model is asked.
            `unavailable`: connections, time-outs, server errors, models that are gone. `limit`: rate
            limits, credit, keys that are refused. `context`: a prompt that is too long, if the next
            model is known to take more. `policy`: content that a provider does not want.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_FALLBACK_AFTER", \.fallbackAfter,
            .duration(in: .zero ... .seconds(3600)),
            """
            How long a model may take to its first content before the chain's next one is asked.
            `0s` waits for it. The first call is broken off, which may be billed all the same; long
            prompts take half a minute to read at many providers, so 60 s is a good value.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_OPENROUTER_PROVIDER", \.providerRules, .optional(.jsonObject),
            example: #"{"zdr":true,"ignore":["deepinfra"]}"#,
            """
            What OpenRouter is told of its providers, as a JSON object.
            It goes into the member `provider` of every request to OpenRouter, unchecked: see its
            documentation of provider routing. With `CLAUDE_PROXY_PIN_PROVIDER` it must not have the
            member `order`.
            """),
    ]
}
