// The table of all options, in the order in which they are documented.
//
// It is the single source of the parser, its messages, `print-config`, `--help`, the manual page,
// config.example.env and docs/configuration.md. An option is one entry in one of the
// `OptionTable+….swift` files and one field of `Configuration`.

/// The table of all options.
package enum OptionTable {
    /// Options that belong together.
    package struct Group: Sendable {
        /// The heading.
        package let title: String
        /// The options in the order of the documentation.
        package let options: [ConfigurationOption]
    }

    /// All groups.
    package static let groups: [Group] = [
        Group(title: "Upstream", options: upstream),
        Group(title: "Models", options: models),
        Group(title: "Routes", options: routes),
        Group(title: "Prompt caches", options: caches),
        Group(title: "Clients", options: clients),
        Group(title: "Process and log", options: process),
        Group(title: "Time-outs", options: timeouts),
        Group(title: "Limits", options: limits),
    ]

    /// The same with the settings whose keys have a name in them, as they are documented.
    static let documentedGroups =
        groups.prefix(1) + [Group(title: "Other upstreams", options: namedUpstreams)]
        + groups.dropFirst()

    /// All options.
    package static let options: [ConfigurationOption] = groups.flatMap(\.options)

    /// The option with this key.
    package static func option(_ key: String) -> ConfigurationOption? {
        byKey[key]
    }

    /// The option that a systemd credential of this name sets.
    package static func option(credential name: String) -> ConfigurationOption? {
        options.first { $0.credential == name }
    }

    /// The names of all systemd credentials that set an option.
    package static var credentials: [String] { options.compactMap(\.credential) }

    /// The settings that the demonstration takes over from the service: none of those that say who
    /// is asked, and for what.
    package static let ofDemonstration = Set(
        (caches + clients + process + timeouts + limits).map(\.key) + ["CLAUDE_PROXY_UPSTREAM_API"])

    /// Keys of the daemon's own begin with this.
    static let ownPrefix = "CLAUDE_PROXY_"
    /// Keys that the daemon shares with other users of OpenRouter begin with this.
    static let sharedPrefix = "OPENROUTER_"

    /// The key that somebody who wrote `key` may have meant.
    ///
    /// Besides slips of the pen it finds a right name with a wrong or no prefix
    /// (`CLAUDE_PROXY_API_KEY`) and a name with a word left out (`CLAUDE_PROXY_TOKENS`).
    static func suggestion(for key: String) -> String? {
        let key = key.uppercased()
        if let named = NamedUpstreamKey.suggestion(for: key) { return named }
        if let close = closest(to: key) { return close }
        let keys = options.map(\.key)
        let name = withoutPrefix(key)
        let names = keys.map(withoutPrefix)
        if let close = EditDistance.closest(to: name, among: names, atMost: 1),
            let index = names.firstIndex(of: close)
        {
            return keys[index]
        }
        let words = Set(name.split(separator: "_"))
        return keys.first { words.isSubset(of: Set(withoutPrefix($0).split(separator: "_"))) }
    }

    /// Whether `key` differs from a known key by slips of the pen.
    static func isClose(_ key: String) -> Bool {
        closest(to: key.uppercased()) != nil
    }

    private static func closest(to key: String) -> String? {
        EditDistance.closest(to: key, among: options.map(\.key), atMost: 2)
    }

    private static func withoutPrefix(_ key: String) -> String {
        for prefix in [ownPrefix, sharedPrefix] where key.hasPrefix(prefix) {
            return String(key.dropFirst(prefix.count))
        }
        return key
    }

    private static let byKey = Dictionary(uniqueKeysWithValues: options.map { ($0.key, $0) })
}
