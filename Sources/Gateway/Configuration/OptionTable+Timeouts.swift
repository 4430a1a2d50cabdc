// Options: how long the daemon waits for whom.

extension OptionTable {
    /// Short enough for tests, long enough for any model.
    private static let timeout = ValueFormat.duration(in: .milliseconds(50) ... .seconds(3600))

    static let timeouts: [ConfigurationOption] = [
        ConfigurationOption(
            "CLAUDE_PROXY_HEAD_TIMEOUT", \.headTimeout, timeout,
            """
            The time a client has to send the head of a request, from its first byte to its last.
            The connection is closed with 408 when it is over.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_BODY_TIMEOUT", \.bodyTimeout, timeout,
            """
            The time a request's body may stand still.
            Slow clients may take as long as they need while bytes arrive.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_IDLE_TIMEOUT", \.idleTimeout, timeout,
            """
            The time a connection is kept open between two requests.
            Behind another proxy it should be longer than the time for which that one keeps its
            connections.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_WRITE_TIMEOUT", \.writeTimeout, timeout,
            """
            The time for which a client may take nothing of an answer that waits for it.
            Its connection then ends, and the upstream's answer with it. A client that reads slowly
            holds its upstream up; no other time-out runs meanwhile.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_CONNECT_TIMEOUT", \.connectTimeout, timeout,
            """
            The time to connect to the upstream, name look-up and TLS included.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_FIRST_BYTE_TIMEOUT", \.firstByteTimeout, timeout,
            """
            The time the upstream has for the first byte of its answer, once it has the request.
            Large prompts to slow models take minutes; streaming clients get pings meanwhile.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", \.upstreamIdleTimeout, timeout,
            """
            The time an upstream that has begun to answer may be silent.
            The client then gets an error event.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_STATUS_HOLD", \.statusHold, timeout,
            """
            The time for which the status of a stream waits for the upstream's first event.
            Upstreams report errors after they have said 200. Within this time such an error still
            becomes a proper status, which clients know how to retry.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_PING_INTERVAL", \.pingInterval,
            .duration(in: .milliseconds(50) ... .seconds(300)),
            """
            The silence after which a streaming client is sent a `ping` event.
            It keeps load balancers and the client's own time-outs from ending the stream.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_DRAIN_TIMEOUT", \.drainTimeout, timeout,
            """
            The time that running requests have to finish once the daemon was told to stop.
            `TimeoutStopSec=` of the unit has to be longer.
            """),
    ]
}
