// What the sessions of one loop share. Not Sendable: it stays on its loop's thread.

import Translation

/// The shared state of one loop's sessions.
package final class GatewayState {
    /// What new requests are served by.
    package var settings: Settings {
        didSet { listing = nil }
    }
    /// What the upstream says of its models; nil as long as it is not known.
    package var catalogue: ModelCatalogue? {
        didSet { listing = nil }
    }
    package let version: String
    package let startedAt: MonotonicTime
    /// Whether the daemon is about to end: connections close after their present answer.
    package var isDraining = false
    /// Time since 1970, for the Date field and for resets that upstreams tell as points in time. The
    /// shell keeps it current to a second.
    package var timeOfDay: Duration = .zero {
        didSet { date = HTTPDate.text(timeOfDay) }
    }
    /// `timeOfDay` as HTTP writes it.
    private(set) var date = HTTPDate.text(.zero)
    /// Requests whose answers are under way.
    package internal(set) var exchangesOpen = 0
    /// Counts the requests with a body that are under way, from their head to the end of their
    /// answer, over all loops: is told 1 or -1 and returns how many there are. A loop that is alone
    /// counts by itself.
    package var countRequests: (Int) -> Int

    var identifiers: IdentifierGenerator
    /// Where requests are parsed. One is enough: it is needed only while a request is translated.
    var document = JSONDocument()
    /// What upstreams have taught us: parameters that a model's endpoint refuses.
    var lessons = UpstreamLessons()
    private var listing: ModelListing?
    /// The prompts of the last sessions.
    var prefixes = PrefixGuardian()
    /// The providers of the last sessions.
    var pins = ProviderPins()
    /// What all loops together have used. The shell has the sums.
    package var usageTotals: () -> UsageTotals = { UsageTotals() }
    /// What upstreams' token counts have taught us.
    package var calibration = TokenCalibration()
    /// What the counts of this loop share.
    var counting: CountingSpace

    /// - Parameters:
    ///   - now: when the daemon was started, for its uptime.
    ///   - seed: different for every loop and every start.
    package init(settings: Settings, version: String, startedAt now: MonotonicTime, seed: UInt64) {
        self.settings = settings
        var requests = 0
        countRequests = {
            requests += $0
            return requests
        }
        self.version = version
        startedAt = now
        identifiers = IdentifierGenerator(seed: seed)
        counting = CountingSpace(seed: seed &* 0x9E37_79B9_7F4A_7C15)
    }

    /// What is known of an upstream model that a request goes to: by the upstream's list, and by what
    /// it has said when it refused.
    func model(_ id: [UInt8], at now: MonotonicTime) -> CatalogueModel {
        let name = String(decoding: id, as: UTF8.self)
        var model = catalogue?.model(name) ?? CatalogueModel(id: name)
        let listed = model.capabilities.contextTokens
        if let tokens = lessons.contextTokens(of: id, listed: listed, at: now) {
            model.capabilities.contextTokens = tokens
        }
        return model
    }

    /// The context of an upstream model as the list of models has it.
    func listedWindow(of id: [UInt8]) -> Int? {
        catalogue?.model(String(decoding: id, as: UTF8.self))?.capabilities.contextTokens
    }

    /// What the upstream's list says of a model.
    func knownModel(_ id: String) -> CatalogueModel? { catalogue?.model(id) }

    /// The models that are listed by `settings`, which are those of a request. They are made once for
    /// the present ones.
    func modelListing(by settings: Settings) -> ModelListing {
        let isPresent = settings === self.settings
        if isPresent, let listing { return listing }
        let made = ModelListing(
            settings.configuration, catalogue: catalogue, known: { knownModel($0) })
        if isPresent { listing = made }
        return made
    }
}
