// The table of what is accepted, with the bodies that must come out, and what a head tells.

import HTTP1
import Testing

struct AcceptedRequest: Sendable, CustomTestStringConvertible {
    let input: [UInt8]
    let bodies: [String]

    init(_ input: String, _ bodies: String...) {
        self.input = Array(input.utf8)
        self.bodies = bodies
    }

    init(_ input: [UInt8], _ bodies: String...) {
        self.input = input
        self.bodies = bodies
    }

    static func line(_ line: String) -> AcceptedRequest {
        AcceptedRequest(line + "\r\nHost: h\r\n\r\n", "")
    }

    /// A POST with these header lines after its Host, and a body of "hello" as they frame it.
    static func fields(_ lines: String, _ body: String = "") -> AcceptedRequest {
        AcceptedRequest("POST / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n\r\n" + body, body)
    }

    static func host(_ host: String) -> AcceptedRequest {
        AcceptedRequest("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", "")
    }

    static func chunks(_ chunks: String, _ body: String = "hello") -> AcceptedRequest {
        AcceptedRequest(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, body)
    }

    var testDescription: String {
        String(decoding: input.prefix(120), as: UTF8.self).debugDescription
    }
}

@Suite struct AcceptedRequestTests {
    @Test(arguments: heads + framed)
    func `a request within the rules is accepted however it is split`(
        request: AcceptedRequest
    ) throws {
        let outcome = try #require(decodeEveryWay(request.input))
        #expect(outcome.error == nil)
        #expect(outcome.bodies == request.bodies)
        #expect(outcome.requests.allSatisfy { $0.isComplete })
        #expect(outcome.end == .clean)
    }

    @Test func `all accepted requests may follow one another on one connection`() throws {
        let requests = Self.heads + Self.framed
        let outcome = try #require(decodeEveryWay(requests.flatMap(\.input)))
        #expect(outcome.error == nil)
        #expect(outcome.bodies == requests.flatMap(\.bodies))
        #expect(outcome.end == .clean)
    }

