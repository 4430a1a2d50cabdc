// Checks of the chains of models: whether the upstreams that they name are there, and whether all that
// are there are named.

extension ConfigurationCrossChecks {
    /// A chain and the setting that it stands in.
    private struct Place {
        let key: String
        let chain: ModelChain
    }

    private var places: [Place] {
        [Place(key: "OPENROUTER_MODEL", chain: configuration.defaultChain)]
            + configuration.modelMap.rules.map {
                Place(key: "CLAUDE_PROXY_MODEL_MAP", chain: $0.chain)
            }
            + configuration.routes.map { Place(key: "CLAUDE_PROXY_ROUTES", chain: $0.chain) }
    }

    /// The names of the upstreams that chains ask. Whatever clients choose is asked of the main one.
    var usedUpstreams: Set<String> {
        let names = configuration.upstreamNames
        return Set(
            places.flatMap { place in
                place.chain.entries.map { ModelTarget($0, among: names).upstream }
            })
    }

    mutating func checkChains() {
        let names = configuration.upstreamNames
        for place in places where areValid(place.key) {
            for entry in place.chain.entries {
                guard let name = ModelTarget.nameWritten(in: entry), !names.contains(name) else {
                    continue
                }
                faults.append(
                    ConfigurationFault(
                        key: place.key, origin: origins[place.key], value: entry,
                        reason: "there is no upstream \(name.quoted)"
                            + Self.advice(name, names),
                        allowed: "an upstream that \(NamedUpstreamKey.text("<NAME>", .url))"
                            + " declares, or main"))
            }
        }
        let used = usedUpstreams
        for upstream in configuration.namedUpstreams where !used.contains(upstream.name) {
            let key = NamedUpstreamKey.text(upstream.name, .url)
            guard areValid(key) else { continue }
            warn(
                key,
                "no chain of models asks this upstream; only clients that ask for a model@"
                    + "\(upstream.name) reach it")
        }
    }

    private static func advice(_ name: String, _ names: [String]) -> String {
        EditDistance.closest(to: name.lowercased(), among: names, atMost: 2).map {
            "; did you mean \($0)?"
        } ?? ""
    }
}
