// A client's reading side of HTTP/1.1, small, strict and written apart from the product: whatever it
// does not understand is the product's fault.

/// One response as the client got it.
struct Response {
    var status = 0
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// Whether the end of the connection is the end of the body.
    var endsWithConnection = false

    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Whether the server said that nothing follows on this connection.
    var closes: Bool { field("connection") == "close" }

    var isEventStream: Bool { field("content-type")?.hasPrefix("text/event-stream") ?? false }
}

/// Finds responses in what comes from the server.
struct ResponseReader {
    enum Event {
        case interim
        case response(Response)
    }

    private enum State {
        case head
        case content(bytesLeft: Int)
        case chunkSize
        case chunkData(bytesLeft: Int)
        case lastChunkEnd
        case untilClose
    }

    private var state = State.head
    private var input: [UInt8] = []
    private var position = 0
    private(set) var response = Response()

    /// Whether a response has begun and not ended.
    var isWithinResponse: Bool {
        switch state {
        case .head: position < input.count
        case .content, .chunkSize, .chunkData, .lastChunkEnd, .untilClose: true
        }
    }

    mutating func receive(_ bytes: ArraySlice<UInt8>) {
        if position == input.count {
            input.removeAll(keepingCapacity: true)
            position = 0
        }
        input += bytes
    }

    /// - Parameter isHead: whether the response is to a HEAD request and has no body.
    mutating func next(isHead: Bool, isHTTP10: Bool) throws -> Event? {
        while true {
            switch state {
            case .head:
                guard let head = takeHead() else { return nil }
                response = try Self.parse(head)
                if response.status == 100 {
                    try require(response.fields.isEmpty, "100 Continue with fields")
                    return .interim
                }
                if try beginBody(isHead: isHead, isHTTP10: isHTTP10) { return finish() }
            case .content(let bytesLeft):
                let rest = takeBody(bytesLeft)
                guard rest == 0 else {
                    state = .content(bytesLeft: rest)
                    return nil
                }
                return finish()
            case .chunkSize:
                guard let line = try takeLine() else { return nil }
                let isSize = !line.isEmpty && line.count <= 8
                guard isSize, let size = Int(String(decoding: line, as: UTF8.self), radix: 16)
                else {
                    throw Violation("a chunk of size \(String(decoding: line, as: UTF8.self))")
                }
                state = size == 0 ? .lastChunkEnd : .chunkData(bytesLeft: size)
            case .chunkData(let bytesLeft):
                if bytesLeft > 0 {
                    let rest = takeBody(bytesLeft)
                    state = .chunkData(bytesLeft: rest)
                    if rest > 0 { return nil }
                }
                guard input.count - position >= 2 else { return nil }
                try require(try takeLine()?.isEmpty == true, "a chunk that does not end in CRLF")
                state = .chunkSize
            case .lastChunkEnd:
                guard let line = try takeLine() else { return nil }
                try require(line.isEmpty, "a trailer")
                return finish()
            case .untilClose:
                _ = takeBody(input.count)
                return nil
            }
        }
    }

    /// The server has closed. Gives the response that this ends, if it does.
    mutating func ended() -> Response? {
        guard case .untilClose = state else { return nil }
        guard case .response(let response) = finish() else { return nil }
        return response
    }

    private mutating func finish() -> Event {
        state = .head
        var ended = Response()
        swap(&ended, &response)
        return .response(ended)
    }

    private mutating func beginBody(isHead: Bool, isHTTP10: Bool) throws -> Bool {
        let length = response.field("content-length")
        let coding = response.field("transfer-encoding")
        try require(length == nil || coding == nil, "both Content-Length and Transfer-Encoding")
        if let coding {
            try require(coding == "chunked" && !isHTTP10, "Transfer-Encoding: \(coding)")
            state = .chunkSize
        } else if let length {
            guard let count = Int(length), count >= 0, "\(count)" == length else {
                throw Violation("Content-Length: \(length)")
            }
            // Who has not read the whole head does not know that it is a HEAD.
            if (isHead && response.status != 408) || count == 0 { return true }
            state = .content(bytesLeft: count)
        } else {
            try require(response.closes, "a body without a length on a connection that stays open")
            response.endsWithConnection = true
            state = .untilClose
        }
        return false
    }

    private mutating func takeHead() -> ArraySlice<UInt8>? {
        var index = position
        while index + 3 < input.count {
            if input[index] == 13, input[index + 1] == 10, input[index + 2] == 13,
                input[index + 3] == 10
            {
                defer { position = index + 4 }
                return input[position..<index + 2]
            }
            index += 1
        }
        return nil
    }

    private mutating func takeLine() throws -> ArraySlice<UInt8>? {
        guard let end = input[position...].firstIndex(of: 10) else {
            try require(input.count - position < 64, "a chunk line of 64 bytes")
            return nil
        }
        try require(end > position && input[end - 1] == 13, "a bare LF")
        defer { position = end + 1 }
        return input[position..<end - 1]
    }

    /// Returns how many of `count` bytes have still to come.
    private mutating func takeBody(_ count: Int) -> Int {
        let taken = min(count, input.count - position)
        response.body += input[position..<position + taken]
        position += taken
        return count - taken
    }

    private static func parse(_ head: ArraySlice<UInt8>) throws -> Response {
        for byte in head where byte > 0x7E || (byte < 0x20 && byte != 13 && byte != 10) {
            throw Violation("byte \(byte) in a response head")
        }
        var lines = String(decoding: head, as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        try require(lines.popLast() == "", "a head that does not end in CRLF")
        let words = lines[0].split(
            separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "HTTP/1.1", words[1].utf8.count == 3,
            let status = Int(words[1]), (100..<600).contains(status), !words[2].isEmpty
        else { throw Violation("the status line \(lines[0])") }
        var response = Response()
        response.status = status
        for line in lines.dropFirst() {
            guard !line.contains("\r"), !line.contains("\n"), let colon = line.firstIndex(of: ":"),
                line[..<colon].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" }),
                colon != line.startIndex
            else { throw Violation("the field line \(line)") }
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            try require(response.field(name) == nil, "two fields \(name)")
            response.fields.append((name, String(value)))
        }
        return response
    }
}
