// Golden bytes of response heads, and what no caller can get into one.

import HTTP1
import Testing

@Suite struct ResponseEncoderTests {
    private func encode(
        _ head: ResponseHead, _ framing: ResponseFraming, _ persistence: Persistence
    ) -> String {
        var output = Array("before|".utf8)
        ResponseEncoder.append(head, framing: framing, persistence: persistence, to: &output)
        return String(String(decoding: output, as: UTF8.self).dropFirst("before|".count))
    }

    @Test func `a head with a length has its fields in the order they were added`() {
        var head = ResponseHead(status: 200)
        head.add("Content-Type", "application/json")
        head.add("retry-after", 0)
        head.add("X-Request-Id", sanitizing: "req_01")
        #expect(
            encode(head, .contentLength(1_234), .keepAlive)
                == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nretry-after: 0\r\n"
                + "X-Request-Id: req_01\r\nContent-Length: 1234\r\n\r\n")
    }

    @Test func `a stream is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0`() {
        var head = ResponseHead(status: 200)
        head.add("Content-Type", "text/event-stream")
        #expect(
            encode(head, .chunked, .keepAlive)
                == "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n")
        #expect(
            encode(head, .untilClose, .close)
                == "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                + "Connection: close\r\n\r\n")
    }

    @Test func `a response without body says nothing about one`() {
        #expect(
            encode(ResponseHead(status: 204), .none, .keepAlive)
                == "HTTP/1.1 204 No Content\r\n\r\n")
        #expect(
            encode(ResponseHead(status: 304), .none, .close)
                == "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
    }

    @Test func `an HTTP/1.0 client hears that its connection stays`() {
        #expect(
            encode(ResponseHead(status: 200), .contentLength(0), .keepAliveHTTP10)
                == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
    }

    @Test func `100 Continue has no fields`() {
        var output: [UInt8] = []
        ResponseEncoder.appendContinue(to: &output)
        #expect(output == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }

    @Test func `statuses have their phrases and unknown ones none`() {
        for (status, line) in [
            (400, "400 Bad Request"), (413, "413 Content Too Large"),
            (431, "431 Request Header Fields Too Large"), (529, "529 Overloaded"), (599, "599 "),
        ] {
            #expect(
                encode(ResponseHead(status: status), .contentLength(0), .close)
                    == "HTTP/1.1 \(line)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        for status in [400, 408, 411, 413, 414, 417, 431, 501, 505] {
            #expect(ResponseEncoder.reasonPhrase(of: status).utf8CodeUnitCount > 0)
        }
    }

    @Test func `a foreign value cannot break out of its line`() {
        var head = ResponseHead(status: 200)
        head.add("A", sanitizing: "x\r\nSet-Cookie: y\r\n\r\n<html>")
        head.add("B", sanitizing: "\0\u{7F}\u{1B}é\tz")
        head.add("C", sanitizing: "")
        #expect(
            encode(head, .contentLength(0), .keepAlive)
                == "HTTP/1.1 200 OK\r\nA: x??Set-Cookie: y????<html>\r\nB: ?????\tz\r\nC: \r\n"
                + "Content-Length: 0\r\n\r\n")
    }

    @Test func `a foreign value is cut off after 1 KiB`() {
        var head = ResponseHead(status: 200)
        head.add("A", sanitizing: String(repeating: "v", count: 5_000))
        #expect(head.fieldLines.count == 3 + 1_024 + 2)
    }

    @Test func `a constant value with a line break is a bug of ours`() async {
        await #expect(processExitsWith: .failure) {
            var head = ResponseHead(status: 200)
            head.add("A", "b\r\nC: d")
        }
    }

    @Test func `a name that is not a token is a bug of ours`() async {
        await #expect(processExitsWith: .failure) {
            var head = ResponseHead(status: 200)
            head.add("A b", "c")
        }
        await #expect(processExitsWith: .failure) {
            var head = ResponseHead(status: 200)
            head.add("", sanitizing: "c")
        }
    }

    @Test func `framing fields cannot be added by hand`() async {
        await #expect(processExitsWith: .failure) {
            var head = ResponseHead(status: 200)
            head.add("content-length", 5)
        }
        await #expect(processExitsWith: .failure) {
            var head = ResponseHead(status: 200)
            head.add("Transfer-Encoding", "chunked")
        }
    }

    @Test func `a body where none may be is a bug of ours`() async {
        await #expect(processExitsWith: .failure) {
            var output: [UInt8] = []
            ResponseEncoder.append(
                ResponseHead(status: 204), framing: .contentLength(0), persistence: .keepAlive,
                to: &output)
        }
        await #expect(processExitsWith: .failure) {
            var output: [UInt8] = []
            ResponseEncoder.append(
                ResponseHead(status: 200), framing: .untilClose, persistence: .keepAlive,
                to: &output)
        }
    }
}
