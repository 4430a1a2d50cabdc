// When a key is needed, and that everybody goes by the same rule.

import Testing
import Translation

@testable import Gateway

@Suite("Whether a key is needed") struct KeyTests {
    static let free: Set<String> = ["vllm", "llama.cpp", "lmstudio", "ollama", "generic"]

    @Test(arguments: UpstreamProfile.all.map(\.name))
    func servicesWantAKeyAndServersOfOnesOwnDoNot(_ name: String) throws {
        let profile = try #require(UpstreamProfile.named(name))
        #expect(profile.needsKey == !Self.free.contains(name))
    }

    @Test(
        "A server without a key is well whether its kind is set or found out",
        arguments: [
            [("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:8080/v1")],
            [("CLAUDE_PROXY_UPSTREAM_URL", "http://localhost:11434/v1")],
            [
                ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:8080/v1"),
                ("CLAUDE_PROXY_UPSTREAM_PROFILE", "vllm"),
            ],
        ])
    func localServer(_ settings: [(String, String)]) throws {
        let driver = try SessionDriver(settings.map { (key: $0.0, value: $0.1) })
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.text.contains(#""status":"healthy","openrouter":"not_used""#))
        let upstream = driver.state.settings.upstream
        #expect(Checkup.keyPresence(of: upstream, origin: nil).verdict == .skipped)
        driver.post("/v1/messages", ClientSessionTests.body)
        #expect(driver.calls.count == 1)
    }

    @Test(
        "A service without its key is not, and is not asked",
        arguments: [
            [], [("CLAUDE_PROXY_UPSTREAM_URL", "https://api.openai.com/v1")],
            [
                ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:8080/v1"),
                ("CLAUDE_PROXY_UPSTREAM_PROFILE", "mistral"),
            ],
        ])
    func service(_ settings: [(String, String)]) throws {
        let driver = try SessionDriver(settings.map { (key: $0.0, value: $0.1) })
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.text.contains(#""status":"degraded","openrouter":"no_api_key""#))
        let upstream = driver.state.settings.upstream
        #expect(Checkup.keyPresence(of: upstream, origin: nil).verdict == .failure)
        driver.post("/v1/messages", ClientSessionTests.body)
        #expect(driver.calls.isEmpty && driver.text.contains("OPENROUTER_API_KEY"))
    }
}
