// What libcurl's result codes mean to the core.

import CLibCurl
import Gateway

extension TransferFailure.Kind {
    /// - Parameter hasResponded: whether a response head had come.
    init(_ code: CURLcode, hasResponded: Bool) {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: self = .resolve
        case CURLE_COULDNT_CONNECT: self = .connect
        // Requests of clients have no other time-out of libcurl's.
        case CURLE_OPERATION_TIMEDOUT: self = .connectTimeout
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CACERT_BADFILE:
            self = .certificate
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED: self = .tls
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE,
            CURLE_HTTP2_STREAM, CURLE_HTTP2:
            self = hasResponded ? .brokenAnswer : .closedBeforeAnswer
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING:
            self = .protocolViolation
        default: self = .other
        }
    }
}
