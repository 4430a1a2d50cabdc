// The manual page claude-proxy.env(5), in the macros of man(7).

extension OptionTable {
    /// The source of the manual page claude-proxy.env(5).
    package static func manPage() -> String {
        var page = #"""
            .\" Made from the table of options in Sources/Gateway/Configuration; do not edit.
            .TH CLAUDE\-PROXY.ENV 5 "" "claude\-proxy" "File formats"
            .SH NAME
            claude\-proxy.env \- configuration of claude\-proxy
            .SH SYNOPSIS
            .I /etc/claude\-proxy/config.env
            .SH DESCRIPTION
            The settings of
            .BR claude\-proxy (8),
            one KEY=value a line, by the rules of EnvironmentFile= in
            .BR systemd.exec (5).
            Variables of the environment win over the file, and systemd credentials over both.
            An empty value means the default.
            .PP
            .B claude\-proxy print\-config
            shows what is in effect and where each value came from.

            """#
        for group in documentedGroups {
            page += ".SH \(manText(group.title.uppercased()))\n"
            for option in group.options { page += manEntry(option) }
        }
        page += #"""
            .SH FILES
            .I /etc/claude\-proxy/config.env
            .SH SEE ALSO
            .BR claude\-proxy (8),
            .BR systemd.exec (5)

            """#
        return page
    }

    private static func manEntry(_ option: ConfigurationOption) -> String {
        var paragraph = "\(option.text) Allowed: \(option.allowed). Default: \(option.defaultText)."
        if !option.isReloadable { paragraph += " A change needs a restart." }
        if let credential = option.credential { paragraph += " Credential: `\(credential)`." }
        return ".TP\n.B \(manText(option.key))\n"
            + manText(TextLayout.wrap(paragraph, width: 80)) + "\n"
    }

    /// Escapes text for man(7): backslashes, minus signs, and the characters that make a line a
    /// request when they begin it. Backquotes become bold.
    private static func manText(_ text: String) -> String {
        var result = ""
        var isBold = false
        var isLineStart = true
        for character in text {
            switch character {
            case "`":
                isBold.toggle()
                result += isBold ? "\\fB" : "\\fR"
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case ".", "'": result += isLineStart ? "\\&\(character)" : String(character)
            case "…": result += "..."
            default: result.append(character)
            }
            isLineStart = character == "\n"
        }
        return result
    }
}
