// GET /health: whether the daemon can serve, for people and for load balancers.

import Translation

struct HealthReport {
    let settings: Settings
    let state: GatewayState
    /// Whether the client may use models, and so may know what they cost and how they fare.
    let isForGuests: Bool
    let now: MonotonicTime

    var body: [UInt8] {
        let configuration = settings.configuration
        let known = state.known(of: settings.upstream)
        let hasKey = !configuration.upstreamKeys.isEmpty
        let isUsable = !settings.upstream.lacksKey
        var body: [UInt8] = []
        body.append(#"{"status":""#)
        body.append(state.isDraining ? "draining" : canAnswer ? "healthy" : "degraded")
        body.append(#"","openrouter":""#)
        body.append(hasKey ? "configured" : isUsable ? "not_used" : "no_api_key")
        body.append(#"","upstream":"#)
        body.append(jsonString: configuration.upstreamURL.description)
        body.append(#","model":"#)
        body.append(jsonString: configuration.defaultModel)
        body.append(#","version":"#)
        body.append(jsonString: state.version)
        body.append(#","uptime_seconds":"#)
        body.append(decimal: Int((now - state.startedAt).components.seconds))
        body.append(#","models":"#)
        body.append(decimal: known.catalogue?.models.count ?? 0)
        if let catalogue = known.catalogue {
            let age = state.timeOfDay - catalogue.fetchedAt
            body.append(#","models_age_seconds":"#)
            body.append(decimal: max(0, Int(age.components.seconds)))
        }
        if isForGuests {
            writeUpstreams(into: &body)
            body.append(#","usage":"#)
            state.usageTotals().write(into: &body)
            body.append(#","token_calibration":"#)
            state.calibration.write(into: &body)
            body.append(#","lessons":"#)
            known.lessons.write(into: &body, at: now)
        }
        body.append("}")
        return body
    }

    /// Whether a model of the default chain can be asked.
    private var canAnswer: Bool {
        settings.router.targets(of: settings.configuration.defaultChain).contains { target in
            let pool = settings.pool(named: target.upstream)
            let report = state.routing { $0.report(of: pool, at: now) }
            return !pool.members[0].lacksKey && !report.needsHelp(keys: pool.members.count)
        }
    }

    private func writeUpstreams(into body: inout [UInt8]) {
        body.append(#","upstreams":["#)
        for (index, pool) in settings.pools.enumerated() {
            let report = state.routing { $0.report(of: pool, at: now) }
            body.append(index == 0 ? #"{"name":""# : #",{"name":""#)
            body.append(contentsOf: pool.name.utf8)
            body.append(#"","url":"#)
            body.append(jsonString: pool.url.description)
            body.append(#","state":""#)
            body.append(contentsOf: report.word(pool).utf8)
            body.append(#"","keys":"#)
            body.append(decimal: pool.members.count { $0.configuration.key != nil })
            body.append(#","keys_left_alone":"#)
            body.append(decimal: report.keysOut)
            body.append(#","models_failing":"#)
            body.append(decimal: report.modelsOut)
            body.append(#","models":"#)
            body.append(
                decimal: state.known(of: pool.members[0]).catalogue?.models.count ?? 0)
            body.append("}")
        }
        body.append("]")
    }
}

extension RoutingTable.Report {
    /// Whether nothing passes by itself: an administrator has to do something.
    fileprivate func needsHelp(keys: Int) -> Bool { isBroken || keysOut >= keys }

    /// The upstream's state in a word.
    func word(_ pool: UpstreamPool) -> String {
        if pool.members[0].lacksKey { return "no_key" }
        if isUnreachable { return "unreachable" }
        if keysOut >= pool.members.count { return "left_alone" }
        return keysOut > 0 || modelsOut > 0 ? "degraded" : "healthy"
    }
}
