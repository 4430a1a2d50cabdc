// Options: which model answers, and which one the client is told of.

extension OptionTable {
    static let models: [ConfigurationOption] = [
        ConfigurationOption(
            "OPENROUTER_MODEL", \.defaultChain, .modelChain,
            """
            The upstream model for every request that names no other, or a chain of them.
            Clients ask for Anthropic's models by their ids (`claude-sonnet-4-5` and so on), and
            those go here. An id with a slash is taken for an upstream id and passes as it is; see
            also `CLAUDE_PROXY_MODEL_MAP`. In a chain such as
            `z-ai/glm-4.6 | openai/gpt-oss-120b@groq` each model is asked when those before it
            cannot answer, as long as the client has no content; `@groq` is the upstream.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_MODEL_MAP", \.modelMap, .modelMap,
            example: "claude-haiku-*=openai/gpt-oss-20b,my-model=z-ai/glm-4.6",
            """
            Upstream models for particular ids that clients ask for.
            Each item is `from=to`, where `to` may be a chain as in `OPENROUTER_MODEL`. A `from` that ends in `*` stands for every id that begins so. An
            exact rule comes before a rule with `*`, and a longer one of these before a shorter one,
            whatever their order. Ids that no rule names are treated as `OPENROUTER_MODEL` says.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_REPORT_MODEL", \.reportModel, .reportModel,
            """
            The model id that responses report.
            A fixed id, `requested` for the id of the request, or `upstream` for the id that the
            upstream reports. Some clients work only with ids they know, hence the default.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_LISTED_MODELS", \.listedModels, .list(of: .modelPattern),
            """
            The upstream's models that `GET /v1/models` lists.
            Ids, of which one that ends in `*` stands for all that begin so, as in
            `openai/*,anthropic/claude-sonnet-*`. The models of this
            configuration are listed in any case, and a model that is not listed can be asked for
            all the same.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_MODELS_REFRESH", \.modelsRefresh,
            .duration(in: .zero ... .seconds(7 * 24 * 3600)),
            """
            How old the upstream's list of models may get before it is fetched again.
            From the list come the limits, abilities and prices of models. It is fetched in the
            background and kept in the state directory, so that neither start nor requests wait for
            it; without it requests are passed on unchecked. `0s` never asks for it.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_TOKEN_CALIBRATION", \.calibratesTokenCounts, .boolean,
            """
            Whether token counts are corrected by what upstreams report.
            Counts are made with the tokenizer of OpenAI's models. With this, each model's answers
            teach how its own counts differ. Without it, counts stay as they are made.
            """),
    ]
}
