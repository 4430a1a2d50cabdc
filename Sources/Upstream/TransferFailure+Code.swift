// What libcurl's result codes mean to the core.

import CLibCurl
import Gateway

extension TransferFailure.Kind {
    /// - Parameters:
    ///   - hasResponded: whether a response head had come.
    ///   - isTunnelRefused: whether a proxy server has answered its CONNECT with an error.
    init(_ code: CURLcode, hasResponded: Bool, isTunnelRefused: Bool = false) {
        switch code {
        case _ where isTunnelRefused: self = .proxy
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY: self = .proxy
        case CURLE_COULDNT_RESOLVE_HOST: self = .resolve
        case CURLE_COULDNT_CONNECT: self = .connect
        // Requests of clients have no other time-out of libcurl's.
        case CURLE_OPERATION_TIMEDOUT: self = .connectTimeout
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_INVALIDCERTSTATUS: self = .certificate
        case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CRL_BADFILE:
            self = .trustStore
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_CERTPROBLEM, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            self = .tls
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE,
            CURLE_HTTP2_STREAM, CURLE_HTTP2:
            self = hasResponded ? .brokenAnswer : .closedBeforeAnswer
        // The last one: a line of the head outgrows libcurl's buffer. Swift would not live to tell
        // of memory that is really out.
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_BAD_CONTENT_ENCODING,
            CURLE_OUT_OF_MEMORY:
            self = .protocolViolation
        default: self = .other
        }
    }
}
