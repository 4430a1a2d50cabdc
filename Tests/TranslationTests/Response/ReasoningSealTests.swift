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
        seal.write(sealKey, into: &text)
        return text
    }

    @Test(arguments: [
        ReasoningSeal.Dialect.details, .reasoning, .reasoningContent, .thinkTags,
        .contentParts,
    ])
    func roundTripsEveryDialect(_ dialect: ReasoningSeal.Dialect) {
        let content = dialect == .details ? #"{"a":"é\n"},{}"# : #"a \"é\n"#
        let seal = ReasoningSeal(
            dialect: dialect, origin: [UInt8]("m".utf8), content: [UInt8](content.utf8))
        #expect(ReasoningSeal.open(Self.text(seal).span, sealKey) == seal)
    }

    @Test func roundTripsEveryLength() {
        var random = SplitMix64(seed: 11)
        for length in 0..<200 {
            var seal = Self.seal(
                (0..<length).map { _ in UInt8.random(in: 0x30...0x5B, using: &random) },
                String(repeating: "o", count: length % 7))
            seal.dialect = .reasoning
            let text = Self.text(seal)
            #expect(ReasoningSeal.open(text.span, sealKey) == seal)
            #expect(text.count % 4 == 0)
            for byte in text {
                #expect(byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte < 0x7F)
            }
        }
    }

    @Test func refusesForeignText() {
        for text in [
            "", "claudeproxy1", "EqQBCkYIBxgCKkD8", "claudeproxy1AAAA", "claudeproxy2",
            "claudeproxy2AAAA",
            // The form of before, with a checksum for a proof.
            "claudeproxy12oS5OMoNrC0BABthbnRocm9waWMvY2xhdWRlLXNvbm5ldC00LjV7fQ==",
        ] {
            #expect(ReasoningSeal.open([UInt8](text.utf8).span, sealKey) == nil)
        }
    }

    @Test func refusesEveryTruncationAndEveryChangedByte() {
        let text = Self.text(Self.seal([UInt8](#"{"type":"reasoning.text","text":"a"}"#.utf8)))
        for end in 0..<text.count {
            #expect(ReasoningSeal.open(text.span.extracting(..<end), sealKey) == nil)
        }
        for index in text.indices {
            for change: UInt8 in [1, 2, 0x20, 0x80] {
                var damaged = text
                damaged[index] ^= change
                #expect(ReasoningSeal.open(damaged.span, sealKey) == nil, "byte \(index)")
            }
        }
    }

    @Test func refusesTheSealsOfAnotherInstallation() {
        let text = Self.text(Self.seal([UInt8]("{}".utf8)))
        #expect(ReasoningSeal.open(text.span, sealKey) != nil)
        #expect(ReasoningSeal.open(text.span, SealKey([1])) == nil)
        #expect(ReasoningSeal.open(text.span, nil) == nil)
    }

    @Test func theCodeIsThatOfItsStandard() {
        // RFC 4231, test cases 2 and 6.
        func code(_ key: [UInt8], _ text: String) -> String {
            var digits: [UInt8] = []
            for byte in SealKey(key).code(of: [UInt8](text.utf8).span) {
                digits.append(hexadecimal: byte)
            }
            return String(decoding: digits, as: UTF8.self)
        }
        #expect(
            code([UInt8]("Jefe".utf8), "what do ya want for nothing?")
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            code(
                [UInt8](repeating: 0xAA, count: 131),
                "Test Using Larger Than Block-Size Key - Hash Key First")
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test(arguments: [
        (ReasoningSeal.Dialect.reasoning, #"x"}],"models":["evil/model"],"a":[{"b":"c"#),
        (.reasoningContent, "a\u{0}b"), (.thinkTags, "\\"), (.contentParts, #"\x"#),
        (.details, #"{}],"a":[{}"#), (.details, "{"), (.callExtra, "[]"), (.callExtra, "{},{}"),
    ])
    func refusesContentThatIsNotWhatItClaimsToBe(
        _ dialect: ReasoningSeal.Dialect, _ content: String
    ) {
        // Sealed with the right key all the same: two locks are better than one.
        let seal = ReasoningSeal(
            dialect: dialect, origin: [UInt8]("m".utf8), content: [UInt8](content.utf8))
        #expect(ReasoningSeal.open(Self.text(seal).span, sealKey) == nil)
    }

    @Test func refusesContentThatIsNoText() {
        for content: [UInt8] in [[0xFF], [0xC3], [0xED, 0xA0, 0x80]] {
            let seal = ReasoningSeal(dialect: .reasoning, origin: [], content: content)
            #expect(ReasoningSeal.open(Self.text(seal).span, sealKey) == nil)
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
