// What the gateway does for prompt caches, and what it knows of their price.

import Testing
import Translation

@testable import Gateway

@Suite("Prompt caches") struct PromptCacheTests {
    private func driver(_ settings: [(key: String, value: String)] = []) throws -> SessionDriver {
        try SessionDriver([("OPENROUTER_API_KEY", "sk-or-secret")] + settings)
    }

    private func ask(
        _ driver: SessionDriver, session: String? = "s-1", system: String = "You are.",
        first: String = "hi", turns: Int = 0
    ) {
        var messages = #"{"role":"user","content":"\#(first)"}"#
        for turn in 0..<turns {
            messages +=
                #",{"role":"assistant","content":"a\#(turn)"},{"role":"user","content":"u\#(turn)"}"#
        }
        driver.output = []
        driver.post(
            "/v1/messages",
            #"{"model":"m","max_tokens":9,"system":"\#(system)","messages":[\#(messages)]}"#,
            fields: session.map { "X-Claude-Code-Session-Id: \($0)\r\n" } ?? "")
    }

    private func finish(
        _ driver: SessionDriver, provider: String = "DeepInfra", _ more: String = ""
    ) {
        driver.respond()
        driver.upstream(
            #"data: {"id":"gen-1","model":"m","provider":"\#(provider)","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":600,"cache_write_tokens":100}\#(more)}}"#
                + "\n\ndata: [DONE]\n\n")
        driver.upstreamEnds()
    }

