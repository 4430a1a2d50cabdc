// Options: the process, its log and its limits.

extension OptionTable {
    static let process: [ConfigurationOption] = [
        ConfigurationOption(
            "CLAUDE_PROXY_WORKERS", \.workers, .number(in: 1...64), reload: false,
            """
            The number of event loops, each a thread of its own.
            One carries thousands of streams at once; more are for machines that do little else.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_LOG_LEVEL", \.logLevel, .choice(),
            """
            The least important records that are written.
            None of the levels logs prompts, answers or keys.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_LOG_FORMAT", \.logFormat, .optional(.choice()),
            example: "json",
            default: "`journal` when the log goes to journald, otherwise `text`",
            """
            The form of log records.
            `journal` sends their fields to journald, `text` writes a line for people and `json` an
            object a line, both to standard error.
            """),
    ]

    static let limits: [ConfigurationOption] = [
        ConfigurationOption(
            "CLAUDE_PROXY_MAX_BODY", \.bodyBytesMax, .size(in: (1 << 10)...(1 << 30)),
            """
            The largest request body.
            A larger one is answered with 413, before it is read if its length is told. Every
            running request may hold as much memory.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_MAX_CONNECTIONS", \.connectionsMax, .number(in: 1...1_000_000),
            """
            The most client connections at once, over all workers.
            Each needs up to two file descriptors; `LimitNOFILE=` of the unit has to allow them.
            Those beyond are answered with 529.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_MAX_REQUESTS", \.requestsMax, .number(in: 1...1_000_000),
            """
            The most requests for messages and token counts at once, over all workers.
            Times `CLAUDE_PROXY_MAX_BODY` it bounds the memory that requests can take. Those beyond
            are answered with 529 and `retry-after`, before their body is read.
            """),
    ]
}
