// Chunks as written, byte by byte, and as our own decoder reads them.

import HTTP1
import Testing

@Suite struct ChunkWriterTests {
    @Test func `all that is appended between open and close is one chunk`() {
        var output = Array("head".utf8)
        var writer = ChunkWriter()
        writer.open(in: &output)
        output += Array("event: a\n\n".utf8)
        writer.open(in: &output)
        output += Array("event: b\n\n".utf8)
        #expect(writer.isOpen)
        writer.close(in: &output)
        #expect(!writer.isOpen)
        writer.finish(in: &output)
        #expect(
            output
                == Array("head00000014\r\nevent: a\n\nevent: b\n\n\r\n0\r\n\r\n".utf8))
    }

    @Test func `an empty chunk is taken back`() {
        var output = Array("head".utf8)
        var writer = ChunkWriter()
        writer.open(in: &output)
        writer.close(in: &output)
        writer.close(in: &output)
        #expect(output == Array("head".utf8))
        writer.open(in: &output)
        writer.finish(in: &output)
        #expect(output == Array("head0\r\n\r\n".utf8))
    }

    @Test func `finish closes the open chunk`() {
        var output: [UInt8] = []
        var writer = ChunkWriter()
        writer.open(in: &output)
        output.append(0x61)
        writer.finish(in: &output)
        #expect(output == Array("00000001\r\na\r\n0\r\n\r\n".utf8))
    }

    @Test func `the output may be drained between chunks`() {
        var output: [UInt8] = []
        var writer = ChunkWriter()
        writer.open(in: &output)
        output.append(0x61)
        writer.close(in: &output)
        output.removeAll()
        writer.open(in: &output)
        output.append(0x62)
        writer.close(in: &output)
        #expect(output == Array("00000001\r\nb\r\n".utf8))
    }

    @Test func `sizes are read back as they were written`() throws {
        var expected: [UInt8] = []
        var wire = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        var writer = ChunkWriter()
        for size in [1, 9, 10, 15, 16, 255, 256, 0, 4_095, 4_096, 65_535, 65_536, 0xABCDE] {
            let data = [UInt8](repeating: UInt8(truncatingIfNeeded: size), count: size)
            writer.open(in: &wire)
            wire += data
            writer.close(in: &wire)
            expected += data
        }
        writer.finish(in: &wire)
        let outcome = decode([wire[...]])
        #expect(outcome.error == nil)
        let request = try #require(outcome.requests.first)
        #expect(request.isComplete)
        #expect(request.body == expected)
    }

    @Test func `nothing follows the last chunk`() async {
        await #expect(processExitsWith: .failure) {
            var output: [UInt8] = []
            var writer = ChunkWriter()
            writer.finish(in: &output)
            writer.open(in: &output)
        }
        await #expect(processExitsWith: .failure) {
            var output: [UInt8] = []
            var writer = ChunkWriter()
            writer.open(in: &output)
            output.removeAll()
            writer.close(in: &output)
        }
    }
}

@Suite struct PercentEncodingTests {
    private func decode(_ text: String) -> String? {
        PercentEncoding.decode(Array(text.utf8)[...]).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("", ""), ("a", "a"), ("openai%2Fgpt-oss-120b", "openai/gpt-oss-120b"),
        ("a%2fb", "a/b"), ("%41%5a%7E", "AZ~"), ("%25", "%"), ("%252F", "%2F"), ("a+b", "a+b"),
        ("%C3%A9", "é"), ("x:free", "x:free"), ("%20", " "),
    ])
    func `well-formed segments are decoded once`(segment: String, decoded: String) {
        #expect(decode(segment) == decoded)
    }

    @Test(arguments: [
        "%", "%2", "a%", "a%2", "%2G", "%G2", "%%", "%2%46", "% 2", "%+2", "%-1", "%0x", "%00",
        "a%00b",
    ])
    func `malformed segments are nothing`(segment: String) {
        #expect(decode(segment) == nil)
    }

    @Test func `a slice is decoded from its own start`() {
        let path = Array("/v1/models/a%2Fb".utf8)
        #expect(PercentEncoding.decode(path[11...]) == Array("a/b".utf8))
        #expect(PercentEncoding.decode(path[11..<14]) == nil)
    }
}
