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
