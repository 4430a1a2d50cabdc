// Which rule of the model map wins.

import Testing

@testable import Gateway

@Suite("The model map") struct ModelMapTests {
    private func map(_ text: String) throws -> ModelMap {
        try ValueFormat.modelMap.parse(text)
    }

    @Test("An exact rule beats every prefix, a longer prefix a shorter one, in any order")
    func precedence() throws {
        for text in [
            "*=all,claude-*=c,claude-opus-*=o,claude-opus-4=x",
            "claude-opus-4=x,claude-opus-*=o,claude-*=c,*=all",
        ] {
            let map = try map(text)
            #expect(map.chain(for: "claude-opus-4")?.entries.first == "x")
            #expect(map.chain(for: "claude-opus-4-1")?.entries.first == "o")
            #expect(map.chain(for: "claude-haiku")?.entries.first == "c")
            #expect(map.chain(for: "gpt")?.entries.first == "all")
            #expect(map.chain(for: "")?.entries.first == "all")
        }
    }

    @Test(
        "The window that a client appends to an id is no part of it",
        arguments: [
            ("a/b[1m]", "a/b"), ("a/b[2M]", "a/b"), ("a/b[200k]", "a/b"), ("claude-a/b[1m]", "a/b"),
            ("claude-opus-4[1m]", "x"), ("kept[1m]", "y"), ("a/b:free", "a/b:free"),
            ("a/b[m]", "a/b[m]"), ("a/b[x]", "a/b[x]"), ("[1m]", "d/none"), ("a/[1m", "a/[1m"),
        ])
    func windows(_ requested: String, _ expected: String) throws {
        let resolution = Configuration.resolve([
            .environment([
                ("OPENROUTER_API_KEY", "k"), ("OPENROUTER_MODEL", "d/none"),
                ("CLAUDE_PROXY_MODEL_MAP", "claude-opus-4=x,kept[1m]=y"),
            ])
        ])
        let router = ModelRouter(try #require(resolution.configuration, "\(resolution.faults)"))
        let meaning = router.meaning(of: requested, in: nil)
        #expect(router.targets(of: meaning).map(\.model) == [expected])
    }

    @Test("An id that no rule names has no target") func noMatch() throws {
        let map = try map("claude-opus-*=o")
        #expect(map.chain(for: "claude-opus") == nil)
        #expect(map.chain(for: "claude-opus-")?.entries.first == "o")
        #expect(ModelMap().chain(for: "claude-opus-4") == nil)
    }
}
