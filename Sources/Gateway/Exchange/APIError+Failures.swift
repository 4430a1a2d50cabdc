// The errors that the gateway itself has to report, with the words that people get. Those of the
// upstream are translated in Translation/Errors.

import Translation

extension UpstreamFailure {
    /// The upstream could not be asked, or its answer broke off.
    static func of(_ failure: TransferFailure, upstream: Upstream) -> UpstreamFailure {
        UpstreamFailure(failure.kind.failureKind, error: .of(failure, upstream: upstream))
    }

    /// The upstream has said nothing for `limit`.
    static func silence(_ limit: Duration) -> UpstreamFailure {
        timeout("The upstream has sent nothing for \(limit.text); the proxy has given up.")
    }

    /// The model has said nothing for so long that another is asked.
    static func slow(_ limit: Duration) -> UpstreamFailure {
        timeout("The model had no content within \(limit.text) (CLAUDE_PROXY_FALLBACK_AFTER).")
    }

    private static func timeout(_ message: String) -> UpstreamFailure {
        UpstreamFailure(
            .timeout, error: APIError(status: 504, type: .timeout, message: message))
    }

    /// The daemon ends before the answer does.
    static let shuttingDown = UpstreamFailure(.shuttingDown, error: .shuttingDown)

    /// The answer is more than the process may hold.
    static let tooMuchMemory = UpstreamFailure(.noMemory, error: .tooMuchMemory)

    /// The upstream has properly ended its answer, and there is nothing in it.
    static let emptyAnswer = UpstreamFailure(
        .emptyAnswer,
        error: APIError(
            status: 502, type: .api,
            message: "The upstream's model ended its answer without saying anything."))
}

extension UpstreamFailure {
    /// The error as the last event of a stream that has had pings, but no content. Clients go by its
    /// type: after `overloaded_error` they stream again, and later each time; after any other they
    /// repeat the request at once without streaming (Claude Code 2.1.332). So the former is for what
    /// may pass, and the latter for what a status then tells better.
    var lateError: APIError {
        guard kind.mayPass, error.shouldRetry != false else { return error }
        var late = error
        late.type = .overloaded
        return late
    }
}

extension FailureKind {
    /// Whether the same request may be answered a moment later. A rate limit is none of them: its
    /// status tells how long to wait.
    var mayPass: Bool {
        switch self {
        case .overloaded, .unavailable, .internalFault, .unreachable, .unanswered, .timeout,
            .brokenAnswer, .badAnswer, .emptyAnswer, .noSocket, .noMemory, .shuttingDown:
            true
        case .rateLimited, .requestFault, .contextTooLong, .contentRefused, .modelMissing,
            .keyRefused, .notPermitted, .outOfCredit, .misconfigured:
            false
        }
    }

    /// Whether it is the proxy's own, and says nothing of whom it asks.
    var isOurs: Bool {
        switch self {
        case .noSocket, .noMemory, .shuttingDown: true
        default: false
        }
    }

    /// Whether another provider of the same upstream may do better.
    var isOfProvider: Bool {
        switch self {
        case .rateLimited, .overloaded, .unavailable, .internalFault, .unreachable, .unanswered,
            .timeout, .brokenAnswer, .badAnswer, .emptyAnswer, .keyRefused, .misconfigured,
            .noSocket:
            true
        case .requestFault, .contextTooLong, .contentRefused, .modelMissing, .notPermitted,
            .outOfCredit, .noMemory, .shuttingDown:
            false
        }
    }
}

extension TransferFailure.Kind {
    fileprivate var failureKind: FailureKind {
        switch self {
        case .resolve, .connect, .connectTimeout: .unreachable
        case .closedBeforeAnswer: .unanswered
        case .brokenAnswer: .brokenAnswer
        case .noSocket: .noSocket
        case .proxy, .certificate, .trustStore, .tls, .protocolViolation: .misconfigured
        case .other: .internalFault
        }
    }
}

