// What the proxy does for a model's limits: before it asks, when it is refused, and afterwards.

import Testing

@testable import Gateway

@Suite("Limits of models") struct ModelLimitTests {
    private static let list = """
        [{"id":"openai/gpt-oss-120b","context_length":4096,
        "top_provider":{"max_completion_tokens":2000},"architecture":{"input_modalities":["text"]},
        "supported_parameters":["max_tokens","tools","temperature"]}]
        """
    private static let overflow =
        #"{"error":{"code":400,"message":"This endpoint's maximum context length is 1024 tokens. However, you requested about 900000 tokens (900000 of text input)."}}"#

    private func driver(knowing list: String? = ModelLimitTests.list) throws -> SessionDriver {
        let driver = try SessionDriver()
        driver.state.catalogue = list.map(ModelCatalogueTests.catalogue)
        return driver
    }

    private func ask(
        _ driver: SessionDriver, _ text: String = "hi", maxTokens: Int = 32000,
        _ members: String = ""
    ) {
        driver.output = []
        driver.post(
            "/v1/messages",
            #"{"model":"m","max_tokens":\#(maxTokens),"messages":[{"role":"user","content":"\#(text)"}]\#(members)}"#
        )
    }

    private func body(_ driver: SessionDriver, _ index: Int = 0) throws -> String {
        try #require(driver.calls.count > index)
        return String(decoding: driver.calls[index].body, as: UTF8.self)
    }

    private func refuse(_ driver: SessionDriver, _ status: Int, _ body: String) {
        driver.respond(status: status)
        driver.upstream(body)
        driver.upstreamEnds()
    }

    private func finish(_ driver: SessionDriver) {
        driver.respond()
        driver.upstream(Chunk.text("yes"))
        driver.upstream(Chunk.end())
    }

    // MARK: Before

    @Test func theAnswerIsKeptWithinTheModels() throws {
        let driver = try driver()
        ask(driver)
        #expect(try body(driver).contains(#""max_tokens":2000,"#))
    }

    @Test func theAnswerIsKeptWithinTheWindow() throws {
        let driver = try driver()
        ask(driver, String(repeating: "one two ", count: 900))
        let text = try body(driver)
        let digits = try #require(text.ranges(of: #""max_tokens":"#).first)
        let tokens = try #require(Int(text[digits.upperBound...].prefix { $0 != "," }))
        #expect(tokens >= 1024 && tokens < 2000)
    }

