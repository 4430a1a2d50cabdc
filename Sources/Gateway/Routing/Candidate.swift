// Who may answer a request. A route is a chain of models, each at an upstream, in the order in which
// they are asked; a candidate is one of them with one of its upstream's keys.

import HTTP1
import Translation

/// An upstream with all its keys.
package struct UpstreamPool: Sendable {
    /// One for each key, at least one.
    package let members: [Upstream]

    package var name: String { members[0].configuration.name }
    package var url: UpstreamURL { members[0].url }
}

/// One model of a chain. Made with the settings where these name it, so that requests only refer to it.
final class RouteEntry: Sendable {
    let pool: UpstreamPool
    /// The upstream's id of it.
    let model: [UInt8]
    /// Whether the administrator has named it: what is held against a model that clients make up would
    /// fill the table.
    let isConfigured: Bool
    /// What heads of answers say of it.
    let headFields: ResponseHead.EncodedFields

    init(pool: UpstreamPool, model: [UInt8], isConfigured: Bool) {
        self.pool = pool
        self.model = model
        self.isConfigured = isConfigured
        headFields = ResponseHead.encode { head in
            head.add("x-claude-proxy-upstream", sanitizing: pool.name)
            let name = String(decoding: model.prefix(Limits.modelBytesMax), as: UTF8.self)
            head.add("x-claude-proxy-model", sanitizing: name)
        }
    }
}

/// The last entries that clients have chosen themselves: they choose the same ones again and again.
struct ChosenEntries {
    private var entries: [ModelTarget: [RouteEntry]] = [:]
    private var settings: Settings?

    private static let countMax = 64

    var count: Int { entries.count }

    /// The entry of `target` by these settings.
    mutating func entries(
        of target: ModelTarget, by settings: Settings, make: () -> [RouteEntry]
    ) -> [RouteEntry] {
        guard target.model.utf8.count <= Limits.modelBytesMax else { return make() }
        if self.settings !== settings {
            entries = [:]
            self.settings = settings
        }
        if let known = entries[target] { return known }
        let made = make()
        if entries.count >= Self.countMax { entries = [:] }
        entries[target] = made
        return made
    }
}

/// Who is asked for one request.
struct Route {
    /// Never empty.
    var entries: [RouteEntry]
    /// The rule that has chosen them; empty when the model has.
    var name = ""

    /// More than this no request asks, its own fallbacks included.
    static let entriesMax = 8

    /// Whether there is nothing to choose.
    var isSingle: Bool { entries.count == 1 && entries[0].pool.members.count == 1 }

    /// The first entry with its first key.
    var first: Candidate { candidate(0, 0) }

    func candidate(_ entry: Int, _ member: Int) -> Candidate {
        Candidate(target: entries[entry], entry: entry, member: member)
    }
}

/// A model at an upstream, asked with one key.
struct Candidate: Equatable {
    let target: RouteEntry
    /// Its place in the route, and its key's in the pool.
    let entry: Int
    let member: Int
    /// Whether it is asked to see if it works again.
    var isProbe = false

    var upstream: Upstream { target.pool.members[member] }
    /// The upstream's id of it.
    var model: [UInt8] { target.model }
    var isConfigured: Bool { target.isConfigured }

    static func == (left: Candidate, right: Candidate) -> Bool {
        left.target === right.target && left.entry == right.entry && left.member == right.member
    }

    /// The name under which its token counts are learnt: tokenizers differ by upstream, too.
    var calibrationName: [UInt8] {
        let name = upstream.configuration.name
        return name == UpstreamConfiguration.mainName ? model : model + Array("@\(name)".utf8)
    }

    /// `model@upstream`, as an administrator writes it; of the name of a model that a client has made up
    /// no more than a log may hold.
    var description: String {
        ModelTarget(
            model: String(decoding: model.prefix(Limits.loggedBytesMax), as: UTF8.self),
            upstream: upstream.configuration.name
        ).description
    }
}

/// How far a request has got along its route.
struct RouteProgress {
    /// The entries that are not asked any more, one bit each.
    private var entriesOut: UInt16 = 0
    private var membersOut: [(entry: Int, member: Int)] = []
    /// Whether anybody has been asked.
    private(set) var hasAsked = false

    func isOut(_ entry: Int) -> Bool { entriesOut & (1 << UInt16(entry)) != 0 }

    func isOut(_ entry: Int, _ member: Int) -> Bool {
        membersOut.contains { $0.entry == entry && $0.member == member }
    }

    /// The entry cannot serve this request, or has failed.
    mutating func exclude(_ entry: Int) { entriesOut |= 1 << UInt16(entry) }

    /// This key has failed; another of the entry may not.
    mutating func exclude(_ entry: Int, _ member: Int) { membersOut.append((entry, member)) }

    /// The request has no credential for the upstreams that want one of its client's.
    mutating func excludeClientKeys(of route: Route) {
        for (index, entry) in route.entries.enumerated()
        where entry.pool.members[0].takesClientKeys {
            exclude(index)
        }
    }

    mutating func noteAsked() { hasAsked = true }
}
