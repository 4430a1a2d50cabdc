// The settings of the world, which change in the midst of requests, and what they demand of a call:
// that it goes where its own request's settings send it, with that upstream's key, in its dialect.

import Gateway
import TestSupport
import Translation

extension World {
    private static let common: [(key: String, value: String)] = [
        ("CLAUDE_PROXY_MAX_BODY", "64KiB")
    ]

    /// The first two have one upstream; the next three one each, of another key, model or dialect; then
    /// come two upstreams, and three of which one has a pool of keys.
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
        [
            ("OPENROUTER_API_KEY", AnswerPlan.key + "-first"),
            ("OPENROUTER_MODEL", "chain/one | chain/two@second"),
            ("CLAUDE_PROXY_UPSTREAM_SECOND_URL", "https://second.example/v1"),
            ("CLAUDE_PROXY_UPSTREAM_SECOND_KEY", AnswerPlan.key + "-of-second"),
            ("CLAUDE_PROXY_STATUS_HOLD", "1s"), ("CLAUDE_PROXY_PING_INTERVAL", "500ms"),
            ("CLAUDE_PROXY_FIRST_BYTE_TIMEOUT", "5s"), ("CLAUDE_PROXY_FALLBACK_AFTER", "2s"),
        ],
        [
            ("OPENROUTER_API_KEY", AnswerPlan.key + "-main"),
            ("OPENROUTER_MODEL", "chain/one@pool | chain/two | chain/three@third"),
            ("CLAUDE_PROXY_UPSTREAM_POOL_URL", "https://pool.example/v1"),
            (
                "CLAUDE_PROXY_UPSTREAM_POOL_KEY",
                "\(AnswerPlan.key)-pool-1,\(AnswerPlan.key)-pool-2,\(AnswerPlan.key)-pool-3"
            ),
            ("CLAUDE_PROXY_UPSTREAM_THIRD_URL", "http://127.0.0.1:9000/v1"),
            ("CLAUDE_PROXY_UPSTREAM_THIRD_KEY", AnswerPlan.key + "-third"),
            ("CLAUDE_PROXY_FALLBACK_ON", "unavailable,limit,policy"),
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

    /// Who may be asked for a request by these settings, in order: names of upstreams, and models.
    private static func chain(
        _ settings: Settings, _ ask: RequestPlan.Ask
    ) -> [(name: String, model: String)] {
        let isDefault = ask.model == settings.configuration.defaultModel
        guard isDefault || !ask.model.contains("/") else { return [("main", ask.model)] }
        return settings.configuration.defaultChain.entries.map { entry in
            let target = ModelTarget(entry, among: settings.configuration.upstreamNames)
            return (target.upstream, target.model)
        }
    }

    /// Whether these settings send a request of this kind there, and at which place of its chain.
    private static func place(
        of call: UpstreamCall, _ model: String?, in settings: Settings, _ ask: RequestPlan.Ask
    ) -> Int? {
        guard settings.upstreams.contains(call.upstream) else { return nil }
        return chain(settings, ask).firstIndex {
            $0.name == call.upstream.configuration.name && $0.model == model
        }
    }

    /// The first call of a request goes where its settings say, in the words that are understood there.
    ///
    /// - Returns: the settings that send it there.
    func checkDestination(
        of call: UpstreamCall, _ body: ReferenceJSON, _ ask: RequestPlan.Ask, marker: Int,
        on connection: Connection
    ) throws -> [Settings] {
        let profile = call.upstream.profile
        try require(body["top_k"] == nil || profile.allowsTopK, "top_k in another dialect")
        try require(
            body["session_id"] == nil || profile.allowsSessionID, "session_id in another dialect")
        guard calls[marker] == nil else { return [] }
        let possible = settings(of: marker, on: connection).filter {
            Self.place(of: call, body["model"]?.text, in: $0, ask) != nil
        }
        try require(
            !possible.isEmpty,
            "a call to \(call.upstream.url) that its request's settings do not make")
        if possible.allSatisfy({ Self.place(of: call, body["model"]?.text, in: $0, ask) != 0 }) {
            reached(.askedAnotherFirst)
        }
        return Array(possible)
    }

    /// A request that is asked again stays in its chain, as it was when it began, whatever has been set
    /// meanwhile: it repeats the same call once at most, and not at once, and never goes back to whom it
    /// has left.
    func checkNextDestination(
        _ call: UpstreamCall, _ body: ReferenceJSON, _ ask: RequestPlan.Ask?, after earlier: Call
    ) throws {
        let model = body["model"]?.text
        if !state.settings.upstreams.contains(call.upstream) { reached(.retriedAfterReload) }
        if call.upstream == earlier.upstream, model == earlier.model {
            guard call.body == earlier.body else { return }
            earlier.history.repeats += 1
            try require(earlier.history.repeats <= 1, "the same is asked a third time")
            try require(
                now >= earlier.startedAt + .milliseconds(50), "the same is asked at once")
            return
        }
        // What hostile clients ask for is anybody's guess.
        guard let ask else { return }
        try require(
            earlier.history.settings.contains { Self.place(of: call, model, in: $0, ask) != nil },
            "a request leaves its chain for \(call.upstream.url)")
        let target = Call.Target(upstream: call.upstream, model: model)
        try require(!earlier.history.left.contains(target), "somebody who failed is asked again")
        earlier.history.left.append(Call.Target(upstream: earlier.upstream, model: earlier.model))
        let isSameEntry =
            call.upstream.configuration.name == earlier.upstream.configuration.name
            && model == earlier.model
        reached(isSameEntry ? .changedKey : .fellBack)
        if earlier.history.left.count >= 2 { reached(.askedThree) }
        if earlier.wasCancelled { reached(.leftSlow) }
    }
}
