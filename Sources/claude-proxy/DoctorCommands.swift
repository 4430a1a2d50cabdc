// The commands for when something is wrong: one that finds out what, one that tells others.

import ArgumentParser
import Daemon
import Gateway
import Glibc

/// What both commands need.
struct DoctorOptions: ParsableArguments {
    @OptionGroup var options: ConfigurationOptions

    @Option(help: "Seconds to wait for each answer of the upstream.") var timeout = 30

    func validate() throws {
        guard 1...3600 ~= timeout else { throw ValidationError("--timeout is from 1 to 3600") }
    }

    /// Reads the configuration as the service does: with its credentials, unless a file was named.
    func resolve() -> Resolution {
        ConfigurationFiles(path: options.config, looksForCredentials: options.config == nil).load()
    }

    func doctor(for resolution: Resolution) -> Doctor {
        Doctor(resolution, version: ClaudeProxy.version, timeout: .seconds(timeout))
    }
}

struct Examine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find out what keeps the proxy from working, and say what to do about it.",
        discussion: """
            Looks at the configuration, the way to the upstream, the key and its credit, the models, \
            a request for one token, and the service on this machine. Nothing is changed. The exit \
            code is 1 when a check has failed.
            """)

    @OptionGroup var options: DoctorOptions
    @Flag(help: "Print the findings as JSON.") var json = false

    func run() throws {
        let diagnosis = options.doctor(for: options.resolve()).examine()
        print(json ? diagnosis.json : diagnosis.text(colours: Self.wantsColours))
        if diagnosis.hasFailed { throw ExitCode.failure }
    }

    /// For terminals only, and not for people who ask for none (https://no-color.org).
    private static var wantsColours: Bool {
        guard isatty(STDOUT_FILENO) == 1, unsafe getenv("NO_COLOR") == nil else { return false }
        let terminal = unsafe getenv("TERM").map { unsafe String(cString: $0) }
        return terminal != "dumb"
    }
}

struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what a bug report needs, without secrets.",
        discussion: """
            Versions, the configuration with its secrets masked, the doctor's findings, the unit's \
            state and the last lines of its log, which hold nothing of conversations.
            """)

    @OptionGroup var options: DoctorOptions

    func run() throws {
        let resolution = options.resolve()
        let diagnosis = options.doctor(for: resolution).examine()
        print(BugReport(resolution, version: ClaudeProxy.version, diagnosis: diagnosis).text)
    }
}
