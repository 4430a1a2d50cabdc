// Bodies that are parsed and translated beside the loop: the same comes of them, and whatever happens
// meanwhile finds the session as it should be.

import Testing

@testable import Gateway

@Suite("Large bodies") struct LargeBodyTests {
    /// A driver that takes all bodies for large ones, or none.
    private static func driver(
        isLarge: Bool = true, settings: [(key: String, value: String)] = []
    ) throws -> SessionDriver {
        let driver = try SessionDriver([("OPENROUTER_API_KEY", "sk-or-secret")] + settings)
        driver.state.bodyAtOnceMax = isLarge ? 0 : .max
        return driver
    }

    private static let message =
        #"{"model":"m","max_tokens":99,"stream":true,"temperature":1,"messages":[{"role":"user","#
        + #""content":"a prompt of some words"}]}"#
    private static let count =
        #"{"model":"m","messages":[{"role":"user","content":"a prompt of some words"}]}"#
    private static let refusal =
        #"{"error":{"message":"Unsupported parameter: 'temperature'","#
        + #""param":"temperature","code":"unsupported_parameter"}}"#

    private static let apis = ["chat", "responses", "messages"]

    // MARK: The same comes of them

    @Test(arguments: apis)
    func aMessageIsTheSameHoweverLargeItIs(_ api: String) throws {
        func run(isLarge: Bool) throws -> SessionDriver {
            let driver = try Self.driver(
                isLarge: isLarge, settings: [("CLAUDE_PROXY_UPSTREAM_API", api)])
            driver.post("/v1/messages", Self.message)
            driver.respond(status: 500)
            driver.upstream("busy")
            driver.upstreamEnds()
            return driver
        }
        let (large, small) = (try run(isLarge: true), try run(isLarge: false))
        #expect(large.calls.map(\.body) == small.calls.map(\.body))
        #expect(!large.calls.isEmpty)
        #expect(large.output == small.output)
        #expect(large.records.map(\.errorMessage) == small.records.map(\.errorMessage))
    }

    @Test(arguments: apis)
    func aCountIsTheSameHoweverLargeItIs(_ api: String) throws {
        func run(isLarge: Bool) throws -> SessionDriver {
            let driver = try Self.driver(
                isLarge: isLarge, settings: [("CLAUDE_PROXY_UPSTREAM_API", api)])
            driver.post("/v1/messages/count_tokens", Self.count)
            return driver
        }
        let (large, small) = (try run(isLarge: true), try run(isLarge: false))
        #expect(large.output == small.output)
        #expect(large.text.contains(#"{"input_tokens":"#))
    }

    @Test(arguments: [
        "", "{", "[]", #"{"model":"m"}"#,
        #"{"model":"m","max_tokens":9,"messages":[{"role":"cat","content":"x"}]}"#,
        #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"thread":{}}"#,
    ])
    func aFaultIsTheSameHoweverLargeTheBodyIs(_ body: String) throws {
        for path in ["/v1/messages", "/v1/messages/count_tokens"] {
            let drivers = try [true, false].map { try Self.driver(isLarge: $0) }
            for driver in drivers { driver.post(path, body) }
            #expect(drivers[0].output == drivers[1].output)
            #expect(drivers[0].text.hasPrefix("HTTP/1.1 400 "))
            #expect(drivers[0].records.count == 1 && drivers[0].calls.isEmpty)
        }
    }

    /// A prompt near its model's window is counted before the upstream is asked.
    @Test func aPromptThatIsCountedFirstIsTheSame() throws {
        let list = #"[{"id":"openai/gpt-oss-120b","context_length":600}]"#
        func run(isLarge: Bool) throws -> [[UInt8]] {
            let driver = try Self.driver(isLarge: isLarge)
            driver.state.catalogue = ModelCatalogueTests.catalogue(list)
            driver.post("/v1/messages", Self.message.replacing("s\":99", with: "s\":590"))
            return driver.calls.map(\.body)
        }
        let bodies = try run(isLarge: true)
        #expect(try bodies == run(isLarge: false))
        #expect(bodies.count == 1)
    }

    // MARK: Meanwhile

    @Test func nothingIsAskedBeforeTheBodyIsRead() throws {
        let driver = try Self.driver()
        driver.worksAtOnce = false
        driver.post("/v1/messages", Self.message)
        #expect(driver.calls.isEmpty && driver.session.deadline == nil && !driver.session.isIdle)
        driver.work()
        #expect(driver.calls.count == 1)
    }

    @Test func aClientThatLeavesIsRecordedAndItsWorkDropped() throws {
        for pieces in 0..<2 {
            let driver = try Self.driver()
            driver.worksAtOnce = false
            driver.post("/v1/messages", Self.message)
            if pieces > 0 { driver.workOnce() }
            var late = try #require(driver.waitingWork.first)
            driver.clientLeaves()
            #expect(driver.waitingWork.isEmpty)
            #expect(driver.records.map(\.outcome) == [.cancelled] && driver.calls.isEmpty)
            // The thread was at it already.
            late.work.run()
            driver.session.workDone(late.id, late.work, at: driver.now, into: &driver.output)
            #expect(driver.calls.isEmpty && driver.output.isEmpty)
        }
    }

