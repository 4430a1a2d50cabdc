// Counts on a connection: while one goes on, whatever else may happen to the connection.

import Testing
import Translation

@testable import Gateway

@Suite("Counting on a connection") struct CountingTests {
    /// A request that takes many steps.
    private static let long = String(repeating: "The quick brown fox jumps. ", count: 4000)

    private func body(_ text: String, more: String = "") -> String {
        #"{"model":"claude-sonnet-4-5"\#(more),"messages":[{"role":"user","content":"\#(text)"}]}"#
    }

    private func postCount(_ driver: SessionDriver, _ text: String) {
        driver.post("/v1/messages/count_tokens", body(text))
    }

    private func postMessage(_ driver: SessionDriver, _ text: String) {
        driver.post("/v1/messages", body(text, more: #","max_tokens":9,"stream":true"#))
    }

    /// The number after `"input_tokens":` where it stands last.
    private func inputTokens(_ driver: SessionDriver) -> Int? {
        let parts = driver.text.split(separator: "\"input_tokens\":")
        guard parts.count > 1, let last = parts.last else { return nil }
        return Int(last.prefix { $0.isNumber })
    }

    @Test func aCountIsMadeInStepsAndThenAnswered() throws {
        let driver = try SessionDriver()
        driver.countsAtOnce = false
        postCount(driver, Self.long)
        // What comes meanwhile has its turn afterwards.
        postCount(driver, "Hi")
        var steps = 0
        while driver.isCounting, driver.output.isEmpty {
            driver.countFurther()
            steps += 1
        }
        #expect(steps > 5)
        let tokens = try #require(inputTokens(driver))
        #expect((24_000...24_300).contains(tokens))
        while driver.isCounting { driver.countFurther() }
        #expect(try #require(inputTokens(driver)) < 100)
        #expect(driver.records.map(\.outcome) == [.completed, .completed])
        #expect(driver.calls.isEmpty)
    }

    @Test func aCountEndsWhenItsClientLeaves() throws {
        let driver = try SessionDriver()
        driver.countsAtOnce = false
        postCount(driver, Self.long)
        driver.countFurther()
        driver.clientLeaves()
        #expect(!driver.isCounting)
        driver.countFurther()
        #expect(driver.output.isEmpty)
        #expect(driver.records.map(\.outcome) == [.cancelled])
    }

    @Test func aCountIsInterruptedWithAnErrorThatClientsRetry() throws {
        let driver = try SessionDriver()
        driver.countsAtOnce = false
        postCount(driver, Self.long)
        driver.interrupt()
        #expect(!driver.isCounting)
        #expect(driver.text.hasPrefix("HTTP/1.1 529 "))
        #expect(driver.isClosed)
    }

    @Test func aCountIsRefusedAsAMessageWouldBe() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages/count_tokens", body("Hi", more: #","mcp_servers":[{"a":1}]"#))
        #expect(driver.text.hasPrefix("HTTP/1.1 400 "))
        #expect(!driver.isCounting)
    }

    @Test func aMessageDoesNotWaitForItsCount() throws {
        let driver = try SessionDriver()
        driver.countsAtOnce = false
        postMessage(driver, Self.long)
        #expect(driver.calls.count == 1)
        #expect(driver.isCounting)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        // The estimate by byte classes.
        let estimate = try #require(inputTokens(driver))
        #expect(estimate > 18_000 && estimate < 36_000)
        driver.upstream(Chunk.end())
        #expect(!driver.isCounting)
        #expect(driver.records.map(\.outcome) == [.completed])
    }

    @Test func aMessageBeginsWithItsCountWhereThatIsThere() throws {
        let driver = try SessionDriver()
        postCount(driver, Self.long)
        let tokens = try #require(inputTokens(driver))
        postMessage(driver, Self.long)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        #expect(inputTokens(driver) == tokens)
    }

    @Test func anOverflowWithoutNumbersHasTheCount() throws {
        let driver = try SessionDriver()
        postCount(driver, Self.long)
        let tokens = try #require(inputTokens(driver))
        postMessage(driver, Self.long)
        driver.respond(status: 400)
        driver.upstream(#"{"error":{"message":"context_length_exceeded","code":400}}"#)
        driver.upstreamEnds()
        #expect(driver.text.contains("prompt is too long: \(tokens) tokens"))
    }

    @Test func anAnswerTeachesItsModelsCounts() throws {
        let driver = try SessionDriver([
            ("OPENROUTER_API_KEY", "k"), ("OPENROUTER_MODEL", "vendor/m"),
        ])
        postMessage(driver, "Hi")
        driver.respond()
        driver.upstream(Chunk.text("a") + Chunk.end())
        let model = try #require(driver.state.calibration.models.first)
        #expect(model.model == [UInt8]("vendor/m".utf8))
        #expect(model.samples.map(\.prompt) == [9])
    }

    @Test func nothingIsLearntWhenThatIsOffOrNothingWasTold() throws {
        let off = try SessionDriver([
            ("OPENROUTER_API_KEY", "k"), ("CLAUDE_PROXY_TOKEN_CALIBRATION", "false"),
        ])
        postMessage(off, "Hi")
        off.respond()
        off.upstream(Chunk.text("a") + Chunk.end())
        #expect(off.state.calibration.models.isEmpty)
        let silent = try SessionDriver()
        postMessage(silent, "Hi")
        silent.respond()
        silent.upstream(Chunk.text("a") + "data: [DONE]\n\n")
        #expect(silent.state.calibration.models.isEmpty)
    }
}
