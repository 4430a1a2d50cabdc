// The doctor's own question to the model: as small as can be, and the whole way there and back, with
// the translators that clients' requests go through. A tool is on offer, since Claude Code always has
// some and servers without the right template refuse those.

package import Translation

/// A request for one token.
package struct TrialRequest {
    package enum Outcome {
        /// The message came to its end.
        case answered(isStream: Bool)
        /// The upstream has said why not.
        case failed(UpstreamFailure)
        /// It never came to its end.
        case unfinished
    }

    /// What to send.
    package let call: UpstreamCall
    private let translated: TranslatedRequest
    private let model: [UInt8]
    private let api: UpstreamAPI

    /// - Parameter tokens: what to ask for at most; see `needsMoreTokens`.
    package init(to upstream: Upstream, model name: String, tokens: Int = 1) {
        var text: [UInt8] = []
        text.append(#"{"model":"trial","max_tokens":"#)
        text.append(decimal: tokens)
        text.append(
            #","stream":true,"messages":[{"role":"user","content":"Say OK."}],"tools":[{"name":"wait""#
        )
        text.append(
            #","description":"Does nothing.","input_schema":{"type":"object","properties":{}}}]}"#)
        model = Array(name.utf8)
        var settings = RequestSettings(profile: upstream.profile, upstreamModel: model)
        settings.api = upstream.api(for: model)
        do {
            var document = JSONDocument()
            try document.parse(text)
            let outline = try RequestOutline(document)
            var body: [UInt8] = []
            translated = try RequestTranslator.translate(
                document, outline: outline, settings: settings, into: &body)
            var call = UpstreamCall(
                to: upstream, .answer(settings.api), body: body,
                beta: translated.headers.anthropicBeta)
            if settings.api == .messages { call.forwarded = ForwardedFields() }
            self.call = call
            api = settings.api
        } catch {
            preconditionFailure("the trial is a valid request: \(error)")
        }
    }

    /// Whether the upstream wants to be asked for more: some providers give no answer of less than
    /// 16 tokens.
    package static func needsMoreTokens(_ answer: ProbeAnswer) -> Bool {
        guard answer.failure == nil, answer.status == 400 else { return false }
        let text = String(decoding: answer.body, as: UTF8.self)
        return text.contains("max_") && (text.contains("minimum") || text.contains(">= 16"))
    }

    /// What `answer` is to a client.
    func outcome(_ answer: ProbeAnswer, reader: UpstreamErrorReader) -> Outcome {
        if answer.status == 0 { return .unfinished }
        guard answer.status == 200 else {
            return .failed(reader.read(status: answer.status, body: answer.body))
        }
        var translator = ResponseTranslator(
            api, facts: translated.facts,
            identity: .init(
                messageID: [], requestID: [], upstreamModel: model, reportedModel: nil,
                sealKey: nil),
            inputTokensEstimate: 0, errorReader: reader, profile: .init())
        var output: [UInt8] = []
        var progress = translator.received(answer.body.span, into: &output)
        if answer.failure == nil { progress = translator.ended(into: &output) }
        switch progress {
        // With one token to say, a model that thinks first says nothing.
        case .finished, .empty:
            return .answered(isStream: answer.contentType == "text/event-stream")
        case .failed, .failedMidStream:
            return translator.failure.map { .failed($0) } ?? .unfinished
        case .waiting, .started: return .unfinished
        }
    }
}
