// Variables in the languages of shells. Whatever a value holds, the shell that reads the text gets that
// value and runs nothing of it.
//
// Assignments end with a semicolon and comments come last, so that the text survives a reader who
// forgets the quotes around `$(…)`, which makes one line of it.

import Translation

/// How variables are written down.
package enum ShellSyntax: String, CaseIterable, Sendable {
    case bash
    case zsh
    case fish
    case powershell
    /// Any other shell of POSIX.
    case sh
    /// The settings.json of Claude Code.
    case json

    /// What people may call it.
    package init?(named name: String) {
        switch name.lowercased() {
        case "pwsh": self = .powershell
        case "dash", "ash", "ksh", "mksh", "posix", "busybox": self = .sh
        case "settings", "settings.json": self = .json
        case let name: self.init(rawValue: name)
        }
    }

    /// Finds the shell that will read the text.
    ///
    /// - Parameters:
    ///   - ancestors: the programs from which this one was started, the nearest first. Between it and
    ///     the shell may stand others, such as sudo.
    ///   - login: the user's shell (`SHELL`), for when no ancestor is one.
    /// - Returns: nil for a shell whose language is not known.
    package static func detect(ancestors: [String], login: String?) -> ShellSyntax? {
        for program in ancestors + [login ?? "sh"] {
            let name = String(program.split(separator: "/").last ?? "")
            if foreign.contains(name) { return nil }
            if let shell = ShellSyntax(named: name), shell != .json { return shell }
        }
        return .sh
    }

    private static let foreign: Set = ["csh", "tcsh", "nu", "elvish", "xonsh", "rc"]

    /// The whole text, with a line feed at its end.
    package func text(of setup: ClientSetup) -> String {
        guard self != .json else { return Self.settings(setup) }
        var lines = setup.variables.map { assignment($0.name, $0.value) }
        lines.append(removal(setup.unwanted))
        for variable in setup.variables {
            if let reason = variable.reason { lines.append("# \(variable.name): \(reason)") }
        }
        lines.append("# To apply it: \(application)")
        return lines.joined(separator: "\n") + "\n"
    }

    /// The command by which a person applies the text.
    private var application: String {
        switch self {
        case .bash, .zsh, .sh, .json: #"eval "$(claude-proxy env)""#
        case .fish: "claude-proxy env | source"
        case .powershell: "claude-proxy env --shell powershell | Out-String | Invoke-Expression"
        }
    }

    // MARK: Statements

    private func assignment(_ name: String, _ value: String) -> String {
        switch self {
        case .bash, .zsh, .sh, .json: "export \(name)=\(quoted(value));"
        case .fish: "set -gx \(name) \(quoted(value));"
        case .powershell: "$env:\(name) = \(quoted(value));"
        }
    }

    private func removal(_ names: [String]) -> String {
        switch self {
        case .bash, .zsh, .sh, .json: "unset -v \(names.joined(separator: " "));"
        // Not `set -e`, which may take a universal variable away from all sessions for ever.
        case .fish: "for name in \(names.joined(separator: " ")); set -gu $name; end;"
        case .powershell:
            "Remove-Item -ErrorAction Ignore \(names.map { "Env:\($0)" }.joined(separator: ", "));"
        }
    }

    // MARK: Quoting

    /// `value` as one word of the language.
    package func quoted(_ value: String) -> String {
        switch self {
        case .bash, .zsh: Self.ansi(value)
        // POSIX has no escapes of control characters; within single quotes all stand for themselves.
        case .sh: "'" + Self.replacing(value) { $0 == "'" ? #"'\''"# : nil } + "'"
        case .fish:
            "'"
                + Self.replacing(value) { character in
                    if character == "'" || character == "\\" { return "\\\(character)" }
                    return Self.control(character).map { "'\\x\($0)'" }
                } + "'"
        case .powershell: Self.powershell(value)
        case .json: Self.json(value)
        }
    }

    /// Single quotes, or `$'…'` when there are control characters: those would be lost when the text
    /// is made one line of.
    private static func ansi(_ value: String) -> String {
        guard value.unicodeScalars.contains(where: { control($0) != nil }) else {
            return "'" + replacing(value) { $0 == "'" ? #"'\''"# : nil } + "'"
        }
        return "$'"
            + replacing(value) { character in
                if character == "'" || character == "\\" { return "\\\(character)" }
                // Three octal digits: unlike hexadecimal ones, no more are read.
                return control(character) == nil ? nil : "\\" + octal(character.value)
            } + "'"
    }

    /// PowerShell takes typographic quotes for plain ones; each is doubled. A control character
    /// is a piece of its own.
    private static func powershell(_ value: String) -> String {
        let quotes: [Unicode.Scalar] = ["'", "\u{2018}", "\u{2019}", "\u{201A}", "\u{201B}"]
        let text = replacing(value) { character in
            if quotes.contains(character) { return "\(character)\(character)" }
            return control(character) == nil ? nil : "' + [char]\(character.value) + '"
        }
        return value.unicodeScalars.contains { control($0) != nil } ? "('\(text)')" : "'\(text)'"
    }

    private static func json(_ value: String) -> String {
        var text: [UInt8] = []
        text.append(jsonString: value)
        return String(decoding: text, as: UTF8.self)
    }

    private static func replacing(
        _ value: String, _ replacement: (Unicode.Scalar) -> String?
    ) -> String {
        var text = ""
        for character in value.unicodeScalars {
            if let new = replacement(character) {
                text += new
            } else {
                text.unicodeScalars.append(character)
            }
        }
        return text
    }

    /// Two hexadecimal digits of an ASCII control character; nil for any other.
    private static func control(_ character: Unicode.Scalar) -> String? {
        guard character.value < 0x20 || character.value == 0x7F else { return nil }
        let digits = String(character.value, radix: 16)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }

    private static func octal(_ value: UInt32) -> String {
        let digits = String(value, radix: 8)
        return String(repeating: "0", count: max(0, 3 - digits.utf8.count)) + digits
    }

    // MARK: settings.json

    /// Claude Code's own file. Nothing can be unset there, but an empty value counts as none.
    private static func settings(_ setup: ClientSetup) -> String {
        let unwanted = setup.unwanted.filter { $0 != "ANTHROPIC_UNIX_SOCKET" }
        let lines =
            setup.variables.map { "    \(json($0.name)): \(json($0.value))" }
            + unwanted.map { "    \(json($0)): \"\"" }
        return "{\n  \"env\": {\n\(lines.joined(separator: ",\n"))\n  }\n}\n"
    }
}
