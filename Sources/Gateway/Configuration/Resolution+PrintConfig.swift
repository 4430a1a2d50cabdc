// What `print-config` shows: every setting with its value and where it came from.
//
// The text is an environment file: pasted back, it gives the same configuration, save for the
// secrets, of which only a comment says whether they are set.

import Translation

extension Resolution {
    /// Every setting, its value and its origin; nil when there is no configuration.
    package func printedConfiguration() -> String? {
        guard let configuration else { return nil }
        var sections = OptionTable.groups.map { group in
            "# \(group.title)\n\n"
                + group.options.map { printed($0, configuration) }.joined(separator: "\n")
        }
        sections.insert(contentsOf: configuration.namedUpstreams.map(printed), at: 1)
        return sections.joined(separator: "\n")
    }

    private func printed(_ upstream: NamedUpstream) -> String {
        let entries = NamedUpstreamKey.Attribute.allCases.compactMap { attribute -> String? in
            let key = NamedUpstreamKey.text(upstream.name, attribute)
            let setting = NamedUpstreamKey(upstream.name, attribute)
            let value = setting.render(upstream)
            var comment = "# from \(origins[key]?.description ?? "the default")"
            if setting.isSecret, !upstream.takesClientKeys {
                return comment + "\n# \(key)=\(value ?? Secret.absent)\n"
            }
            switch attribute {
            case .profile: comment += "; in effect: \(upstream.profile.name)"
            case .api: comment += "; in effect: \(upstream.api.rawValue)"
            case .key: comment += "; its clients bring their own keys"
            case .url, .caFile: break
            }
            return comment + "\n\(key)=\(OptionTable.environmentFileValue(value ?? ""))\n"
        }
        return "# Upstream \(upstream.name)\n\n" + entries.joined(separator: "\n")
    }

    private func printed(
        _ option: ConfigurationOption, _ configuration: Configuration
    ) -> String {
        let stored = option.render(configuration)
        var comment = "# from \(origins[option.key]?.description ?? "the default")"
        if option.isSecret {
            return comment + "\n# \(option.key)=\(stored.isEmpty ? Secret.absent : Secret.mask)\n"
        }
        let effective = option.inEffect?(configuration) ?? stored
        let value = stored.isEmpty ? effective : stored
        if value != effective { comment += "; in effect: \(effective)" }
        return comment + "\n\(option.key)=\(OptionTable.environmentFileValue(value))\n"
    }
}
