// The decoder as its caller meets it: phases, pipelining, where body bytes lie, the end of input,
// and every limit at its last allowed and its first refused value.

import HTTP1
import Testing

@Suite struct RequestDecoderTests {
    private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    // MARK: Phases

    @Test func `the phase tells which time-out applies`() throws {
        var decoder = RequestDecoder()
        #expect(decoder.phase == .idle)
        #expect(decoder.endOfInput() == .clean)
        try expect(.needsMoreInput, for: "\r", from: &decoder)
        #expect(decoder.phase == .idle)
        try expect(.needsMoreInput, for: "\n", from: &decoder)
        #expect(decoder.phase == .idle)
        #expect(decoder.endOfInput() == .clean)
        try expect(.needsMoreInput, for: "P", from: &decoder)
        #expect(decoder.phase == .head)
        #expect(decoder.endOfInput() == .truncatedHead)
        try expect(
            .needsMoreInput, for: "OST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r",
            from: &decoder)
        #expect(decoder.phase == .head)
        let event = try decode("\n", from: &decoder)
        guard case .head = event else {
            Issue.record("no head but \(event)")
            return
        }
        #expect(decoder.phase == .body)
        #expect(decoder.endOfInput() == .truncatedBody)
        try expect(.body(0..<1), for: "a", from: &decoder)
        try expect(.needsMoreInput, for: "", from: &decoder)
        #expect(decoder.endOfInput() == .truncatedBody)
        try expect(.body(0..<1), for: "b", from: &decoder)
        #expect(decoder.phase == .body)
        try expect(.end, for: "", from: &decoder)
        #expect(decoder.phase == .idle)
        #expect(decoder.endOfInput() == .clean)
    }

    private func decode(
        _ text: String, from decoder: inout RequestDecoder
    ) throws(ProtocolError) -> RequestEvent {
        var offset = 0
        return try decoder.decode(Array(text.utf8).span, from: &offset)
    }

    private func expect(
        _ event: RequestEvent, for text: String, from decoder: inout RequestDecoder
    ) throws {
        #expect(try decode(text, from: &decoder) == event)
    }

    // MARK: Pipelining

