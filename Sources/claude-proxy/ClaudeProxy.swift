// The command line. It parses, and hands over: what the commands do is in Daemon and Gateway.

import ArgumentParser
import Gateway

@main
struct ClaudeProxy: ParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "claude-proxy",
        abstract: "Lets Anthropic clients use any model behind an OpenAI-compatible server.",
        discussion: """
            Without a subcommand the proxy is started. It is configured by a file \
            (/etc/claude-proxy/config.env, else ./.env, or --config), by environment variables, \
            which come before the file, and by systemd credentials, which come before both:

            \(OptionTable.helpText())
            """,
        version: version,
        subcommands: [
            Serve.self, CheckConfig.self, PrintConfig.self, Examine.self, Report.self,
            Environment.self,
            Demo.self, Reload.self, Simulate.self,
        ],
        defaultSubcommand: Serve.self)
}

/// Where to find the configuration file.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: [.short, .customLong("config")], help: "Read this file and no other.")
    var config: String?
}