    @Test func anInterruptAnswersARequestWhoseBodyIsRead() throws {
        let driver = try Self.driver()
        driver.worksAtOnce = false
        driver.post("/v1/messages", Self.message)
        driver.interrupt()
        #expect(driver.text.hasPrefix("HTTP/1.1 529 ") && driver.isClosed)
        #expect(driver.waitingWork.isEmpty)
    }

    @Test func requestsSentAheadWait() throws {
        let driver = try Self.driver()
        driver.worksAtOnce = false
        driver.post("/v1/messages/count_tokens", Self.count)
        driver.post("/v1/messages/count_tokens", Self.count)
        #expect(driver.waitingWork.count == 1)
        driver.work()
        #expect(driver.records.count == 2)
    }

    // MARK: Asking again

    @Test func aRepairIsTranslatedBesideTheLoop() throws {
        let driver = try Self.driver()
        driver.post("/v1/messages", Self.message)
        driver.worksAtOnce = false
        driver.respond(status: 400)
        driver.upstream(Self.refusal)
        driver.upstreamEnds()
        #expect(driver.calls.count == 1 && driver.session.deadline == nil)
        driver.workOnce()
        #expect(driver.calls.count == 2)
        #expect(!String(decoding: driver.calls[1].body, as: UTF8.self).contains("temperature"))
        driver.respond()
        driver.upstream(Chunk.text("x") + Chunk.end())
        driver.upstreamEnds()
        #expect(driver.records.map(\.outcome) == [.completed])
    }

    @Test func aRepetitionIsTranslatedBesideTheLoopAndThenWaitsItsMoment() throws {
        let driver = try Self.driver()
        driver.post("/v1/messages", Self.message)
        driver.worksAtOnce = false
        driver.respond(status: 503)
        driver.upstreamEnds()
        #expect(driver.calls.count == 1)
        driver.workOnce()
        #expect(driver.calls.count == 1 && driver.session.deadline != nil)
        driver.wait(.milliseconds(250))
        #expect(driver.calls.count == 2)
        #expect(driver.calls[0].body == driver.calls[1].body)
    }

    /// What cannot be made good is heard of as it would have been at once.
    @Test func aFailureStandsWhenNoRemedyChangesTheRequest() throws {
        let refusal = Self.refusal.replacing("temperature", with: "metadata")
        var texts: [String] = []
        for isLarge in [true, false] {
            let driver = try Self.driver(isLarge: isLarge)
            driver.post("/v1/messages", Self.message)
            driver.respond(status: 400)
            driver.upstream(refusal)
            driver.upstreamEnds()
            #expect(driver.calls.count == 1)
            texts.append(driver.text)
        }
        #expect(texts[0] == texts[1] && texts[0].hasPrefix("HTTP/1.1 400 "))
    }

    @Test func aClientThatLeavesWhileItsRequestIsTranslatedAgainIsRecorded() throws {
        let driver = try Self.driver()
        driver.post("/v1/messages", Self.message)
        driver.worksAtOnce = false
        driver.respond(status: 503)
        driver.upstreamEnds()
        driver.clientLeaves()
        #expect(driver.waitingWork.isEmpty && driver.records.map(\.outcome) == [.cancelled])
        #expect(driver.calls.count == 1)
    }

    /// A stream that has its status is pinged again once the request is translated.
    @Test func pingsGoOnAfterwards() throws {
        let driver = try Self.driver(settings: [
            ("CLAUDE_PROXY_STATUS_HOLD", "1s"), ("CLAUDE_PROXY_PING_INTERVAL", "5s"),
        ])
        driver.post("/v1/messages", Self.message)
        driver.wait(.seconds(2))
        #expect(driver.text.contains("event: ping"))
        driver.worksAtOnce = false
        driver.upstreamEnds(TransferFailure(.connect, detail: "refused"))
        driver.wait(.seconds(20))
        driver.workOnce()
        driver.wait(.seconds(1))
        #expect(driver.calls.count == 2)
        #expect(driver.text.ranges(of: "event: ping").count > 1)
    }

    // MARK: Counting beside an exchange

    @Test func theCountOfALargePromptBeginsBesideTheLoop() throws {
        let driver = try Self.driver()
        driver.worksAtOnce = false
        driver.post("/v1/messages", Self.message)
        driver.workOnce()
        driver.workOnce()
        #expect(driver.calls.count == 1 && driver.waitingWork.count == 1)
        driver.work()
        driver.respond()
        driver.upstream(Chunk.text("x") + Chunk.end())
        driver.upstreamEnds()
        #expect(driver.records.map(\.outcome) == [.completed])
    }

    @Test func theCountOfAnAnswerThatIsOverIsDropped() throws {
        let driver = try Self.driver()
        driver.worksAtOnce = false
        driver.post("/v1/messages", Self.message)
        driver.workOnce()
        driver.workOnce()
        driver.respond()
        driver.upstream(Chunk.text("x") + Chunk.end())
        driver.upstreamEnds()
        #expect(driver.waitingWork.isEmpty && driver.records.map(\.outcome) == [.completed])
    }
}
