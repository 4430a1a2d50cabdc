// The answers that need no upstream: health, models, probes. And what leads to the others: a body that
// is complete, and plain.

import HTTP1
import Translation

extension ClientSession {
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
            let report = HealthReport(
                settings: settings, state: state, isForGuests: request?.mayAskModels == true,
                now: now)
            answer(report.body, at: now, into: &output)
        case .probe:
            answer([], at: now, into: &output)
        }
    }

    /// The shell has inflated so many bytes of a body. Returns whether it is to go on; if not, the
    /// request has its answer.
    package mutating func bodyInflating(
        to bytes: Int, at now: MonotonicTime, into output: inout [UInt8]
    ) -> Bool {
        guard case .inflating = phase else { return false }
        guard holdsBody(bytes) else {
            fail(.tooMuchMemory, at: now, into: &output)
            return false
        }
        return true
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
                learnt: learntContext(at: now))
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
            model, forAnthropicClient: isAnthropic, learnt: learntContext(at: now))
        answer(body, at: now, into: &output)
    }

    /// The model of this id: one of the list, or one that only the upstream lists.
    private func listedModel(_ id: String) -> ModelListing.Model? {
        let listing = state.modelListing(by: settings)
        if let model = listing.models.first(where: { $0.id == id }) { return model }
        let main = state.known(of: settings.upstream).catalogue
        let meaning = settings.router.meaning(of: id, in: main)
        guard let target = settings.router.targets(of: meaning).first,
            id.hasSuffix(target.description)
        else {
            return nil
        }
        let pool = settings.pool(named: target.upstream)
        guard let details = state.known(of: pool.members[0]).catalogue?.model(target.model) else {
            return nil
        }
        return ModelListing.Model(
            id: id, displayName: details.name ?? target.description, target: target,
            details: details)
    }

    /// The context of a model that its upstream has named elsewhere than in its list.
    private func learntContext(at now: MonotonicTime) -> ModelListing.LearntContext {
        { [state, settings] target, listed in
            let known = state.known(of: settings.pool(named: target.upstream).members[0])
            return known.lessons.contextTokens(
                of: Array(target.model.utf8), listed: listed, at: now)
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
