// From sources to a configuration.
//
// - A later source wins over an earlier one, a later line over an earlier one in the same file.
// - Only the value that wins is checked.
// - An empty value means "not set", and so brings back the default even over an earlier source.
// - Unknown `CLAUDE_PROXY_…` keys are a fault in a file, but only a warning in the environment:
//   there they may come from elsewhere (Kubernetes sets CLAUDE_PROXY_PORT and
//   CLAUDE_PROXY_SERVICE_HOST in every pod when a service is named claude-proxy).
// - Other unknown keys are ignored in the environment, but for slips of the pen that begin with
//   `OPENROUTER_`. In a file all that begin so, or look like a known key, get a warning.
// - A file that others can read gets a warning if it holds a secret.
// - All faults are reported, not only the first.

import Translation

extension Configuration {
    /// Makes a configuration from sources, of which later ones win; with none, all defaults.
    package static func resolve(_ sources: [ConfigurationSource]) -> Resolution {
        var resolver = ConfigurationResolver()
        for source in sources { resolver.read(source) }
        return resolver.finish()
    }
}

/// Collects the entries that win, then applies and checks them.
struct ConfigurationResolver {
    private var winners: [String: (value: String, origin: ConfigurationOrigin)] = [:]
    private var faults: [ConfigurationFault] = []
    private var warnings: [ConfigurationWarning] = []
    private var file: ConfigurationFileAccount?

    mutating func read(_ source: ConfigurationSource) {
        if let reason = source.readFailure {
            faults.append(
                ConfigurationFault(
                    key: nil, origin: ConfigurationOrigin(source: source.name, line: nil),
                    value: nil, reason: reason, allowed: nil))
        }
        for fault in source.syntaxFaults {
            let line = source.kind == .file ? fault.line : nil
            faults.append(
                ConfigurationFault(
                    key: nil, origin: ConfigurationOrigin(source: source.name, line: line),
                    value: nil, reason: fault.reason, allowed: nil))
        }
        if source.kind == .file, source.readFailure == nil {
            file = ConfigurationFileAccount(
                name: source.name, hasSettings: !source.entries.isEmpty,
                namesUpstream: source.entries.contains {
                    ["OPENROUTER_API_KEY", "CLAUDE_PROXY_UPSTREAM_URL"].contains($0.key)
                        || Self.named($0.key) != nil
                }, isBlank: source.isBlank)
        }
        warnOfReaders(of: source)
        var seen: [String: ConfigurationOrigin] = [:]
        for entry in source.entries {
            let origin = ConfigurationOrigin(source: source.name, line: entry.line)
            guard isKnown(entry.key, in: source.kind, origin) else { continue }
            if let earlier = seen.updateValue(origin, forKey: entry.key) {
                warnings.append(
                    ConfigurationWarning(
                        severity: .warning, key: entry.key, origin: origin,
                        text: "it is set a second time, which counts instead of \(earlier)"))
            }
            winners[entry.key] = (entry.value.trimmed, origin)
        }
    }

    /// Whether there is such a setting. If not, it is told.
    private mutating func isKnown(
        _ key: String, in kind: ConfigurationSource.Kind, _ origin: ConfigurationOrigin
    ) -> Bool {
        if OptionTable.option(key) != nil { return true }
        do throws(InvalidValue) {
            if try NamedUpstreamKey(key) != nil { return true }
            reportUnknown(key, in: kind, origin)
        } catch {
            faults.append(
                ConfigurationFault(
                    key: key, origin: origin, value: nil, reason: error.reason, allowed: nil))
        }
        return false
    }

    private static func named(_ key: String) -> NamedUpstreamKey? {
        OptionTable.option(key) == nil ? try? NamedUpstreamKey(key) : nil
    }

    private mutating func warnOfReaders(of source: ConfigurationSource) {
        let readers =
            switch source.readers {
            case .owner: ""
            case .group: "its group"
            case .everybody: "every user of the machine"
            }
        let secret = source.entries.first {
            let isSecret =
                OptionTable.option($0.key)?.isSecret ?? Self.named($0.key)?.isSecret ?? false
            return isSecret && !$0.value.trimmed.isEmpty
        }
        guard !readers.isEmpty, let secret else { return }
        warnings.append(
            ConfigurationWarning(
                severity: .warning, key: secret.key,
                origin: ConfigurationOrigin(source: source.name, line: secret.line),
                text: "\(readers) can read it there; `chmod 600 \(source.name)`"))
    }

