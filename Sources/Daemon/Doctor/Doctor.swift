// `claude-proxy doctor`: gathers facts by probes that give up in time, and has `Gateway/Doctor` judge
// them. It needs no daemon, and asks the one that runs. What an earlier failure makes pointless is
// not tried: a connection that is refused once need not be refused three times.

package import Gateway
import Glibc
import Translation
import Upstream

/// Looks at everything between the configuration and an answer of the model.
package struct Doctor {
    private let resolution: Resolution
    private let version: String
    private let timeout: Duration

    /// - Parameters:
    ///   - resolution: the configuration, read as the daemon would read it.
    ///   - timeout: of every single request.
    package init(_ resolution: Resolution, version: String, timeout: Duration) {
        self.resolution = resolution
        self.version = version
        self.timeout = timeout
    }

    /// All checks, in the order in which things depend on one another.
    package func examine() -> Diagnosis {
        var diagnosis = Diagnosis(version: version, secrets: resolution.secrets)
        diagnosis.add(Checkup.configuration(resolution))
        let unit = ServiceProbe.unit()
        if let configuration = resolution.configuration {
            UpstreamClient.initializeLibrary()
            examineUpstreams(configuration, &diagnosis)
            diagnosis.add([daemon(configuration, unit)])
        }
        diagnosis.add(Checkup.unit(unit))
        diagnosis.add([
            Checkup.journal(
                hasSocket: ServiceProbe.hasJournal, isPersistent: ServiceProbe.keepsJournal)
        ])
        return diagnosis
    }

    // MARK: The upstream

    private func examineUpstreams(_ configuration: Configuration, _ diagnosis: inout Diagnosis) {
        for pool in Settings(configuration).pools {
            let upstream = pool.members[0].configuration
            let isUsed = !configuration.models(of: pool.members[0]).isEmpty
            diagnosis.add(
                examine(pool, configuration).map {
                    isUsed ? $0.of(upstream) : $0.ofUnused.of(upstream)
                })
        }
    }

    private func examine(_ pool: UpstreamPool, _ configuration: Configuration) -> [Finding] {
        let proxies = ProxyEnvironment { unsafe getenv($0).map { unsafe String(cString: $0) } }
        let upstream = pool.members[0]
        let probe = UpstreamProbe(upstream, version: version, proxies: proxies)
        let reader = reader(for: upstream)
        let list = probe.get(
            upstream.url.modelsPath(of: upstream.configuration.api), within: timeout)
        var findings = Checkup.reach(upstream.url, proxy: probe.proxy, answer: list)
        let isReached = !findings.contains { $0.verdict == .failure }
        let presence = Checkup.keyPresence(
            of: upstream, origin: resolution.origins[upstream.configuration.keyName])
        findings.append(presence)
        guard isReached else {
            return findings
                + [.skipped("round trip", "not tried: the upstream cannot be reached")]
        }
        findings.append(Checkup.clock(list, now: CalendarTime.now()))
        guard !upstream.takesClientKeys else {
            return findings
                + [.skipped("round trip", "not tried: only clients have keys for this upstream")]
        }
        findings += Checkup.models(configuration, of: upstream, answer: list, reader: reader)
        guard presence.verdict != .failure else {
            return findings + [.skipped("round trip", "not tried without a key")]
        }
        var goodKeys = pool.members
        for member in pool.members
        where member.profile.tellsOfKey && member.configuration.key != nil {
            let keyProbe = UpstreamProbe(member, version: version, proxies: proxies)
            let found = Checkup.key(
                keyProbe.get("/key", within: timeout), reader: self.reader(for: member))
            findings += found.map { $0.ofKey(member.configuration) }
            if found.contains(where: { $0.check == "key" && $0.verdict == .failure }) {
                goodKeys.removeAll { $0 == member }
            }
        }
        guard let asked = goodKeys.first else {
            return findings + [.skipped("round trip", "not tried with a key that is refused")]
        }
        guard let model = configuration.models(of: upstream).first else {
            return findings + [.skipped("round trip", "not tried: no chain names a model of it")]
        }
        let asking = UpstreamProbe(asked, version: version, proxies: proxies)
        return findings + [trial(asked, model, asking, self.reader(for: asked))]
    }

    private func reader(for upstream: Upstream) -> UpstreamErrorReader {
        let key = upstream.configuration.key?.reveal() ?? ""
        return UpstreamErrorReader(
            inputTokensEstimate: 0, maxTokens: 1,
            credentialName: upstream.configuration.keyName, secret: Array(key.utf8))
    }

    private func trial(
        _ upstream: Upstream, _ model: String, _ probe: UpstreamProbe,
        _ reader: UpstreamErrorReader
    ) -> Finding {
        var trial = TrialRequest(to: upstream, model: model)
        var answer = probe.post(trial.call, within: timeout)
        if TrialRequest.needsMoreTokens(answer) {
            trial = TrialRequest(to: upstream, model: model, tokens: 16)
            answer = probe.post(trial.call, within: timeout)
        }
        return Checkup.trial(trial, answer, reader: reader)
    }

    // MARK: The daemon

    /// Asks the daemon where it should be. A socket of systemd's is left alone while nobody is behind
    /// it: asking would start the service.
    private func daemon(_ configuration: Configuration, _ unit: UnitFacts) -> Finding {
        let socket = ServiceProbe.socketAddress()
        if let socket, !unit.isActive {
            return .skipped("daemon", "the first connection to \(socket) will start it")
        }
        guard let place = socket ?? configuration.listenAddresses.first?.description,
            !place.hasSuffix(":0")
        else { return .skipped("daemon", "the kernel chooses its port") }
        let path = place.hasPrefix("unix:") ? String(place.dropFirst(5)) : nil
        let address = path == nil ? Self.reachable(place) : "localhost"
        let answer = UpstreamProbe.getLocally(
            "http://\(address)/health", socketPath: path, within: min(timeout, .seconds(5)))
        return Checkup.daemon(
            answer, at: path == nil ? address : place, isExpected: unit.isActive, configuration)
    }

    /// Where to reach what listens on all addresses.
    private static func reachable(_ place: String) -> String {
        for (all, loopback) in [("0.0.0.0:", "127.0.0.1:"), ("[::]:", "[::1]:")]
        where place.hasPrefix(all) {
            return loopback + place.dropFirst(all.utf8.count)
        }
        return place
    }
}

extension Resolution {
    /// The values that nobody may see, the upstream's key first.
    package var secrets: [[UInt8]] {
        guard let configuration else { return [] }
        let secrets = configuration.upstreams.compactMap(\.key) + configuration.clientTokens
        return (secrets + [configuration.sealKey].compactMap(\.self)).map {
            Array($0.reveal().utf8)
        }
    }
}
