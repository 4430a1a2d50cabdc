// The documents that come from the table: config.example.env, docs/configuration.md, `--help`.
//
// The committed copies are compared with these functions by a test, which rewrites them when
// UPDATE_GOLDEN=1 is set.

extension OptionTable {
    // MARK: config.example.env

    /// The text of config.example.env: every option with its default, commented out.
    package static func exampleFile() -> String {
        var text = """
            # Configuration of claude-proxy: /etc/claude-proxy/config.env, or .env in the
            # directory where it is started, or any file by --config.
            #
            # A line is KEY=value, as in systemd's EnvironmentFile=. A comment needs a line
            # of its own. What is commented out shows the default, or an example where there
            # is none; an empty value means the default. The environment and systemd
            # credentials win over this file.
            #
            # `claude-proxy print-config` shows what is in effect and where it came from.
            # `systemctl reload claude-proxy` applies changes, save where a restart is
            # mentioned.
            #
            # Made from the table of options in Sources/Gateway/Configuration.

            """
        for group in documentedGroups {
            let line = String(repeating: "-", count: 77 - group.title.count)
            text += "\n# \(group.title) \(line)\n"
            for option in group.options { text += "\n" + exampleEntry(option) }
        }
        return text
    }

    private static func exampleEntry(_ option: ConfigurationOption) -> String {
        func comment(_ text: String) -> String {
            TextLayout.wrap(TextLayout.plain(text), width: 80, prefix: "# ") + "\n"
        }
        // A name that can stand there.
        let key = option.key.split(separator: "<NAME>", omittingEmptySubsequences: false)
            .joined(separator: "GROQ")
        var entry = comment(option.text) + comment("Allowed: \(option.allowed).")
        if let note = option.defaultNote { entry += comment("Default: \(note).") }
        if !option.isReloadable { entry += comment("A change needs a restart.") }
        if let example = option.example, option.defaultValue.isEmpty {
            // An empty example is a blank to be filled in, and harmless until then.
            let mark = example.isEmpty ? "" : "#"
            entry += "\(mark)\(key)=\(environmentFileValue(example))\n"
        } else {
            entry += "#\(key)=\(environmentFileValue(option.defaultValue))\n"
        }
        return entry
    }

    /// A value as it stands in an environment file: in double quotes when it needs them.
    static func environmentFileValue(_ value: String) -> String {
        let plain = value.utf8.allSatisfy { byte in
            HostSyntax.isAlphanumeric(byte) || "_./:,=@%+*[]-".utf8.contains(byte)
        }
        if plain { return value }
        var result = "\""
        for character in value {
            if "\"\\`$".contains(character) { result += "\\" }
            result.append(character)
        }
        return result + "\""
    }

    // MARK: docs/configuration.md

    /// The text of docs/configuration.md.
    package static func markdown() -> String {
        var text = markdownIntroduction
        for group in documentedGroups {
            text += "\n## \(group.title)\n"
            for option in group.options { text += markdownEntry(option) }
        }
        return text
    }

    private static let markdownIntroduction = """
        # Configuration

        <!-- Made from the table of options in Sources/Gateway/Configuration; do not edit. -->

        Every setting is a `KEY=value`. Later sources win over earlier ones:

        1. the defaults below;
        2. `/etc/claude-proxy/config.env` for the service, `./.env` when started by hand, or the
           file that `--config` names;
        3. the environment;
        4. systemd credentials, for secrets:
        \(markdownCredentials)

        An empty value means "not set": it brings back the default, over earlier sources as well.
        `claude-proxy print-config` shows what is in effect and where each value came from.

        Nothing is guessed: a value that is not allowed, or an unknown `CLAUDE_PROXY_…` key in a
        file, keeps the daemon from starting, and all faults are reported at once. On
        `systemctl reload claude-proxy` such a configuration is refused and the running one kept. In
        the environment, to which others write as well (Kubernetes sets `CLAUDE_PROXY_PORT` for a
        service named claude-proxy), an unknown `CLAUDE_PROXY_…` key only gives a warning.

        Files follow the rules of systemd's `EnvironmentFile=`: lines `KEY=value`; lines that begin
        with `#` or `;` are comments, a comment behind a value is part of the value; `'…'` keeps
        everything as it is, `"…"` knows `\\"`, `\\\\`, `\\$` and `` \\` ``; a backslash at the end
        joins two lines. A leading `export` is allowed.

        Durations are numbers with a unit: `500ms`, `10s`, `2m`, `1h`, `1m30s`. Sizes are `512KiB`,
        `10MB`, `64MiB` and the like, or bytes.

        """

    private static var markdownCredentials: String {
        let lines = options.compactMap { option in
            option.credential.map { "   - `\($0)` for `\(option.key)`" }
        }
        return lines.joined(separator: "\n")
    }

    private static func markdownEntry(_ option: ConfigurationOption) -> String {
        var entry = "\n### `\(option.key)`\n\n"
        entry += TextLayout.wrap(option.text, width: 98) + "\n\n"
        entry += "| type | default | allowed | applied by |\n|---|---|---|---|\n"
        let cells = [
            option.type, option.defaultText, option.allowed,
            option.isReloadable ? "reload" : "restart",
        ]
        entry += "| " + cells.joined(separator: " | ") + " |\n"
        if let example = option.example, !example.isEmpty, option.defaultValue.isEmpty {
            entry += "\nExample: `\(option.key)=\(environmentFileValue(example))`\n"
        }
        return entry
    }

    // MARK: --help

    /// The options in short, for the end of `--help`: one entry each, narrow enough that nobody wraps
    /// it again.
    package static func helpText() -> String {
        var blocks: [String] = []
        for group in documentedGroups {
            var block = "\(group.title.uppercased()):"
            for option in group.options {
                let summary = "\(option.summary) Default: \(option.defaultText)."
                block += "\n  \(option.key)\n"
                block += TextLayout.wrap(
                    TextLayout.plain(summary), width: 76, prefix: "      ")
            }
            blocks.append(block)
        }
        return blocks.joined(separator: "\n\n") + "\n"
    }
}
