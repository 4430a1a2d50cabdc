// Clients and upstreams that are slow where slowness is no silence: an answer that waits for its
// client, a request that is still on its way.

import Testing

@testable import Gateway

@Suite struct SlowClientTests {
    private static let streamBody =
        #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#
    private static let body =
        #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#

    @Test func anUpstreamThatWaitsForItsClientIsNotSilent() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.wait(.seconds(299))
        driver.holdUpstreamBack()
        #expect(driver.session.deadline == nil)
        let waiting = driver.output
        driver.wait(.seconds(3600))
        #expect(driver.output == waiting, "nobody reads, so nothing is said, not even a ping")
        driver.takeOutput()
        driver.wait(.seconds(5))
        #expect(driver.output.isEmpty, "the ping's time begins anew")
        driver.upstream(Chunk.text("b") + Chunk.end())
        #expect(driver.text.contains("message_stop") && !driver.text.contains("event: error"))
        #expect(driver.actions == ["start", "release"])
    }

    @Test func anUpstreamThatIsSilentAfterItsClientHasReadIsSilent() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.holdUpstreamBack()
        driver.wait(.seconds(3600))
        driver.takeOutput()
        driver.wait(.seconds(299))
        #expect(driver.text.contains("event: ping") && !driver.text.contains("event: error"))
        driver.wait(.seconds(1))
        #expect(driver.text.contains("event: error") && driver.actions == ["start", "cancel"])
    }

    /// An answer that is complete and waits is no idle connection.
    @Test func aClientThatIsStillReadingIsNotIdle() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        driver.respond()
        driver.upstream(Chunk.text("a") + Chunk.end())
        driver.wait(.seconds(1000))
        #expect(!driver.isClosed)
        driver.takeOutput()
        driver.wait(.seconds(75))
        #expect(driver.isClosed && driver.output.isEmpty)
    }

    @Test func aRequestThatIsOnItsWayIsNotSilence() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        for _ in 0..<10 {
            driver.wait(.seconds(299))
            driver.upstreamTakesBody()
        }
        #expect(driver.output.isEmpty)
        driver.wait(.seconds(299))
        #expect(driver.output.isEmpty)
        driver.wait(.seconds(1))
        #expect(driver.text.hasPrefix("HTTP/1.1 504 "))
    }

    /// What is still read of the request's body then says nothing about the answer.
    @Test func anUpstreamThatHasBegunToAnswerHasItsUsualTime() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        driver.respond()
        driver.wait(.seconds(200))
        driver.upstreamTakesBody()
        driver.wait(.seconds(100))
        #expect(driver.text.hasPrefix("HTTP/1.1 504 "))
    }

    @Test func aSecondCallHasTheTimeOfAFirst() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        driver.wait(.seconds(200))
        driver.upstreamEnds(TransferFailure(.closedBeforeAnswer, detail: ""))
        driver.wait(.seconds(200))
        #expect(driver.output.isEmpty && driver.calls.count == 2)
        driver.wait(.milliseconds(100_250))
        #expect(driver.text.hasPrefix("HTTP/1.1 504 "))
    }
}
