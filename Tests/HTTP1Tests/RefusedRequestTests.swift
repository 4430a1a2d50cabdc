// The table of what is refused: every rule several times, with the status and the reason. Among
// the inputs are the known shapes of request smuggling (llhttp's and http-garden's collections,
// the advisories that ChunkedBodyDecoder names).

import HTTP1
import Testing

struct RefusedRequest: Sendable, CustomTestStringConvertible {
    let input: [UInt8]
    let status: Int
    let reason: ProtocolError.Reason

    init(_ input: String, _ status: Int, _ reason: ProtocolError.Reason) {
        self.input = Array(input.utf8)
        self.status = status
        self.reason = reason
    }

    init(_ input: [UInt8], _ status: Int, _ reason: ProtocolError.Reason) {
        self.input = input
        self.status = status
        self.reason = reason
    }

    /// A request with this request line and a Host.
    static func line(
        _ line: String, _ status: Int, _ reason: ProtocolError.Reason
    ) -> RefusedRequest {
        RefusedRequest(line + "\r\nHost: h\r\n\r\n", status, reason)
    }

    /// A POST with these header lines after its Host.
    static func fields(
        _ lines: String, _ status: Int, _ reason: ProtocolError.Reason
    ) -> RefusedRequest {
        RefusedRequest("POST / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n\r\n", status, reason)
    }

    /// A POST with this Host.
    static func host(_ host: String) -> RefusedRequest {
        RefusedRequest("POST / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400, .invalidHost)
    }

    /// A POST with this chunked body.
    static func chunks(
        _ body: String, _ status: Int, _ reason: ProtocolError.Reason
    ) -> RefusedRequest {
        fields("Transfer-Encoding: chunked\r\n\r\n" + body, status, reason)
    }

    var testDescription: String {
        "\(status): \(String(decoding: input.prefix(120), as: UTF8.self).debugDescription)"
    }
}

@Suite struct RefusedRequestTests {
    @Test(arguments: requestLines + fieldLines + meanings + bodies)
    func `a request that breaks a rule is refused however it is split`(
        request: RefusedRequest
    ) throws {
        let outcome = try #require(decodeEveryWay(request.input))
        #expect(outcome.reason == request.reason)
        #expect(outcome.error?.status == request.status)
        #expect(outcome.end == .clean)
    }

