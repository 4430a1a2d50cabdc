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
                }, isBlank: source.isBlank)
        }
        warnOfReaders(of: source)
        var seen: [String: ConfigurationOrigin] = [:]
        for entry in source.entries {
            let origin = ConfigurationOrigin(source: source.name, line: entry.line)
            guard OptionTable.option(entry.key) != nil else {
                reportUnknown(entry.key, in: source.kind, origin)
                continue
            }
            if let earlier = seen.updateValue(origin, forKey: entry.key) {
                warnings.append(
                    ConfigurationWarning(
                        severity: .warning, key: entry.key, origin: origin,
                        text: "it is set a second time, which counts instead of \(earlier)"))
            }
            winners[entry.key] = (entry.value.trimmed, origin)
        }
    }

    private mutating func warnOfReaders(of source: ConfigurationSource) {
        let readers =
            switch source.readers {
            case .owner: ""
            case .group: "its group"
            case .everybody: "every user of the machine"
            }
        let secret = source.entries.first {
            OptionTable.option($0.key)?.isSecret == true && !$0.value.trimmed.isEmpty
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
                // What looks like an API key may be one, put into the wrong setting.
                let shown = SecretScrubber.scrub(value, secret: [])
                faults.append(
                    ConfigurationFault(
                        key: option.key, origin: origin,
                        value: option.isSecret || error.hidesValue ? nil : shown,
                        reason: SecretScrubber.scrub(error.reason, secret: []),
                        allowed: option.allowed))
            }
        }
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
}
