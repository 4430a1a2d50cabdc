// A client of the simplest kind: a blocking socket, bytes as they are. A receive that takes ten
// seconds fails, so that no test hangs.
import Glibc
import Testing

/// A connection to a port of this machine.
final class LoopbackClient {
    private let socket: Int32

    struct Failure: Error, Equatable {
        let code: Int32
    }

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        let limitSize = socklen_t(MemoryLayout<timeval>.size)
        // SAFETY: the kernel reads local values of the sizes told.
        _ = unsafe setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, limitSize)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        // SAFETY: as above; every socket address starts as sockaddr does.
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(code: errno) }
    }

    deinit { Glibc.close(socket) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        // SAFETY: the kernel reads within the array.
        let count = unsafe Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        #expect(count == bytes.count)
    }

    /// The next bytes; empty at the end.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        // SAFETY: the kernel writes within the array.
        let count = unsafe recv(socket, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failure(code: errno) }
        return Array(buffer[..<count])
    }

    func receiveAll() throws -> String {
        var all: [UInt8] = []
        while case let bytes = try receive(), !bytes.isEmpty { all += bytes }
        return String(decoding: all, as: UTF8.self)
    }

    func receive(until end: String) throws -> String {
        var all: [UInt8] = []
        let end = Array(end.utf8)
        while !all.suffix(end.count).elementsEqual(end) {
            let bytes = try receive()
            try #require(!bytes.isEmpty, "the connection ended")
            all += bytes
        }
        return String(decoding: all, as: UTF8.self)
    }
}

/// A chat completion request's body.
func chat(
    _ model: String, _ text: String = "Hi", stream: Bool = true, more: String = ""
) -> String {
    """
    {"model":"\(model)","stream":\(stream),"messages":[{"role":"user","content":"\(text)"}]\(more)}
    """
}

/// A request's bytes.
func post(_ body: String, close: Bool = true, more: String = "") -> String {
    "POST /api/v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\(close ? "Connection: close\r\n" : "")\(more)\r\n"
        + body
}

func get(_ path: String) -> String {
    "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
}

/// The body of a response in chunks or of a length.
func body(of response: String) throws -> String {
    let parts = response.split(
        separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    try #require(parts.count == 2)
    guard parts[0].contains("Transfer-Encoding: chunked") else { return String(parts[1]) }
    var rest = Array(parts[1].utf8)[...]
    var body: [UInt8] = []
    while let lineEnd = rest.firstIndex(of: 0x0D) {
        let size = try #require(Int(String(decoding: rest[..<lineEnd], as: UTF8.self), radix: 16))
        let start = lineEnd + 2
        body += rest[start..<(start + size)]
        rest = rest[(start + size + 2)...]
        if size == 0 { break }
    }
    return String(decoding: body, as: UTF8.self)
}
