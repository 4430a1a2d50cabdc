// Token counts that the upstream makes: asked for where it has them, made here in every other case.

import Testing
import Translation

@testable import Gateway

@Suite("Counts by the upstream") struct UpstreamCountTests {
    private static let body =
        #"{"model":"claude-opus-5","system":"x-anthropic-billing-header: a","#
        + #""messages":[{"role":"user","content":"Hello there, how are you?"}]}"#

    private func driver(_ profile: String = "anthropic", key: String = "sk-ant-1") throws
        -> SessionDriver
    {
        try SessionDriver([
            ("OPENROUTER_API_KEY", key), ("CLAUDE_PROXY_UPSTREAM_URL", "https://a.example"),
            ("CLAUDE_PROXY_UPSTREAM_PROFILE", profile), ("CLAUDE_PROXY_UPSTREAM_API", "messages"),
            ("OPENROUTER_MODEL", "claude-opus-5-x"),
        ])
    }

    private func ask(_ driver: SessionDriver) {
        driver.post(
            "/v1/messages/count_tokens?beta=true", Self.body, fields: "anthropic-beta: b\r\n")
    }

    /// What the client was answered last; nil while it waits.
    private func count(_ driver: SessionDriver) -> Int? {
        let parts = driver.text.split(separator: #""input_tokens":"#)
        guard parts.count == 2 else { return nil }
        return Int(parts[1].prefix { $0.isNumber })
    }

    @Test("The upstream is asked with the client's bytes, and its count is the answer")
    func asked() throws {
        let driver = try driver()
        ask(driver)
        let call = try #require(driver.calls.first)
        #expect(call.resource == .tokenCount && call.forwarded?.query == "beta=true")
        #expect(call.forwarded?.lines.contains("anthropic-beta: b") == true)
        #expect(
            String(decoding: call.body, as: UTF8.self)
                == Self.body.replacing("claude-opus-5", with: "claude-opus-5-x"))
        #expect(count(driver) == nil)
        driver.respond(status: 200)
        driver.upstream(#"{"input_"#)
        driver.upstream(#"tokens": 4711}"#)
        driver.upstreamEnds()
        #expect(count(driver) == 4711)
        #expect(driver.text.contains("x-claude-proxy-upstream: main"))
        #expect(driver.records.first?.status == 200)
        #expect(driver.state.memoryHeld == 0)
    }

    @Test(
        "Whatever is no count is counted here",
        arguments: [
            (200, #"{"input_tokens":-1}"#), (200, "{}"), (200, ""), (200, "<html>"),
            (200, #"{"input_tokens":"5"}"#), (500, ""), (401, "{}"), (429, "{}"), (404, "{}"),
            (302, "{}"), (200, String(repeating: " ", count: 9000) + #"{"input_tokens":5}"#),
        ])
    func instead(_ status: Int, _ text: String) throws {
        let driver = try driver()
        ask(driver)
        driver.respond(status: status)
        driver.upstream(text)
        driver.upstreamEnds()
        let own = try #require(count(driver))
        #expect(own > 5 && own < 40)
        #expect(driver.records.count == 1)
    }

    @Test("A broken connection or a long wait is no reason for an error") func failures() throws {
        let broken = try driver()
        ask(broken)
        broken.upstreamEnds(TransferFailure(.connect, detail: "refused"))
        #expect(count(broken) != nil)
        let slow = try driver()
        ask(slow)
        slow.wait(.seconds(11))
        #expect(count(slow) == count(broken))
        #expect(slow.actions.contains("cancel"))
        slow.respond(status: 200)
        slow.upstream(#"{"input_tokens":4711}"#)
        #expect(!slow.text.contains("4711"))
    }

    @Test("What was asked in vain is counted between turns, not where a thousand may come at once")
    func betweenTurns() throws {
        let driver = try driver()
        driver.countsAtOnce = false
        ask(driver)
        driver.now += .seconds(11)
        driver.session.deadlineReached(at: driver.now, into: &driver.output)
        #expect(driver.text.isEmpty && driver.session.isCounting)
        #expect(driver.session.bytesToCount == Self.body.utf8.count)
        #expect(driver.session.deadline == nil)
        driver.countsAtOnce = true
        while driver.session.isCounting { driver.countFurther() }
        #expect(count(driver) != nil && driver.records.count == 1)
    }

    @Test("An upstream that is slow, down or at its limit is left alone for a minute") func pause()
        throws
    {
        for status in [0, 200, 429, 500, 503] {
            let driver = try driver()
            ask(driver)
            if status > 0 { driver.respond(status: status) }
            driver.upstreamEnds(status > 0 ? nil : TransferFailure(.connect, detail: "refused"))
            driver.now += .seconds(59)
            ask(driver)
            #expect(driver.calls.count == 1, "\(status)")
            driver.now += .seconds(2)
            ask(driver)
            #expect(driver.calls.count == 2, "\(status)")
        }
        // A refusal may be of this one request.
        let driver = try driver()
        for _ in 1...2 {
            ask(driver)
            driver.respond(status: 400)
            driver.upstreamEnds()
        }
        #expect(driver.calls.count == 2)
    }

    @Test("What an upstream does not have it is not asked for again at once") func missing() throws
    {
        let driver = try driver()
        for round in 1...2 {
            ask(driver)
            #expect(driver.calls.count == 1)
            if round == 1 {
                driver.respond(status: 404)
                driver.upstreamEnds()
            }
        }
        driver.now += .seconds(4000)
        ask(driver)
        #expect(driver.calls.count == 2)
    }

    @Test("A client that leaves, and a daemon that ends, break the question off")
    func brokenOff() throws {
        let left = try driver()
        ask(left)
        left.clientLeaves()
        #expect(left.actions.contains("cancel") && left.records.first?.outcome == .cancelled)
        left.session.connectionEnded()
        #expect(left.state.memoryHeld == 0)
        let ended = try driver()
        ask(ended)
        ended.interrupt()
        #expect(ended.text.hasPrefix("HTTP/1.1 529") && ended.actions.contains("cancel"))
    }

    @Test("A request that was sent ahead waits for the count") func pipelined() throws {
        let driver = try driver()
        ask(driver)
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.text.isEmpty)
        driver.respond(status: 200)
        driver.upstream(#"{"input_tokens":4711}"#)
        driver.upstreamEnds()
        driver.takeOutput()
        #expect(driver.records.count == 2)
    }

    @Test("Upstreams that have no counts, or cannot be asked, are not asked")
    func notAsked() throws {
        for (profile, key) in [("openrouter", "k"), ("deepseek", "k"), ("anthropic", "")] {
            let driver = try driver(profile, key: key)
            ask(driver)
            #expect(driver.calls.isEmpty, "\(profile)")
            #expect(count(driver) != nil)
        }
        #expect(MissingCounts().contains(Array("m".utf8), at: .zero) == false)
        var counts = MissingCounts()
        for number in 0..<200 {
            counts.note(Array("m\(number)".utf8), for: .seconds(60), at: .zero)
        }
        #expect((0..<200).count { counts.contains(Array("m\($0)".utf8), at: .zero) } == 64)
    }
}

extension GatewayState {
    /// What is held of the memory for requests and answers.
    fileprivate var memoryHeld: Int? { holdMemory(0, 0) }
}
