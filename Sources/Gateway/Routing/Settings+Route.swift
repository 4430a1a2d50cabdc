// From a client's request to its route: by its model, its kind, its size, and what it names itself.

import Translation

extension Settings {
    /// Who may answer a request.
    ///
    /// - Parameters:
    ///   - isOver: whether the prompt has more tokens than a number.
    ///   - fallbacks: models that the request itself names for when the first cannot answer.
    func route(
        for outline: RequestOutline, _ hints: RequestHints?, in state: GatewayState,
        isWebSearch: Bool = false, fallbacks: [[UInt8]] = [],
        isOver: (Int) -> Bool = { _ in false }
    ) -> Route {
        let catalogue = state.known(of: upstream).catalogue
        let requested = String(decoding: outline.model, as: UTF8.self)
        let meaning = router.meaning(of: requested, in: catalogue)
        var route: Route
        if router.hasRules,
            let rule = withoutActuallyEscaping(
                isOver,
                do: { isOver in
                    router.rule(
                        meaning,
                        ModelRouter.Traits(hints: hints, isWebSearch: isWebSearch, isOver: isOver))
                })
        {
            route = Route(entries: entries(of: .chain(rule.chain), in: state), name: "\(rule.kind)")
        } else {
            route = Route(entries: entries(of: meaning, in: state))
        }
        for fallback in fallbacks.prefix(Route.entriesMax - route.entries.count) {
            let name = String(decoding: fallback, as: UTF8.self)
            let meaning = router.meaning(of: name, in: catalogue)
            guard let entry = entries(of: meaning, in: state).first else { continue }
            let isKnown = route.entries.contains {
                $0.model == entry.model && $0.pool.name == entry.pool.name
            }
            if !isKnown { route.entries.append(entry) }
        }
        return route
    }

    private func entries(
        of meaning: ModelRouter.Meaning, in state: GatewayState
    ) -> [RouteEntry] {
        switch meaning {
        case .defaultChain: defaultEntries
        case .chain(let chain):
            Self.entries(router.targets(of: chain), in: pools, isConfigured: true)
        case .target(let target):
            state.chosenEntries.entries(of: target, by: self) {
                Self.entries([target], in: pools, isConfigured: false)
            }
        }
    }

    /// The entries of a route to these models.
    static func entries(
        _ targets: [ModelTarget], in pools: [UpstreamPool], isConfigured: Bool
    ) -> [RouteEntry] {
        targets.map { target in
            RouteEntry(
                pool: pool(named: target.upstream, in: pools),
                model: Array(target.model.utf8), isConfigured: isConfigured)
        }
    }

    /// Who is asked first for a model that a client names.
    package func target(for id: String, in catalogue: ModelCatalogue?) -> ModelTarget? {
        router.targets(of: router.meaning(of: id, in: catalogue)).first
    }

    /// How a request's route is gone.
    func wish(
        session: [UInt8]?, _ hints: RequestHints?, owner: UInt64
    ) -> RoutingTable.Wish {
        var wish = RoutingTable.Wish()
        wish.causes = configuration.fallbackCauses
        wish.keyChoice = configuration.keyChoice
        // Sub-agents share their parent's session: each has a prompt, and so a cache, of its own.
        // The hash is the same in every loop and every run, so that a session keeps its key.
        wish.session = session.map { session in
            TextHash.owner([session, Array((hints?.agentID ?? "").utf8)], seed: 0)
        }
        wish.mark = wish.session.map { $0 ^ owner }
        return wish
    }
}
