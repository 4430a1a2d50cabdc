// What a request is for, whether it may be served, and the answers that need no upstream. Whatever can
// be refused is refused when its head is there, before a body is taken in.

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
        channel = ResponseChannel(requestID: id, head: head)
        channel.date = state.date
        self.request = request
        guard isAdmitted else { return fail(.tooManyConnections, at: now, into: &output) }
        switch Route.match(head.method, path: Array(head.path)) {
        case .route(let route):
            if let error = refusal(of: head, for: route) {
                return fail(error, at: now, into: &output)
            }
            self.request?.route = route
            if route == .health {
                let refusal = settings.access.refusal(of: RequestOrigin(head), from: peer)
                self.request?.mayAskModels = refusal == nil
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

    private mutating func refusal(of head: RequestHead, for route: Route) -> APIError? {
        switch route {
        case .probe, .health: break
        case .messages, .countTokens, .models, .model:
            let origin = RequestOrigin(head)
            if let error = settings.access.refusal(of: origin, from: peer) { return error }
            request?.owner = state.counting.owner(
                settings.access.identity(of: origin, from: peer))
        }
        switch route {
        case .messages, .countTokens:
            return bodyRefusal(of: head) ?? (takesPlace() ? nil : .tooManyRequests)
        case .probe, .health, .models, .model: return nil
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
            case .inflating, .counting, .exchanging: true
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

    // MARK: Complete requests

    /// The request is complete.
    mutating func requestReceived(at now: MonotonicTime, into output: inout [UInt8]) {
        guard let route = request?.route else { return }
        if state.isDraining { channel.keepsAlive = false }
        switch route {
        case .messages, .countTokens:
            guard request?.isGzip == true else {
                return bodyReceived(at: now, into: &output)
            }
            let body = request?.takeBody() ?? []
            phase = .inflating
            act(.inflate(body, bytesMax: settings.configuration.bodyBytesMax))
        case .models:
            answerModels(at: now, into: &output)
        case .model(let id):
            answerModel(id, at: now, into: &output)
        case .health:
            let body = HealthReport.body(
                settings.configuration, version: state.version, uptime: now - state.startedAt,
                isDraining: state.isDraining, catalogue: state.catalogue,
                timeOfDay: state.timeOfDay,
                usage: request?.mayAskModels == true ? state.usageTotals() : nil,
                calibration: state.calibration)
            answer(body, at: now, into: &output)
        case .probe:
            answer([], at: now, into: &output)
        }
    }

    /// The shell has inflated a gzip body.
    package mutating func bodyInflated(
        _ result: InflatedBody, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard case .inflating = phase else { return }
        switch result {
        case .body(let body):
            request?.body = body
            bodyReceived(at: now, into: &output)
        case .invalid:
            let error = APIError(
                status: 400, type: .invalidRequest,
                message: "The request body is not the gzip data that its content-encoding says.",
                detailsJSON: #"{"error_code":"request_body_encoding_invalid"}"#)
            fail(error, at: now, into: &output)
        case .tooLarge:
            let error = APIError(
                status: 413, type: .requestTooLarge,
                message: "The inflated request body is larger than the proxy's limit.",
                detailsJSON: #"{"error_code":"request_body_too_large_after_decoding"}"#)
            fail(error, at: now, into: &output)
        }
    }

    mutating func answer(
        _ body: [UInt8], at now: MonotonicTime, into output: inout [UInt8]
    ) {
        channel.send(body, into: &output)
        record(request?.record ?? RequestRecord(), at: now)
        requestAnswered(at: now, into: &output)
    }

    private mutating func answerModels(at now: MonotonicTime, into output: inout [UInt8]) {
        let isAnthropic = request?.isAnthropicClient ?? true
        do throws(APIError) {
            let query = try ModelListQuery(request?.query ?? [])
            let body = try state.modelListing(by: settings).list(
                query, forAnthropicClient: isAnthropic,
                learnt: { state.lessons.contextTokens(of: Array($0.utf8), listed: $1, at: now) })
            answer(body, at: now, into: &output)
        } catch {
            fail(error, at: now, into: &output)
        }
    }

    private mutating func answerModel(
        _ id: [UInt8], at now: MonotonicTime, into output: inout [UInt8]
    ) {
        let decoded = PercentEncoding.decode(id[...]) ?? id
        guard let model = listedModel(String(decoding: decoded, as: UTF8.self)) else {
            return fail(
                .notFound("The proxy lists no model of this id; GET /v1/models shows them."),
                at: now, into: &output)
        }
        let isAnthropic = request?.isAnthropicClient ?? true
        let body = ModelListing.body(
            model, forAnthropicClient: isAnthropic,
            learnt: { state.lessons.contextTokens(of: Array($0.utf8), listed: $1, at: now) })
        answer(body, at: now, into: &output)
    }

    /// The model of this id: one of the list, or one that only the upstream lists.
    private func listedModel(_ id: String) -> ModelListing.Model? {
        let listing = state.modelListing(by: settings)
        if let model = listing.models.first(where: { $0.id == id }) { return model }
        let upstreamID = settings.choice.upstreamModel(for: id, in: state.catalogue)
        guard id.hasSuffix(upstreamID), let details = state.knownModel(upstreamID) else {
            return nil
        }
        return ModelListing.Model(
            id: id, displayName: details.name ?? upstreamID, upstreamID: upstreamID,
            details: details)
    }
}

// MARK: - Messages

extension ClientSession {
    /// A request with a body has it, plain.
    ///
    /// - Parameter measure: of a prompt that had to be counted first.
    mutating func bodyReceived(
        _ measure: PromptMeasure? = nil, at now: MonotonicTime, into output: inout [UInt8]
    ) {
        guard var request else { return }
        self.request = nil
        defer { state.document.reset() }
        do throws(APIError) {
            try parse(&request.body)
            switch request.route {
            case .countTokens:
                try beginCount(request, at: now, into: &output)
            case .messages, .models, .model, .health, .probe:
                try startExchange(request, measure, at: now)
            }
        } catch {
            self.request = request
            fail(error, at: now, into: &output)
        }
    }

    private func parse(_ body: inout [UInt8]) throws(APIError) {
        guard !body.isEmpty else { throw .invalidRequest("The request body is empty.") }
        do throws(JSONError) {
            try state.document.parse(exchanging: &body)
        } catch {
            throw .invalidRequest("The request body is not valid JSON: \(error).")
        }
    }

    /// Translates the request that the state's document holds and has the upstream asked.
    private mutating func startExchange(
        _ request: IncomingRequest, _ measure: PromptMeasure?, at now: MonotonicTime
    ) throws(APIError) {
        let configuration = settings.configuration
        let outline = try RequestOutline(state.document)
        let upstream = settings.upstream
        guard !upstream.lacksKey else { throw .noUpstreamKey }
        var translation = translationSettings(
            for: outline, sessionID: request.sessionID, at: now)
        let model = translation.upstreamModel
        let session = sessionDigest(request.sessionID ?? outline.sessionID, model: model)
        cacheKey = session?.key
        translation.takesFingerprint = session != nil
        if configuration.pinsProvider, upstream.profile.allowsProviderOrder, let session,
            let provider = state.pins.provider(of: session.key)
        {
            translation.extraFields.append(ProviderPins.preference(for: provider))
        }
        let quick = TokenEstimate.inputTokens(state.document)
        let estimate = estimate(quick: quick, model: model)
        if let measure {
            translation.promptTokens =
                configuration.calibratesTokenCounts
                ? state.calibration.tokensAtLeast(measure, model: model) : measure.tokens
        } else if needsCount(max(quick, estimate), outline, translation.capabilities),
            try countFirst(request, outline, translation)
        {
            return
        }
        var (attempt, call) = try UpstreamAttempt.first(
            &state.document, outline: outline, upstream: upstream, settings: translation,
            inputTokensEstimate: estimate, listedWindow: state.listedWindow(of: model))
        attempt.prices = state.model(model, at: now).prices

        channel.dropped = attempt.translated.dropped.headerValue
        var record = request.record
        record.isStreaming = outline.isStreaming
        record.requestedModel = Array(outline.model.prefix(Limits.loggedBytesMax))
        record.upstreamModel = model
        record.dropped = attempt.translated.dropped.names
        record.requestBytes = request.bodyBytes
        if let session {
            record.sessionHash = session.name
            if let prompt = attempt.translated.fingerprint {
                record.divergence = state.prefixes.note(prompt, session: session.key, at: now)
            }
        }
        let identity = StreamTranslator.Identity(
            messageID: Array("msg_".utf8) + channel.requestID,
            requestID: channel.prefixedRequestID, upstreamModel: model,
            reportedModel: settings.reportedModel(forRequested: outline.model))
        exchange = MessagesExchange(
            attempt, identity: identity,
            errorReader: attempt.errorReader(timeOfDay: state.timeOfDay),
            configuration: configuration, channel: channel, record: record, quickEstimate: quick,
            at: now)
        state.exchangesOpen += 1
        phase = .exchanging
        startCall(call)
        if let measure {
            let counted = self.estimate(measure, model: model)
            exchange?.promptCounted(measure, estimate: counted)
            return
        }
        // The exact count is made while the upstream is at work: nothing waits for it.
        count = PromptCount(body: call.body, model: model, owner: request.owner)
        if count != nil { act(.count) }
    }

    /// Whether the answer that is asked for may not have room beside the prompt. Only then has the
    /// upstream to wait for an exact count: no answer is cut for the sake of a guess.
    private func needsCount(
        _ estimate: Int, _ outline: RequestOutline, _ capabilities: ModelCapabilities
    ) -> Bool {
        guard let window = capabilities.contextTokens else { return false }
        let answer = min(outline.maxTokens, capabilities.outputTokensMax ?? .max, window)
        // Byte classes are rarely off by a quarter; of a prompt beyond the window nothing is cut.
        let prompt = min(estimate, window * 2)
        return prompt + prompt / 4 + answer + 512 > window && estimate / 2 <= window
    }

    /// The size of a prompt before it is counted.
    private func estimate(quick: Int, model: [UInt8]) -> Int {
        settings.configuration.calibratesTokenCounts
            ? state.calibration.estimate(quick: quick, model: model) : quick
    }

    /// The circumstances of a request's translation.
    func translationSettings(
        for outline: RequestOutline, sessionID: [UInt8]?, at now: MonotonicTime
    ) -> RequestSettings {
        let requested = String(decoding: outline.model, as: UTF8.self)
        let model = Array(
            settings.choice.upstreamModel(for: requested, in: state.catalogue).utf8)
        var translation = RequestSettings(profile: settings.upstream.profile, upstreamModel: model)
        translation.sessionID = sessionID
        translation.identitySalt = settings.upstream.identitySalt
        let known = state.model(model, at: now)
        translation.capabilities = known.capabilities
        translation.addsCacheMarks = settings.configuration.cacheBreakpoints == .add
        translation.omittedFields = state.lessons.refusedParameters(of: model)
            .union(known.refusedFields)
        return translation
    }
}

// MARK: - Prompt caches

extension ClientSession {
    /// A session by its digests: `name` is the beginning of what the upstream gets to know it by,
    /// `key` stands for the session with one model.
    private func sessionDigest(
        _ session: [UInt8]?, model: [UInt8]
    ) -> (name: [UInt8], key: UInt64)? {
        guard let session else { return nil }
        let digest = SHA256.digest(
            (settings.upstream.identitySalt + Array("session_id:".utf8) + session).span)
        var name: [UInt8] = []
        for byte in digest.prefix(8) { name.append(hexadecimal: byte) }
        // FNV-1a: a model is no secret, and need not be told from all others there might be.
        var key = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        for byte in model { key = (key ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return (name, key)
    }

    /// Remembers who has answered, or forgets who could not.
    mutating func learnProvider(from record: RequestRecord) {
        guard let key = cacheKey.take(), settings.configuration.pinsProvider else { return }
        switch record.outcome {
        case .completed: state.pins.answered(key, by: record.provider)
        case .cancelled: break
        case .failed, .interrupted:
            switch record.errorType {
            case .rateLimit, .api, .timeout, .overloaded: state.pins.release(key)
            case .invalidRequest, .authentication, .billing, .permission, .notFound, .conflict,
                .requestTooLarge, nil:
                break
            }
        }
    }
}

/// What became of a gzip body.
package enum InflatedBody: Sendable {
    case body([UInt8])
    /// It is not gzip, or damaged.
    case invalid
    /// It would be larger than was allowed.
    case tooLarge
}