extension APIError {
    /// The upstream could not be asked, or its answer broke off.
    fileprivate static func of(_ failure: TransferFailure, upstream: Upstream) -> APIError {
        let host = upstream.url.authority
        let setting = upstream.configuration.urlName
        let caSetting = upstream.configuration.caFileName
        let detail = failure.detail
        switch failure.kind {
        case .resolve:
            return APIError(
                status: 500, type: .api,
                message: "The upstream's host name cannot be resolved (\(detail)). Check"
                    + " \(setting) and the proxy machine's DNS.")
        case .proxy:
            return APIError(
                status: 502, type: .api,
                message: "The proxy server on the way to the upstream \(host) does not let the"
                    + " request through (\(detail)). Check the proxy variables (https_proxy,"
                    + " all_proxy, no_proxy) in the service's environment.")
        case .noSocket:
            return APIError(
                status: 529, type: .overloaded,
                message: "The proxy has no descriptor left for a connection to the upstream; try"
                    + " again in a moment. Its administrator can raise LimitNOFILE or lower"
                    + " CLAUDE_PROXY_MAX_CONNECTIONS.", retryAfter: 1)
        case .connect:
            return APIError(
                status: 500, type: .api,
                message: "The upstream \(host) cannot be reached (\(detail)). Check that it is up"
                    + " and that \(setting) is right.")
        case .connectTimeout:
            return APIError(
                status: 504, type: .timeout,
                message: "The upstream \(host) did not accept the connection in time (\(detail))."
                    + " Check the network and CLAUDE_PROXY_CONNECT_TIMEOUT.")
        case .certificate:
            return APIError(
                status: 500, type: .api,
                message: "The upstream \(host) shows a certificate that is not to be trusted"
                    + " (\(detail)). Check the proxy machine's clock and CA certificates; for a CA"
                    + " of your own set \(caSetting).",
                shouldRetry: false)
        case .trustStore:
            return APIError(
                status: 500, type: .api,
                message: "The CA certificates to check the upstream \(host) by cannot be read"
                    + " (\(detail)). Check \(caSetting) and the package"
                    + " ca-certificates.", shouldRetry: false)
        case .tls:
            return APIError(
                status: 500, type: .api,
                message: "TLS with the upstream \(host) failed (\(detail)). Check that it speaks"
                    + " TLS: a server of your own may want http:// in \(setting).")
        case .closedBeforeAnswer:
            return APIError(
                status: 502, type: .api,
                message: "The upstream \(host) closed the connection without an answer.")
        case .brokenAnswer:
            return APIError(
                status: 502, type: .api,
                message: "The answer of the upstream \(host) broke off (\(detail)).")
        case .protocolViolation:
            return APIError(
                status: 502, type: .api,
                message: "The upstream \(host) does not keep to HTTP (\(detail)). Check that"
                    + " \(setting) is the address of an API.")
        case .other:
            return APIError(
                status: 500, type: .api,
                message: "The request to the upstream \(host) failed (\(detail)).")
        }
    }

    /// The daemon ends before the answer does.
    static let shuttingDown = APIError(
        status: 529, type: .overloaded,
        message: "The proxy is shutting down; try again in a moment.", retryAfter: 1)

    /// More clients than the daemon is set to serve.
    static let tooManyConnections = APIError(
        status: 529, type: .overloaded,
        message: "The proxy serves as many connections as CLAUDE_PROXY_MAX_CONNECTIONS allows; try"
            + " again in a moment.", retryAfter: 1)

    /// More requests than the daemon is set to have under way.
    static let tooManyRequests = APIError(
        status: 529, type: .overloaded,
        message: "The proxy has as many requests under way as CLAUDE_PROXY_MAX_REQUESTS allows; try"
            + " again in a moment.", retryAfter: 1)

    /// There is no key to ask the upstream with.
    static func noUpstreamKey(_ upstream: Upstream) -> APIError {
        let isMain = upstream.configuration.name == UpstreamConfiguration.mainName
        return APIError(
            status: 500, type: .api,
            message: "The proxy has no key for its upstream"
                + (isMain ? "" : " \(upstream.configuration.name)")
                + ": set \(upstream.configuration.keyName) in its configuration"
                + " (see `claude-proxy print-config`) and reload it.", shouldRetry: false)
    }

    /// The upstream is asked with its clients' own credentials, and the request has none.
    static func noClientKey(_ upstream: Upstream) -> APIError {
        .unauthorized(
            "The upstream \(upstream.configuration.name) is asked with the credentials of its"
                + " clients (\(upstream.configuration.keyName)=client), and this request has none:"
                + " send your own key for it as x-api-key, or your token as Authorization: Bearer,"
                + " and the proxy's token, if it wants one, in the other of the two fields.")
    }

    static func notFound(_ message: String) -> APIError {
        APIError(status: 404, type: .notFound, message: message)
    }
}