    @Test func `the decoder stops after each request and leaves the next one in the input`()
        throws
    {
        let first = "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n"
        let second = "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        let input = Array("\(first)ab\(second)3\r\nabc\r\n0\r\n\r\n\(get)".utf8)
        var decoder = RequestDecoder()
        var offset = 0
        var paths: [String] = []
        var trace: [(RequestEvent, Int)] = []
        while true {
            let event = try decoder.decode(input.span, from: &offset)
            if case .head(let head) = event {
                paths.append(String(decoding: head.path, as: UTF8.self))
                continue
            }
            trace.append((event, offset))
            if event == .needsMoreInput { break }
        }
        let firstEnd = first.utf8.count + 2
        let secondBody = firstEnd + second.utf8.count + 3
        let secondEnd = secondBody + 3 + 7
        #expect(paths == ["/1", "/2", "/"])
        #expect(
            trace.map(\.0) == [
                .body(firstEnd - 2..<firstEnd), .end, .body(secondBody..<secondBody + 3), .end,
                .end, .needsMoreInput,
            ])
        #expect(
            trace.map(\.1) == [
                firstEnd, firstEnd, secondBody + 3, secondEnd, input.count, input.count,
            ])
    }

    @Test func `a head that the caller keeps is not changed by the next request`() throws {
        let outcome = HTTP1Tests.decode([
            Array("GET /first HTTP/1.1\r\nHost: a\r\n\r\nPUT /b HTTP/1.0\r\n\r\n".utf8)[...]
        ])
        #expect(outcome.requests.count == 2)
        let first = try #require(outcome.requests.first).head
        #expect(Array(first.path) == Array("/first".utf8))
        #expect(first.text("host") == "a")
        #expect(first.method == .get)
        let second = try #require(outcome.requests.last).head
        #expect(second.host == nil)
        #expect(second.fieldCount == 0)
        #expect(second.contentLength == nil)
    }

    @Test func `nothing of a request shows in the next one`() throws {
        let busy =
            "POST http://x/a?b HTTP/1.1\r\nHost: h\r\nConnection: close, keep-alive\r\n"
            + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na"
        let after = HTTP1Tests.decode([Array((busy + get).utf8)[...]])
        let alone = HTTP1Tests.decode([Array(get.utf8)[...]])
        #expect(after.requests.last == alone.requests.last)
    }

    // MARK: Limits

    @Test func `a target of 8 KiB is taken and one byte more is 414`() throws {
        for (length, reason) in [
            (8_000, nil), (8_192, nil), (8_193, .targetTooLong(bytesMax: 8_192)),
            (8_230, .targetTooLong(bytesMax: 8_192)), (20_000, .targetTooLong(bytesMax: 8_192)),
        ] as [(Int, ProtocolError.Reason?)] {
            let target = "/" + String(repeating: "a", count: length - 1)
            let outcome = try #require(
                decodeEveryWay(Array("DELETE \(target) HTTP/1.1\r\nHost: h\r\n\r\n".utf8)))
            #expect(outcome.reason == reason, "\(length)")
            if reason != nil { #expect(outcome.error?.status == 414) }
        }
    }

    @Test func `a request line that never ends is 414 although its other faults are older`()
        throws
    {
        let outcome = try #require(
            decodeEveryWay(Array(repeating: UInt8(ascii: "A"), count: 8_224)))
        #expect(outcome.reason == .targetTooLong(bytesMax: 8_192))
        let waiting = try #require(
            decodeEveryWay(Array(repeating: UInt8(ascii: "A"), count: 8_223)))
        #expect(waiting.error == nil)
        #expect(waiting.end == .truncatedHead)
    }

    @Test func `a head of 32 KiB is taken and one byte more is 431`() throws {
        let frame = "GET / HTTP/1.1\r\nHost: h\r\nA: \r\n\r\n".utf8.count
        for (size, isTaken) in [(32_768, true), (32_769, false), (60_000, false)] {
            let value = String(repeating: "v", count: size - frame)
            let outcome = try #require(
                decodeEveryWay(
                    Array("GET / HTTP/1.1\r\nHost: h\r\nA: \(value)\r\n\r\n".utf8)))
            #expect(outcome.reason == (isTaken ? nil : .headTooLarge(bytesMax: 32_768)))
            #expect(outcome.requests.count == (isTaken ? 1 : 0))
            if !isTaken { #expect(outcome.error?.status == 431) }
        }
    }

    @Test func `128 fields are taken and one more is 431`() throws {
        for (count, isTaken) in [(128, true), (129, false)] {
            let fields = String(repeating: "A: b\r\n", count: count - 1)
            let outcome = try #require(
                decodeEveryWay(Array("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n".utf8)))
            #expect(outcome.reason == (isTaken ? nil : .tooManyFields(max: 128)))
            #expect(outcome.requests.first?.head.fieldCount == (isTaken ? 128 : nil))
            if !isTaken { #expect(outcome.error?.status == 431) }
        }
    }

    @Test func `the body limit holds for both framings and can be set`() throws {
        let post = "POST / HTTP/1.1\r\nHost: h\r\n"
        let limits = RequestLimits(bodyBytesMax: 5)
        let tooLarge = ProtocolError.Reason.bodyTooLarge(bytesMax: 5)
        for (rest, reason) in [
            ("Content-Length: 5\r\n\r\nhello", nil),
            ("Content-Length: 6\r\n\r\n", tooLarge),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", nil),
            ("Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", nil),
            ("Transfer-Encoding: chunked\r\n\r\n6\r\n", tooLarge),
            ("Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\n", tooLarge),
        ] as [(String, ProtocolError.Reason?)] {
            let outcome = try #require(decodeEveryWay(Array((post + rest).utf8), limits: limits))
            #expect(outcome.reason == reason)
            #expect(reason != nil || outcome.bodies == ["hello"])
        }
        var decoder = RequestDecoder(limits: limits)
        decoder.limits.bodyBytesMax = 6
        var offset = 0
        let input = Array((post + "Content-Length: 6\r\n\r\n").utf8)
        #expect(throws: Never.self) { try decoder.decode(input.span, from: &offset) }
    }

    @Test func `a chunk line of 4 KiB is taken and one byte more is refused`() throws {
        let post = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        for (length, isTaken) in [(4_096, true), (4_097, false)] {
            let inExtension = "1;" + String(repeating: "x", count: length - 4) + "\r\n"
            let inZeros = String(repeating: "0", count: length - 3) + "1\r\n"
            for line in [inExtension, inZeros] {
                let body = "\(line)a\r\n\(line)b\r\n0\r\n\r\n"
                let outcome = try #require(decodeEveryWay(Array((post + body).utf8)))
                #expect(outcome.reason == (isTaken ? nil : .chunkLineTooLong(bytesMax: 4_096)))
                #expect(outcome.bodies == [isTaken ? "ab" : ""])
            }
        }
    }

    @Test func `trailers of 8 KiB are taken and one byte more is refused`() throws {
        let post = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        for (length, isTaken) in [(8_192, true), (8_193, false)] {
            let oneField = "A:" + String(repeating: "b", count: length - 6) + "\r\n\r\n"
            let pairs = String(repeating: "A:\r\n", count: length / 4 - 2)
            let lastPair = "A:" + String(repeating: "b", count: length % 4 + 2) + "\r\n\r\n"
            for trailers in [oneField, pairs + lastPair] {
                #expect(trailers.utf8.count == length)
                let outcome = try #require(decodeEveryWay(Array((post + trailers).utf8)))
                #expect(outcome.reason == (isTaken ? nil : .trailersTooLarge(bytesMax: 8_192)))
                #expect(outcome.requests.first?.isComplete == isTaken)
            }
        }
    }
}

// MARK: - Errors

@Suite struct ProtocolErrorTests {
    @Test func `every rule that the tables break has a sentence of its own`() {
        let all =
            RefusedRequestTests.requestLines + RefusedRequestTests.fieldLines
            + RefusedRequestTests.meanings + RefusedRequestTests.bodies
        var sentences: [String: ProtocolError.Reason] = [:]
        for refused in all {
            let outcome = decode([refused.input[...]])
            guard let error = outcome.error else { continue }
            #expect(error.message.hasSuffix("."))
            #expect(error.message.utf8.count <= 100, "\(error.message)")
            #expect(sentences[error.message] ?? error.reason == error.reason)
            sentences[error.message] = error.reason
        }
        // All but the five limits that RequestDecoderTests reach.
        #expect(sentences.count == 36)
    }
}
