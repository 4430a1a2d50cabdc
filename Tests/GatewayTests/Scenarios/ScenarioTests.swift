// Golden scenarios: Tests/Scenarios/NAME/ holds a client's request, the upstream's answers, and what
// must become of them. Each is run whole, byte by byte and at every split of its longest answer, and
// must give the same bytes every time.
//
//   client.request       POST PATH, fields, an empty line, the body (HTTP's head with plain LF)
//   upstream.response    HTTP STATUS, fields, an empty line, the body; or `failure KIND`.
//                        upstream.response.2, … when the upstream is asked again
//   config.env           settings, if the defaults will not do
//   upstream.request     golden: the body that the upstream gets (.2, … when it is asked again)
//   client.response      golden: what the client gets, chunks joined
//
// UPDATE_GOLDEN=1 writes the golden files; review the difference.

import TestSupport
import Testing

@testable import Gateway

@Suite("Scenarios") struct ScenarioTests {
    @Test("A scenario gives its golden files", arguments: try Scenario.all())
    func golden(_ scenario: Scenario) throws {
        let run = try scenario.run { [$0] }
        for (index, call) in run.calls.enumerated() {
            let suffix = index == 0 ? "" : ".\(index + 1)"
            try scenario.file("upstream.request\(suffix)")
                .expect(String(decoding: call.body, as: UTF8.self) + "\n")
        }
        #expect(run.calls.count == scenario.callsExpected, "calls of the upstream")
        try scenario.file("client.response").expect(Self.readable(run.output))
    }

    @Test("A scenario does not depend on how bytes come", arguments: try Scenario.all())
    func splits(_ scenario: Scenario) throws {
        let whole = try scenario.run { [$0] }
        let bytes = try scenario.run { bytes in bytes.map { [$0] } }
        #expect(bytes.calls == whole.calls)
        #expect(Self.readable(bytes.output) == Self.readable(whole.output))
        // Every split point of the answer; of long ones, four hundred.
        let length = scenario.longestAnswer
        for split in stride(from: 1, to: length, by: max(1, length / 400)) {
            let run = try scenario.run { bytes in
                split < bytes.count ? [Array(bytes[..<split]), Array(bytes[split...])] : [bytes]
            }
            #expect(
                Self.readable(run.output) == Self.readable(whole.output), "split at \(split)")
        }
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
