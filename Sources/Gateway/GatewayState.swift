// What the sessions of one loop share. Not Sendable: it stays on its loop's thread.

import Translation

/// The shared state of one loop's sessions.
package final class GatewayState {
    /// What new requests are served by.
    package var settings: Settings {
        didSet {
            upstreams.serve(settings)
            listing = nil
        }
    }
    /// Runs its argument on the table of routing, which all loops share. A loop that is alone has one of
    /// its own.
    package var withRouting: (_ body: (inout RoutingTable) -> Void) -> Void
    /// Makes the numbers that stand for clients; the same for all loops.
    package var ownerSeed: UInt64
    /// What is known of the upstreams of these settings.
    private(set) var upstreams: UpstreamStates
    /// What the main upstream says of its models; nil as long as it is not known.
    package var catalogue: ModelCatalogue? {
        get { upstreams.main.catalogue }
        set { know(newValue, of: upstreams.main.upstream.url.description) }
    }
    /// Takes over what the upstream at `url` says of its models.
    package func know(_ catalogue: ModelCatalogue?, of url: String) {
        upstreams.of(url: url)?.catalogue = catalogue
        listing = nil
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

    /// What this machine's budget is, where none is configured.
    package var memoryOfMachine = 1 << 30
    /// The bytes that all requests and answers together may take.
    package var memoryBudget: MemoryBudget {
        MemoryBudget(bytes: settings.configuration.memoryBudget ?? memoryOfMachine)
    }
    /// Changes what is held of the budget, over all loops, by so many bytes, of which the request that
    /// asks holds `own` then. Returns what is held; nil, and no change, when it would be too much. A
    /// loop that is alone counts by itself.
    package var holdMemory: (_ change: Int, _ own: Int) -> Int?

    /// Counts a connection whose peer has shown that it may use the proxy among those of guests: is
    /// told whether it has a place already, and returns whether it has one now. The shell takes it
    /// back when the connection is closed.
    package var seatGuest: (_ hasPlace: Bool) -> Bool = { $0 }

    var identifiers: IdentifierGenerator
    /// Where requests are parsed. One is enough: it is needed only while a request is translated.
    var document = JSONDocument()
    /// Longer bodies are parsed and translated beside the loop. (Tests and the simulation set it.)
    package var bodyAtOnceMax = Limits.bodyAtOnceMax
    private var listing: ModelListing?
    /// Who was last asked by names that clients have chosen.
    var chosenEntries = ChosenEntries()
    /// The prompts of the last sessions.
    var prefixes = PrefixGuardian()
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
        upstreams = UpstreamStates(settings)
        ownerSeed = seed
        var routing = RoutingTable(seed: seed)
        withRouting = { body in body(&routing) }
        var requests = 0
        countRequests = {
            requests += $0
            return requests
        }
        holdMemory = { _, _ in nil }
        self.version = version
        startedAt = now
        identifiers = IdentifierGenerator(seed: seed)
        counting = CountingSpace(seed: seed &* 0x9E37_79B9_7F4A_7C15)
        var held = 0
        holdMemory = { [unowned self] change, own in
            guard change <= 0 || memoryBudget.allows(total: held + change, own: own) else {
                return nil
            }
            held += change
            return held
        }
    }

    /// What the table of routing answers.
    func routing<Result>(_ body: (inout RoutingTable) -> Result) -> Result {
        var result: Result?
        withRouting { result = body(&$0) }
        guard let result else { preconditionFailure("whoever has the table runs what it is given") }
        return result
    }

    /// A number that stands for whoever shows these credentials, or else for a peer's address.
    func owner(_ credentials: [[UInt8]]) -> UInt64 {
        TextHash.owner(credentials, seed: ownerSeed)
    }

    /// What is known of an upstream.
    package func known(of upstream: Upstream) -> UpstreamState { upstreams.of(upstream) }

    /// Takes over what other loops, or the last run, have learnt from refusals.
    package func remember(_ lessons: [UpstreamLesson], at now: MonotonicTime) {
        for lesson in lessons {
            upstreams.of(url: lesson.upstream)?.lessons.remember(lesson, at: now)
        }
    }

    /// What upstreams' token counts have taught us, as far as a configuration wants to go by it.
    func calibration(by configuration: Configuration) -> TokenCalibration {
        configuration.calibratesTokenCounts ? calibration : TokenCalibration()
    }

    /// The models that are listed by `settings`, which are those of a request. They are made once for
    /// the present ones.
    func modelListing(by settings: Settings) -> ModelListing {
        let isPresent = settings === self.settings
        if isPresent, let listing { return listing }
        let made = ModelListing(settings) { [self] in known(of: $0).catalogue }
        if isPresent { listing = made }
        return made
    }
}
