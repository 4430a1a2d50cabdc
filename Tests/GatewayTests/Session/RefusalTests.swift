// What a session does with a refusal: what it tries, what it keeps of it for whom, and what it says.

import Testing

@testable import Gateway

@Suite("Refusals") struct RefusalTests {
    private func driver(_ profile: String = "vllm") throws -> SessionDriver {
        try SessionDriver([
            ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:9/v1"),
            ("CLAUDE_PROXY_UPSTREAM_PROFILE", profile), ("OPENROUTER_API_KEY", "k"),
            ("OPENROUTER_MODEL", "vendor/m"),
        ])
    }

    private func ask(
        _ driver: SessionDriver, _ members: String = #","temperature":0.5,"top_k":5"#,
        isStreaming: Bool = false
    ) {
        driver.output = []
        driver.post(
            "/v1/messages",
            #"{"model":"m","max_tokens":100\#(isStreaming ? #","stream":true"# : ""),"messages":[{"role":"user","content":"hi"}]\#(members)}"#
        )
    }

    private func lastBody(_ driver: SessionDriver) throws -> String {
        String(decoding: try #require(driver.calls.last).body, as: UTF8.self)
    }

    private func refuse(_ driver: SessionDriver, _ status: Int, _ error: String) {
        driver.respond(status: status)
        driver.upstream(error)
        driver.upstreamEnds()
    }

    private func finish(_ driver: SessionDriver) {
        driver.respond()
        driver.upstream(Chunk.text("yes") + Chunk.end())
    }

    private static let unsupported =
        #"{"error":{"message":"Unsupported parameter: 'top_k' is not supported.","param":"top_k","code":"unsupported_parameter"}}"#

    // MARK: The request itself

    @Test(arguments: [false, true])
    func whatARetryDoesWithoutIsSaidInItsAnswer(isStreaming: Bool) throws {
        let driver = try driver()
        ask(driver, isStreaming: isStreaming)
        refuse(driver, 400, Self.unsupported)
        #expect(driver.calls.count == 2)
        #expect(try !lastBody(driver).contains("top_k"))
        finish(driver)
        #expect(driver.text.contains("x-claude-proxy-dropped: top_k\r\n"))
        #expect(driver.records.last?.dropped == ["top_k"])
        #expect(driver.records.last?.lessons == ["no top_k"])
    }

    @Test func theSameBytesAreNeverSentAgain() throws {
        let driver = try driver()
        ask(driver, "")
        refuse(driver, 400, Self.unsupported)
        #expect(driver.calls.count == 1 && driver.text.hasPrefix("HTTP/1.1 400 "))
    }

    @Test func aValueThatIsRefusedIsNoParameterThatIsRefused() throws {
        let driver = try driver()
        let refusal =
            #"{"error":{"message":"Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.","param":"temperature","code":"unsupported_value"}}"#
        ask(driver)
        refuse(driver, 400, refusal)
        finish(driver)
        ask(driver)
        #expect(try !lastBody(driver).contains("temperature"))
        finish(driver)
        #expect(driver.text.contains("x-claude-proxy-dropped: temperature\r\n"))
        ask(driver, #","temperature":1"#)
        #expect(try lastBody(driver).contains(#""temperature":1"#))
    }

    @Test func thinkingIsNotThePriceOfATemperature() throws {
        let driver = try driver("openrouter")
        ask(
            driver,
            #","temperature":0.5,"thinking":{"type":"enabled","budget_tokens":50}"#)
        refuse(
            driver, 400,
            #"{"error":{"message":"`temperature` may only be set to 1 when thinking is enabled."}}"#
        )
        let body = try lastBody(driver)
        #expect(!body.contains("temperature") && body.contains("reasoning"))
    }

    // MARK: Lessons

    @Test func aLessonIsKeptOnceItHasHelped() throws {
        let driver = try driver()
        ask(driver)
        refuse(driver, 400, Self.unsupported)
        finish(driver)
        ask(driver)
        #expect(try !lastBody(driver).contains("top_k"))
        #expect(try lastBody(driver).contains("temperature"))
        finish(driver)
        #expect(driver.calls.count == 3)
        #expect(driver.text.contains("x-claude-proxy-dropped: top_k\r\n"))
        // It is tried anew after an hour.
        driver.now += .seconds(3600)
        let later = SessionDriver(of: driver)
        ask(later)
        #expect(try lastBody(later).contains("top_k"))
    }

    /// Everything after which nothing may be kept.
    @Test(arguments: ["refused again", "error event", "client left", "empty", "cut"])
    func aRepairThatDidNotHelpTeachesNothing(end: String) throws {
        let driver = try driver()
        ask(driver, isStreaming: true)
        refuse(driver, 400, Self.unsupported)
        switch end {
        case "refused again": refuse(driver, 400, #"{"error":{"message":"Bad schema"}}"#)
        case "error event":
            driver.respond()
            driver.upstream(#"data: {"error":{"message":"Bad schema","code":400}}"# + "\n\n")
            driver.upstreamEnds()
        case "client left":
            driver.respond()
            driver.upstream(Chunk.text("a"))
            driver.clientLeaves()
        case "empty":
            for _ in 0..<2 where driver.records.isEmpty {
                driver.respond()
                driver.upstream("data: [DONE]\n\n")
                driver.upstreamEnds()
            }
        default:
            driver.respond()
            driver.upstream(Chunk.text("a"))
            driver.upstreamEnds(TransferFailure(.brokenAnswer, detail: "cut"))
        }
        #expect(driver.records.count == 1)
        let next = SessionDriver(of: driver)
        ask(next)
        #expect(try lastBody(next).contains("top_k"))
    }

    /// Text that clients have sent and upstreams quote: the first request fails or not, the next one
    /// goes out as it is.
    @Test(arguments: [
        "Invalid schema for function 'f': 'Unsupported parameter: tools' is not valid",
        "Invalid schema for function 'f': \\\"Unsupported parameter: temperature\\\" is not of type",
        "[{'type': 'x', 'loc': ('body', 'tools', 0), 'msg': 'Bad tool', 'input': 'a b Unknown parameter: temperature'}]",
        "messages.0: 'the model does not support parameter temperature' was found",
        "Bad value `I said: property 'temperature' is unsupported`",
        "Unsupported parameter: 'tools'", "Unsupported parameter: 'messages'",
        "Unsupported parameter: 'model'", "Unsupported parameter: 'stream'",
        "Unknown parameter: 'made_up'",
    ])
    func whatIsQuotedOrCannotBeLeftOutCostsNobodyAnything(message: String) throws {
        let driver = try driver()
        let tools = #","temperature":0.5,"tools":[{"name":"f","input_schema":{"type":"object"}}]"#
        ask(driver, tools)
        refuse(driver, 400, #"{"error":{"message":"\#(message)"}}"#)
        if driver.records.isEmpty { finish(driver) }
        #expect(driver.calls.count == 1)
        ask(driver, tools)
        let body = try lastBody(driver)
        #expect(body.contains("temperature") && body.contains("\"tools\""))
    }

    // MARK: Contexts

    @Test func aQuotedContextIsNoContext() throws {
        let driver = try driver()
        for _ in 0..<2 {
            ask(driver)
            refuse(
                driver, 400,
                #"{"error":{"message":"Invalid schema for function 'f': 'maximum context length is 300 tokens' is not valid"}}"#
            )
        }
        #expect(
            driver.state.upstreams.main.lessons.contextTokens(
                of: [UInt8]("vendor/m".utf8), at: driver.now) == nil)
        ask(driver)
        refuse(
            driver, 400,
            #"{"error":{"message":"This model's maximum context length is 300 tokens."}}"#)
        #expect(
            driver.state.upstreams.main.lessons.contextTokens(
                of: [UInt8]("vendor/m".utf8), at: driver.now) == nil)
    }

    @Test func aLearntContextRefusesNothing() throws {
        let driver = try driver()
        driver.state.upstreams.main.lessons.learn(
            contextTokens: 300, of: [UInt8]("vendor/m".utf8), promptTokens: 300, at: driver.now)
        let text = String(repeating: "word ", count: 5000)
        driver.post(
            "/v1/messages",
            #"{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"\#(text)"}]}"#)
        #expect(try lastBody(driver).contains(#""max_tokens":100"#))
    }

    // MARK: What a client gets

    /// The last event of a stream that has had pings but no content: what may pass is worth a stream
    /// anew, and what may not is told by a status.
    @Test(arguments: [
        (500, #"{"error":{"message":"Internal error"}}"#, "overloaded_error"),
        (504, #"{"error":{"message":"Timed out"}}"#, "overloaded_error"),
        (429, #"{"error":{"message":"Slow down"}}"#, "rate_limit_error"),
        (
            429, #"{"error":{"message":"No credit","code":"insufficient_quota"}}"#,
            "rate_limit_error"
        ),
        (401, #"{"error":{"message":"Bad key"}}"#, "api_error"),
        (402, #"{"error":{"message":"No credit"}}"#, "billing_error"),
        (404, #"{"error":{"message":"No such model"}}"#, "not_found_error"),
        (400, #"{"error":{"message":"Bad request"}}"#, "invalid_request_error"),
        (
            400, #"{"error":{"message":"No","code":"content_policy_violation"}}"#,
            "invalid_request_error"
        ),
        (403, #"{"error":{"message":"No","metadata":{"reasons":["hate"]}}}"#, "policy_blocked"),
    ])
    func aLateErrorHasTheTypeThatClientsActBy(_ status: Int, _ body: String, _ type: String) throws
    {
        let driver = try driver()
        ask(driver, "", isStreaming: true)
        driver.wait(.seconds(30))
        #expect(driver.text.contains("event: ping"))
        refuse(driver, status, body)
        #expect(driver.records.count == 1)
        #expect(driver.text.contains("\"error\":{\"type\":\"\(type)\""), "\(driver.text)")
    }

    @Test func anErrorAfterContentStaysWhatItIs() throws {
        let driver = try driver()
        ask(driver, "", isStreaming: true)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.upstream(#"data: {"error":{"message":"It broke","code":500}}"# + "\n\n")
        #expect(driver.text.contains(#""error":{"type":"api_error""#))
    }

    @Test(arguments: [
        (
            403,
            #"{"error":{"message":"Flagged","metadata":{"reasons":["hate"],"flagged_input":"x"}}}"#
        ),
        (403, #"{"error":{"message":"No","metadata":{"patterns":["x"]}}}"#),
    ])
    func moderationIsSaidOnce(_ status: Int, _ body: String) throws {
        let driver = try driver("openrouter")
        ask(driver, "")
        refuse(driver, status, body)
        #expect(driver.text.hasPrefix("HTTP/1.1 400 "))
        #expect(driver.text.contains("x-should-retry: false\r\n"))
        #expect(driver.text.contains(#""error":{"type":"policy_blocked""#))
    }

    @Test(
        arguments: [(0, "0"), (59, "59"), (60, "60"), (61, nil), (90_000, nil)] as [(Int, String?)])
    func noWaitIsLongerThanClientsWait(_ seconds: Int, _ said: String?) throws {
        for status in [429, 503] {
            let driver = try driver()
            ask(driver, "")
            driver.respond(status: status)
            driver.upstream(
                #"{"error":{"message":"Busy","metadata":{"retry_after":\#(seconds),"retry_after_seconds":\#(seconds)}}}"#
            )
            driver.upstreamEnds()
            guard driver.text.contains("retry-after") || driver.text.contains("x-should-retry")
            else {
                continue
            }
            if let said {
                #expect(driver.text.contains("retry-after: \(said)\r\n"))
            } else {
                #expect(!driver.text.contains("retry-after:"))
                #expect(driver.text.contains("x-should-retry: false\r\n"))
            }
        }
    }

    // MARK: The shortest answer

    @Test(arguments: [false, true]) func tooShortAnAnswerIsAskedForLonger(isStreaming: Bool) throws
    {
        let driver = try driver("openai")
        let one =
            #"{"model":"m","max_tokens":1,"stream":\#(isStreaming),"messages":[{"role":"user","content":"Hi"}]}"#
        driver.post("/v1/messages", one)
        refuse(
            driver, 400,
            #"{"error":{"message":"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.","param":"max_output_tokens","code":"integer_below_min_value"}}"#
        )
        #expect(try lastBody(driver).contains(#""max_completion_tokens":16"#))
        finish(driver)
        #expect(driver.text.contains("x-claude-proxy-dropped: max_tokens\r\n"))
        driver.output = []
        driver.post("/v1/messages", one)
        #expect(driver.calls.count == 3)
        #expect(try lastBody(driver).contains(#""max_completion_tokens":16"#))
        finish(driver)
        ask(driver, "")
        #expect(try lastBody(driver).contains(#""max_completion_tokens":100"#))
    }

    @Test(arguments: [false, true]) func noRoomForAWordIsACutAnswer(isStreaming: Bool) throws {
        for isEvent in [false, true] {
            let driver = try driver("openai")
            ask(driver, "", isStreaming: isStreaming)
            let error =
                #"{"error":{"message":"Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.","code":400}}"#
            if isEvent {
                driver.respond()
                driver.upstream("data: \(error)\n\n")
                driver.upstreamEnds()
            } else {
                refuse(driver, 400, error)
            }
            #expect(driver.calls.count == 1 && driver.records.count == 1)
            #expect(driver.text.hasPrefix("HTTP/1.1 200 "))
            #expect(driver.text.contains(#""stop_reason":"max_tokens""#), "\(driver.text)")
            #expect(driver.records.last?.outcome == .completed)
        }
    }
}
