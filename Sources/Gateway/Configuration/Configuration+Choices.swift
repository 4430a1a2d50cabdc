// The settings that are one word out of a few. The raw values are the words an administrator
// writes; the table of options lists them from `allCases`.

extension Configuration {
    /// Who may use the daemon.
    package enum Access: String, Sendable, CaseIterable {
        /// Peers on this machine: loopback addresses and local sockets.
        case loopback
        /// Whoever presents one of the client tokens.
        case token
        /// Everybody.
        case open
    }

    /// The least important record that is written.
    package enum LogLevel: String, Sendable, CaseIterable {
        case debug, info, notice, warning, error
    }

    /// The form of log records.
    package enum LogFormat: String, Sendable, CaseIterable {
        /// Fields to journald's socket.
        case journal
        /// One line for people.
        case text
        /// One JSON object a line.
        case json
    }

    /// The dialect of the Chat Completions API that the upstream speaks.
    package enum UpstreamProfile: String, Sendable, CaseIterable {
        /// Chosen by the upstream's host.
        case auto
        case openrouter, openai, azure, deepseek, groq, mistral, vllm
        case llamaCpp = "llama.cpp"
        case ollama
        /// What every server should understand.
        case generic

        /// The profile of a well-known host; `generic` for every other.
        ///
        /// Servers that people run themselves (vLLM, llama.cpp, Ollama) cannot be told by their
        /// host and have to be named.
        package init(host: String) {
            let known: [(domain: String, profile: UpstreamProfile)] = [
                ("openrouter.ai", .openrouter),
                ("openai.azure.com", .azure),
                ("services.ai.azure.com", .azure),
                ("models.ai.azure.com", .azure),
                ("openai.com", .openai),
                ("deepseek.com", .deepseek),
                ("groq.com", .groq),
                ("mistral.ai", .mistral),
                ("ollama.com", .ollama),
            ]
            let match = known.first { host == $0.domain || host.hasSuffix("." + $0.domain) }
            self = match?.profile ?? .generic
        }
    }
}