    private func body(_ driver: SessionDriver) throws -> String {
        String(decoding: try #require(driver.calls.last).body, as: UTF8.self)
    }

    // MARK: Prefixes

    @Test func aPromptThatGoesOnIsNoNews() throws {
        let driver = try driver()
        for turns in 0..<30 {
            ask(driver, turns: turns)
            finish(driver)
        }
        #expect(driver.records.allSatisfy { $0.divergence == nil })
        #expect(Set(driver.records.map(\.sessionHash)).count == 1)
        #expect(driver.records[0].sessionHash.count == 16)
        // What the log names is the beginning of what the upstream gets.
        let name = String(decoding: driver.records[0].sessionHash, as: UTF8.self)
        #expect(try body(driver).contains(#""session_id":"\#(name)"#))
    }

    @Test func aPromptThatBeginsAnewIs() throws {
        let driver = try driver()
        ask(driver, turns: 2)
        finish(driver)
        ask(driver, system: "You were.", turns: 3)
        finish(driver)
        #expect(driver.records[1].divergence == .message(index: 0, role: .system, offset: 0))
        // Not in every turn.
        ask(driver, system: "You will be.", turns: 4)
        finish(driver)
        #expect(driver.records[2].divergence == nil)
        driver.wait(.seconds(60))
        driver.now += .seconds(300)
        driver.session = ClientSession(
            driver.state, peer: driver.session.peer, isAdmitted: true, at: driver.now)
        ask(driver, system: "You are.", turns: 5)
        finish(driver)
        #expect(driver.records[3].divergence != nil)
    }

    @Test func aChangedBeginningIsKnownByWhatFollows() throws {
        let driver = try driver()
        ask(driver, turns: 3)
        finish(driver)
        ask(driver, first: "hello", turns: 4)
        finish(driver)
        #expect(driver.records[1].divergence == .message(index: 1, role: .user, offset: 0))
    }

    @Test func otherConversationsOfTheSessionAreOthers() throws {
        let driver = try driver()
        ask(driver, turns: 3)
        finish(driver)
        ask(driver, system: "Write a title.", first: "title")
        finish(driver)
        ask(driver, session: "s-2", system: "Another.", turns: 3)
        finish(driver)
        ask(driver, session: nil, system: "None.", turns: 3)
        finish(driver)
        ask(driver, turns: 4)
        finish(driver)
        #expect(driver.records.allSatisfy { $0.divergence == nil })
    }

    @Test func aTurnThatIsTakenBackIsNoBreak() throws {
        let driver = try driver()
        ask(driver, turns: 5)
        finish(driver)
        ask(driver, turns: 2)
        finish(driver)
        #expect(driver.records[1].divergence == nil)
    }

    @Test func conversationsAreForgotten() {
        var guardian = PrefixGuardian()
        var other = PromptFingerprint()
        other.tools = 1
        for session in 0...UInt64(PrefixGuardian.conversationsMax) {
            #expect(guardian.note(PromptFingerprint(), session: session, of: 1, at: .zero) == nil)
        }
        #expect(guardian.note(other, session: 0, of: 1, at: .zero) == nil)
    }

    // MARK: Providers

    @Test func aSessionStaysWithItsProviderWhenItIsToldTo() throws {
        let driver = try driver([("CLAUDE_PROXY_PIN_PROVIDER", "true")])
        ask(driver)
        #expect(try !body(driver).contains("provider"))
        finish(driver, provider: "Google AI Studio")
        ask(driver)
        #expect(
            try body(driver).hasSuffix(
                #","provider":{"order":["google-ai-studio"],"allow_fallbacks":true}}"#))
        // Another has answered: that one has the cache now.
        finish(driver, provider: "Z.AI")
        ask(driver)
        #expect(try body(driver).contains(#"{"order":["z-ai"],"#))
        finish(driver, provider: #"Bad\"Name"#)
        ask(driver, session: "s-2")
        #expect(try !body(driver).contains("provider"))
    }

    @Test func byDefaultItDoesNot() throws {
        let driver = try driver()
        ask(driver)
        finish(driver)
        ask(driver)
        #expect(try !body(driver).contains("provider"))
    }

    @Test(arguments: [429, 500, 503, 502, 400, 402])
    func aFailureReleasesIt(status: Int) throws {
        let driver = try driver([("CLAUDE_PROXY_PIN_PROVIDER", "true")])
        ask(driver)
        finish(driver)
        ask(driver)
        for _ in 0..<2 where driver.records.count == 1 {
            driver.respond(status: status)
            driver.upstream(#"{"error":{"code":\#(status),"message":"no"}}"#)
            driver.upstreamEnds()
        }
        #expect(driver.records.count == 2)
        // The second try, if there was one, is open to all.
        if driver.calls.count == 3 { #expect(try !body(driver).contains("provider")) }
        ask(driver)
        #expect(try body(driver).contains("provider") == (status < 429))
    }

    @Test func aBrokenConnectionReleasesIt() throws {
        let driver = try driver([("CLAUDE_PROXY_PIN_PROVIDER", "true")])
        ask(driver)
        finish(driver)
        ask(driver)
        driver.upstreamEnds(TransferFailure(.connect, detail: "refused"))
        #expect(driver.calls.count == 3)
        #expect(try !body(driver).contains("provider"))
    }

    @Test func pinsAreBounded() {
        var pins = ProviderPins()
        for session in 0..<UInt64(3000) { pins.answered(session, of: 1, by: Array("P".utf8)) }
        let pinned = (0..<UInt64(3000)).filter { pins.provider(of: $0) != nil }
        #expect(pinned.count == ProviderPins.sessionsMax && pinned.first == 1976)
    }

    @Test func oneClientDoesNotDriveOutTheSessionsOfOthers() {
        var pins = ProviderPins()
        for session in 0..<UInt64(100) {
            pins.answered(session, of: session % 2, by: Array("P".utf8))
        }
        for session in 1000..<UInt64(9000) {
            pins.answered(session, of: 7, by: Array("P".utf8))
        }
        #expect((0..<UInt64(100)).allSatisfy { pins.provider(of: $0) != nil })
    }

    @Test func whoHasMostGivesUpHisOldest() {
        typealias Entry = (key: Int, owner: UInt64, lastUsed: Int)
        let entries: [Entry] = [(0, 1, 1), (1, 2, 5), (2, 2, 4), (3, 2, 9), (4, 1, 2)]
        #expect(FairShare.victim(of: entries) == 2)
        #expect(FairShare.victim(of: entries.dropLast(2)) == 2)
        #expect(FairShare.victim(of: [(0, 1, 3), (1, 2, 2)] as [Entry]) == 1)
        #expect(FairShare.victim(of: [] as [Entry]) == nil)
    }

    // MARK: Money

    private static let prices = """
        [{"id":"openai/gpt-oss-120b","pricing":{"prompt":"0.000002","completion":"0.00001",
        "input_cache_read":"0.0000002","input_cache_write":"0.0000025"}}]
        """

    @Test func theListSaysWhatTheUpstreamDoesNot() throws {
        let driver = try driver()
        driver.state.catalogue = ModelCatalogueTests.catalogue(Self.prices)
        ask(driver)
        finish(driver)
        let record = try #require(driver.records.first)
        // 300 × 2 + 600 × 0.2 + 100 × 2.5 + 10 × 10 millionths.
        #expect(String(decoding: record.cost, as: UTF8.self) == "0.00107")
        #expect(record.isCostListed)
        // 600 × 1.8 − 100 × 0.5.
        #expect(record.cacheSaving?.description == "0.00103")
    }

    @Test func whatTheUpstreamSaysHolds() throws {
        let driver = try driver()
        driver.state.catalogue = ModelCatalogueTests.catalogue(Self.prices)
        ask(driver)
        finish(driver, #","cost":0.5"#)
        let record = try #require(driver.records.first)
        #expect(String(decoding: record.cost, as: UTF8.self) == "0.5" && !record.isCostListed)
    }

    @Test func withoutPricesNothingIsMadeUp() throws {
        let driver = try driver()
        ask(driver)
        finish(driver)
        #expect(driver.records[0].cost.isEmpty && driver.records[0].cacheSaving == nil)
    }

    @Test func whoMayAskNoModelLearnsOfNoCost() throws {
        let driver = try SessionDriver(
            [
                ("OPENROUTER_API_KEY", "sk-or-secret"),
                ("CLAUDE_PROXY_CLIENT_TOKENS", "0123456789abcdef0"),
            ], peer: Peer(isLocal: false, name: "192.0.2.1"))
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.text.contains(#""status":"healthy""#) && !driver.text.contains("usage"))
        #expect(!driver.text.contains("token_calibration"), "it names the models in use")
        driver.output = []
        driver.receive(
            "GET /health HTTP/1.1\r\nHost: localhost\r\nx-api-key: 0123456789abcdef0\r\n\r\n")
        #expect(driver.text.contains(#""usage":{"#) && driver.text.contains("token_calibration"))
    }

    @Test func theSumsAreInHealthAndInALine() throws {
        let driver = try driver()
        var totals = UsageTotals()
        #expect(totals.description == "")
        totals.inputTokens = 100
        totals.cacheReadTokens = 300
        totals.cost = MoneyAmount(picodollars: 1_500_000_000_000)
        totals.cacheSaving = MoneyAmount(picodollars: -20_000_000_000)
        totals.prefixBreaks = 2
        let sums = totals
        driver.state.usageTotals = { sums }
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(
            driver.text.contains(
                #""usage":{"input_tokens":100,"cache_read_tokens":300,"cache_write_tokens":0,"output_tokens":0,"cost_usd":"1.5","cache_saving_usd":"-0.02","prefix_breaks":2}"#
            ))
        #expect(
            totals.description
                == "400 prompt tokens (75 % from caches), $1.50 spent, $0.02 lost by writing caches, 2 prompts did not go on from their last turn"
        )
    }
}
