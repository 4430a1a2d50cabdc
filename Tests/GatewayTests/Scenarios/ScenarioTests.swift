// Golden scenarios: Tests/Scenarios/NAME/ holds a client's request, the upstream's answers, and what
// must become of them. Each is run whole, byte by byte and at splits throughout its longest answer,
// and must give the same bytes every time.
//
//   client.request       POST PATH, fields, an empty line, the body (HTTP's head with plain LF)
//   upstream.response    HTTP STATUS, fields, an empty line, the body; or `failure KIND`.
//                        upstream.response.2, … when the upstream is asked again
//   config.env           settings, if the defaults will not do
//   upstream.request     golden: the body that the upstream gets (.2, … when it is asked again);
//                        before it, when there is one, the field `x-anthropic-beta`
//   client.response      golden: what the client gets, chunks joined
//
// UPDATE_GOLDEN=1 writes the golden files; review the difference.

import Glibc
import TestSupport
import Testing
import Translation

@testable import Gateway

@Suite("Scenarios") struct ScenarioTests {
    /// `EVERY_SPLIT=1` tries all of them, which takes minutes.
    static let splitsEverywhere = unsafe getenv("EVERY_SPLIT") != nil

    @Test("A scenario gives its golden files", arguments: try Scenario.all())
    func golden(_ scenario: Scenario) throws {
        let run = try scenario.run { [$0] }
        for (index, call) in run.calls.enumerated() {
            let suffix = index == 0 ? "" : ".\(index + 1)"
            try scenario.file("upstream.request\(suffix)")
                .expect(
                    (call.beta.map { "x-anthropic-beta: \($0)\n\n" } ?? "")
                        + String(decoding: call.body, as: UTF8.self) + "\n")
        }
        #expect(run.calls.count == scenario.callsExpected, "calls of the upstream")
        try scenario.file("client.response").expect(Self.readable(run.output))
    }

    @Test("A scenario does not depend on how bytes come", arguments: try Scenario.all())
    func splits(_ scenario: Scenario) throws {
        let whole = try scenario.run { [$0] }
        let bytes = try scenario.run { bytes in bytes.map { [$0] } }
        #expect(bytes.calls.map(\.body) == whole.calls.map(\.body))
        #expect(bytes.calls.map(\.beta) == whole.calls.map(\.beta))
        #expect(Self.readable(bytes.output) == Self.readable(whole.output))
        // Points all over the answer; another scenario of like length has other ones.
        let length = scenario.longestAnswer
        let step = Self.splitsEverywhere ? 1 : max(1, length / rounds(128))
        for split in stride(from: 1 + scenario.name.utf8.count % step, to: length, by: step) {
            let run = try scenario.run { bytes in
                split < bytes.count ? [Array(bytes[..<split]), Array(bytes[split...])] : [bytes]
            }
            #expect(
                Self.readable(run.output) == Self.readable(whole.output), "split at \(split)")
        }
    }

    @Test("A scenario's event stream is one that clients follow", arguments: try Scenario.all())
    func legality(_ scenario: Scenario) throws {
        let output = Self.readable(try scenario.run { [$0] }.output)
        let end = try #require(output.firstRange(of: "\n\n"))
        guard output[..<end.lowerBound].contains("\ncontent-type: text/event-stream") else {
            // What is no stream is one JSON text, or nothing at all.
            let body = [UInt8](output[end.upperBound...].utf8)
            var document = JSONDocument()
            #expect(body == [0x0A] || (try? document.parse(body)) != nil)
            return
        }
        // `readable` ends every response with a line end.
        #expect(EventStreamCheck(output[end.upperBound...].dropLast()).problems == [])
    }

    @Test(
        "The check of event streams finds what is wrong",
        arguments: [
            // A beginning without an end.
            "S", "", "P",
            // A second beginning, or none.
            "SSDE", "DE",
            // Blocks that overlap, skip a number, or stay open.
            "S[[]]DE", "S1DE", "S[DE",
            // Ends too many, or too few.
            "SDEE", "SE", "SDDE", "SDEP",
        ])
    func checkFindsFaults(_ script: String) {
        #expect(EventStreamCheck(Self.stream(script)[...]).problems != [])
    }

    @Test(
        "The check of event streams passes what is right",
        arguments: ["SDE", "PSPDE", "S[.]PDE", "S[..]DE", "X", "PX", "S[.X"])
    func checkPassesLegal(_ script: String) {
        #expect(EventStreamCheck(Self.stream(script)[...]).problems == [])
    }

    /// A stream with one event for each letter.
    private static func stream(_ script: String) -> String {
        script.map { letter in
            let (name, members) =
                switch letter {
                case "S": ("message_start", "")
                case "[": ("content_block_start", #","index":0"#)
                case "1": ("content_block_start", #","index":1"#)
                case ".": ("content_block_delta", #","index":0"#)
                case "]": ("content_block_stop", #","index":0"#)
                case "D": ("message_delta", #","usage":{}"#)
                case "E": ("message_stop", "")
                case "X": ("error", #","error":{"message":"x"}"#)
                default: ("ping", "")
                }
            return "event: \(name)\ndata: {\"type\":\"\(name)\"\(members)}\n\n"
        }.joined()
    }

    /// A response as people read it: LF line ends in the head, chunks joined.
    static func readable(_ response: [UInt8]) -> String {
        let text = String(decoding: response, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return text }
        let head = text[..<end.lowerBound].split(separator: "\r\n").joined(separator: "\n")
        var body = [UInt8](text[end.upperBound...].utf8)
        if head.contains("Transfer-Encoding: chunked") { body = joinedChunks(body) }
        return head + "\n\n" + String(decoding: body, as: UTF8.self) + "\n"
    }

    private static func joinedChunks(_ body: [UInt8]) -> [UInt8] {
        var joined: [UInt8] = []
        var rest = body[...]
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end].dropLast(), as: UTF8.self)
            guard let size = Int(line, radix: 16), size > 0 else { break }
            joined += rest[(end + 1)...].prefix(size)
            rest = rest[(end + 1)...].dropFirst(size + 2)
        }
        return joined
    }
}
