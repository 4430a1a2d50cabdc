// Which settings serve a request: those of the moment in which its first byte comes, all of them, on
// a connection that is kept open as on a new one.

import Testing

@testable import Gateway

@Suite("Reloads") struct ReloadTests {
    static func settings(
        token: String, model: String = "vendor/one"
    ) -> [(key: String, value: String)] {
        [
            ("OPENROUTER_API_KEY", "sk-or-secret"), ("CLAUDE_PROXY_CLIENT_TOKENS", token),
            ("OPENROUTER_MODEL", model),
        ]
    }

    private static let old = "old-token-0123456789"
    private static let new = "new-token-0123456789"
    private static let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

    private static func models(_ token: String) -> String {
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-api-key: \(token)\r\n\r\n"
    }

    @Test func aTokenThatWasTakenBackIsRefusedOnAnOpenConnection() throws {
        let driver = try SessionDriver(Self.settings(token: Self.old))
        driver.receive(Self.models(Self.old))
        #expect(driver.text.hasPrefix("HTTP/1.1 200 "))
        try driver.reload(Self.settings(token: Self.new))
        driver.output = []
        driver.receive(Self.models(Self.old))
        #expect(driver.text.hasPrefix("HTTP/1.1 401 "))
    }

    @Test func aNewTokenIsTakenOnAnOpenConnection() throws {
        let driver = try SessionDriver(Self.settings(token: Self.old))
        driver.receive(Self.models(Self.old))
        try driver.reload(Self.settings(token: Self.new))
        driver.output = []
        driver.receive(Self.models(Self.new))
        #expect(driver.text.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func theFirstRequestOfAnOldConnectionIsServedByWhatIsNew() throws {
        let driver = try SessionDriver(Self.settings(token: Self.old))
        try driver.reload(Self.settings(token: Self.new))
        driver.receive("\r\n" + Self.models(Self.new))
        #expect(driver.text.hasPrefix("HTTP/1.1 200 "))
    }

    @Test func aRequestThatHasBegunKeepsItsSettings() throws {
        let driver = try SessionDriver(Self.settings(token: Self.old))
        let request = SessionDriver.request(
            "/v1/messages", ClientSessionTests.body, fields: "x-api-key: \(Self.old)\r\n")
        let bytes = [UInt8](request.utf8)
        driver.receive([bytes[0]])
        try driver.reload(Self.settings(token: Self.new, model: "vendor/two"))
        driver.receive(Array(bytes[1...]))
        let body = try #require(driver.calls.first?.body)
        #expect(String(decoding: body, as: UTF8.self).contains("vendor/one"))
    }

    @Test func requestsSentAheadAreServedByWhatIsNewWhenTheirTurnComes() throws {
        let driver = try SessionDriver(Self.settings(token: Self.old))
        let request = SessionDriver.request(
            "/v1/messages", ClientSessionTests.body, fields: "x-api-key: \(Self.old)\r\n")
        driver.receive(request + Self.models(Self.old))
        try driver.reload(Self.settings(token: Self.new))
        driver.respond()
        driver.upstream(Chunk.text("a") + Chunk.end())
        #expect(driver.text.contains("HTTP/1.1 200 ") && driver.text.contains("HTTP/1.1 401 "))
    }

    @Test(
        "A request that is asked again keeps its upstream",
        arguments: [
            (503, #"{"error":{"message":"busy"}}"#), (502, #"{"error":{"message":"down"}}"#),
            (400, #"{"error":{"message":"Unsupported parameter: 'top_k'"}}"#),
            (200, #"data: {"error":{"code":502,"message":"down"}}"# + "\n\n"),
        ])
    func upstreamIsKept(_ status: Int, _ answer: String) throws {
        let driver = try SessionDriver([
            ("OPENROUTER_API_KEY", "one"), ("OPENROUTER_MODEL", "vendor/one"),
        ])
        let body = ClientSessionTests.body.replacing(
            #""max_tokens""#, with: #""top_k":5,"max_tokens""#)
        driver.post("/v1/messages", body)
        try driver.reload([
            ("OPENROUTER_API_KEY", "two"), ("OPENROUTER_MODEL", "two/model"),
            ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:8080/v1"),
        ])
        driver.respond(status: status)
        driver.upstream(answer)
        if driver.calls.count == 1 { driver.upstreamEnds() }
        try #require(driver.calls.count == 2)
        #expect(driver.calls[0].upstream == driver.calls[1].upstream)
        let again = String(decoding: driver.calls[1].body, as: UTF8.self)
        #expect(again.contains("vendor/one"))
        driver.respond()
        driver.upstream(Chunk.text("a") + Chunk.end())
        driver.post("/v1/messages", body)
        #expect(driver.calls[2].upstream.configuration.key?.reveal() == "two")
    }

    @Test func anUpstreamThatDoesNotChangeStaysTheSame() throws {
        let driver = try SessionDriver(Self.settings(token: Self.old))
        let before = driver.state.settings
        try driver.reload(Self.settings(token: Self.new, model: "vendor/two"))
        #expect(driver.state.settings !== before)
        #expect(driver.state.settings.upstream == before.upstream)
        try driver.reload(
            Self.settings(token: Self.new) + [("CLAUDE_PROXY_CONNECT_TIMEOUT", "7s")])
        #expect(driver.state.settings.upstream != before.upstream)
    }

    @Test func theLimitOfABodyIsThatOfItsRequest() throws {
        let small = Self.settings(token: Self.old) + [("CLAUDE_PROXY_MAX_BODY", "1KiB")]
        let driver = try SessionDriver(Self.settings(token: Self.old))
        driver.receive(Self.health)
        try driver.reload(small)
        driver.output = []
        driver.receive(
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: \(Self.old)\r\n"
                + "Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n")
        #expect(driver.text.hasPrefix("HTTP/1.1 413 "))
    }
}
