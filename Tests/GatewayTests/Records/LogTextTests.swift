// Text of peers in logs and on terminals.
import Testing
import Translation

@testable import Gateway

@Suite struct LogTextTests {
    private func shown(_ text: String, _ place: LogText.Place) -> String {
        var line: [UInt8] = []
        LogText.append(Array(text.utf8).span, as: place, to: &line)
        return String(decoding: line, as: UTF8.self)
    }

    @Test func `plain words stand as they are everywhere`() {
        for place: LogText.Place in [.alone, .quoted, .amongWords, .amongQuotedWords] {
            #expect(shown("openai/gpt-oss-120b:free", place) == "openai/gpt-oss-120b:free")
        }
    }

    @Test(arguments: ["", "a b", "a=b", "a\"b", "a\\b", "ä", "a\u{7F}"])
    func `whatever could end a value or begin another is quoted among words`(_ text: String) {
        let line = shown(text, .amongWords)
        #expect(line.hasPrefix("\"") && line.hasSuffix("\"") && line.utf8.count >= 2)
    }

    @Test func `every character that drives a terminal or the reader's eye is escaped`() {
        var values = Array(0..<0x20) + Array(0x7F...0x9F)
        values += [0x061C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF, 0xE0041]
        values += Array(0x202A...0x202E) + Array(0x2066...0x2069)
        for value in values.map(UInt32.init) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            for place: LogText.Place in [.alone, .quoted, .amongWords, .amongQuotedWords] {
                let line = shown("a\(scalar)b", place)
                #expect(!line.unicodeScalars.contains(scalar), "U+\(String(value, radix: 16))")
                #expect(line.contains("\\"))
            }
        }
    }

    @Test func `letters of every script and emoji stay`() {
        let text = "Grüße 世界 مرحبا 🎉"
        #expect(shown(text, .alone) == text)
    }

    @Test func `what is not UTF-8 becomes the replacement character`() {
        var line: [UInt8] = []
        LogText.append([0x61, 0xC3, 0x9B, 0xFF, 0x9B].span, as: .alone, to: &line)
        #expect(String(validating: line, as: UTF8.self) == "aÛ\u{FFFD}\u{FFFD}")
    }

    @Test func `quotation marks within quotation marks are told from those around`() {
        #expect(shown("a\" outcome=\"x", .amongWords) == #""a\" outcome=\"x""#)
        #expect(shown("a b", .amongQuotedWords) == #"\"a b\""#)
        #expect(shown("a\"b", .amongQuotedWords) == #"\"a\\\"b\""#)
    }
}

@Suite struct ErrorSummaryTests {
    /// What an upstream says, with "hunter2" for what a client has said.
    @Test(arguments: [
        "Invalid schema for function 'f': 'hunter2' is not valid under any of the given schemas",
        "[{'type': 'value_error', 'loc': ('body',), 'input': [{'content': 'hunter2'}]}]",
        "1 validation error for ChatCompletionRequest\n  input_value={'a': 'hunter2'}",
        "Input should be a valid string: hunter2",
        "My password is hunter2",
        "hunter2",
        "error: {\"messages\": [{\"content\": \"hunter2\"}]}",
        "Invalid value: “hunter2”. Supported values are: 'low'",
        "Unknown model `hunter2`", "Invalid <hunter2>", "Unexpected token h at hunter2",
        "The upstream refused the proxy's own key: hunter2",
        "openai: Invalid input hunter2 in messages",
        "messages.0.content: hunter2 is not of type object",
        "Bad\u{0}request\u{202E}hunter2", "Bad request\nhunter2", "invalid=hunter2",
        "\(String(repeating: "invalid request ", count: 900))hunter2",
    ])
    func `nothing of a conversation gets into a record`(_ message: String) {
        let text = ErrorSummary.text(of: message) ?? ""
        #expect(!text.contains("hunter2") && !text.contains("password"))
        #expect(text.utf8.count <= ErrorSummary.bytesMax + 32)
    }

    @Test(arguments: [
        ("Invalid schema for function 'f': 'x'", "Invalid schema for function…"),
        ("Provider returned error", "Provider returned error"),
        (
            "This model's maximum context length is 8192 tokens.",
            "This model's maximum context length is 8192 tokens."
        ),
        (
            "prompt is too long: 281816 tokens > 131072 maximum",
            "prompt is too long: 281816 tokens > 131072 maximum"
        ),
        (
            "The upstream refused the proxy's own key: Invalid API key. Check OPENROUTER_API_KEY in the proxy's configuration.",
            "The upstream refused the proxy's own key: Invalid API key. Check OPENROUTER_API_KEY in the proxy's configuration."
        ),
        ("messages.0.role: hm", "messages.0.role…"),
    ])
    func `words about the request stay`(_ message: String, _ summary: String) {
        #expect(ErrorSummary.text(of: message) == summary)
    }

    @Test func `our own account of a connection stays whole`() {
        let message =
            "The upstream's host name cannot be resolved (Could not resolve host: a.example)."
            + " Check CLAUDE_PROXY_UPSTREAM_URL and the proxy machine's DNS."
        #expect(ErrorSummary.text(of: message) == message)
    }

    @Test func `a message that says nothing harmless is left out`() {
        #expect(ErrorSummary.text(of: "{\"a\": 1}") == nil)
        #expect(ErrorSummary.text(of: "") == nil)
    }
}

@Suite struct RefusalCountsTests {
    private func refusal(_ status: Int = 401) -> RequestRecord {
        var record = RequestRecord()
        record.outcome = .failed
        record.status = status
        record.errorType = status == 404 ? .notFound : .authentication
        record.client = "10.0.0.1"
        return record
    }

    @Test func `the first is told, those of its second are counted`() {
        var counts = RefusalCounts()
        #expect(counts.admits(refusal(), at: .zero) == true)
        for index in 1...99 { #expect(counts.admits(refusal(), at: .milliseconds(index)) == false) }
        #expect(counts.admits(refusal(404), at: .milliseconds(500)) == true)
        #expect(counts.deadline == .seconds(1))
        #expect(counts.summaries(at: .milliseconds(999)) == [])
        let summaries = counts.summaries(at: .seconds(1))
        #expect(summaries.map(\.count) == [99])
        #expect(summaries.first?.client == "10.0.0.1")
    }

    @Test func `a flood is one line a second, and its end is told`() {
        var counts = RefusalCounts()
        var lines = 0
        for millisecond in 0..<10_000 {
            let now = Duration.milliseconds(millisecond)
            lines += counts.summaries(at: now).count
            if counts.admits(refusal(), at: now) { lines += 1 }
        }
        #expect(lines <= 11)
        lines = counts.summaries(at: .seconds(12)).count
        #expect(lines == 1)
        #expect(counts.summaries(at: .seconds(14)) == [])
        #expect(counts.deadline == nil)
        #expect(counts.admits(refusal(), at: .seconds(15)) == true)
    }

    @Test func `requests that were read are always told`() {
        var counts = RefusalCounts()
        var record = refusal(400)
        record.requestedModel = Array("claude".utf8)
        for _ in 0..<10 { #expect(counts.admits(record, at: .zero) == true) }
        record = refusal(502)
        for _ in 0..<10 { #expect(counts.admits(record, at: .zero) == true) }
        record = RequestRecord()
        for _ in 0..<10 { #expect(counts.admits(record, at: .zero) == true) }
    }
}
