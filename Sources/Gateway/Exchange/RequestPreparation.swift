// What a client's request becomes for one candidate: all that its translation has to know of the model
// and of the upstream. It can be prepared again, for another candidate, as long as it is there.

import Translation

/// A client's request, ready to be prepared for any candidate.
struct RequestPreparation {
    let outline: RequestOutline
    /// The session as the request's head names it.
    let sessionID: [UInt8]?
    /// Stands for the client.
    let owner: UInt64
    let settings: Settings
    /// The client's header fields for an upstream that speaks the Messages API.
    var forwarded: ForwardedFields?
    /// The client's own credential, for upstreams that are asked with it.
    var credential: ClientCredential?
    /// How the request's route is gone.
    var wish = RoutingTable.Wish()

    /// What `prepare` makes.
    struct Prepared {
        let candidate: Candidate
        let known: UpstreamState
        var context: RequestSettings
        let session: SessionDigest?
        let prices: ModelPrices?
        /// Of whom the request is not for, or has not been.
        var progress = RouteProgress()
    }

    /// The circumstances of the request's translation for `candidate`.
    func context(for candidate: Candidate, in turn: Turn) -> RequestSettings {
        let known = turn.state.known(of: candidate.upstream)
        return context(
            for: candidate, known, model: known.model(candidate.model, at: turn.now),
            at: turn.now)
    }

    /// All that is needed to ask `candidate`.
    func prepare(for candidate: Candidate, in turn: Turn) -> Prepared {
        let known = turn.state.known(of: candidate.upstream)
        let model = known.model(candidate.model, at: turn.now)
        var context = context(for: candidate, known, model: model, at: turn.now)
        let session = (sessionID ?? outline.sessionID).map {
            SessionDigest($0, of: owner, at: candidate)
        }
        context.takesFingerprint = session != nil
        if candidate.upstream.profile.allowsProviderOrder {
            let pin =
                settings.configuration.pinsProvider
                ? session.flatMap { known.pins.provider(of: $0.key) } : nil
            let rules = settings.configuration.providerRules
            if let field = ProviderPins.preference(for: pin, rules: rules) {
                context.extraFields.append(field)
            }
        }
        return Prepared(
            candidate: candidate, known: known, context: context, session: session,
            prices: model.prices)
    }

    /// The call that brings `body` to `upstream`, with what of the client's goes along.
    func call(
        of resource: UpstreamCall.Resource, to upstream: Upstream, _ context: RequestSettings,
        body: [UInt8]
    ) -> UpstreamCall {
        var call = UpstreamCall(to: upstream, resource, body: body)
        if context.api == .messages {
            call.forwarded = forwarded ?? ForwardedFields()
            call.forwarded?.cut(context.betas)
        }
        if upstream.takesClientKeys { call.credential = credential }
        return call
    }

    private func context(
        for candidate: Candidate, _ known: UpstreamState, model: CatalogueModel,
        at now: MonotonicTime
    ) -> RequestSettings {
        var context = RequestSettings(
            profile: candidate.upstream.profile, upstreamModel: candidate.model)
        context.sessionID = sessionID
        context.sealKey = settings.sealKey
        context.api = candidate.upstream.api(for: candidate.model)
        if context.api == .messages, let forwarded { context.betas = forwarded.betas }
        context.choosesAPI = candidate.upstream.configuration.choosesAPI
        context.maker = candidate.upstream.maker
        context.identitySalt = candidate.upstream.identitySalt
        context.capabilities = model.capabilities
        context.addsCacheMarks = settings.configuration.cacheBreakpoints == .add
        context.omittedFields = Set(model.refusedFields)
        for remedy in known.lessons.remedies(of: candidate.model, at: now) {
            _ = context.apply(remedy)
        }
        return context
    }
}

/// A session by its digests.
struct SessionDigest {
    /// The beginning of what the upstream gets to know it by.
    let name: [UInt8]
    /// Stands for the session with one model.
    let key: UInt64
    /// Stands for the client whose it is.
    let owner: UInt64

    init(_ session: [UInt8], of owner: UInt64, at candidate: Candidate) {
        self.owner = owner
        let salt = candidate.upstream.identitySalt
        let digest = SHA256.digest((salt + Array("session_id:".utf8) + session).span)
        var name: [UInt8] = []
        for byte in digest.prefix(8) { name.append(hexadecimal: byte) }
        self.name = name
        // FNV-1a: a model is no secret, and need not be told from all others there might be.
        var key = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        for byte in candidate.model { key = (key ^ UInt64(byte)) &* 0x100_0000_01B3 }
        self.key = key
    }
}
