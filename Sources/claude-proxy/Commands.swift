// The commands that run the proxy or look at its configuration.

import ArgumentParser
import Daemon
import Gateway
import Glibc

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Start the proxy (the default).")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        StandardDescriptors.open()
        let files = ConfigurationFiles(path: options.config)
        let resolution = files.load()
        guard
            let daemon = ProxyDaemon(
                files: files, resolution: resolution, version: ClaudeProxy.version)
        else { throw refused(resolution) }
        try start(daemon)
    }
}

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether the configuration is right, and everything that is wrong with it.")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let resolution = ConfigurationFiles(path: options.config).load()
        let contexts = resolution.warningsOfContexts { KeptCatalogue.of($0) }
        for warning in resolution.warnings + contexts { print(warning, to: .error) }
        guard resolution.configuration != nil else { throw refused(resolution) }
        print("The configuration is right.")
    }
}

struct PrintConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print every setting, where it comes from, and no secret.")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let resolution = ConfigurationFiles(path: options.config).load()
        guard let text = resolution.printedConfiguration() else { throw refused(resolution) }
        print(text)
    }
}

/// What the unit's ExecReload= runs: `systemctl reload` returns when the daemon has reloaded, and fails
/// when it has not.
struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have the daemon of the same unit reload, and wait for the outcome.",
        shouldDisplay: false)

    @Argument(help: "The daemon's process id.") var process: Int32

    func run() throws {
        switch ReloadMark.request(from: process, within: .seconds(15)) {
        case .applied: return
        case .refused:
            print("claude-proxy: not reloaded; the lines above say why", to: .error)
            throw ExitCode(EX_CONFIG)
        case .unknown:
            print("claude-proxy: the daemon does not say that it has reloaded", to: .error)
            throw ExitCode.failure
        }
    }
}

/// Tells all faults. The exit code is that of a configuration error (sysexits.h).
func refused(_ resolution: Resolution) -> ExitCode {
    print("claude-proxy: the configuration is not usable:", to: .error)
    for fault in resolution.faults { print("  \(fault)", to: .error) }
    return ExitCode(EX_CONFIG)
}

/// Runs the daemon to its end.
func start(_ daemon: ProxyDaemon, ready: (([String]) -> Void)? = nil) throws {
    do throws(StartFailure) {
        try daemon.run(ready: ready)
    } catch {
        print("claude-proxy: \(error)", to: .error)
        // The service manager starts the daemon again, but not for a configuration that is not usable.
        throw error.isOfConfiguration ? ExitCode(EX_CONFIG) : ExitCode.failure
    }
}

enum Output {
    case error
}

/// Prints a line on standard error.
func print(_ item: some CustomStringConvertible, to output: Output) {
    let line = [UInt8]("\(item)\n".utf8)
    // SAFETY: the array is lent for the call.
    _ = unsafe write(STDERR_FILENO, line, line.count)
}
