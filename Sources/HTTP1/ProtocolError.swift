// Why a request was refused: one case per rule, with the status and the sentence it becomes.
//
// After any of these nothing more may be read as a request on the connection: the peers would
// disagree about where the next one starts. The answer carries `Connection: close`.

/// A request that this server does not take, by the client's fault or for lack of the feature.
package struct ProtocolError: Error, Sendable, Equatable {
    /// The rule that was broken.
    package let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    /// The rules of RFC 9110 and RFC 9112 as this server applies them, in the order in which a
    /// request meets them.
    package enum Reason: Sendable, Equatable {
        // Request line.
        case tlsHandshake
        case http2Preface
        case surplusBlankLine
        case malformedRequestLine
        case surplusBlank
        case missingVersion
        case invalidVersion
        case unsupportedMajorVersion
        case unknownMethod
        case connectRefused
        case targetTooLong(bytesMax: Int)
        case fragmentInTarget
        case invalidByteInTarget
        case invalidTargetForm
        // Field lines, of the head and of trailers.
        case bareLineFeed
        case bareCarriageReturn
        case lineFolding
        case emptyFieldName
        case invalidFieldName
        case blankBeforeColon
        case missingColon
        case controlByteInFieldValue
        case headTooLarge(bytesMax: Int)
        case tooManyFields(max: Int)
        // What the fields say.
        case missingHost
        case repeatedHost
        case invalidHost
        case repeatedContentLength
        case invalidContentLength
        case contentLengthWithTransferEncoding
        case transferEncodingInHTTP10
        case unsupportedTransferEncoding
        case unsupportedExpectation
        // Body.
        case bodyTooLarge(bytesMax: Int)
        case invalidChunkSize
        case chunkSizeTooLong
        case blankAfterChunkSize
        case controlByteInChunkExtension
        case chunkLineTooLong(bytesMax: Int)
        case missingChunkEnd
        case trailersTooLarge(bytesMax: Int)
    }
}

extension ProtocolError {
    /// The status of the answer.
    package var status: Int {
        switch reason {
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedExpectation: 417
        case .headTooLarge, .tooManyFields: 431
        case .unknownMethod, .connectRefused, .unsupportedTransferEncoding: 501
        case .http2Preface, .unsupportedMajorVersion: 505
        case .tlsHandshake, .surplusBlankLine, .malformedRequestLine, .surplusBlank,
            .missingVersion, .invalidVersion, .fragmentInTarget, .invalidByteInTarget,
            .invalidTargetForm, .bareLineFeed, .bareCarriageReturn, .lineFolding, .emptyFieldName,
            .invalidFieldName, .blankBeforeColon, .missingColon, .controlByteInFieldValue,
            .missingHost, .repeatedHost, .invalidHost, .repeatedContentLength,
            .invalidContentLength, .contentLengthWithTransferEncoding, .transferEncodingInHTTP10,
            .invalidChunkSize, .chunkSizeTooLong, .blankAfterChunkSize,
            .controlByteInChunkExtension, .chunkLineTooLong, .missingChunkEnd, .trailersTooLarge:
            400
        }
    }

    /// One sentence for people. It holds limits but no byte of the request, so it may go into an
    /// answer and into a log as it is.
    package var message: String {
        switch reason {
        case .tlsHandshake:
            "The client speaks TLS, but this port speaks plain HTTP: use an http:// URL."
        case .http2Preface:
            "The client speaks HTTP/2, but this port speaks HTTP/1.1: switch HTTP/2 off."
        case .surplusBlankLine:
            "There is more than one empty line before the request line."
        case .malformedRequestLine:
            "The request line is not of the form 'METHOD target HTTP/1.1'."
        case .surplusBlank:
            "The request line holds more than the two blanks that separate its three parts."
        case .missingVersion:
            "The request line ends without an HTTP version; HTTP/0.9 is not supported."
        case .invalidVersion:
            "The HTTP version is not exactly 'HTTP/1.0' or 'HTTP/1.1'."
        case .unsupportedMajorVersion:
            "This server speaks HTTP/1.1 and HTTP/1.0, no other major version."
        case .unknownMethod:
            "The request method is unknown to this server (methods are case-sensitive)."
        case .connectRefused:
            "CONNECT is refused: this server is no tunnel."
        case .targetTooLong(let bytesMax):
            "The request target is longer than \(bytesMax) bytes."
        case .fragmentInTarget:
            "The request target holds a '#'; a fragment is never sent."
        case .invalidByteInTarget:
            "The request target holds a control or non-ASCII byte; it must be percent-encoded."
        case .invalidTargetForm:
            "The request target is neither a path that starts with '/' nor an http:// URL."
        case .bareLineFeed:
            "A line ends in LF alone; lines end in CR LF."
        case .bareCarriageReturn:
            "A CR is not followed by LF."
        case .lineFolding:
            "A header line starts with white space; folded header lines are obsolete."
        case .emptyFieldName:
            "A header line has an empty field name."
        case .invalidFieldName:
            "A header field name holds a character that is not allowed there."
        case .blankBeforeColon:
            "A header field name is followed by white space; its colon must follow at once."
        case .missingColon:
            "A header line has no colon."
        case .controlByteInFieldValue:
            "A header field value holds a control byte."
        case .headTooLarge(let bytesMax):
            "The request line and headers together are longer than \(bytesMax) bytes."
        case .tooManyFields(let max):
            "The request has more than \(max) header fields."
        case .missingHost:
            "The Host header is missing."
        case .repeatedHost:
            "There is more than one Host header."
        case .invalidHost:
            "The host is not of the form 'name', 'name:port' or '[IPv6 address]:port'."
        case .repeatedContentLength:
            "There is more than one Content-Length header."
        case .invalidContentLength:
            "The Content-Length is not a decimal number of at most 18 digits."
        case .contentLengthWithTransferEncoding:
            "The request has both Content-Length and Transfer-Encoding."
        case .transferEncodingInHTTP10:
            "Transfer-Encoding is not allowed in an HTTP/1.0 request."
        case .unsupportedTransferEncoding:
            "The only Transfer-Encoding supported is exactly one 'chunked'."
        case .unsupportedExpectation:
            "The only Expect header supported is '100-continue'."
        case .bodyTooLarge(let bytesMax):
            "The request body is larger than \(bytesMax) bytes."
        case .invalidChunkSize:
            "A chunk does not start with its size in hexadecimal digits."
        case .chunkSizeTooLong:
            "A chunk size has more than 8 significant digits."
        case .blankAfterChunkSize:
            "A chunk size is followed by white space."
        case .controlByteInChunkExtension:
            "A chunk extension holds a control byte."
        case .chunkLineTooLong(let bytesMax):
            "A chunk's size line is longer than \(bytesMax) bytes."
        case .missingChunkEnd:
            "The data of a chunk is not followed by CR LF."
        case .trailersTooLarge(let bytesMax):
            "The trailer section is longer than \(bytesMax) bytes."
        }
    }
}
