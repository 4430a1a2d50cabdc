// Options: the server behind the proxy.

import Translation

extension OptionTable {
    static let upstream: [ConfigurationOption] = [
        ConfigurationOption(
            "OPENROUTER_API_KEY", \.upstreamKeys, .keys,
            secret: true, credential: "claude-proxy.api_key", example: "",
            """
            The key for the upstream, from https://openrouter.ai/keys or from whoever runs the
            server that `CLAUDE_PROXY_UPSTREAM_URL` names.
            It is sent as `Authorization: Bearer` and appears in no log and no message. The daemon
            starts without one; a server that wants none, such as a local one, works then. Several
            keys, separated by commas or a line each in a credential, are a pool: one that is
            refused, out of credit or at its rate limit is left alone for a while.
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
        ConfigurationOption(
            "CLAUDE_PROXY_KEY_CHOICE", \.keyChoice, .choice(),
            """
            What chooses among several keys of an upstream: `sticky` or `first`.
            With `sticky` a session keeps to one key, by which its prompt cache is found, and
            sessions spread over all keys. With `first` the first key is used as long as it works.
            """),
    ]

    /// The settings of upstreams besides the main one. They are read by `NamedUpstreamKey`.
    static let namedUpstreams: [ConfigurationOption] = [
        named(
            .url, type: "URL", example: "https://api.groq.com/openai/v1",
            """
            The base URL of an upstream besides the main one, which declares it.
            NAME is a capital letter and up to 15 more letters and digits. In values, in the log and
            in header fields the name is in lower case, as in `openai/gpt-oss-120b@groq`. The main
            upstream is called `main`.
            """),
        named(
            .key, type: "list of secrets", isSecret: true,
            """
            The keys of this upstream, separated by commas.
            No upstream is ever asked with another one's key. The credential of the upstream `groq` is
            `claude-proxy.key.groq`. With `client` the proxy has no key for it: each request goes on
            with the credential that its own client has sent, for people who have accounts there.
            """),
        named(
            .profile, type: "choice", default: "`auto`, by the host",
            "The kind of server that this upstream is, as in `CLAUDE_PROXY_UPSTREAM_PROFILE`."),
        named(
            .api, type: "choice", default: "`auto`, by the upstream and the model",
            "The API that this upstream is asked by, as in `CLAUDE_PROXY_UPSTREAM_API`."),
        named(
            .caFile, type: "path", example: "/etc/ssl/certs/my-ca.pem",
            """
            A file of CA certificates to trust for this upstream, as in \
            `CLAUDE_PROXY_UPSTREAM_CA_FILE`.
            """),
    ]

    private static func named(
        _ attribute: NamedUpstreamKey.Attribute, type: String, isSecret: Bool = false,
        example: String? = nil, default defaultNote: String = "none", _ text: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            describing: NamedUpstreamKey.text("<NAME>", attribute), type: type,
            allowed: NamedUpstreamKey.allowed(attribute), isSecret: isSecret, example: example,
            default: defaultNote, text)
    }
}
