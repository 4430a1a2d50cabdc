// Options: what is done for the prompt caches of upstreams, beyond leaving prompts as they are.

extension OptionTable {
    static let caches: [ConfigurationOption] = [
        ConfigurationOption(
            "CLAUDE_PROXY_CACHE_BREAKPOINTS", \.cacheBreakpoints, .choice(),
            """
            Who marks what of a prompt is to be cached.
            Models of Anthropic and Alibaba cache only up to marks (`cache_control`). `client` passes
            on those of the client, `add` also makes up four for a request that has none: after the
            tools, the system prompt and the last two turns. Writing a cache costs more than not
            using one, so `add` pays only for clients that ask again with the same beginning.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_PIN_PROVIDER", \.pinsProvider, .boolean,
            """
            Whether a session stays with the provider that has answered it, where OpenRouter has
            several for a model.
            Each provider has a prompt cache of its own. OpenRouter keeps a session at one by itself,
            but not always; with `true` the last one is asked for by name, and others only when it
            cannot answer. A rate limit, a server error or a broken connection ends the preference.
            """),
    ]
}
