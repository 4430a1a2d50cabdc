// What a client and an administrator see when the first of a chain cannot answer: the rows of the
// decision table through a whole session.

import Testing
import Translation

@testable import Gateway

@Suite("Fallbacks") struct FallbackTests {
    private static let chain: [(key: String, value: String)] = [
        ("OPENROUTER_API_KEY", "sk-main"),
        ("CLAUDE_PROXY_UPSTREAM_GROQ_URL", "https://api.groq.com/openai/v1"),
        ("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "gsk-1"),
        ("CLAUDE_PROXY_UPSTREAM_LOCAL_URL", "http://127.0.0.1:11434/v1"),
        ("OPENROUTER_MODEL", "a/one | b/two@groq | qwen3:8b@local"),
    ]

    private func driver(_ more: [(key: String, value: String)] = []) throws -> SessionDriver {
        try SessionDriver(
            Self.chain.filter { old in !more.contains { $0.key == old.key } } + more)
    }

    private func ask(
        _ driver: SessionDriver, _ model: String = "claude-sonnet-4-5", isStreaming: Bool = true,
        members: String = "", fields: String = ""
    ) {
        driver.output = []
        driver.post(
            "/v1/messages",
            #"{"model":"\#(model)","max_tokens":100,"stream":\#(isStreaming),"messages":[{"role":"user","content":"hi"}]\#(members)}"#,
            fields: fields)
    }

    private func refuse(_ driver: SessionDriver, _ status: Int, _ error: String = "no") {
        driver.respond(status: status)
        driver.upstream(#"{"error":{"code":\#(status),"message":"\#(error)"}}"#)
        driver.upstreamEnds()
    }

    private func answer(_ driver: SessionDriver, _ text: String = "yes") {
        driver.respond()
        driver.upstream(Chunk.text(text) + Chunk.end())
        driver.upstreamEnds()
    }

    private func asked(_ driver: SessionDriver) -> [String] {
        driver.calls.map { call in
            let body = String(decoding: call.body, as: UTF8.self)
            let model = body.split(separator: #""model":""#)[1].prefix { $0 != "\"" }
            return "\(model)@\(call.upstream.configuration.name)"
        }
    }

    // MARK: Rows

    @Test(
        "The next model is asked at once after what does not pass in a moment",
        arguments: [500, 504, 529, 404, 408, 401, 402, 429, 403])
    func next(_ status: Int) throws {
        let driver = try driver()
        ask(driver)
        refuse(driver, status)
        #expect(asked(driver) == ["a/one@main", "b/two@groq"])
        answer(driver)
        #expect(driver.text.components(of: "event: message_start") == 1)
        #expect(driver.text.contains("x-claude-proxy-upstream: groq\r\n"))
        #expect(driver.text.contains("x-claude-proxy-model: b/two\r\n"))
        #expect(driver.text.contains("x-claude-proxy-attempts: 2\r\n"))
        let record = try #require(driver.records.last)
        #expect(record.outcome == .completed && record.upstream == "groq")
        #expect(record.upstreamModel == Array("b/two".utf8) && record.retries == 1)
        #expect(record.fallbackFrom == "a/one" && record.fallbackReason != nil)
        let keys = driver.calls.map { $0.upstream.configuration.key?.reveal() }
        #expect(keys == ["sk-main", "gsk-1"])
    }

    @Test(
        "The same is asked once more before the next",
        arguments: [502, 503])
    func same(_ status: Int) throws {
        let driver = try driver()
        driver.repeatsAtOnce = false
        ask(driver)
        refuse(driver, status)
        driver.wait(.milliseconds(49))
        #expect(driver.calls.count == 1)
        driver.wait(.milliseconds(201))
        #expect(asked(driver) == ["a/one@main", "a/one@main"])
        refuse(driver, status)
        #expect(asked(driver).last == "b/two@groq")
        refuse(driver, status)
        #expect(asked(driver).last == "qwen3:8b@local")
        refuse(driver, status)
        #expect(driver.calls.count == 4)
        let expected = status == 502 ? "HTTP/1.1 500 " : "HTTP/1.1 529 "
        #expect(driver.text.hasPrefix(expected) || driver.text.hasPrefix("HTTP/1.1 502 "))
        #expect(driver.text.contains("asked in vain as well: b/two@groq"))
    }

    @Test(
        "The next is asked after a connection that fails",
        arguments: [
            TransferFailure.Kind.connect, .connectTimeout, .certificate, .tls, .closedBeforeAnswer,
            .brokenAnswer, .resolve, .protocolViolation,
        ])
    func connections(_ kind: TransferFailure.Kind) throws {
        let driver = try driver()
        ask(driver)
        driver.upstreamEnds(TransferFailure(kind, detail: "no"))
        if asked(driver).last == "a/one@main" {
            driver.upstreamEnds(TransferFailure(kind, detail: "no"))
        }
        #expect(asked(driver).last == "b/two@groq")
    }

    @Test("Nobody else is asked about the request itself", arguments: [400, 412, 413, 422])
    func requestFaults(_ status: Int) throws {
        let driver = try driver()
        ask(driver)
        refuse(driver, status)
        #expect(driver.calls.count == 1 && driver.records.count == 1)
    }

    @Test func contentIsShoppedRoundOnlyIfThatIsWanted() throws {
        let refusal = "Your input was flagged: content policy"
        let strict = try driver()
        ask(strict)
        strict.respond(status: 403)
        let body =
            #"{"error":{"code":403,"message":"\#(refusal)","metadata":{"reasons":["violence"],"flagged_input":"x"}}}"#
        strict.upstream(body)
        strict.upstreamEnds()
        #expect(strict.calls.count == 1)
        #expect(strict.text.contains(#""type":"policy_blocked""#))
        #expect(strict.text.contains("x-should-retry: false"))
        let lax = try driver([("CLAUDE_PROXY_FALLBACK_ON", "policy")])
        ask(lax)
        lax.respond(status: 403)
        lax.upstream(body)
        lax.upstreamEnds()
        #expect(lax.calls.count == 2)
    }

    @Test(arguments: [("unavailable", 429, 1), ("limit", 429, 2), ("limit", 500, 1)])
    func causesAreChosen(_ causes: String, _ status: Int, _ calls: Int) throws {
        let driver = try driver([("CLAUDE_PROXY_FALLBACK_ON", causes)])
        ask(driver)
        refuse(driver, status)
        #expect(driver.calls.count == calls)
    }

    @Test func aLongPromptGoesToAModelThatIsKnownToTakeIt() throws {
        for causes in ["unavailable,limit", "unavailable,limit,context"] {
            let driver = try driver([("CLAUDE_PROXY_FALLBACK_ON", causes)])
            let groq = driver.state.settings.pool(named: "groq").url.description
            driver.state.know(
                ModelCatalogueTests.catalogue(
                    #"[{"id":"b/two","context_length":8000},{"id":"x"}]"#),
                of: groq)
            let local = driver.state.settings.pool(named: "local").url.description
            driver.state.know(
                ModelCatalogueTests.catalogue(
                    #"[{"id":"qwen3:8b","context_length":400000},{"id":"x"}]"#), of: local)
            ask(driver)
            refuse(
                driver, 400,
                "This endpoint's maximum context length is 16000 tokens. However, you requested"
                    + " about 17000 tokens (16900 of text input, 100 in the output).")
            if causes.contains("context") {
                #expect(asked(driver).last == "qwen3:8b@local")
            } else {
                #expect(driver.calls.count == 1)
                #expect(driver.text.contains("prompt is too long"))
            }
        }
    }

    @Test func aModelThatIsTooSmallIsPassedOver() throws {
        let driver = try driver()
        let groq = driver.state.settings.pool(named: "groq").url.description
        driver.state.know(
            ModelCatalogueTests.catalogue(#"[{"id":"b/two","context_length":2000},{"id":"x"}]"#),
            of: groq)
        let words = String(repeating: "word ", count: 5000)
        ask(driver, members: #","system":"\#(words)""#)
        refuse(driver, 500)
        #expect(asked(driver) == ["a/one@main", "qwen3:8b@local"])
    }

    // MARK: Streams

    @Test func anotherAnswersInTheSameStream() throws {
        let driver = try driver()
        ask(driver)
        driver.respond()
        driver.upstream(Chunk.comment)
        driver.wait(.seconds(25))
        #expect(driver.text.contains("event: ping"))
        driver.upstream(#"data: {"error":{"code":500,"message":"oops"}}"# + "\n\n")
        #expect(asked(driver) == ["a/one@main", "b/two@groq"])
        answer(driver)
        #expect(driver.text.components(of: "HTTP/1.1 ") == 1)
        #expect(driver.text.components(of: "event: message_start") == 1)
        #expect(driver.text.components(of: "event: message_stop") == 1)
        #expect(!driver.text.contains("event: error"))
    }

    @Test func nobodyIsAskedAfterContentAndTheSessionGoesElsewhere() throws {
        let driver = try driver()
        let fields = "x-claude-code-session-id: s1\r\n"
        ask(driver, fields: fields)
        driver.respond()
        driver.upstream(Chunk.text("half"))
        driver.upstreamEnds(TransferFailure(.brokenAnswer, detail: "reset"))
        #expect(driver.calls.count == 1 && driver.text.contains("event: error"))
        ask(driver, isStreaming: false, fields: fields)
        #expect(asked(driver).last == "b/two@groq")
        answer(driver)
        #expect(driver.records.last?.fallbackFrom == "a/one")
        // Another session is not moved.
        ask(driver, fields: "x-claude-code-session-id: s2\r\n")
        #expect(asked(driver).last == "a/one@main")
    }

    @Test func aSessionStaysWithItsStandIn() throws {
        let driver = try driver()
        let fields = "x-claude-code-session-id: s1\r\n"
        ask(driver, fields: fields)
        refuse(driver, 500)
        answer(driver)
        ask(driver, fields: fields)
        #expect(asked(driver).last == "b/two@groq")
        answer(driver)
        // Its sub-agent has a prompt of its own.
        ask(driver, fields: fields + "x-claude-code-agent-id: a1\r\n")
        #expect(asked(driver).last == "a/one@main")
        answer(driver)
        driver.wait(.seconds(10))
        ask(driver, fields: fields)
        #expect(asked(driver).last == "b/two@groq")
        // When that fails, too, the first has its turn again.
        refuse(driver, 500)
        #expect(asked(driver).last == "a/one@main")
        answer(driver)
    }

    @Test func whoTakesLongIsLeftForAnother() throws {
        let driver = try driver([("CLAUDE_PROXY_FALLBACK_AFTER", "20s")])
        ask(driver)
        driver.respond()
        driver.upstream(Chunk.comment)
        driver.wait(.seconds(21))
        #expect(asked(driver) == ["a/one@main", "b/two@groq"])
        #expect(driver.actions.filter { $0 == "cancel" }.count == 1)
        answer(driver)
        #expect(driver.text.components(of: "event: message_start") == 1)
        #expect(driver.records.last?.fallbackReason == .timeout)
    }

    @Test func whoIsTheLastIsWaitedFor() throws {
        let driver = try driver([
            ("CLAUDE_PROXY_FALLBACK_AFTER", "20s"), ("OPENROUTER_MODEL", "a/one"),
            ("CLAUDE_PROXY_MODEL_MAP", "x=b/two@groq,y=qwen3:8b@local"),
        ])
        ask(driver)
        driver.wait(.seconds(100))
        #expect(driver.calls.count == 1)
        answer(driver)
        #expect(driver.records.last?.outcome == .completed)
    }

    @Test func theSearchHasAnEnd() throws {
        let driver = try driver()
        ask(driver)
        driver.wait(.seconds(91))
        refuse(driver, 500)
        #expect(driver.calls.count == 1)
        #expect(driver.text.contains("event: error"))
        #expect(driver.text.contains(#""type":"overloaded_error""#))
    }

    @Test func theFirstModelOfTheChainStandsForTheChain() throws {
        let driver = try driver()
        ask(driver, "a/one")
        refuse(driver, 500)
        #expect(asked(driver) == ["a/one@main", "b/two@groq"])
        answer(driver)
        ask(driver, "b/two@groq")
        let calls = driver.calls.count
        refuse(driver, 500)
        #expect(driver.calls.count == calls)
    }

    // MARK: Keys

    private static let pool = [
        ("OPENROUTER_API_KEY", "k1,k2,k3"), ("OPENROUTER_MODEL", "a/one"),
        ("CLAUDE_PROXY_KEY_CHOICE", "first"),
    ].map { (key: $0.0, value: $0.1) }

    private func keys(_ driver: SessionDriver) -> [String?] {
        driver.calls.map { $0.upstream.configuration.key?.reveal() }
    }

    @Test("Another key is asked with", arguments: [401, 402, 429])
    func anotherKey(_ status: Int) throws {
        let driver = try SessionDriver(Self.pool)
        ask(driver)
        refuse(driver, status)
        #expect(keys(driver) == ["k1", "k2"])
        answer(driver)
        #expect(driver.records.last?.fallbackFrom == "")
        ask(driver)
        #expect(keys(driver).last == "k2")
        answer(driver)
        #expect(driver.told.isEmpty == (status == 429))
    }

    @Test func allKeysAreTriedAndTheReasonNamesOne() throws {
        let driver = try SessionDriver(Self.pool)
        ask(driver)
        for _ in 0..<3 { refuse(driver, 401, "User not found.") }
        #expect(keys(driver) == ["k1", "k2", "k3"])
        #expect(driver.text.contains("key 1 of 3 in OPENROUTER_API_KEY"))
        #expect(driver.text.contains("x-should-retry: false"))
        #expect(driver.told.count == 3)
        #expect(driver.told[0].text.contains("key 1 of 3"))
        driver.output = []
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.text.contains(#""status":"degraded""#))
        #expect(driver.text.contains(#""keys":3,"keys_left_alone":3"#))
    }

    @Test func noKeyGoesToAnotherHost() throws {
        let driver = try driver([("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "")])
        ask(driver)
        refuse(driver, 500)
        // Groq wants a key and has none, so that it is not asked.
        #expect(asked(driver) == ["a/one@main", "qwen3:8b@local"])
        #expect(keys(driver) == ["sk-main", nil])
    }

    // MARK: When all fail

    /// Each model is at its limit for so many seconds.
    private func limit(_ driver: SessionDriver, _ waits: [Int]) {
        for seconds in waits {
            var head = UpstreamHead()
            head.status = 429
            head.retryAfter = Array("\(seconds)".utf8)
            driver.respond(head)
            driver.upstream(#"{"error":{"code":429,"message":"slow down"}}"#)
            driver.upstreamEnds()
        }
    }

    @Test func theNearestReleaseIsTold() throws {
        let driver = try driver()
        ask(driver)
        limit(driver, [90, 5, 86_400])
        #expect(driver.text.hasPrefix("HTTP/1.1 429 "))
        #expect(driver.text.contains("retry-after: 5\r\n"))
        #expect(!driver.text.contains("x-should-retry"))
    }

    @Test func aLongWaitIsNotLeftToTheClient() throws {
        let driver = try driver()
        ask(driver)
        limit(driver, [90, 300, 86_400])
        #expect(driver.text.contains("x-should-retry: false\r\n"))
        #expect(!driver.text.contains("retry-after"))
        #expect(driver.text.contains("resets in 90 s"))
    }

    @Test func oneThatMayPassIsToldBeforeALimit() throws {
        let driver = try driver()
        ask(driver)
        refuse(driver, 429)
        refuse(driver, 529)
        refuse(driver, 401)
        #expect(driver.text.hasPrefix("HTTP/1.1 529 "))
        #expect(driver.text.contains("a/one (rate_limited), qwen3:8b@local (key_refused)"))
    }

    @Test(
        "A client's leaving counts for nothing, at any stage", arguments: [0, 1, 2, 3])
    func leaving(_ stage: Int) throws {
        let driver = try driver()
        for _ in 0..<12 {
            let client = SessionDriver(of: driver)
            client.repeatsAtOnce = false
            client.post("/v1/messages", ClientSessionTests.streamBody)
            if stage >= 1 { client.respond() }
            if stage == 2 { client.upstream(Chunk.text("half")) }
            if stage == 3 { client.upstreamEnds(TransferFailure(.closedBeforeAnswer, detail: "")) }
            client.clientLeaves()
            #expect(client.records.map(\.outcome) == [.cancelled])
            if stage == 3 { break }
        }
        ask(driver)
        #expect(asked(driver) == ["a/one@main"])
        #expect(driver.told.isEmpty)
    }

    @Test func aDeadUpstreamIsNotAskedForEachRequest() throws {
        let driver = try driver()
        for _ in 0..<20 {
            ask(driver)
            while driver.calls.last?.upstream.configuration.name == "main",
                driver.session.deadline != nil,
                driver.records.count < 100
            {
                let before = driver.calls.count
                driver.upstreamEnds(TransferFailure(.connect, detail: "refused"))
                if driver.calls.count == before { break }
            }
            answer(driver)
        }
        #expect(asked(driver).filter { $0 == "a/one@main" }.count == 3)
        #expect(driver.records.allSatisfy { $0.outcome == .completed })
        #expect(driver.told.count == 1)
        driver.output = []
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(
            driver.text.contains(
                #""name":"main","url":"https://openrouter.ai/api/v1","state":"unreachable""#))
        #expect(driver.text.contains(#""status":"healthy""#))
    }

    // MARK: Clients who mean harm

    @Test func longNamesAreNeitherKeptNorRepeated() throws {
        let driver = try driver()
        let long = "x/" + String(repeating: "a", count: 100_000)
        ask(driver, long, members: #","fallbacks":[{"model":"\#(long)b"},{"model":"\#(long)c"}]"#)
        for _ in 0..<3 { refuse(driver, 500) }
        #expect(driver.calls.count == 3)
        #expect(driver.output.count < 2000, "\(driver.output.count) bytes")
        let record = try #require(driver.records.last)
        #expect(record.fallbackFrom.utf8.count <= 128 && record.upstreamModel.count <= 128)
        #expect(driver.state.chosenEntries.count == 0)
    }

    @Test func aModelThatAClientMayNotUseCostsNobodyTheKey() throws {
        let driver = try driver()
        ask(driver, "gated/model")
        refuse(driver, 403, "Forbidden")
        #expect(driver.records.count == 1 && driver.told.isEmpty)
        ask(driver)
        #expect(asked(driver).last == "a/one@main")
    }

    @Test func aRequestThatIsRefusedHereDoesNotKeepAnUpstreamAway() throws {
        let driver = try driver()
        for _ in 0..<5 {
            ask(driver)
            refuse(driver, 500)
            answer(driver)
        }
        ask(driver)
        #expect(asked(driver).last == "b/two@groq", "the breaker is open")
        answer(driver)
        driver.wait(.seconds(7))
        for _ in 0..<3 { ask(driver, members: #","thinking":{"type":7}"#) }
        #expect(driver.records.suffix(3).allSatisfy { $0.status == 400 })
        ask(driver)
        #expect(asked(driver).last == "a/one@main")
    }

    // MARK: Who asks

    private static let routes = [
        (
            "CLAUDE_PROXY_ROUTES",
            "subagent=s/all@groq,subagent.Explore=s/explore,compaction=c/c,auxiliary=x/x | qwen3:8b@local,websearch=w/w,over:1000=l/long"
        )
    ].map { (key: $0.0, value: $0.1) }

    @Test(
        "Requests go by their kind",
        arguments: [
            ("", "", "claude-opus-4", "a/one@main", ""),
            ("x-claude-code-agent-id: a1\r\n", "", "claude-opus-4", "s/all@groq", "subagent"),
            ("x-claude-code-agent-id: a1\r\n", "", "own/model", "s/all@groq", "subagent"),
            (
                "x-claude-code-agent-id: a1\r\nx-claude-code-agent-type: Explore\r\n", "",
                "claude-opus-4", "s/explore@main", "subagent.Explore"
            ),
            (
                "X-Claude-Code-Request-Class: compaction\r\n", "", "claude-opus-4", "c/c@main",
                "compaction"
            ),
            (
                "x-claude-code-request-class: auxiliary\r\n", "", "claude-opus-4", "x/x@main",
                "auxiliary"
            ),
            ("x-claude-code-request-class: auxiliary\r\n", "", "own/model", "own/model@main", ""),
            (
                "", #","tools":[{"type":"web_search_20250305","name":"web_search"}]"#,
                "claude-opus-4", "w/w@main", "websearch"
            ),
            ("", "", "own/model@local", "own/model@local", ""),
            (
                "x-claude-code-request-class: compaction\r\n", "", "a/one", "c/c@main", "compaction"
            ),
            ("", "", "claude-own/model@local", "own/model@local", ""),
            ("", "", "own/model@nowhere", "own/model@nowhere@main", ""),
        ])
    func kinds(
        _ fields: String, _ members: String, _ model: String, _ target: String, _ route: String
    ) throws {
        let driver = try driver(Self.routes)
        ask(driver, model, members: members, fields: fields)
        #expect(asked(driver) == [target])
        answer(driver)
        #expect(driver.records.last?.route == route)
        let hasAgent = fields.contains("agent-id")
        #expect((driver.records.last?.hints?.agentID ?? "") == (hasAgent ? "a1" : ""))
    }

    @Test func longPromptsGoTheirWayAndStayThere() throws {
        let driver = try driver(Self.routes)
        func ask(words: Int, _ more: String = "") {
            let text = String(repeating: "word ", count: words)
            self.ask(
                driver, members: #","system":"\#(text)""#,
                fields: "x-claude-code-session-id: s1\r\n" + more)
            self.answer(driver)
        }
        ask(words: 500)
        #expect(asked(driver).last == "a/one@main")
        ask(words: 1200)
        #expect(asked(driver).last == "l/long@main")
        ask(words: 800)
        #expect(asked(driver).last == "l/long@main")
        ask(words: 500)
        #expect(asked(driver).last == "a/one@main")
        ask(words: 3000)
        ask(words: 800, "x-claude-code-context-compacted: 1\r\n")
        #expect(asked(driver).last == "a/one@main")
    }

    @Test func theRequestsOwnFallbacksComeLast() throws {
        let driver = try driver([("OPENROUTER_MODEL", "a/one")])
        ask(
            driver,
            members: #","fallbacks":[{"model":"f/one"},{"model":"a/one"},{"model":"f/two@groq"},7]"#
        )
        refuse(driver, 529)
        refuse(driver, 529)
        refuse(driver, 529)
        #expect(asked(driver) == ["a/one@main", "f/one@main", "f/two@groq"])
    }

    @Test func reasoningOfAnotherMakerIsNotSentOn() throws {
        let driver = try driver()
        ask(driver, isStreaming: false)
        driver.respond()
        driver.upstream(
            #"data: {"id":"g","choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"c2VjcmV0","id":"r1","format":"openai-responses-v1","index":0}]},"finish_reason":null}]}"#
                + "\n\n")
        answer(driver)
        let text = driver.text
        let start = try #require(text.firstRange(of: #"[{"type":"#)).lowerBound
        let end = try #require(text.firstRange(of: #"],"stop_reason"#)).lowerBound
        let content = text[start...end]
        let history =
            #"[{"role":"user","content":"hi"},{"role":"assistant","content":\#(content)},{"role":"user","content":"on"}]"#
        func turn() {
            driver.output = []
            driver.post(
                "/v1/messages",
                #"{"model":"claude-opus-4","max_tokens":100,"messages":\#(history)}"#)
        }
        turn()
        let own = String(decoding: try #require(driver.calls.last).body, as: UTF8.self)
        #expect(own.contains("c2VjcmV0"))
        refuse(driver, 500)
        let other = String(decoding: try #require(driver.calls.last).body, as: UTF8.self)
        #expect(asked(driver).last == "b/two@groq" && !other.contains("c2VjcmV0"))
    }
}