    @Test func `a broken request does not spoil the complete one before it`() throws {
        let good = Array("GET /a HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        for refused in Self.requestLines + Self.fieldLines + Self.meanings + Self.bodies
        where refused.input.first != 0x0D {
            let outcome = try #require(decodeEveryWay(good + refused.input))
            #expect(outcome.requests.first?.isComplete == true)
            #expect(outcome.reason == refused.reason)
        }
    }

    @Test func `after an error nothing more is read`() throws {
        var decoder = RequestDecoder()
        var offset = 0
        let bad = Array("GET / HTTP/1.1\nHost: h\r\n\r\n".utf8)
        #expect(throws: ProtocolError.self) { try decoder.decode(bad.span, from: &offset) }
        #expect(decoder.phase == .failed)
        offset = 0
        let good = Array("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        let again = #expect(throws: ProtocolError.self) {
            try decoder.decode(good.span, from: &offset)
        }
        #expect(again?.reason == .bareLineFeed)
        #expect(offset == 0)
    }

    static let requestLines: [RefusedRequest] = [
        // Line ends and empty lines.
        RefusedRequest("GET / HTTP/1.1\nHost: h\r\n\r\n", 400, .bareLineFeed),
        RefusedRequest("GET / HTTP/1.1\nHost: h\n\n", 400, .bareLineFeed),
        RefusedRequest("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, .bareLineFeed),
        RefusedRequest("\r\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, .bareLineFeed),
        RefusedRequest("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, .bareCarriageReturn),
        RefusedRequest("\r\rGET / HTTP/1.1\r\n\r\n", 400, .bareCarriageReturn),
        RefusedRequest("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, .surplusBlankLine),
        RefusedRequest("\r\n\r\n", 400, .surplusBlankLine),
        RefusedRequest("GET\n", 400, .bareLineFeed),
        RefusedRequest("G\n\n", 400, .bareLineFeed),
        // The three parts.
        .line("GET", 400, .malformedRequestLine),
        .line("GET\t/ HTTP/1.1", 400, .malformedRequestLine),
        .line(" GET / HTTP/1.1", 400, .malformedRequestLine),
        .line("G@T / HTTP/1.1", 400, .malformedRequestLine),
        .line("GET: / HTTP/1.1", 400, .malformedRequestLine),
        .line("GE\u{0}T / HTTP/1.1", 400, .malformedRequestLine),
        .line("(GET) / HTTP/1.1", 400, .malformedRequestLine),
        .line("{\"a\":1}", 400, .malformedRequestLine),
        .line("GÉT / HTTP/1.1", 400, .malformedRequestLine),
        .line("GET  / HTTP/1.1", 400, .surplusBlank),
        .line("GET /  HTTP/1.1", 400, .surplusBlank),
        .line("GET / HTTP/1.1 ", 400, .surplusBlank),
        .line("GET /a b HTTP/1.1", 400, .surplusBlank),
        .line("GET / x HTTP/1.1", 400, .surplusBlank),
        .line("GET  HTTP/1.1", 400, .surplusBlank),
        // Version.
        .line("GET /", 400, .missingVersion),
        RefusedRequest("GET /\r\n", 400, .missingVersion),
        .line("GET / ", 400, .invalidVersion),
        .line("GET / HTTP/0.9", 400, .invalidVersion),
        .line("GET / HTTP/1.2", 400, .invalidVersion),
        .line("GET / HTTP/1.10", 400, .invalidVersion),
        .line("GET / HTTP/1.32", 400, .invalidVersion),
        .line("GET / HTTP/01.1", 400, .invalidVersion),
        .line("GET / HTTP/1", 400, .invalidVersion),
        .line("GET / HTTP/1.", 400, .invalidVersion),
        .line("GET / HTTP/1,1", 400, .invalidVersion),
        .line("GET / HTTP/11", 400, .invalidVersion),
        .line("GET / HTTP/x.1", 400, .invalidVersion),
        .line("GET / HTTP/1.x", 400, .invalidVersion),
        .line("GET / HTTP/1.1\t", 400, .invalidVersion),
        .line("GET / http/1.1", 400, .invalidVersion),
        .line("GET / Http/1.1", 400, .invalidVersion),
        .line("GET / HTTPS/1.1", 400, .invalidVersion),
        .line("GET / HTTP /1.1", 400, .surplusBlank),
        .line("GET / ICY/1.1", 400, .invalidVersion),
        .line("GET / HTTP/2.0", 505, .unsupportedMajorVersion),
        .line("GET / HTTP/3.0", 505, .unsupportedMajorVersion),
        .line("BREW / HTTP/9.9", 505, .unsupportedMajorVersion),
        RefusedRequest("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, .http2Preface),
        RefusedRequest([0x16, 0x03, 0x01, 0x02, 0x00, 0x01], 400, .tlsHandshake),
        RefusedRequest([0x16], 400, .tlsHandshake),
        RefusedRequest([0x80, 0x2E, 0x01], 400, .malformedRequestLine),
        // Method.
        .line("BREW / HTTP/1.1", 501, .unknownMethod),
        .line("get / HTTP/1.1", 501, .unknownMethod),
        .line("Post / HTTP/1.1", 501, .unknownMethod),
        .line("GETS / HTTP/1.1", 501, .unknownMethod),
        .line("GE / HTTP/1.1", 501, .unknownMethod),
        .line("PROPFIND / HTTP/1.1", 501, .unknownMethod),
        .line("VERSION-CONTROL / HTTP/1.1", 501, .unknownMethod),
        .line("PRI * HTTP/1.1", 501, .unknownMethod),
        .line("CONNECT h:443 HTTP/1.1", 501, .connectRefused),
        .line("CONNECT / HTTP/1.1", 501, .connectRefused),
        // Target.
        .line("GET /#a HTTP/1.1", 400, .fragmentInTarget),
        .line("GET /a?b#c HTTP/1.1", 400, .fragmentInTarget),
        .line("GET # HTTP/1.1", 400, .fragmentInTarget),
        .line("GET /\t HTTP/1.1", 400, .invalidByteInTarget),
        .line("GET /a\tb HTTP/1.1", 400, .invalidByteInTarget),
        .line("GET /\u{0} HTTP/1.1", 400, .invalidByteInTarget),
        .line("GET /\u{1F} HTTP/1.1", 400, .invalidByteInTarget),
        .line("GET /\u{7F} HTTP/1.1", 400, .invalidByteInTarget),
        .line("GET /é HTTP/1.1", 400, .invalidByteInTarget),
        .line("GET /\r HTTP/1.1", 400, .invalidByteInTarget),
        RefusedRequest(
            Array("GET /".utf8) + [0xFF] + Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8), 400,
            .invalidByteInTarget),
        .line("GET a HTTP/1.1", 400, .invalidTargetForm),
        .line("GET ?a HTTP/1.1", 400, .invalidTargetForm),
        .line("GET * HTTP/1.1", 400, .invalidTargetForm),
        .line("OPTIONS *a HTTP/1.1", 400, .invalidTargetForm),
        .line("GET h:80 HTTP/1.1", 400, .invalidTargetForm),
        .line("GET ftp://h/ HTTP/1.1", 400, .invalidTargetForm),
        .line("GET file:///etc/passwd HTTP/1.1", 400, .invalidTargetForm),
        .line("GET http:/h/ HTTP/1.1", 400, .invalidTargetForm),
        .line("GET http HTTP/1.1", 400, .invalidTargetForm),
        .line("GET http: HTTP/1.1", 400, .invalidTargetForm),
        .line("GET http:/ HTTP/1.1", 400, .invalidTargetForm),
        .line("GET http:h/ HTTP/1.1", 400, .invalidTargetForm),
        .line("GET \\a HTTP/1.1", 400, .invalidTargetForm),
        .line("GET http:// HTTP/1.1", 400, .invalidHost),
        .line("GET http:///a HTTP/1.1", 400, .invalidHost),
        .line("GET http://u@h/ HTTP/1.1", 400, .invalidHost),
        .line("GET http://h:x/ HTTP/1.1", 400, .invalidHost),
        .line("GET http://?a HTTP/1.1", 400, .invalidHost),
    ]

    static let fieldLines: [RefusedRequest] = [
        .fields("A: b\nC: d", 400, .bareLineFeed),
        .fields("A: b\n", 400, .bareLineFeed),
        .fields("A\n: b", 400, .bareLineFeed),
        .fields("\nA: b", 400, .bareLineFeed),
        RefusedRequest("GET / HTTP/1.1\r\nHost: h\n\n", 400, .bareLineFeed),
        RefusedRequest("GET / HTTP/1.1\r\nHost: h\r\n\n", 400, .bareLineFeed),
        RefusedRequest("GET / HTTP/1.1\r\nHost: h\n\r\n", 400, .bareLineFeed),
        .fields("A: b\rC: d", 400, .bareCarriageReturn),
        .fields("A: b\r\r\nC: d", 400, .bareCarriageReturn),
        .fields("A\r: b", 400, .bareCarriageReturn),
        .fields("\rA: b", 400, .bareCarriageReturn),
        .fields("\r\r\n", 400, .bareCarriageReturn),
        .fields("Transfer-Encoding:\rchunked", 400, .bareCarriageReturn),
        .fields("A: b\r\n c", 400, .lineFolding),
        .fields("A: b\r\n\tc", 400, .lineFolding),
        .fields("A: b\r\n ", 400, .lineFolding),
        .fields("Transfer-Encoding:\r\n chunked", 400, .lineFolding),
        .fields("Content-Length: 1\r\n 0", 400, .lineFolding),
        RefusedRequest("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, .lineFolding),
        RefusedRequest("GET / HTTP/1.1\r\n\tHost: h\r\n\r\n", 400, .lineFolding),
        .fields(": b", 400, .emptyFieldName),
        .fields(":", 400, .emptyFieldName),
        .fields(": chunked\r\nA: b", 400, .emptyFieldName),
        .fields("A B: c", 400, .blankBeforeColon),
        .fields("A : b", 400, .blankBeforeColon),
        .fields("A\t: b", 400, .blankBeforeColon),
        .fields("Transfer-Encoding : chunked", 400, .blankBeforeColon),
        .fields("Content-Length : 5", 400, .blankBeforeColon),
        .fields("GET / HTTP/1.1", 400, .blankBeforeColon),
        .fields("A", 400, .missingColon),
        .fields("Transfer-Encoding", 400, .missingColon),
        .fields("A\r\nB: c", 400, .missingColon),
        .fields("A(B): c", 400, .invalidFieldName),
        .fields("A\u{0}: b", 400, .invalidFieldName),
        .fields("A\u{B}: b", 400, .invalidFieldName),
        .fields("\u{B}Transfer-Encoding: chunked", 400, .invalidFieldName),
        .fields("A\u{7F}: b", 400, .invalidFieldName),
        .fields("é: b", 400, .invalidFieldName),
        .fields("A/B: c", 400, .invalidFieldName),
        .fields("A\"B: c", 400, .invalidFieldName),
        .fields("A;B: c", 400, .invalidFieldName),
        .fields("A,B: c", 400, .invalidFieldName),
        .fields("[A]: c", 400, .invalidFieldName),
        .fields("{}: c", 400, .invalidFieldName),
        .fields("A@B: c", 400, .invalidFieldName),
        .fields("A: \u{0}", 400, .controlByteInFieldValue),
        .fields("A: b\u{0}c", 400, .controlByteInFieldValue),
        .fields("A: \u{1}", 400, .controlByteInFieldValue),
        .fields("A: b\u{B}", 400, .controlByteInFieldValue),
        .fields("A: \u{C}b", 400, .controlByteInFieldValue),
        .fields("A: \u{1B}[31m", 400, .controlByteInFieldValue),
        .fields("A: a long value with a\u{7F}delete", 400, .controlByteInFieldValue),
        .fields("Transfer-Encoding: \u{B}chunked", 400, .controlByteInFieldValue),
        .fields("Transfer-Encoding: chunked\u{0}", 400, .controlByteInFieldValue),
        .fields("Content-Length: 5\u{0}", 400, .controlByteInFieldValue),
    ]

    static let meanings: [RefusedRequest] = [
        // Host.
        RefusedRequest("GET / HTTP/1.1\r\n\r\n", 400, .missingHost),
        RefusedRequest("GET / HTTP/1.1\r\nHosts: h\r\nHos: h\r\n\r\n", 400, .missingHost),
        RefusedRequest("GET http://h/ HTTP/1.1\r\n\r\n", 400, .missingHost),
        .fields("Host: h", 400, .repeatedHost),
        .fields("hOST: other", 400, .repeatedHost),
        .fields("A: b\r\nHOST: h\r\nHost: h", 400, .repeatedHost),
        RefusedRequest("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400, .repeatedHost),
        .host(""), .host(" \t"), .host("a b"), .host("a,b"), .host("a, b"), .host("a/b"),
        .host("http://a"), .host("u@h"), .host("a:b"), .host("a:80:80"), .host("a:-1"),
        .host("a:65536"), .host("a:000080"), .host(":80"), .host(":"), .host("a?b"), .host("a#b"),
        .host("é"), .host("a%00"), .host("a\\b"), .host("[::1"), .host("::1"), .host("[]"),
        .host("[a]"), .host("[::1]x"), .host("[::1]:x"), .host("[::g]"), .host("[a:b]"),
        .host("[::1%25eth0]"),
        .host("[[::1]]"), .host("a\tb"), .host("<script>"),
        // Content-Length.
        .fields("Content-Length: 0\r\nContent-Length: 0", 400, .repeatedContentLength),
        .fields("Content-Length: 5\r\ncontent-length: 6", 400, .repeatedContentLength),
        .fields("Content-Length: 5\r\nA: b\r\nCONTENT-LENGTH: 5", 400, .repeatedContentLength),
        .fields("Content-Length:", 400, .invalidContentLength),
        .fields("Content-Length: \t", 400, .invalidContentLength),
        .fields("Content-Length: +5", 400, .invalidContentLength),
        .fields("Content-Length: -5", 400, .invalidContentLength),
        .fields("Content-Length: -0", 400, .invalidContentLength),
        .fields("Content-Length: +0", 400, .invalidContentLength),
        .fields("Content-Length: 0 0", 400, .invalidContentLength),
        .fields("Content-Length: 5, 5", 400, .invalidContentLength),
        .fields("Content-Length: 5,5", 400, .invalidContentLength),
        .fields("Content-Length: 0x5", 400, .invalidContentLength),
        .fields("Content-Length: 5.0", 400, .invalidContentLength),
        .fields("Content-Length: 1e1", 400, .invalidContentLength),
        .fields("Content-Length: 1_0", 400, .invalidContentLength),
        .fields("Content-Length: \"5\"", 400, .invalidContentLength),
        .fields("Content-Length: ٥", 400, .invalidContentLength),
        .fields("Content-Length: 5;", 400, .invalidContentLength),
        .fields("Content-Length: 1234567890123456789", 400, .invalidContentLength),
        .fields("Content-Length: 0000000000000000005", 400, .invalidContentLength),
        .fields("Content-Length: 18446744073709551616", 400, .invalidContentLength),
        .fields("Content-Length: 67108865", 413, .bodyTooLarge(bytesMax: 67_108_864)),
        .fields("Content-Length: 999999999999999999", 413, .bodyTooLarge(bytesMax: 67_108_864)),
        .fields(
            "Expect: 100-continue\r\nContent-Length: 67108865", 413,
            .bodyTooLarge(bytesMax: 67_108_864)),
        // Transfer-Encoding.
        .fields(
            "Content-Length: 5\r\nTransfer-Encoding: chunked", 400,
            .contentLengthWithTransferEncoding),
        .fields(
            "Transfer-Encoding: chunked\r\nContent-Length: 0", 400,
            .contentLengthWithTransferEncoding),
        .fields(
            "transfer-encoding: xchunked\r\nContent-Length: 5", 400,
            .contentLengthWithTransferEncoding),
        .fields("Transfer-Encoding: gzip", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: gzip, chunked", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunked, gzip", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunked, chunked", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunked, identity", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: identity", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: xchunked", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunkedx", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunke", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: \"chunked\"", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: 'chunked'", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunked;q=1", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: , chunked", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunked,", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding:", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: chunKed\u{e9}", 501, .unsupportedTransferEncoding),
        .fields("Transfer-Encoding: \u{212A}chunked", 501, .unsupportedTransferEncoding),
        .fields(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501,
            .unsupportedTransferEncoding),
        .fields(
            "Transfer-Encoding: chunked\r\ntransfer-encoding: identity", 501,
            .unsupportedTransferEncoding),
        .fields(
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", 501,
            .unsupportedTransferEncoding),
        RefusedRequest(
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
            .transferEncodingInHTTP10),
        RefusedRequest(
            "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 400,
            .transferEncodingInHTTP10),
        // Expect.
        .fields("Expect: 200-ok", 417, .unsupportedExpectation),
        .fields("Expect:", 417, .unsupportedExpectation),
        .fields("Expect: 100-continue, 100-continue", 417, .unsupportedExpectation),
        .fields("Expect: 100-continue; a=b", 417, .unsupportedExpectation),
        .fields("Expect: x\r\nExpect: 100-continue", 417, .unsupportedExpectation),
        .fields("Expect: 100-continue\r\nExpect: x", 417, .unsupportedExpectation),
    ]

    static let bodies: [RefusedRequest] = [
        .chunks("\r\n", 400, .invalidChunkSize),
        .chunks("x\r\n", 400, .invalidChunkSize),
        .chunks("g\r\n", 400, .invalidChunkSize),
        .chunks(";a\r\n", 400, .invalidChunkSize),
        .chunks("-1\r\n", 400, .invalidChunkSize),
        .chunks("+5\r\nhello", 400, .invalidChunkSize),
        .chunks("0x5\r\nhello", 400, .invalidChunkSize),
        .chunks(" 5\r\nhello", 400, .invalidChunkSize),
        .chunks("\t5\r\nhello", 400, .invalidChunkSize),
        .chunks("5_\r\nhello", 400, .invalidChunkSize),
        .chunks("5,5\r\nhello", 400, .invalidChunkSize),
        .chunks("5\u{0}\r\nhello", 400, .invalidChunkSize),
        .chunks("5h\r\nhello", 400, .invalidChunkSize),
        .chunks("\n", 400, .invalidChunkSize),
        .chunks("5 \r\nhello", 400, .blankAfterChunkSize),
        .chunks("5\t\r\nhello", 400, .blankAfterChunkSize),
        .chunks("5 ;a=b\r\nhello", 400, .blankAfterChunkSize),
        .chunks("0 \r\n\r\n", 400, .blankAfterChunkSize),
        .chunks("100000000\r\n", 400, .chunkSizeTooLong),
        .chunks("0123456789\r\n", 400, .chunkSizeTooLong),
        .chunks("ffffffffffffffff\r\n", 400, .chunkSizeTooLong),
        .chunks("10000000000000005\r\nhello", 400, .chunkSizeTooLong),
        .chunks("ffffffff\r\n", 413, .bodyTooLarge(bytesMax: 67_108_864)),
        .chunks("4000001\r\n", 413, .bodyTooLarge(bytesMax: 67_108_864)),
        .chunks("1\r\na\r\n4000000\r\n", 413, .bodyTooLarge(bytesMax: 67_108_864)),
        .chunks("5\nhello\r\n0\r\n\r\n", 400, .bareLineFeed),
        .chunks("5;a\nhello\r\n0\r\n\r\n", 400, .bareLineFeed),
        .chunks("5\r\nhello\r\n0\n\r\n", 400, .bareLineFeed),
        .chunks("5;\n", 400, .bareLineFeed),
        .chunks("5\rhello", 400, .bareCarriageReturn),
        .chunks("5\r\r\nhello", 400, .bareCarriageReturn),
        .chunks("5;a\rb\r\nhello", 400, .bareCarriageReturn),
        .chunks("5;a=\"\r\"\r\nhello", 400, .bareCarriageReturn),
        .chunks("5;a\u{0}\r\nhello", 400, .controlByteInChunkExtension),
        .chunks("5;\u{1}\r\nhello", 400, .controlByteInChunkExtension),
        .chunks("5;a=\"\u{7F}\"\r\nhello", 400, .controlByteInChunkExtension),
        .chunks("5\r\nhello0\r\n\r\n", 400, .missingChunkEnd),
        .chunks("5\r\nhello\n0\r\n\r\n", 400, .missingChunkEnd),
        .chunks("5\r\nhello\r0\r\n\r\n", 400, .missingChunkEnd),
        .chunks("5\r\nhello \r\n0\r\n\r\n", 400, .missingChunkEnd),
        .chunks("5\r\nhello world\r\n", 400, .missingChunkEnd),
        .chunks("4\r\nhello\r\n0\r\n\r\n", 400, .missingChunkEnd),
        .chunks("0\r\n\n", 400, .bareLineFeed),
        .chunks("0\r\n\rX", 400, .bareCarriageReturn),
        .chunks("0\r\nA: b\n\r\n", 400, .bareLineFeed),
        .chunks("0\r\nA: b\rc\r\n\r\n", 400, .bareCarriageReturn),
        .chunks("0\r\nA\r: b\r\n\r\n", 400, .bareCarriageReturn),
        .chunks("0\r\nA\r\n\r\n", 400, .missingColon),
        .chunks("0\r\n: b\r\n\r\n", 400, .emptyFieldName),
        .chunks("0\r\nA : b\r\n\r\n", 400, .blankBeforeColon),
        .chunks("0\r\n b\r\n\r\n", 400, .lineFolding),
        .chunks("0\r\nA: b\r\n\tc\r\n\r\n", 400, .lineFolding),
        .chunks("0\r\nA\u{0}: b\r\n\r\n", 400, .invalidFieldName),
        .chunks("0\r\nA: \u{0}\r\n\r\n", 400, .controlByteInFieldValue),
        .chunks("0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, .blankBeforeColon),
    ]
}
