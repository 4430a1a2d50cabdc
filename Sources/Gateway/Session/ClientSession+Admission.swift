// Whether a request may be served at all. Whatever can be refused is refused when its head is there,
// before a body is taken in; a refusal has an answer and a record like everything else.

import HTTP1
import Translation

extension ClientSession {
    // MARK: The head

    /// A request's head is complete.
    mutating func headReceived(
        _ head: RequestHead, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        var request = self.request ?? IncomingRequest(at: now)
        let id = state.identifiers.next()
        request.take(head, from: peer, id: id, at: now)
        if settings.mayRelay {
            request.forwarded = ForwardedFields(head)
        }
        channel = ResponseChannel(requestID: id, head: head)
        channel.date = state.date
        self.request = request
        let match = Endpoint.match(head.method, path: Array(head.path))
        let origin = RequestOrigin(head)
        let accessRefusal = settings.access.refusal(of: origin, from: peer)
        if accessRefusal == nil, !isGuest { isGuest = state.seatGuest(isAdmitted) }
        guard isGuest || isAdmitted || isUnwelcome else {
            return fail(.tooManyConnections, at: now, into: &output)
        }
        if isUnwelcome { channel.keepsAlive = false }
        switch match {
        case .route(let route):
            if let error = refusal(of: head, for: route, accessRefusal) {
                return fail(error, at: now, into: &output)
            }
            self.request?.route = route
            self.request?.mayAskModels = accessRefusal == nil
            if route == .messages || route == .countTokens {
                self.request?.expectBody(of: head.contentLength)
                self.request?.owner = state.owner(
                    settings.access.identity(of: origin, from: peer))
                self.request?.record.hints = RequestHints(head)
                if settings.takesClientKeys {
                    self.request?.credential = ClientCredential(of: origin, settings.access)
                }
            }
            if head.expectsContinue { ResponseEncoder.appendContinue(to: &output) }
        case .notFound:
            fail(
                .notFound(
                    "There is nothing at this path. The proxy serves POST /v1/messages,"
                        + " POST /v1/messages/count_tokens, GET /v1/models and GET /health."),
                at: now, into: &output)
        case .methodNotAllowed(let allow):
            let error = APIError(
                status: 405, type: .invalidRequest,
                message: "This path does not take \(head.method.rawValue); it takes \(allow).")
            fail(error, allow: allow, at: now, into: &output)
        }
    }

    private mutating func refusal(
        of head: RequestHead, for route: Endpoint, _ accessRefusal: APIError?
    ) -> APIError? {
        switch route {
        case .messages, .countTokens:
            accessRefusal ?? bodyRefusal(of: head) ?? (takesPlace() ? nil : .tooManyRequests)
                ?? memoryRefusal(of: head)
        case .models, .model: accessRefusal
        case .probe, .health: nil
        }
    }

    private func bodyRefusal(of head: RequestHead) -> APIError? {
        guard head.contentLength != nil || head.isChunked else {
            return APIError(
                status: 411, type: .invalidRequest,
                message: "The request has no body: neither Content-Length nor chunks.")
        }
        // Of two fields others may believe the other one.
        guard head.fieldCount("content-type") == 1, Self.isJSON(head.field("content-type")) else {
            return APIError(
                status: 415, type: .invalidRequest,
                message: "The request body must be sent as `content-type: application/json`.")
        }
        if let encoding = head.text("content-encoding")?.lowercased(),
            head.fieldCount("content-encoding") > 1
                || !["gzip", "x-gzip", "identity"].contains(encoding)
        {
            return APIError(
                status: 415, type: .invalidRequest,
                message: "The request body's encoding is not supported; send it plain or as gzip.",
                detailsJSON: #"{"error_code":"request_body_encoding_unsupported"}"#)
        }
        return nil
    }

    private static func isJSON(_ contentType: ArraySlice<UInt8>?) -> Bool {
        guard let contentType else { return false }
        let type = contentType.prefix { $0 != UInt8(ascii: ";") }
        return type.trimmed.equalsIgnoringCase("application/json")
    }

    // MARK: Failures

    /// The bytes are no request.
    mutating func refuse(
        _ error: ProtocolError, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        identify(at: now)
        let type: APIErrorType = error.status == 413 ? .requestTooLarge : .invalidRequest
        fail(
            APIError(status: error.status, type: type, message: error.message), at: now,
            into: &output)
    }

    /// Gives a request that has no head, or none that can be read, what its answer and its record
    /// need: the channel is still that of the request before it.
    mutating func identify(at now: MonotonicTime) {
        guard request?.record.requestID.isEmpty ?? true else { return }
        let id = state.identifiers.next()
        request = request ?? IncomingRequest(at: now)
        request?.identify(id, from: peer)
        channel = ResponseChannel(requestID: id, head: nil)
        channel.date = state.date
    }

    /// Answers with an error. If the request is not complete its rest is of no interest, and the
    /// connection ends with the answer.
    mutating func fail(
        _ error: APIError, allow: StaticString? = nil, at now: MonotonicTime,
        into output: inout [UInt8]
    ) {
        let isComplete =
            switch phase {
            case .receiving: decoder.phase == .idle
            case .inflating, .preparing, .asking, .counting, .exchanging: true
            case .closing: false
            }
        if !isComplete || state.isDraining { channel.keepsAlive = false }
        channel.send(error, allow: allow, into: &output)
        var record = request?.record ?? RequestRecord()
        record.outcome = .failed
        record.errorType = error.type
        record.errorMessage = error.message
        record.requestBytes = request?.bodyBytes ?? 0
        self.record(record, at: now)
        requestAnswered(at: now, into: &output)
    }
}
