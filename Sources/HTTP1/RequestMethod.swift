// The request methods this server knows. CONNECT is known too, but only in order to be refused,
// so it never reaches a RequestHead.

/// A method of RFC 9110 §9.3 or RFC 5789. Which of them a path allows is the router's matter.
package enum RequestMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case patch = "PATCH"
    case options = "OPTIONS"
    case trace = "TRACE"

    /// Finds the method a token names. The token's bytes, all of them, make one word, so this is
    /// a comparison of integers; no method has more than seven bytes.
    init(token: Range<Int>, of bytes: Span<UInt8>) throws(ProtocolError) {
        guard token.count <= 8 else { throw ProtocolError(.unknownMethod) }
        var word: UInt64 = 0
        for index in token { word = word &<< 8 | UInt64(bytes[index]) }
        switch word {
        case 0x47_4554: self = .get
        case 0x4845_4144: self = .head
        case 0x504F_5354: self = .post
        case 0x50_5554: self = .put
        case 0x4445_4C45_5445: self = .delete
        case 0x50_4154_4348: self = .patch
        case 0x4F_5054_494F_4E53: self = .options
        case 0x54_5241_4345: self = .trace
        case 0x43_4F4E_4E45_4354: throw ProtocolError(.connectRefused)
        default: throw ProtocolError(.unknownMethod)
        }
    }
}
