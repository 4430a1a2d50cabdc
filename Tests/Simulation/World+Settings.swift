// The settings of the world, which change in the midst of requests, and what they demand of a call:
// that it goes where its own request's settings send it, with that upstream's key, in its dialect.

import Gateway
import TestSupport
import Translation

extension World {
    private static let common: [(key: String, value: String)] = [
        ("CLAUDE_PROXY_MAX_BODY", "64KiB")
    ]

    /// The first two have one upstream; the others one each, of another key, model or dialect.
    private static let variants: [[(key: String, value: String)]] = [
        [("OPENROUTER_API_KEY", AnswerPlan.key)],
        [
            ("OPENROUTER_API_KEY", AnswerPlan.key),
            ("CLAUDE_PROXY_CLIENT_TOKENS", "client-token-0123456789"),
            ("CLAUDE_PROXY_PIN_PROVIDER", "true"),
        ],
        [
            ("OPENROUTER_API_KEY", AnswerPlan.key + "-second"),
            ("OPENROUTER_MODEL", "second/model"),
            ("CLAUDE_PROXY_STATUS_HOLD", "1s"), ("CLAUDE_PROXY_PING_INTERVAL", "500ms"),
            ("CLAUDE_PROXY_FIRST_BYTE_TIMEOUT", "5s"), ("CLAUDE_PROXY_IDLE_TIMEOUT", "3s"),
            ("CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", "4s"),
            ("CLAUDE_PROXY_WRITE_TIMEOUT", "6s"), ("CLAUDE_PROXY_MAX_BODY", "80KiB"),
            ("CLAUDE_PROXY_PIN_PROVIDER", "true"),
        ],
        [
            ("OPENROUTER_API_KEY", AnswerPlan.key + "-local"),
            ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:8080/v1"),
            ("OPENROUTER_MODEL", "local/model"), ("CLAUDE_PROXY_REPORT_MODEL", "upstream"),
        ],
        [
            ("OPENROUTER_API_KEY", AnswerPlan.key + "-small"),
            ("OPENROUTER_MODEL", "small/budget"), ("CLAUDE_PROXY_MEMORY_BUDGET", "1MiB"),
        ],
    ]

    static func settings() throws -> [Settings] {
        var made: [Settings] = []
        for variant in variants {
            let resolution = Configuration.resolve([.environment(common + variant)])
            guard let configuration = resolution.configuration else {
                throw Violation("\(resolution.faults)")
            }
            made.append(Settings(configuration, replacing: made.last))
        }
        try require(made[0].upstream == made[1].upstream, "an upstream that is the same is another")
        return made
    }

    /// What the upstream is asked with, and so what it may quote.
    static func key(of upstream: Upstream) throws -> String {
        guard let key = upstream.configuration.key?.reveal() else {
            throw Violation("a call without a key")
        }
        return key
    }

    /// The settings that may serve a request: those of the moment in which its first byte was read, or,
    /// when others were before it, of a later one.
    private func settings(of marker: Int, on connection: Connection) -> ArraySlice<Settings> {
        let client = connection.client
        guard let index = client.waiting.firstIndex(where: { $0.marker == marker }) else {
            return []
        }
        let number = client.ends.count - client.waiting.count + index
        guard number < connection.begun.count else { return [] }
        let begun = connection.begun[number]
        return begun.isAlone ? served[begun.index...begun.index] : served[begun.index...]
    }

    /// Whether a stream's status is no longer held back.
    func hasStatus(_ marker: Int, since: MonotonicTime, on connection: Connection) -> Bool {
        guard let plan = connection.client.waiting.first(where: { $0.marker == marker }),
            case .message(streams: true) = plan.kind,
            let settings = settings(of: marker, on: connection).last
        else { return false }
        return now > since + settings.configuration.statusHold
    }

    /// The first call of a request goes where its settings say, in the words that are understood there.
    func checkDestination(
        of call: UpstreamCall, _ body: ReferenceJSON, _ ask: RequestPlan.Ask, marker: Int,
        on connection: Connection
    ) throws {
        let possible = settings(of: marker, on: connection)
        if calls[marker] == nil {
            try require(
                possible.contains { settings in
                    let model =
                        ask.model.contains("/") ? ask.model : settings.configuration.defaultModel
                    return settings.upstream == call.upstream && body["model"]?.text == model
                }, "a call to \(call.upstream.url) that its request's settings do not make")
        }
        let profile = call.upstream.profile
        try require(body["top_k"] == nil || profile.allowsTopK, "top_k in another dialect")
        try require(
            body["session_id"] == nil || profile.allowsSessionID, "session_id in another dialect")
    }

    /// A request that is asked again stays with its upstream, whatever has been set meanwhile.
    func checkSameDestination(
        _ call: UpstreamCall, _ body: ReferenceJSON, as earlier: Call
    ) throws {
        try require(call.upstream == earlier.upstream, "a retry goes to another upstream")
        try require(body["model"]?.text == earlier.model, "a retry asks another model")
        if state.settings.upstream != call.upstream { reached(.retriedAfterReload) }
    }
}