    @Test func `an accepted request cut anywhere is truncated, never complete`() throws {
        for request in Self.heads + Self.framed where request.bodies.count == 1 {
            let start = request.input.starts(with: [0x0D, 0x0A]) ? 3 : 1
            for length in start..<request.input.count {
                let outcome = decode([request.input[..<length]])
                #expect(outcome.error == nil)
                #expect(outcome.requests.allSatisfy { !$0.isComplete })
                #expect(
                    outcome.end == (outcome.requests.isEmpty ? .truncatedHead : .truncatedBody))
            }
        }
    }

    static let heads: [AcceptedRequest] = [
        .line("GET / HTTP/1.1"), .line("HEAD / HTTP/1.1"), .line("POST / HTTP/1.1"),
        .line("PUT / HTTP/1.1"), .line("DELETE / HTTP/1.1"), .line("PATCH / HTTP/1.1"),
        .line("OPTIONS / HTTP/1.1"), .line("OPTIONS * HTTP/1.1"), .line("TRACE / HTTP/1.1"),
        .line("GET / HTTP/1.0"), .line("POST /v1/messages?beta=true HTTP/1.1"),
        .line("GET // HTTP/1.1"), .line("GET /a%20b%2Fc HTTP/1.1"), .line("GET /?? HTTP/1.1"),
        .line("GET /{a}|^`\"<> HTTP/1.1"), .line("GET /a:b@c HTTP/1.1"),
        .line("GET /../a HTTP/1.1"), .line("GET http://h HTTP/1.1"),
        .line("GET http://h/ HTTP/1.1"), .line("GET HTTP://h:80/a?b HTTP/1.1"),
        .line("GET https://[::1]:8000/a HTTP/1.1"), .line("GET http://h?a HTTP/1.1"),
        .line("GET /" + String(repeating: "a", count: 7_999) + " HTTP/1.1"),
        .line("OPTIONS /" + String(repeating: "a", count: 8_191) + " HTTP/1.1"),
        AcceptedRequest("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ""),
        AcceptedRequest("GET / HTTP/1.0\r\n\r\n", ""),
        AcceptedRequest(
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "", ""),
        AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.0\r\n\r\n", "", ""),
        .host("localhost"), .host("localhost:8000"), .host("127.0.0.1"), .host("127.0.0.1:1"),
        .host("[::1]"), .host("[::1]:8000"), .host("[::ffff:127.0.0.1]"), .host("EXAMPLE.com."),
        .host("a-b_c~d.e"), .host("h:65535"), .host("h:"), .host("\t h \t"),
        .fields("A:"), .fields("A: "), .fields("A:b"), .fields("A: \t b \t "),
        .fields("A: b\tc"), .fields("A: é"), .fields("!#$%&'*+-.^_`|~09azAZ: b"),
        .fields("A: b: c"), .fields("under_score: b"), .fields("Upgrade: h2c"),
        .fields("Connection: Upgrade\r\nUpgrade: websocket"), .fields("Expect: 100-continue"),
        .fields("Expect: 100-Continue\r\nExpect: 100-continue"), .fields("A: b\r\nA: c"),
        AcceptedRequest(
            Array("GET / HTTP/1.1\r\nHost: h\r\nA: ".utf8) + [0x80, 0xFF, 0x0D, 0x0A, 0x0D, 0x0A],
            ""),
    ]

    static let framed: [AcceptedRequest] = [
        .fields("Content-Length: 0"), .fields("Content-Length: 5", "hello"),
        .fields("Content-Length:5", "hello"), .fields("Content-Length: \t5\t ", "hello"),
        .fields("CONTENT-LENGTH: 005", "hello"),
        .fields("Content-Length: 000000000000000005", "hello"),
        .fields("Expect: 100-continue\r\nContent-Length: 5", "hello"),
        .fields("Content-Length: 2", "\r\n"),
        .fields("Content-Length: 27", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        AcceptedRequest("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", "ab"),
        AcceptedRequest("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", "ab"),
        AcceptedRequest(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
                + "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\ncd\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "ab", "cd", ""),
        .chunks("0\r\n\r\n", ""), .chunks("000\r\n\r\n", ""),
        .chunks("5\r\nhello\r\n0\r\n\r\n"), .chunks("05\r\nhello\r\n0\r\n\r\n"),
        .chunks("000000000000000000005\r\nhello\r\n0\r\n\r\n"),
        .chunks("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
        .chunks("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        .chunks("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        .chunks("5;\r\nhello\r\n0;\r\n\r\n"), .chunks("5;a\r\nhello\r\n0;b=c\r\n\r\n"),
        .chunks("5;a=\"b; c\" ; d\t\r\nhello\r\n0\r\n\r\n"), .chunks("5;é\r\nhello\r\n0\r\n\r\n"),
        .chunks("5\r\nhello\r\n0\r\nA: b\r\n\r\n"), .chunks("5\r\nhello\r\n0\r\nA:\r\n\r\n"),
        .chunks("5\r\nhello\r\n0\r\nA: b\tc\r\nContent-Length: 9\r\nHost: x\r\n\r\n"),
        AcceptedRequest(
            "POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: \t ChunKed \t\r\n\r\n0\r\n\r\n", ""),
    ]
}

// MARK: - What a head tells

@Suite struct RequestHeadTests {
    private func head(_ text: String) throws -> RequestHead {
        let outcome = try #require(decodeEveryWay(Array(text.utf8)))
        #expect(outcome.error == nil)
        return try #require(outcome.requests.first).head
    }

    private func text(_ bytes: ArraySlice<UInt8>?) -> String? {
        bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `every method is told apart`() throws {
        for method in RequestMethod.allCases {
            #expect(try head("\(method.rawValue) / HTTP/1.1\r\nHost: h\r\n\r\n").method == method)
        }
    }

    @Test(
        arguments: [
            ("/", "/", nil, "h"), ("/a/b", "/a/b", nil, "h"), ("/a?b=c?d", "/a", "b=c?d", "h"),
            ("/a?", "/a", "", "h"), ("//a//b", "//a//b", nil, "h"), ("/%2e/A", "/%2e/A", nil, "h"),
            ("http://x", "/", nil, "x"), ("http://x/", "/", nil, "x"),
            ("https://x:1/a?b", "/a", "b", "x:1"), ("hTTp://[::1]?b", "/", "b", "[::1]"),
        ] as [(String, String, String?, String)])
    func `a target is taken apart exactly as it came`(
        target: String, path: String, query: String?, host: String
    ) throws {
        let head = try head("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(text(head.target) == target)
        #expect(text(head.path) == path)
        #expect(text(head.query) == query)
        #expect(text(head.host) == host)
    }

    @Test func `OPTIONS may ask about the server as a whole`() throws {
        let head = try head("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(text(head.path) == "*")
        #expect(head.query == nil)
    }

    @Test func `a field is found in any case and its value is without the white space round it`()
        throws
    {
        let head = try head(
            "GET / HTTP/1.1\r\nhOST:\t localhost:80 \r\nX-Api-Key:  a b \t\r\nx-api-key: c\r\n"
                + "Empty:\r\n\r\n")
        #expect(text(head.field("host")) == "localhost:80")
        #expect(text(head.host) == "localhost:80")
        #expect(head.text("x-api-key") == "a b")
        #expect(head.text("X-API-KEY") == "a b")
        #expect(head.fieldCount("x-api-key") == 2)
        #expect(head.fieldCount("empty") == 1)
        #expect(head.text("empty") == "")
        #expect(head.field("x-api-ke") == nil)
        #expect(head.field("x-api-keyy") == nil)
        #expect(head.fieldCount("absent") == 0)
        #expect(head.fieldCount == 4)
        #expect(text(head.field(at: 1).name) == "X-Api-Key")
        #expect(text(head.field(at: 2).value) == "c")
    }

    @Test func `a value that is not UTF-8 is repaired as text and exact as bytes`() throws {
        let bytes = Array("GET / HTTP/1.0\r\nA: b".utf8) + [0xFF, 0x0D, 0x0A, 0x0D, 0x0A]
        let outcome = try #require(decodeEveryWay(bytes))
        let head = try #require(outcome.requests.first).head
        #expect(head.text("a") == "b\u{FFFD}")
        #expect(head.field("a").map(Array.init) == [0x62, 0xFF])
        #expect(head.host == nil)
        #expect(head.versionMinor == 0)
    }

    @Test(arguments: [
        (1, "", true), (1, "Connection: close\r\n", false), (1, "connection: CLOSE\r\n", false),
        (1, "Connection: keep-alive\r\n", true), (1, "Connection: a, close\r\n", false),
        (1, "Connection: keep-alive ,\tclose,\r\n", false), (1, "Connection: closed\r\n", true),
        (1, "Connection: a\r\nConnection: close\r\n", false), (1, "Connection:\r\n", true),
        (1, "Connection: ,, ,close\r\n", false), (1, "Connection: close x\r\n", true),
        (0, "", false), (0, "Connection: keep-alive\r\n", true),
        (0, "Connection: Keep-Alive, a\r\n", true), (0, "Connection: close\r\n", false),
        (0, "Connection: keep-alive, close\r\n", false), (0, "Connection: upgrade\r\n", false),
        (0, "Keep-Alive: timeout=5\r\n", false),
    ])
    func `persistence follows the version and the Connection field`(
        minor: Int, field: String, keepsAlive: Bool
    ) throws {
        let head = try head("GET / HTTP/1.\(minor)\r\nHost: h\r\n\(field)\r\n")
        #expect(head.keepsAlive == keepsAlive)
        let persistence: Persistence =
            keepsAlive ? (minor == 1 ? .keepAlive : .keepAliveHTTP10) : .close
        #expect(head.persistence(for: .contentLength(1)) == persistence)
        #expect(head.streamFraming == (minor == 1 ? .chunked : .untilClose))
        #expect(head.persistence(for: .untilClose) == .close)
    }

    @Test(
        arguments: [
            (1, "Content-Length: 5\r\n", 5, false, true),
            (1, "Content-Length: 0\r\n", 0, false, false),
            (1, "", nil, false, false), (0, "Content-Length: 5\r\n", 5, false, false),
            (1, "Transfer-Encoding: chunked\r\n", nil, true, true),
        ] as [(Int, String, Int?, Bool, Bool)])
    func `a body is announced, and 100 Continue is due only where one follows`(
        minor: Int, field: String, length: Int?, isChunked: Bool, expectsContinue: Bool
    ) throws {
        let start = "POST / HTTP/1.\(minor)\r\nHost: h\r\n\(field)"
        let expecting = decode([Array("\(start)Expect: 100-continue\r\n\r\n".utf8)[...]])
        let silent = decode([Array("\(start)\r\n".utf8)[...]])
        let head = try #require(expecting.requests.first).head
        #expect(head.contentLength == length)
        #expect(head.isChunked == isChunked)
        #expect(head.hasBody == (isChunked || (length ?? 0) > 0))
        #expect(head.expectsContinue == expectsContinue)
        #expect(try #require(silent.requests.first).head.expectsContinue == false)
    }
}
