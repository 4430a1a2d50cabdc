// The estimate must be of the right size for every kind of text; exact it cannot be.

import TestSupport
import Testing
import Tokenizer
import Translation

@testable import Gateway

@Suite("Token estimates") struct TokenEstimateTests {
    private static let english = """
        A proxy translates between two interfaces and keeps nothing of what it passes on. When the \
        upstream server is silent for too long, the client is told so, and what it can do about it.
        """
    private static let code = """
        func skip(_ bytes: Span<UInt8>, _ start: Int) -> Int {
            var position = start
            while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
            return position
        }
        """
    private static let chinese = "代理在两个接口之间进行翻译，不保留所传递的任何内容。如果上游服务器长时间沉默，客户端会得到通知。"
    private static let russian = "Прокси переводит между двумя интерфейсами и ничего не сохраняет."

    /// The estimate for a request whose only message is `text`.
    private func estimate(_ text: String, isASCII: Bool = false) throws -> Int {
        var body = [UInt8](#"{"messages":[{"role":"user","content":"#.utf8)
        if isASCII {
            body.append(UInt8(ascii: "\""))
            for unit in text.utf16 {
                let digits = String(unit, radix: 16)
                let padding = String(repeating: "0", count: 4 - digits.count)
                body.append(
                    contentsOf: unit < 0x80 ? [UInt8(unit)] : [UInt8]("\\u\(padding)\(digits)".utf8)
                )
            }
            body.append(UInt8(ascii: "\""))
        } else {
            body.append(jsonString: text)
        }
        body.append("}]}")
        var document = JSONDocument()
        try document.parse(body)
        return TokenEstimate.inputTokens(document)
    }

    @Test(arguments: [english, code, chinese, russian])
    func isWithinAThirdOfTheTruth(_ text: String) throws {
        let long = String(repeating: text + "\n", count: 20)
        var counter = TokenCounter()
        let truth = Double(counter.count([UInt8](long.utf8).span))
        let ratio = Double(try estimate(long)) / truth
        #expect(ratio > 0.75 && ratio < 1.35, "\(ratio)")
    }

    @Test(arguments: [chinese, russian])
    func doesNotDependOnHowCharactersAreEscaped(_ text: String) throws {
        let long = String(repeating: text, count: 20)
        let plain = Double(try estimate(long))
        let escaped = Double(try estimate(long, isASCII: true))
        #expect(abs(plain - escaped) / plain < 0.02)
    }

    @Test func countsAnImageByItsKind() throws {
        func request(_ bytes: Int) throws -> Int {
            let data = String(repeating: "A", count: bytes)
            var document = JSONDocument()
            try document.parse(
                [UInt8](
                    (#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","#
                        + #""media_type":"image/png","data":""# + data + #""}}]}]}"#).utf8))
            return TokenEstimate.inputTokens(document)
        }
        #expect(try request(1000) == request(1_000_000))
        #expect(try request(1000) > 1000)
    }

    @Test func weighsBlocksOfBytesAsItWeighsBytes() {
        var random = SplitMix64(seed: 16)
        let pieces = [
            "word", " ", "\\n", "\\u00e9", "\\u6f22", "12", "{}", "é", "漢", "😀", "x", "\\",
        ]
        for _ in 0..<3000 {
            let count = random.below(24)
            let text = (0..<count).map { _ in pieces[random.below(pieces.count)] }.joined()
            let bytes = [UInt8](text.utf8)
            #expect(TokenEstimate.weight(of: bytes.span) == Self.weight(ofEach: bytes), "\(text)")
        }
    }

    /// The rules, one byte at a time.
    private static func weight(ofEach text: [UInt8]) -> Int {
        var weight = 0
        var isInWord = false
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte | 0x20 &- UInt8(ascii: "a") < 26 {
                weight += isInWord ? 7 : 41
                isInWord = true
                continue
            }
            isInWord = false
            switch byte {
            case UInt8(ascii: "\\")
            where index + 5 <= text.count && text[index] == UInt8(ascii: "u"):
                let isShort =
                    text[index + 1] == UInt8(ascii: "0") && text[index + 2] < UInt8(ascii: "8")
                weight += isShort ? 22 : 48
                index += 5
            case UInt8(ascii: "\\") where index < text.count:
                weight += 40
                index += 1
            case ...0x20: weight += 3
            case UInt8(ascii: "0")...UInt8(ascii: "9"): weight += 24
            case 0x80..<0xC0: break
            case 0xC0..<0xE0: weight += 22
            case 0xE0..<0xF0: weight += 48
            case 0xF0...: weight += 130
            default: weight += 36
            }
        }
        return weight
    }

    @Test func isNeverZero() throws {
        var document = JSONDocument()
        try document.parse([UInt8]("{}".utf8))
        #expect(TokenEstimate.inputTokens(document) == 1)
    }
}
