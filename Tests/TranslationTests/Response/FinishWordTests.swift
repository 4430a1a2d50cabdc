// The words by which servers say why an answer ends: a cut or failed answer is never a finished one.

import Testing

@testable import Translation

@Suite("Finish words") struct FinishWordTests {
    private func finish(_ word: String, native: Bool = false) throws -> UpstreamFinish {
        var document = JSONDocument()
        try document.parse([UInt8](#"{"word":"\#(word)"}"#.utf8))
        let node = try #require(document.member(.root, "word"))
        var finish = UpstreamFinish()
        if native {
            finish.read(document, nativeReason: node)
        } else {
            finish.read(document, finishReason: node)
        }
        return finish
    }

    private func reason(_ finish: UpstreamFinish) -> StopReason {
        finish.stopReason(hasCalls: false, hasRefused: false, tail: [], sequences: [])
    }

    @Test(arguments: [
        "stop", "eos", "COMPLETE", "end_turn", "some_new_word", "STOP", "eos_token", "",
    ])
    func aFinishedAnswerIsOne(_ word: String) throws {
        let finish = try finish(word)
        #expect(reason(finish) == .endTurn && !finish.isFailure)
    }

    @Test(
        arguments: [
            "length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "MAX_LENGTH",
            "model_context_window_exceeded", "context_length_exceeded", "ERROR_LIMIT",
        ], [false, true])
    func aCutAnswerIsCut(_ word: String, native: Bool) throws {
        let finish = try finish(word, native: native)
        #expect(reason(finish) == .maxTokens && !finish.isFailure)
    }

    @Test(
        arguments: [
            "content_filter", "sensitive", "SAFETY", "RECITATION", "refusal", "PROHIBITED_CONTENT",
            "BLOCKLIST", "SPII", "IMAGE_SAFETY", "guardrail_intervened", "content_filtered",
            "ERROR_TOXIC",
        ], [false, true])
    func aRefusedAnswerIsRefused(_ word: String, native: Bool) throws {
        let finish = try finish(word, native: native)
        #expect(reason(finish) == .refusal && !finish.isFailure)
    }

    @Test(
        arguments: [
            "error", "network_error", "insufficient_system_resource", "abort", "aborted", "timeout",
            "cancelled", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "internal_failure",
        ], [false, true])
    func aFailedAnswerHasFailed(_ word: String, native: Bool) throws {
        #expect(try finish(word, native: native).isFailure)
    }

    @Test(arguments: ["tool_calls", "function_call", "tool_use"])
    func callsAreCalls(_ word: String) throws {
        #expect(try finish(word).reason == .toolCalls)
    }

    // MARK: Tool names

    @Test(arguments: [
        ("get_weather<|channel|>commentary", "get_weather"),
        ("get_weather<|constrain|>json", "get_weather"), ("functions.get_weather", "get_weather"),
        ("default_api:get_weather", "get_weather"), ("default_api.get_weather", "get_weather"),
        ("functions.get_weather<|channel|>analysis", "get_weather"),
        ("functions.get_weather:3", "get_weather"), (" get_weather", "get_weather"),
        ("Get_Weather", "get_weather"), ("tools.get_weather", "get_weather"),
        ("<|start|>assistant to=functions.get_weather", "get_weather"),
        ("get_weather:x", "get_weather:x"), ("", ""),
        ("functions.long", "a long name"), ("long<|message|>", "a long name"),
        ("functions.mine", "functions.mine"), ("functions.other", "functions.other"),
        ("multi_tool_use.parallel", "multi_tool_use.parallel"), ("<|x|>", "<|x|>"),
        ("functions.", "functions."), ("python", "python"),
    ])
    func markupIsTakenOffNamesThatAreNotOnOffer(_ name: String, _ expected: String) {
        var facts = RequestFacts()
        facts.toolNames = ["get_weather", "long", "functions.mine", "mine"].map { Array($0.utf8) }
        facts.clientToolNames = [Array("long".utf8): Array("a long name".utf8)]
        #expect(
            String(decoding: facts.clientName(of: Array(name.utf8)), as: UTF8.self) == expected)
    }
}
