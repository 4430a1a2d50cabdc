// Options: where clients connect, and which of them are served.

extension OptionTable {
    static let clients: [ConfigurationOption] = [
        ConfigurationOption(
            "CLAUDE_PROXY_LISTEN", \.listenAddresses, .list(of: .listenAddress), reload: false,
            """
            Where the daemon listens.
            `0.0.0.0:8000`, `*:8000` and `:8000` mean every IPv4 address of the machine, `[::]:8000`
            every IPv6 address; write both for both. `localhost` is 127.0.0.1; other names are
            refused, since what they mean depends on a resolver. Port `0` lets the kernel choose one, which the log then tells. It is not used when
            systemd passes sockets to the daemon.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_ACCESS", \.accessSetting, .optional(.choice()),
            example: "loopback",
            default: "`token` when `CLAUDE_PROXY_CLIENT_TOKENS` is set, otherwise `loopback`",
            inEffect: { $0.access.rawValue },
            """
            Who may use the proxy, and so spend your upstream credit.
            `loopback`: only clients on this machine, by loopback addresses or a local socket, and
            nothing that another proxy has passed on.
            `token`: whoever presents one of the tokens. `open`: everybody who reaches it.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_CLIENT_TOKENS", \.clientTokens, .secrets,
            secret: true, credential: "claude-proxy.client_tokens", example: "",
            """
            The tokens that clients may present, in `x-api-key` or `Authorization: Bearer`.
            Claude Code sends what `ANTHROPIC_AUTH_TOKEN` holds. Several are separated by commas, so
            that they can be given out, and withdrawn, one by one; make each with
            `openssl rand -hex 32`.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_SEAL_KEY", \.sealKey, .optional(.longSecret),
            secret: true, credential: "claude-proxy.seal_key", example: "",
            default: "32 random bytes in the state directory; without one, new at every start",
            """
            The key that marks reasoning as handed out by this proxy.
            A model's reasoning comes back with each turn, through the client; under another key it
            is left out. Give instances that serve the same conversations the same one; make it with
            `openssl rand -hex 32`.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_ALLOWED_HOSTS", \.allowedHosts, .list(of: .hostName),
            example: "proxy.example.com",
            """
            Names and addresses, besides those of the loopback interface, by which clients may call
            the proxy.
            Requests whose `Host` names another host are refused, so that a web page cannot reach
            the proxy by pointing its own name at your machine (DNS rebinding). With access
            `loopback` this also shows what another server has passed on: list nothing here that
            such a server sends.
            """),
    ]
}
