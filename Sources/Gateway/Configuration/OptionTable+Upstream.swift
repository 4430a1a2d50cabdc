// Options: the server behind the proxy.

import Translation

extension OptionTable {
    static let upstream: [ConfigurationOption] = [
        ConfigurationOption(
            "OPENROUTER_API_KEY", \.upstreamKey, .optional(.secret),
            secret: true, credential: "claude-proxy.api_key", example: "",
            """
            The key for the upstream, from https://openrouter.ai/keys or from whoever runs the
            server that `CLAUDE_PROXY_UPSTREAM_URL` names.
            It is sent as `Authorization: Bearer` and appears in no log and no message. The daemon
            starts without one; a server that wants none, such as a local one, works then.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_UPSTREAM_URL", \.upstreamURL, .upstreamURL,
            """
            The base URL of the API that answers the requests.
            `/chat/completions`, `/responses` or `/v1/messages` is added to it, by
            `CLAUDE_PROXY_UPSTREAM_API`. Anything but `https` is refused for a host that is
            not this machine, because the key would be readable on the way; see
            `CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM`. A local Ollama is
            `http://localhost:11434/v1`.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM", \.allowsInsecureUpstream, .boolean,
            """
            Whether the upstream may be plain `http` on another machine.
            Key and conversations then cross the network readable by everybody on the way: for a
            private network only, such as containers on one host.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_UPSTREAM_API", \.upstreamAPI, .choice(),
            default: "`auto`, by the upstream and the model",
            inEffect: { $0.api.rawValue },
            """
            The API that the upstream is asked by: `chat`, `responses` or `messages`.
            `chat` is OpenAI's chat completions, which nearly every server has; `responses` is
            OpenAI's Responses API; `messages` is Anthropic's own, by which requests go on with
            hardly a byte changed. `auto` takes `messages` for api.anthropic.com and for base URLs
            that end in `/anthropic`, and `responses` for models of OpenAI and Azure that refuse
            tools elsewhere; everything else is `chat`.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_UPSTREAM_PROFILE", \.upstreamKind, .choice(),
            default: "`auto`, by the host of `CLAUDE_PROXY_UPSTREAM_URL`",
            inEffect: { $0.profile.name },
            """
            The kind of server that the upstream is.
            Servers differ in the names of fields, in what they refuse and in how they return
            reasoning. `auto` knows the hosts of the public services and takes every other for
            `generic`; name `vllm`, `llama.cpp`, `lmstudio` or `ollama` for a server of your own.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_UPSTREAM_CA_FILE", \.upstreamCAFile, .optional(.absolutePath),
            example: "/etc/ssl/certs/my-ca.pem",
            """
            A file of CA certificates (PEM) to trust instead of the machine's.
            For an upstream whose certificate comes from a CA of your own. The file is read at the
            start and at every reload, which also closes connections made under other certificates.
            The systemd service sees no files of its own in `/etc/claude-proxy`, `/home` or `/tmp`.
            """),
        ConfigurationOption(
            "OPENROUTER_SITE_URL", \.siteURL, .optional(.headerText("a URL")),
            example: "https://example.com",
            """
            The address of your application, sent as `HTTP-Referer`.
            OpenRouter attributes usage to it in its rankings and statistics. Nothing is sent when
            it is not set.
            """),
        ConfigurationOption(
            "OPENROUTER_SITE_NAME", \.siteName, .optional(.headerText("a name")),
            example: "My application",
            """
            The name of your application, sent as `X-OpenRouter-Title`.
            OpenRouter shows it beside the usage. Nothing is sent when it is not set.
            """),
    ]
}