    private mutating func reportUnknown(
        _ key: String, in kind: ConfigurationSource.Kind, _ origin: ConfigurationOrigin
    ) {
        let isOurs = key.hasPrefix(OptionTable.ownPrefix)
        let isShared = key.uppercased().hasPrefix(OptionTable.sharedPrefix)
        // The environment is full of others' names; searching for what each might mean takes
        // milliseconds of the start.
        guard isOurs || isShared || kind == .file else { return }
        let isLikeOurs = isShared && kind == .file || OptionTable.isClose(key)
        guard isOurs || isLikeOurs else { return }
        let hint = OptionTable.suggestion(for: key).map { "; did you mean \($0)?" } ?? ""
        if isOurs, kind == .file {
            faults.append(
                ConfigurationFault(
                    key: key, origin: origin, value: nil,
                    reason: "there is no such setting\(hint)", allowed: nil))
        } else {
            warnings.append(
                ConfigurationWarning(
                    severity: .warning, key: key, origin: origin,
                    text: "there is no such setting, it is ignored\(hint)"))
        }
    }

    consuming func finish() -> Resolution {
        var configuration = Configuration()
        var invalid: Set<String> = []
        for option in OptionTable.options {
            guard let (value, origin) = winners[option.key], !value.isEmpty else { continue }
            do {
                try option.apply(value, &configuration)
            } catch {
                invalid.insert(option.key)
                refuse(
                    value, of: option.key, origin, error, isSecret: option.isSecret,
                    allowed: option.allowed)
            }
        }
        configuration.namedUpstreams = namedUpstreams(&invalid)
        let origins = winners.filter { !$0.value.value.isEmpty }.mapValues(\.origin)
        var checks = ConfigurationCrossChecks(
            configuration: configuration, invalid: invalid, origins: origins)
        checks.run()
        faults += checks.faults
        warnings += checks.warnings
        return Resolution(
            configuration: faults.isEmpty ? configuration : nil, faults: faults,
            warnings: warnings, origins: origins, file: file)
    }

    private mutating func refuse(
        _ value: String, of key: String, _ origin: ConfigurationOrigin, _ error: InvalidValue,
        isSecret: Bool, allowed: String
    ) {
        // What looks like an API key may be one, put into the wrong setting.
        let shown = SecretScrubber.scrub(value, secret: [])
        faults.append(
            ConfigurationFault(
                key: key, origin: origin, value: isSecret || error.hidesValue ? nil : shown,
                reason: SecretScrubber.scrub(error.reason, secret: []), allowed: allowed))
    }

    /// The upstreams that have names, in the order of these. Each is declared by its URL.
    private mutating func namedUpstreams(_ invalid: inout Set<String>) -> [NamedUpstream] {
        var keys: [String: [NamedUpstreamKey]] = [:]
        for (text, winner) in winners where !winner.value.isEmpty {
            if let key = Self.named(text) { keys[key.name, default: []].append(key) }
        }
        if keys.count > Limits.namedUpstreamsMax {
            faults.append(
                ConfigurationFault(
                    key: nil, origin: nil, value: nil,
                    reason: "\(keys.count) upstreams have names, more than"
                        + " \(Limits.namedUpstreamsMax)", allowed: nil))
        }
        let names = keys.keys.sorted()
        return names.compactMap { name in
            let declaration = NamedUpstreamKey.text(name, .url)
            var upstream = NamedUpstream(name: name, url: Configuration().upstreamURL)
            let attributes = NamedUpstreamKey.Attribute.allCases.filter { attribute in
                keys[name]?.contains { $0.attribute == attribute } ?? false
            }
            for attribute in attributes {
                let key = NamedUpstreamKey(name, attribute)
                let text = NamedUpstreamKey.text(name, attribute)
                guard let (value, origin) = winners[text] else { continue }
                do throws(InvalidValue) {
                    try key.apply(value, to: &upstream)
                } catch {
                    invalid.insert(text)
                    refuse(
                        value, of: text, origin, error, isSecret: key.isSecret,
                        allowed: key.allowed)
                }
            }
            if attributes.first != .url, let first = attributes.first {
                let text = NamedUpstreamKey.text(name, first)
                // A slip in one of two names looks like an upstream of its own.
                let others = names.filter {
                    $0 != name && winners[NamedUpstreamKey.text($0, .url)]?.value.isEmpty == false
                }
                let hint = EditDistance.closest(to: name, among: others, atMost: 2).map {
                    "; did you mean \(NamedUpstreamKey.text($0, first))?"
                }
                faults.append(
                    ConfigurationFault(
                        key: text, origin: winners[text]?.origin, value: nil,
                        reason: "there is no upstream \(name), because \(declaration) is not set"
                            + (hint ?? ""), allowed: nil))
                invalid.insert(declaration)
            }
            return upstream
        }
    }
}
