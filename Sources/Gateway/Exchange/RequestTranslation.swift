// One translation of a client's request, as a value: what goes in, and what comes out. It knows nothing
// of the session and of the time, so that a large body can be translated beside the loop.

import Translation

/// A request that is to be translated, or has been.
struct RequestTranslation: Sendable {
    /// What has come of it.
    enum Outcome: Sendable {
        case translated(TranslatedRequest, body: [UInt8])
        /// None of the remedies changes the request.
        case unchanged
        case refused(APIError)
    }

    private let outline: RequestOutline
    /// The circumstances; those that a remedy has changed once it is translated by one.
    private(set) var settings: RequestSettings
    /// The first of these that changes the request is applied. Without any it is translated as it is.
    private let remedies: [UpstreamRemedy]
    private(set) var outcome = Outcome.unchanged
    /// The remedy that was applied, as it was suggested, and with what of the request it leaves out.
    private(set) var remedy: (suggested: UpstreamRemedy, concrete: UpstreamRemedy)?
    /// The remedies before it, which change nothing.
    private(set) var vainRemedies: [UpstreamRemedy] = []
    private var document: JSONDocument
    /// The client's request, while it is not parsed.
    private var clientBody: [UInt8] = []
    private let isParsed: Bool

    /// A request that is parsed.
    init(_ document: JSONDocument, _ outline: RequestOutline, _ settings: RequestSettings) {
        self.document = document
        self.outline = outline
        self.settings = settings
        remedies = []
        isParsed = true
    }

    /// A request that was translated before.
    init(
        again clientBody: [UInt8], _ outline: RequestOutline, _ settings: RequestSettings,
        by remedies: [UpstreamRemedy] = []
    ) {
        document = JSONDocument()
        self.clientBody = clientBody
        self.outline = outline
        self.settings = settings
        self.remedies = remedies
        isParsed = false
    }

    /// The length of the client's request.
    var bytes: Int { document.bytes.count + clientBody.count }

    /// Hands the client's request out.
    mutating func takeClientBody() -> [UInt8] {
        clientBody.isEmpty ? document.takeBytes() : clientBody
    }

    /// What a first translation has made.
    ///
    /// - Throws: the 400 that the client gets.
    func product() throws(APIError) -> (request: TranslatedRequest, body: [UInt8]) {
        switch outcome {
        case .translated(let request, let body): return (request, body)
        case .refused(let error): throw error
        case .unchanged: preconditionFailure("only repairs may change nothing")
        }
    }

    /// Translates it.
    mutating func run() {
        do {
            if !isParsed { try document.parse(exchanging: &clientBody) }
            try translate()
        } catch let error as APIError {
            outcome = .refused(error)
        } catch {
            // What is translated again was parsed before.
            outcome = .refused(.invalidRequest("The request body is not valid JSON: \(error)."))
        }
    }

    private mutating func translate() throws(APIError) {
        let (request, body) = try translated(by: settings)
        guard !remedies.isEmpty else { return outcome = .translated(request, body: body) }
        for suggested in remedies {
            let concrete = concrete(suggested, in: body)
            var changed = settings
            guard changed.apply(concrete), let after = try? translated(by: changed),
                after.body != body || changed.betas != settings.betas
            else {
                vainRemedies.append(suggested)
                continue
            }
            settings = changed
            remedy = (suggested, concrete)
            outcome = .translated(after.request, body: after.body)
            return
        }
    }

    private func translated(
        by settings: RequestSettings
    ) throws(APIError) -> (request: TranslatedRequest, body: [UInt8]) {
        var body: [UInt8] = []
        let request = try RequestTranslator.translate(
            document, outline: outline, settings: settings, into: &body)
        return (request, body)
    }

    /// The remedy with what the refused request has: the value in its body, its betas.
    private func concrete(_ remedy: UpstreamRemedy, in body: [UInt8]) -> UpstreamRemedy {
        if case .dropBetas(let names) = remedy {
            return settings.betas.concrete(names).map { .dropBetas($0) } ?? remedy
        }
        guard case .dropValue(let name, _) = remedy else { return remedy }
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(body) } catch { return remedy }
        var members = document.members(of: .root)
        while let (key, value) = document.next(&members) {
            guard document.string(key) == name else { continue }
            return .dropValue(name, Array(document.bytes[document.literal(value)]))
        }
        return remedy
    }
}
