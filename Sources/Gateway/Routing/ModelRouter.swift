// Who is asked for a request: by the client's model id, by the kind of the request, by its size.

import Translation

/// The choice of upstream models, made once per configuration.
package struct ModelRouter: Sendable {
    private let map: ModelMap
    private let defaultChain: ModelChain
    private let names: [String]
    /// The first of the default chain.
    private let defaultTarget: ModelTarget
    /// In the order in which they are tried.
    private let rules: [RouteRule]

    package init(_ configuration: Configuration) {
        map = configuration.modelMap
        defaultChain = configuration.defaultChain
        names = configuration.upstreamNames
        defaultTarget = ModelTarget(configuration.defaultModel, among: names)
        rules = configuration.routes.sorted { $0.kind.rank < $1.kind.rank }
    }

    /// What a client's model id means.
    enum Meaning: Equatable {
        /// None of those that are known by name.
        case defaultChain
        /// What the administrator has put in its place.
        case chain(ModelChain)
        /// The upstream's model itself, which the client has named.
        case target(ModelTarget)

        /// Whether the client has chosen the model.
        var isChosen: Bool {
            switch self {
            case .defaultChain, .chain: false
            case .target: true
            }
        }
    }

    /// What a client's model id means. The first rule that fits decides:
    /// 1. an id that the model map names goes where the map says;
    /// 2. an alias `claude-<upstream id>` resolves to that id;
    /// 3. an id with a slash, or with `@` and an upstream's name, is an upstream id already;
    /// 4. so is one without that the main upstream lists, unless it is a Claude id;
    /// 5. everything else, so every Claude id, goes to the default chain; so does the id of the model
    ///    with which that begins.
    ///
    /// The window that Claude Code appends to an id (`[1m]`) is the client's own and no part of it.
    func meaning(of requested: String, in catalogue: ModelCatalogue?) -> Meaning {
        let plain = Self.withoutWindow(requested)
        if plain != requested, !map.names(requested) {
            return meaning(of: plain, in: catalogue)
        }
        if let chain = map.chain(for: requested) {
            return .chain(chain)
        }
        let isAlias = requested.hasPrefix(Self.aliasPrefix)
        let id = isAlias ? String(requested.dropFirst(Self.aliasPrefix.count)) : requested
        let target = ModelTarget(id, among: names)
        let isOfUpstream = target.model != id || id.contains("/") || catalogue?.lists(id) ?? false
        // `claude-proxy env` and lists of models give that id to clients: it stands for the chain.
        return isOfUpstream && target != defaultTarget ? .target(target) : .defaultChain
    }

    /// Who is asked, in order.
    func targets(of meaning: Meaning) -> [ModelTarget] {
        switch meaning {
        case .defaultChain: targets(of: defaultChain)
        case .chain(let chain): targets(of: chain)
        case .target(let target): [target]
        }
    }

    /// The models of a chain.
    func targets(of chain: ModelChain) -> [ModelTarget] {
        chain.entries.map { ModelTarget($0, among: names) }
    }

    // MARK: Routes

    /// What a rule looks at beside the model.
    struct Traits {
        var hints: RequestHints?
        /// Whether the web search is the request's only tool.
        var isWebSearch = false
        /// Whether the prompt has more tokens than that.
        var isOver: (_ tokens: Int) -> Bool = { _ in false }
    }

    /// Whether any rule looks at the size of prompts.
    var sizes: [Int] {
        rules.compactMap { rule in
            if case .over(let tokens) = rule.kind { tokens } else { nil }
        }
    }

    /// Whether requests are told apart by anything but their model.
    var hasRules: Bool { !rules.isEmpty }

    /// The rule that a request goes by; nil when its model decides.
    func rule(_ meaning: Meaning, _ traits: Traits) -> RouteRule? {
        rules.first { rule in
            switch rule.kind {
            case .subagent(let type):
                traits.hints?.isOfSubagent == true
                    && (type == nil || type == traits.hints?.agentType)
            case .compaction: !meaning.isChosen && traits.hints?.requestClass == "compaction"
            case .auxiliary: !meaning.isChosen && traits.hints?.requestClass == "auxiliary"
            case .webSearch: !meaning.isChosen && traits.isWebSearch
            case .over(let tokens): !meaning.isChosen && traits.isOver(tokens)
            }
        }
    }

    // MARK: Names

    /// The id without a window such as `[1m]` at its end.
    private static func withoutWindow(_ id: String) -> String {
        guard id.utf8.last == UInt8(ascii: "]"),
            let bracket = id.utf8.lastIndex(of: UInt8(ascii: "[")), bracket > id.startIndex
        else { return id }
        let window = id.utf8[bracket...].dropFirst().dropLast()
        let isWindow =
            (2...5).contains(window.count) && window.dropLast().allSatisfy { 0x30...0x39 ~= $0 }
            && [UInt8(ascii: "m"), UInt8(ascii: "k")].contains(window.last.map { $0 | 0x20 })
        return isWindow ? String(id[..<bracket]) : id
    }

    /// The alias under which Claude Code's model picker accepts an upstream model: it lists only ids
    /// that name Claude.
    static func alias(for upstreamID: String) -> String { aliasPrefix + upstreamID }

    private static let aliasPrefix = "claude-"
}

extension RouteRule.Kind {
    /// Where the kind stands in the order in which rules are tried: the particular before the general.
    fileprivate var rank: Int {
        switch self {
        case .subagent(_?): 0
        case .subagent(nil): 1
        case .compaction: 2
        case .auxiliary: 3
        case .webSearch: 4
        // The largest that is exceeded counts.
        case .over(let tokens): 5 + (1 << 40) - tokens
        }
    }
}