    @Test func whatTheModelDoesNotTakeIsLeftOutAndNamed() throws {
        let driver = try driver()
        ask(
            driver, maxTokens: 9,
            #","temperature":0.5,"top_p":0.5,"stop_sequences":["x"],"thinking":{"type":"adaptive"}"#
        )
        let text = try body(driver)
        #expect(text.contains("temperature") && !text.contains("top_p"))
        #expect(!text.contains("stop\"") && !text.contains("reasoning"))
        finish(driver)
        #expect(
            driver.text.contains("x-claude-proxy-dropped: top_p,stop_sequences,thinking\r\n"))
    }

    @Test func anImageForAModelThatSeesNoneIsNamedInWords() throws {
        let driver = try driver()
        driver.post(
            "/v1/messages",
            #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}},{"type":"text","text":"?"}]}]}"#
        )
        let text = try body(driver)
        #expect(text.contains("this model takes no images") && !text.contains("iVBO"))
    }

    @Test func certainOverflowIsRefusedBeforeItIsPaidFor() throws {
        let driver = try driver()
        ask(driver, String(repeating: "one two three four ", count: 4000))
        #expect(driver.calls.isEmpty)
        #expect(driver.text.hasPrefix("HTTP/1.1 400 "))
        #expect(
            driver.text.contains(#""type":"invalid_request_error","message":"prompt is too long: "#)
        )
        #expect(driver.text.contains(" tokens > 4096 maximum"))
        #expect(driver.records.first?.outcome == .failed)
    }

    @Test func inDoubtTheUpstreamDecides() throws {
        let driver = try driver()
        ask(driver, String(repeating: "one two three four ", count: 1500))
        #expect(driver.calls.count == 1)
    }

    @Test func withoutAListNothingIsHeldAgainstARequest() throws {
        let driver = try driver(knowing: nil)
        ask(driver, String(repeating: "one two three four ", count: 40000))
        #expect(try body(driver).contains(#""max_tokens":32000,"#))
    }

    // MARK: Refused

    @Test func moneyForAShorterAnswerBuysAShorterAnswer() throws {
        let driver = try driver(knowing: nil)
        let refusal =
            #"{"error":{"code":402,"message":"This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 1500."}}"#
        ask(driver)
        refuse(driver, 402, refusal)
        #expect(try body(driver, 1).contains(#""max_tokens":1500,"#))
        // Only once.
        refuse(driver, 402, refusal)
        #expect(driver.calls.count == 2 && driver.text.contains("billing_error"))
    }

    @Test(arguments: [1023, 0, 32000, 40000])
    func moneyForTooLittleIsNoMoney(tokens: Int) throws {
        let driver = try driver(knowing: nil)
        ask(driver)
        refuse(
            driver, 402, #"{"error":{"code":402,"message":"You can only afford \#(tokens)"}}"#)
        #expect(driver.calls.count == 1 && driver.text.hasPrefix("HTTP/1.1 402 "))
    }

    @Test func anAnswerThatDoesNotFitIsAskedForShorter() throws {
        let driver = try driver(knowing: nil)
        let refusal =
            #"{"error":{"code":400,"message":"This endpoint's maximum context length is 40000 tokens. However, you requested about 62000 tokens (30000 of text input, 32000 in the output)."}}"#
        ask(driver)
        driver.respond(status: 400)
        driver.upstream(
            refusal.replacing("(30000 of text input", with: "(30000 in the messages"))
        driver.upstreamEnds()
        #expect(try body(driver, 1).contains(#""max_tokens":9000,"#))
        finish(driver)
        #expect(driver.text.hasPrefix("HTTP/1.1 200 "))
        #expect(driver.records.first?.retries == 1)
    }

    // MARK: Afterwards

    @Test func aRefusalTeachesTheTrueLimit() throws {
        let driver = try driver(knowing: nil)
        ask(driver, String(repeating: "one two three four ", count: 1000))
        refuse(driver, 400, Self.overflow)
        #expect(driver.text.contains("prompt is too long: 900000 tokens > 1024 maximum"))
        driver.output = []
        driver.receive(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 1\r\n\r\n")
        #expect(driver.text.contains(#""max_input_tokens":1024"#))
        // Another provider may take more: it is tried again after a while.
        driver.wait(.seconds(74))
        driver.now += .seconds(3600)
        var lessons = driver.state.upstreams.main.lessons
        #expect(lessons.contextTokens(of: Array("openai/gpt-oss-120b".utf8), at: driver.now) == nil)
        lessons.learn(contextTokens: 5000, of: [1], promptTokens: 5000, at: .zero)
        lessons.answered([1], promptTokens: 5000, at: .zero)
        #expect(lessons.contextTokens(of: [1], at: .zero) == 5000)
        lessons.answered([1], promptTokens: 5001, at: .zero)
        #expect(lessons.contextTokens(of: [1], at: .zero) == nil)
    }

    @Test func lessThanTheListSaysHasToBeSaidTwice() {
        var lessons = UpstreamLessons()
        func learn(_ tokens: Int) {
            lessons.learn(contextTokens: tokens, of: [1], promptTokens: 9000, at: .zero)
        }
        learn(4096)
        #expect(lessons.contextTokens(of: [1], listed: 8192, at: .zero) == nil)
        #expect(lessons.contextTokens(of: [1], listed: 2048, at: .zero) == 4096)
        learn(2048)
        #expect(lessons.contextTokens(of: [1], listed: 8192, at: .zero) == nil)
        learn(2048)
        #expect(lessons.contextTokens(of: [1], listed: 8192, at: .zero) == 2048)
    }
}
