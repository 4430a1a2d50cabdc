// Secrets stay out of everything that is shown.

import Testing

@testable import Gateway

@Suite("Secrets") struct SecretTests {
    private let needle = "n33dl3"

    /// Everything by which Swift turns a value into text.
    private func renderings(_ value: some Any) -> String {
        var dumped = ""
        dump(value, to: &dumped)
        return "\(value) \(String(describing: value)) \(String(reflecting: value)) \(dumped)"
    }

    @Test("A secret shows itself only when asked to") func description() {
        let secret = Secret(needle)
        #expect(secret.reveal() == needle)
        #expect("\(secret)" == "(set)")
        #expect(!renderings(secret).occurs(needle))
        #expect(!renderings([Optional(secret)]).occurs(needle))
        #expect(Secret("a") == Secret("a"))
        #expect(Secret("a") != Secret("b"))
    }

    @Test("A configuration, its sources and all that is printed of them hide the secrets")
    func valid() throws {
        let text = """
            OPENROUTER_API_KEY=sk-\(needle)
            CLAUDE_PROXY_CLIENT_TOKENS=\(needle),short-\(needle)
            CLAUDE_PROXY_ACCESS=open
            """
        let sources = [
            file(text),
            environment(["OPENROUTER_API_KEY": needle, "CLAUDE_PROXY_OTHER": needle]),
            try #require(
                ConfigurationSource.credential("claude-proxy.api_key", bytes: Array(needle.utf8))),
        ]
        let resolution = Configuration.resolve(sources)
        let configuration = try #require(resolution.configuration)
        #expect(configuration.upstreamKeys.map { $0.reveal() } == [needle])
        let printed = try #require(resolution.printedConfiguration())
        #expect(printed.occurs("# OPENROUTER_API_KEY=(set)\n"))
        let all = [
            renderings(sources), renderings(resolution), renderings(configuration), printed,
            resolution.warnings.map(\.description).joined(),
            OptionTable.options.map { $0.render(configuration) }.joined(),
        ]
        for text in all { #expect(!text.occurs(needle)) }
    }

    @Test(
        "A fault hides a value that is secret or may be",
        arguments: [
            "OPENROUTER_API_KEY=\"sk n33dl3\"",
            "OPENROUTER_API_KEY='n33dl3\n'\nCLAUDE_PROXY_WORKERS=x",
            "CLAUDE_PROXY_CLIENT_TOKENS=abc,n33dl3 x",
            "CLAUDE_PROXY_CLIENT_TOKENS=n33dl3,,x",
            "CLAUDE_PROXY_CLIENT_TOKEN=n33dl3",
            "OPENROUTER_MODEL=\"sk-or-v1-n33dl3 \"x",
            "CLAUDE_PROXY_API_KEY=n33dl3",
            "CLAUDE_PROXY_UPSTREAM_URL=https://user:n33dl3@example.com/v1",
            "CLAUDE_PROXY_UPSTREAM_URL=n33dl3@example.com",
            "CLAUDE_PROXY_UPSTREAM_URL=https://example.com/v1?key=n33dl3",
            "OPENROUTER_API_KEY n33dl3",
            "n33dl3=",
            "sk-n33dl3=",
            "OPENROUTER_API_KEY='n33dl3",
        ])
    func invalid(text: String) {
        let source = file(text)
        let resolution = Configuration.resolve([source])
        // `n33dl3=` is a key of somebody else's, and so neither a fault nor mentioned.
        #expect(text == "n33dl3=" || !resolution.faults.isEmpty)
        #expect(!renderings(resolution).occurs(needle))
        #expect(!resolution.faults.map(\.description).joined().occurs(needle))
    }
}
