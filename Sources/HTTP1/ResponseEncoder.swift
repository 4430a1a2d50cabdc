// The server's writing side: heads, framing and persistence (RFC 9112 §4, §6, §9).
//
// Everything is appended to a buffer of the caller's. The body is the caller's as well: it
// appends what `framing` promised, for chunks with the help of ChunkWriter.

/// How a client finds the end of a response's body.
package enum ResponseFraming: Sendable, Equatable {
    /// A body of that many bytes. A response to HEAD has the field and no body.
    case contentLength(Int)
    /// Chunks; HTTP/1.1 clients only.
    case chunked
    /// The body ends with the connection; for streams to HTTP/1.0 clients.
    case untilClose
    /// No body and no field about it: 1xx, 204, 304, and HEAD if the length is not known.
    case none
}

/// What the response says about the connection's future.
package enum Persistence: Sendable, Equatable {
    /// `Connection: close`.
    case close
    /// The connection stays open, which HTTP/1.1 takes for granted.
    case keepAlive
    /// `Connection: keep-alive`, which HTTP/1.0 clients need to hear.
    case keepAliveHTTP10
}

extension RequestHead {
    /// The framing for a body whose length is not known when the head is sent.
    package var streamFraming: ResponseFraming { versionMinor >= 1 ? .chunked : .untilClose }

    /// The persistence the client asked for, with a response framed like this.
    package func persistence(for framing: ResponseFraming) -> Persistence {
        guard keepsAlive, framing != .untilClose else { return .close }
        return versionMinor >= 1 ? .keepAlive : .keepAliveHTTP10
    }
}

/// Writes response heads.
package enum ResponseEncoder {
    /// Appends status line, the head's fields, the fields of framing and persistence, and the
    /// empty line. The version is always HTTP/1.1, to HTTP/1.0 clients too (RFC 9110 §2.5).
    package static func append(
        _ head: ResponseHead, framing: ResponseFraming, persistence: Persistence,
        to output: inout [UInt8]
    ) {
        let hasNoBody = head.status < 200 || head.status == 204 || head.status == 304
        precondition(!hasNoBody || framing == .none, "1xx, 204 and 304 have no body")
        precondition(
            framing != .untilClose || persistence == .close,
            "a body that ends with the connection needs its end")
        appendStatusLine(head.status, to: &output)
        output.append(contentsOf: head.fieldLines)
        switch framing {
        case .contentLength(let length):
            output.append("Content-Length: ")
            output.append(decimal: length)
            output.append("\r\n")
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .untilClose, .none: break
        }
        switch persistence {
        case .close: output.append("Connection: close\r\n")
        case .keepAlive: break
        case .keepAliveHTTP10: output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
    }

    /// Appends the interim response that a client waits for which `expectsContinue`.
    package static func appendContinue(to output: inout [UInt8]) {
        appendStatusLine(100, to: &output)
        output.append("\r\n")
    }

    private static func appendStatusLine(_ status: Int, to output: inout [UInt8]) {
        output.append("HTTP/1.1 ")
        output.append(decimal: status)
        output.append(Byte.blank)
        output.append(reasonPhrase(of: status))
        output.append("\r\n")
    }

    /// The phrase of RFC 9110 §15 and the IANA registry, of the statuses the daemon and the
    /// simulated upstream use; 529 is Anthropic's. Empty for others, which the grammar allows.
    package static func reasonPhrase(of status: Int) -> StaticString {
        switch status {
        case 100: "Continue"
        case 200: "OK"
        case 204: "No Content"
        case 302: "Found"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 529: "Overloaded"
        default: ""
        }
    }
}
