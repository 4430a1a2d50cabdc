// Recorded Responses streams, where a folder of them is at hand: `RECORDED_STREAMS=folder swift test`
// looks into its folder `responses`. Each must come out legal, and with the text, the arguments and
// the usage that its own last event tells of.

import Testing

@testable import Translation

@Suite struct RecordedResponsesTests {
    static let folder = RecordedStreamsTests.folder.map { "\($0)/responses" }

    /// The response as the last event has it.
    static func response(_ bytes: [UInt8]) -> JSONValue? {
        var found: JSONValue?
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("data: ") {
            guard let event = JSONValue(String(line.dropFirst(6))) else { continue }
            if event["type"]?.string == "response.completed" { found = event["response"] }
        }
        return found
    }

    @Test(.enabled(if: folder != nil), arguments: RecordedStreamsTests.names(in: folder))
    func comesOutAsItWentIn(_ name: String) {
        let bytes = RecordedStreamsTests.bytes(name, in: Self.folder)
        let model = check(bytes, setting: Responses.setting, everySplit: false)
        let translated = Translated(bytes, streaming: true, setting: Responses.setting)
        print("\(name): \(translated.progress) \(model.outline.map { $0.prefix(40) })")
        guard let response = Self.response(bytes) else {
            #expect(!model.isFinished)
            return
        }
        #expect(model.isFinished)
        let items = response["output"]?.array ?? []
        func texts(_ type: String) -> String {
            model.content.filter { $0["type"]?.string == type }
                .compactMap { ($0["text"] ?? $0["thinking"])?.string }.joined()
        }
        let expected = items.filter { $0["type"]?.string == "message" }
            .flatMap { $0["content"]?.array ?? [] }.compactMap { $0["text"]?.string }.joined()
        #expect(texts("text") == expected)
        let calls = items.filter { $0["type"]?.string == "function_call" }
        #expect(model.inputs == calls.compactMap { JSONValue($0["arguments"]?.string ?? "") })
        let reasoning = items.filter { $0["type"]?.string == "reasoning" }
        let thoughts =
            reasoning.flatMap { $0["summary"]?.array ?? [] }
            + reasoning.flatMap { $0["content"]?.array ?? [] }
        #expect(texts("thinking") == thoughts.compactMap { $0["text"]?.string }.joined())
        let sealed = model.sealedItems.count
        #expect(sealed == reasoning.filter { $0["encrypted_content"]?.string != nil }.count)
        #expect(translated.summary.usage.prompt == response["usage"]?["input_tokens"]?.int)
        #expect(translated.summary.usage.output == response["usage"]?["output_tokens"]?.int)
    }
}
