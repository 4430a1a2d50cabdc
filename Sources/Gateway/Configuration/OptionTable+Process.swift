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
            A larger one is answered with 413, before it is read if its length is told.
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
            Those beyond are answered with 529 and `retry-after`, before their body is read. Their
            memory is bounded by `CLAUDE_PROXY_MEMORY_BUDGET`.
            """),
        ConfigurationOption(
            "CLAUDE_PROXY_MEMORY_BUDGET", \.memoryBudget,
            .optional(.size(in: (1 << 20)...(1 << 44))), example: "384MiB",
            default: "half of the service's memory limit (`MemoryHigh=`, `MemoryMax=`, a"
                + " container's), at most a quarter of the machine's memory",
            """
            The most bytes of requests and answers that are held at once, over all workers.
            A request takes its body twice, as it came and as it goes upstream. Those that do not
            fit are answered with 529 and `retry-after`, before their body is read if its length is
            told; an answer that does not fit any more ends as an error. A quarter is kept for
            requests of up to 2 MiB.
            """),
    ]
}
