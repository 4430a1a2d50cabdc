// What `print-config` shows: every setting with its value and where it came from.
//
// The text is an environment file: pasted back, it gives the same configuration, save for the
// secrets, of which only a comment says whether they are set.

extension Resolution {
    /// Every setting, its value and its origin; nil when there is no configuration.
    package func printedConfiguration() -> String? {
        guard let configuration else { return nil }
        return OptionTable.groups.map { group in
            "# \(group.title)\n\n"
                + group.options.map { printed($0, configuration) }.joined(separator: "\n")
        }.joined(separator: "\n")
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
