// Checks of the chains of models: whether the upstreams that they name are there, and whether all that
// are there are named.

import Translation

extension ConfigurationCrossChecks {
    /// The names of the upstreams that chains ask. Whatever clients choose is asked of the main one.
    static func usedUpstreams(of configuration: Configuration) -> Set<String> {
        let names = configuration.upstreamNames
        return Set(
            configuration.chains.flatMap { place in
                place.chain.entries.map { ModelTarget($0, among: names).upstream }
            })
    }

    mutating func checkChains() {
        let names = configuration.upstreamNames
        for place in configuration.chains where areValid(place.key) {
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
        for upstream in configuration.namedUpstreams where !usedUpstreams.contains(upstream.name) {
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

extension Configuration {
    /// All chains, with the settings that they stand in.
    package var chains: [(key: String, chain: ModelChain)] {
        [("OPENROUTER_MODEL", defaultChain)]
            + modelMap.rules.map { ("CLAUDE_PROXY_MODEL_MAP", $0.chain) }
            + routes.map { ("CLAUDE_PROXY_ROUTES", $0.chain) }
    }
}

extension Resolution {
    /// Where a chain goes from a model to one with a smaller context, as far as lists of models tell.
    ///
    /// - Parameter catalogue: the list of the upstream at an address.
    package func warningsOfContexts(
        _ catalogue: (String) -> ModelCatalogue?
    ) -> [ConfigurationWarning] {
        guard let configuration else { return [] }
        let urls = Dictionary(
            configuration.upstreams.map { ($0.name, $0.url.description) },
            uniquingKeysWith: { first, _ in first })
        func window(_ target: ModelTarget) -> Int? {
            urls[target.upstream].flatMap(catalogue)?.model(target.model)?.capabilities
                .contextTokens
        }
        var warnings: [ConfigurationWarning] = []
        for (key, chain) in configuration.chains where chain.entries.count > 1 {
            let targets = chain.entries.map {
                ModelTarget($0, among: configuration.upstreamNames)
            }
            guard let first = window(targets[0]) else { continue }
            for target in targets.dropFirst() {
                guard let window = window(target), window < first else { continue }
                warnings.append(
                    ConfigurationWarning(
                        severity: .warning, key: key, origin: origins[key],
                        text: "\(target) takes \(window) tokens and \(targets[0]) before it"
                            + " \(first): longer prompts have no fallback there"))
            }
        }
        return warnings
    }
}
