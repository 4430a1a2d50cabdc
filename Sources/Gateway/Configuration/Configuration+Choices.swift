// The settings that are one word out of a few. The raw values are the words an administrator
// writes; the table of options lists them from `allCases`.

package import Translation

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

    /// Who says where a prompt's cache entries end.
    package enum CacheBreakpoints: String, Sendable, CaseIterable {
        /// The client alone.
        case client
        /// The proxy, when the client says nothing.
        case add
    }

    /// The kind of server that the upstream is, and so the dialect that it speaks. The words are the
    /// names of Translation's profiles.
    package enum UpstreamKind: String, Sendable, CaseIterable {
        /// Chosen by the upstream's host.
        case auto
        case openrouter, openai, anthropic, azure, dashscope, deepseek, google, groq, mimo
        case minimax, mistral, moonshot, xai, zai, vllm
        case llamaCpp = "llama.cpp"
        case lmstudio, ollama
        /// What every server should understand.
        case generic
    }

    /// The API by which the upstream is asked.
    package enum UpstreamAPIChoice: String, Sendable, CaseIterable {
        /// By what the upstream is known for, and by what models need.
        case auto
        case chat, responses, messages
    }

    /// The API by which the main upstream is asked.
    package var api: UpstreamAPI { upstreamAPI.api(at: upstreamURL, profile) }

    /// The main upstream's dialect.
    package var profile: UpstreamProfile { upstreamKind.profile(at: upstreamURL) }

    /// Whether the main upstream requires a key and none is set, so that it cannot be asked. Costs a
    /// search; requests ask their `Upstream`.
    package var lacksKey: Bool { upstreamKeys.isEmpty && profile.needsKey }

    /// What chooses among several keys of an upstream.
    package enum KeyChoice: String, Sendable, CaseIterable {
        /// A session keeps to its key, as long as that works.
        case sticky
        /// The first that works.
        case first
    }

    /// Failures after which a chain's next model is asked.
    package enum FallbackCause: String, Sendable, CaseIterable {
        /// The upstream or the model cannot answer: connections, time-outs, server errors.
        case unavailable
        /// The key may not: rate limits, credit, refused keys.
        case limit
        /// The prompt is longer than the model's context.
        case context
        /// The content is not wanted.
        case policy
    }
}

extension Configuration.UpstreamAPIChoice {
    /// The API that is chosen; without one, what the upstream is known for. Base paths that end in
    /// `/anthropic` are those of the Messages API.
    package func api(at url: UpstreamURL, _ profile: UpstreamProfile) -> UpstreamAPI {
        switch self {
        case .auto: url.basePath.hasSuffix("/anthropic") ? .messages : profile.api
        case .chat: .chat
        case .responses: .responses
        case .messages: .messages
        }
    }
}

extension Configuration.UpstreamKind {
    /// The dialect of this kind of server; of no kind, what the host is known for.
    package func profile(at url: UpstreamURL) -> UpstreamProfile {
        UpstreamProfile.named(rawValue) ?? .forHost("\(url.host):\(url.port)")
    }
}
