// Seals: exact round trips, and nil for whatever is not one.

import TestSupport
import Testing

@testable import Translation

@Suite struct ReasoningSealTests {
    static func seal(_ content: [UInt8], _ origin: String = "anthropic/claude-haiku-4.5")
        -> ReasoningSeal
    {
        ReasoningSeal(dialect: .details, origin: [UInt8](origin.utf8), content: content)
    }

    static func text(_ seal: ReasoningSeal) -> [UInt8] {
        var text: [UInt8] = []
        seal.write(into: &text)
        return text
    }

    @Test(arguments: [
        ReasoningSeal.Dialect.details, .reasoning, .reasoningContent, .thinkTags,
        .contentParts,
    ])
    func roundTripsEveryDialect(_ dialect: ReasoningSeal.Dialect) {
        let seal = ReasoningSeal(
            dialect: dialect, origin: [UInt8]("m".utf8), content: [UInt8](#"{"a":"é\n"}"#.utf8))
        #expect(ReasoningSeal.open(Self.text(seal).span) == seal)
    }

    @Test func roundTripsEveryLength() {
        var random = SplitMix64(seed: 11)
        for length in 0..<200 {
            let seal = Self.seal(
                (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) },
                String(repeating: "o", count: length % 7))
            let text = Self.text(seal)
            #expect(ReasoningSeal.open(text.span) == seal)
            #expect(text.count % 4 == 0)
            for byte in text {
                #expect(byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte < 0x7F)
            }
        }
    }

    @Test func refusesForeignText() {
        for text in ["", "claudeproxy1", "EqQBCkYIBxgCKkD8", "claudeproxy1AAAA", "claudeproxy2"] {
            #expect(ReasoningSeal.open([UInt8](text.utf8).span) == nil)
        }
    }

    @Test func refusesEveryTruncationAndEveryChangedByte() {
        let text = Self.text(Self.seal([UInt8](#"{"type":"reasoning.text","text":"a"}"#.utf8)))
        for end in 0..<text.count {
            #expect(ReasoningSeal.open(text.span.extracting(..<end)) == nil)
        }
        for index in text.indices {
            for change: UInt8 in [1, 2, 0x20, 0x80] {
                var damaged = text
                damaged[index] ^= change
                #expect(ReasoningSeal.open(damaged.span) == nil, "byte \(index)")
            }
        }
    }

    @Test(arguments: [
        ("anthropic/claude-haiku-4.5", "anthropic/claude-opus-5", true),
        ("anthropic/claude-haiku-4.5", "~anthropic/claude-sonnet-latest", true),
        ("claude-sonnet-4-6", "anthropic/claude-opus-5", true),
        ("anthropic/claude-haiku-4.5", "google/gemini-3-pro", false),
        ("gemini-3-pro", "google/gemini-3-flash", true), ("gpt-5", "o3-mini", true),
        ("my-model", "my-model", true), ("my-model", "my-other", false),
        ("deepseek-reasoner", "deepseek/deepseek-v4", true),
    ])
    func knowsFamilies(_ origin: String, _ model: String, _ isAtHome: Bool) {
        #expect(Self.seal([], origin).isAtHome(in: [UInt8](model.utf8)) == isAtHome)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func base64HasTheVectorsOfItsStandard(_ plain: String, _ encoded: String) {
        var text: [UInt8] = []
        Base64.encode([UInt8](plain.utf8).span, into: &text)
        #expect(String(decoding: text, as: UTF8.self) == encoded)
        #expect(Base64.decode(text.span) == [UInt8](plain.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-_",
    ])
    func base64RefusesWhatItWouldNotWrite(_ text: String) {
        #expect(Base64.decode([UInt8](text.utf8).span) == nil)
    }
}
