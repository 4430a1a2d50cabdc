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
            #expect(map.target(for: "claude-opus-4") == "x")
            #expect(map.target(for: "claude-opus-4-1") == "o")
            #expect(map.target(for: "claude-haiku") == "c")
            #expect(map.target(for: "gpt") == "all")
            #expect(map.target(for: "") == "all")
        }
    }

    @Test("An id that no rule names has no target") func noMatch() throws {
        let map = try map("claude-opus-*=o")
        #expect(map.target(for: "claude-opus") == nil)
        #expect(map.target(for: "claude-opus-") == "o")
        #expect(ModelMap().target(for: "claude-opus-4") == nil)
    }
}
