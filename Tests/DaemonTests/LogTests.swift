// The log: what its queue holds, what a record looks like in each form.
import Gateway
import Logging
import Testing

@testable import Daemon

@Suite struct LogQueueTests {
    @Test func `records keep their order and their fields`() {
        var queue = LogQueue()
        queue.append(Array("one\n".utf8), fields: [])
        queue.append(Array("A=1B=22".utf8), fields: [3, 4])
        #expect(queue.bytes == Array("one\nA=1B=22".utf8))
        #expect(queue.records.map(\.byteCount) == [4, 7])
        #expect(queue.records.map(\.fieldCount) == [0, 2])
        #expect(queue.fieldLengths == [3, 4])
    }

    @Test func `what has no room is counted, and so is all that follows`() {
        var queue = LogQueue()
        queue.append([UInt8](repeating: 0x61, count: LogQueue.bytesMax - 1), fields: [])
        queue.append([0x62, 0x62], fields: [])
        // It would fit, and would stand before the line that tells of the lost one.
        queue.append([0x63], fields: [])
        #expect(queue.records.count == 1)
        #expect(queue.dropped == 2)
        queue.clear()
        #expect(queue.isEmpty)
        queue.append([0x63], fields: [])
        #expect(queue.dropped == 0)
        #expect(queue.bytes == [0x63])
    }

    @Test func `records without bytes are bounded, too`() {
        var queue = LogQueue()
        for _ in 0..<LogQueue.recordsMax + 5 { queue.append([], fields: []) }
        #expect(queue.dropped == 5)
    }

    @Test func `a queue that was full gives its room back`() {
        var queue = LogQueue()
        queue.append([UInt8](repeating: 0x61, count: LogQueue.bytesMax), fields: [])
        queue.clear()
        #expect(queue.bytes.capacity < LogQueue.bytesMax)
    }
}

@Suite struct LogEncoderTests {
    /// A model that forges fields and drives a terminal.
    private static let model = Array("x/y  outcome=completed \u{9B}31m\u{202E}\u{2028}\"\\".utf8)

    private func record(_ format: Configuration.LogFormat) -> LogEncoder {
        var encoder = LogEncoder()
        encoder.begin(format, .info)
        encoder.add(words: "POST ")
        encoder.add(peer: Self.model.span)
        encoder.endMessage()
        encoder.add("STATUS", 200)
        encoder.add("MODEL", Self.model)
        encoder.add("EMPTY", [])
        encoder.add("REQUEST_ID", requestID: Array("0aZ".utf8))
        encoder.end()
        return encoder
    }

    private static let escaped = #"x/y  outcome=completed \u009b31m\u202e\u2028"#

    @Test func `text quotes what is not one plain word`() {
        let line = String(decoding: record(.text).bytes, as: UTF8.self)
        let quoted = #""\#(Self.escaped)\"\\""#
        #expect(
            line.dropFirst(24)
                == " info    POST \(quoted)  status=200  model=\(quoted)  request_id=req_0aZ\n")
        #expect(line.utf8.allSatisfy { $0 == 0x0A || 0x20...0x7E ~= $0 })
    }

    @Test func `JSON escapes the same, and stays JSON`() {
        let line = String(decoding: record(.json).bytes, as: UTF8.self)
        #expect(line.hasSuffix(",\"request_id\":\"req_0aZ\"}\n"))
        #expect(line.contains(#""model":"\#(Self.escaped)\"\\","#))
        #expect(line.contains(#""status":200,"#))
        let inner = Self.escaped.replacing("\\", with: "\\\\") + #"\\\"\\\\"#
        #expect(line.contains(#""message":"POST \"\#(inner)\"","#))
    }

    @Test func `journal fields have their lengths and no control character`() {
        let record = record(.journal)
        var fields: [String] = []
        var start = 0
        for length in record.fieldLengths {
            fields.append(String(decoding: record.bytes[start..<start + length], as: UTF8.self))
            start += length
        }
        #expect(start == record.bytes.count)
        #expect(fields[0] == #"MESSAGE=POST "\#(Self.escaped)\"\\""#)
        #expect(fields[1...2] == ["PRIORITY=6", "SYSLOG_IDENTIFIER=claude-proxy"])
        #expect(fields[3...] == ["STATUS=200", #"MODEL=\#(Self.escaped)"\"#, "REQUEST_ID=req_0aZ"])
    }
}
