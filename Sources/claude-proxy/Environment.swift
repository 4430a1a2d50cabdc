// `claude-proxy env`: what Claude Code needs to know, as text that its user's shell can read.

import ArgumentParser
import Daemon
import Gateway
import Glibc

struct Environment: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Print the environment by which Claude Code uses this proxy.",
        discussion: """
            bash, zsh:   eval "$(claude-proxy env)"
            fish:        claude-proxy env | source
            PowerShell:  claude-proxy env --shell powershell | Out-String | Invoke-Expression

            Then start claude. The address and a client token come from the configuration (with sudo \
            where only root may read it), the model's context window from the daemon.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: """
            bash, zsh, fish, powershell, sh, or json for the content of a settings.json. \
            (default: the shell that asks)
            """)
    var shell: String?

    @Option(help: "Where the proxy is, when it is another machine's: http://HOST:PORT.")
    var url: String?

    @Option(help: "The model to ask for. (default: OPENROUTER_MODEL)")
    var model: String?

    func validate() throws {
        if let shell, ShellSyntax(named: shell) == nil {
            let names = ShellSyntax.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--shell is one of \(names)")
        }
        if let url, !url.hasPrefix("http://"), !url.hasPrefix("https://") {
            throw ValidationError("--url begins with http:// or https://")
        }
    }

    func run() throws {
        guard let syntax = shell.map(ShellSyntax.init(named:)) ?? ShellSyntax.ofCaller else {
            print(
                "claude-proxy: the shell's language is not known; choose with --shell", to: .error)
            throw ExitCode(EX_USAGE)
        }
        var wishes = ClientSetupProbe.Wishes()
        wishes.path = options.config
        wishes.url = url
        wishes.model = model
        let outcome = ClientSetupProbe(wishes).run()
        for note in outcome.notes { print("claude-proxy: \(note)", to: .error) }
        guard let setup = outcome.setup else {
            print("claude-proxy: the configuration is not usable:", to: .error)
            for fault in outcome.faults { print("  \(fault)", to: .error) }
            throw ExitCode(EX_CONFIG)
        }
        print(syntax.text(of: setup), terminator: "")
    }
}
