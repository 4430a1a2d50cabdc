// The commands that need no upstream and no key, because they bring one: a newcomer's first look, and
// the upstream of the tests and benchmarks.

import ArgumentParser
import Daemon
import Gateway
import Simulator

struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the proxy with a built-in upstream that only pretends to be a model.",
        discussion: """
            For a first look, without a key and without a network. Ask for a model such as sim/echo, \
            sim/tool or 'sim/error;status=429' to see how the proxy deals with what upstreams do.

            The settings of the log, of clients, time-outs and limits count as they do for the \
            service; those of upstreams and models do not, also after a reload: nobody else is asked. \
            Set CLAUDE_PROXY_UPSTREAM_API to responses or messages to see the other ways of asking.
            """)

    @Option(
        help: """
            Where the proxy listens, before CLAUDE_PROXY_LISTEN. (default: 127.0.0.1:8000)
            """)
    var listen: String?

    func run() throws {
        StandardDescriptors.open()
        let upstream: SimulatedUpstream
        do {
            upstream = try SimulatedUpstream.start(on: "127.0.0.1:0")
        } catch {
            print("claude-proxy: \(error)", to: .error)
            throw ExitCode.failure
        }
        let files = ConfigurationFiles.demonstration(upstreamPort: upstream.port, listen: listen)
        let resolution = files.load()
        guard
            let daemon = ProxyDaemon(
                files: files, resolution: resolution, version: ClaudeProxy.version)
        else { throw refused(resolution) }
        try start(daemon) { addresses in
            let address = addresses.first ?? ""
            print(
                """
                This is a demonstration: no model is asked and nothing is billed. Try it:

                  curl -N http://\(address)/v1/messages -H 'content-type: application/json' -d '
                    {"model": "claude-sonnet-4-5", "max_tokens": 200, "stream": true,
                     "messages": [{"role": "user", "content": "Hello!"}]}'

                For the real thing set OPENROUTER_API_KEY and run `claude-proxy serve`.
                """, to: .error)
        }
    }
}

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the built-in upstream alone, for tests and benchmarks.",
        shouldDisplay: false)

    @Option(help: "Where it listens.") var listen = "127.0.0.1:0"
    @Flag(help: "Refuse requests without a key.") var requireKey = false

    func run() throws {
        do {
            try SimulatedUpstream.run(on: listen, requiringKey: requireKey) { port in
                print("simulating an upstream at http://127.0.0.1:\(port)/api/v1", to: .error)
            }
        } catch {
            print("claude-proxy: \(error)", to: .error)
            throw ExitCode.failure
        }
    }
}
