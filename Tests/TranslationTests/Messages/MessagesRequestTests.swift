// Requests for upstreams that speak the Messages API: what stays, which is nearly all, and what goes.

import Testing

@testable import Translation

@Suite struct MessagesRequestTests {
    private func native(
        _ abilities: MessagesAbilities = .anthropic,
        _ change: (inout RequestSettings) -> Void = { _ in }
    ) -> RequestSettings {
        var profile = UpstreamProfile.generic
        profile.messages = abilities
        return settings(profile, "claude-up") {
            $0.api = .messages
            change(&$0)
        }
    }

    /// The body for `request`, its model put back.
    private func body(
        _ request: String, _ abilities: MessagesAbilities = .anthropic,
        _ change: (inout RequestSettings) -> Void = { _ in }
    ) throws -> String {
        try translate(request, native(abilities, change)).body
            .replacing(#""model":"claude-up""#, with: #""model":"m""#)
    }

    private func talk(_ messages: String, _ more: String = "") -> String {
        request(more, messages: messages)
    }

    private static let signature = "EqkECkYIBxgCKkA8AZ4noDfV5VcOJe"

    private static func seal(_ content: String, _ dialect: ReasoningSeal.Dialect = .details)
        -> String
    {
        var output: [UInt8] = []
        ReasoningSeal(
            dialect: dialect, origin: [UInt8]("anthropic/claude-opus-5".utf8),
            content: [UInt8](content.utf8)
        ).write(sealKey, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// A request with all that Claude Code sends every turn.
    private static let full = #"""
        { "model" : "m", "max_tokens": 100, "stream":true, "metadata":{"user_id":"u"},
        "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2;"},
        {"type":"text","text":"S","cache_control":{"type":"ephemeral","ttl":"1h","scope":"global"}}],
        "messages":[{"role":"user","content":[{"type":"text","text":"go","cache_control":{"ttl":"1h","type":"ephemeral"}}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"\#(signature)"},
        {"type":"tool_use","id":"a","name":"f","input":{"cache_control":{"type":"ephemeral","ttl":"1h"},"x":1.50}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"g"},
        {"type":"text","text":"r","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]},
        {"role":"system","content":"now","clear_at":"never"}],
        "tools":[{"type":"custom","name":"f","input_schema":{"type":"object","properties":{"cache_control":{"ttl":"1h"}}},"cache_control":{"type":"ephemeral","ttl":"1h"}},
        {"name":"g","defer_loading":true,"input_schema":{"type":"object"}},
        {"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex"},
        {"type":"web_search_20250305","name":"web_search"}],
        "thinking":{"type":"adaptive"},"context_management":{"edits":[]} }
        """#

    @Test func anthropicsOwnGetsTheClientsBytes() throws {
        let full = Self.full.replacing(#""model" : "m""#, with: #""model" : "claude-up""#)
        #expect(try translate(Self.full, native()).body == full)
    }

    @Test func strictHostsGetWhatTheyTake() throws {
        let body = try body(Self.full, .generic)
        #expect(!body.contains("billing"))
        #expect(!body.contains("tool_reference") && body.contains("Tool loaded: g"))
        #expect(!body.contains("defer_loading") && !body.contains("tool_search_tool"))
        #expect(body.contains(#""name":"web_search""#))
        #expect(body.contains(#"{"role":"user","content":"now"}"#))
        // Within inputs and schemas those are words like any other.
        #expect(
            body.contains(#""input":{"cache_control":{"type":"ephemeral","ttl":"1h"},"x":1.50}"#))
        #expect(body.contains(#""properties":{"cache_control":{"ttl":"1h"}}"#))
        #expect(body.split(separator: "\"ttl\"").count == 3)
        #expect(body.split(separator: #""cache_control":{"type":"ephemeral"}"#).count == 5)
        #expect(body.contains(Self.signature))
        #expect(try self.body(Self.full, .deepSeek).contains(#""custom""#) == false)
        #expect(try self.body(Self.full, .vllm).contains("web_search") == false)
    }

    @Test func whatIsLeftOfNothingGoesAltogether() throws {
        let small = request(
            #""system":"x-anthropic-billing-header: a","tools":[{"type":"web_search_20250305","name":"w"}],"tool_choice":{"type":"tool","name":"w"}"#
        )
        #expect(try body(small, .vllm) == request(""))
        let list = request(#""system":[{"type":"text","text":"x-anthropic-billing-header: a\n"}]"#)
        #expect(try body(list, .generic) == request(""))
        let text = request(#""system":"x-anthropic-billing-header: a\n\nS""#)
        #expect(try body(text, .generic) == request(#""system":"S""#))
    }

    @Test func whatWasRefusedIsLeftOut() throws {
        let asked = request(#""context_management":{"edits":[]},"top_k":1"#)
        let body = try body(asked) { $0.omittedFields = ["context_management"] }
        #expect(body == request(#""top_k":1"#))
    }

    @Test(
        "Models that refuse a type of thinking are not sent it",
        arguments: [
            ("claude-sonnet-5", "enabled", "adaptive"),
            ("anthropic/claude-sonnet-5-x", "enabled", "adaptive"),
            ("claude-sonnet-5", "adaptive", "adaptive"), ("claude-opus-4", "enabled", "enabled"),
            ("kimi-k2.7-code", "disabled", nil), ("kimi-k2.7-code", "enabled", "enabled"),
            ("kimi-k3", "disabled", "disabled"),
        ])
    func thinkingTypes(_ model: String, _ type: String, _ sent: String?) throws {
        let budget = type == "enabled" ? #","budget_tokens":2000"# : ""
        let abilities: MessagesAbilities = model.contains("kimi") ? .moonshot : .anthropic
        let body = try translate(
            request(#""thinking":{"type":"\#(type)"\#(budget)}"#),
            native(abilities) { $0.upstreamModel = Array(model.utf8) }
        ).body
        #expect(body.contains(#""thinking""#) == (sent != nil))
        if let sent { #expect(body.contains(#""thinking":{"type":"\#(sent)""#)) }
        #expect(body.contains("budget_tokens") == (sent == "enabled"))
    }

    @Test func whatAServerWouldHaveToFetchIsLeftOut() throws {
        let images = talk(
            #"[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a/b"}},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]"#
        )
        let body = try body(images, .ollama)
        #expect(!body.contains("https://a/b") && body.contains("AAAA"))
        #expect(try self.body(images, .vllm).contains("https://a/b"))
    }

    @Test func theAnswersLengthKeepsToTheModels() throws {
        let body = try body(request("")) { $0.capabilities.outputTokensMax = 50 }
        #expect(body.contains(#""max_tokens":50"#))
    }

    // MARK: Thinking

    private func answer(_ blocks: String) -> String {
        talk(
            #"[{"role":"user","content":"go"},{"role":"assistant","content":[\#(blocks)]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]"#,
            #""thinking":{"type":"adaptive"}"#)
    }

    private static let call = #"{"type":"tool_use","id":"a","name":"f","input":{}}"#

    private func thought(_ signature: String) -> String {
        #"{"type":"thinking","thinking":"t","signature":"\#(signature)"}"#
    }

    @Test func whatAnthropicSignedGoesBackToIt() throws {
        let own = answer(thought(Self.signature) + "," + Self.call)
        #expect(try body(own) == own)
        let items =
            #"{"type":"reasoning.text","text":"t","signature":"S1","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","data":"D1","format":"anthropic-claude-v1"}"#
        let sealed = try body(answer(thought(Self.seal(items)) + "," + Self.call))
        #expect(
            sealed
                == answer(
                    thought("S1") + #",{"type":"redacted_thinking","data":"D1"},"# + Self.call))
    }

    @Test(arguments: ["", "litellm_encrypted_reasoning:x", "seal"])
    func foreignThinkingIsLeftOutAndThenThereIsNone(_ kind: String) throws {
        let signature = kind == "seal" ? Self.seal("t", .reasoningContent) : kind
        let body = try body(answer(thought(signature) + "," + Self.call))
        #expect(
            body
                == answer(Self.call).replacing(
                    #"{"type":"adaptive"}"#, with: #"{"type":"disabled"}"#))
        // A text before the calls is no better; nothing is asked where no call waits.
        let talked = talk(
            #"[{"role":"user","content":"go"},{"role":"assistant","content":[\#(thought(signature)),{"type":"text","text":"a"}]},{"role":"user","content":"on"}]"#,
            #""thinking":{"type":"adaptive"}"#)
        #expect(try self.body(talked).contains("adaptive"))
    }

    @Test func anAnswerOfThoughtsAloneGoesWithThem() throws {
        let body = try body(
            talk(
                #"[{"role":"user","content":"a"},{"role":"assistant","content":[\#(thought(""))]},{"role":"user","content":"b"}]"#
            ))
        #expect(body == talk(#"[{"role":"user","content":"a"},{"role":"user","content":"b"}]"#))
    }

    @Test func whoDemandsThinkingGetsItPlainOrNone() throws {
        let kept = try body(
            answer(thought(Self.seal("t", .reasoningContent)) + "," + Self.call), .moonshot)
        #expect(kept == answer(thought("") + "," + Self.call))
        let own = answer(thought("own") + "," + Self.call)
        #expect(try body(own, .moonshot) == own)
        let missing = try body(answer(Self.call), .deepSeek)
        #expect(missing.contains(#""thinking":{"type":"disabled"}"#))
        let silent = talk(
            #"[{"role":"user","content":"go"},{"role":"assistant","content":[\#(Self.call)]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]"#
        )
        #expect(try body(silent, .deepSeek).contains(#""thinking":{"type":"disabled"}"#))
    }

    @Test func oursIsNobodysElse() throws {
        let body = try body(answer(thought(Self.seal("t", .thinkTags)) + "," + Self.call), .generic)
        #expect(body == answer(Self.call))
    }

    // MARK: System messages and media

    @Test func aSystemMessageDoesNotPartACallFromItsResult() throws {
        let body = try body(
            talk(
                #"[{"role":"user","content":"go"},{"role":"assistant","content":[\#(Self.call)]},{"role":"system","content":"now"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]},{"role":"user","content":"x"}]"#
            ),
            .generic)
        #expect(
            body
                == talk(
                    #"[{"role":"user","content":"go"},{"role":"assistant","content":[\#(Self.call)]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]},{"role":"user","content":"now"},{"role":"user","content":"x"}]"#
                ))
    }

    @Test func whatAModelCannotSeeIsSaidInWords() throws {
        let body = try body(
            talk(
                #"[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"u"}},{"type":"document","source":{"type":"text","data":"d"}}]}]"#
            ),
            .deepSeek)
        #expect(body.contains("An image was left out") && body.contains(#""data":"d""#))
    }
}
