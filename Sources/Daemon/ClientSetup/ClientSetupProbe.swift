// Gathers what `claude-proxy env` tells Claude Code: from the configuration where it may be read, and
// from the daemon itself. Neither has to be there: the usual address is a good guess.

package import Gateway
import Glibc
import Translation
import Upstream

/// Finds out how clients reach the daemon, and what they will meet there.
package struct ClientSetupProbe {
    /// What people ask for with options.
    package struct Wishes: Sendable {
        /// The configuration file.
        package var path: String?
        /// Where the proxy is, when it is not this machine's.
        package var url: String?
        /// The model to be asked for.
        package var model: String?
        package init() {}
    }

    /// What came of it.
    package struct Outcome: Sendable {
        /// Nil when the configuration does not say where the daemon is.
        package var setup: ClientSetup?
        /// What to know, a line each.
        package var notes: [String] = []
        /// Why there is no setup.
        package var faults: [String] = []
    }

    private let wishes: Wishes
    private static let patience = Duration.seconds(2)

    package init(_ wishes: Wishes) { self.wishes = wishes }

    package func run() -> Outcome {
        var outcome = Outcome()
        let configuration: Configuration?
        switch source() {
        case .file(let path):
            let files = ConfigurationFiles(path: path, looksForCredentials: path == nil)
            let resolution = files.load()
            guard let resolved = resolution.configuration else {
                outcome.faults = resolution.faults.map(\.description)
                return outcome
            }
            configuration = resolved
        case .unreadable(let path):
            configuration = nil
            if wishes.url == nil {
                outcome.notes.append(
                    "\(path) may not be read, so the usual address is assumed; sudo reads it")
            }
        case .elsewhere:
            configuration = nil
        }
        guard let address = address(configuration) else {
            outcome.faults = [
                "CLAUDE_PROXY_LISTEN lets the kernel choose the port; name the address with --url"
            ]
            return outcome
        }
        var setup = ClientSetup(address: address)
        setup.token = configuration?.clientTokens.first
        setup.noProxy = ClientSetup.noProxy(for: address, Self.variable)
        fill(&setup, configuration, &outcome.notes)
        outcome.setup = setup
        return outcome
    }

    // MARK: The configuration

    private enum Source {
        /// The one to read; nil for the usual places.
        case file(String?)
        case unreadable(String)
        /// That of a daemon elsewhere plays no part here.
        case elsewhere
    }

    private static let system = "/etc/claude-proxy/config.env"

    /// The file that was named; the system's; that of the user's own unit; `./.env`.
    private func source() -> Source {
        if wishes.url != nil, wishes.path == nil { return .elsewhere }
        if let path = wishes.path { return .file(path) }
        let isThere = unsafe access(Self.system, F_OK) == 0 || errno == EACCES
        if unsafe access(Self.system, R_OK) == 0 { return .file(nil) }
        let home = Self.variable("HOME").map { $0 + "/.config" }
        if let directory = Self.variable("XDG_CONFIG_HOME") ?? home {
            let path = directory + "/claude-proxy/config.env"
            if unsafe access(path, R_OK) == 0 { return .file(path) }
        }
        return isThere ? .unreadable(Self.system) : .file(nil)
    }

    private func address(_ configuration: Configuration?) -> ClientAddress? {
        if let url = wishes.url { return ClientAddress(url: url) }
        // The socket unit is the system's, and takes the place of the setting.
        if wishes.path == nil, let text = ServiceProbe.socketAddress(),
            let place = try? ListenSpecification(parsing: text),
            let address = ClientAddress(listening: [place])
        {
            return address
        }
        return ClientAddress(listening: (configuration ?? Configuration()).listenAddresses)
    }

    // MARK: The daemon

    /// Adds the model and its context.
    private func fill(
        _ setup: inout ClientSetup, _ configuration: Configuration?, _ notes: inout [String]
    ) {
        UpstreamClient.initializeLibrary()
        let health = get("/health", setup)
        setup.model =
            wishes.model ?? configuration?.defaultModel ?? Self.text("model", of: health)
        if health.status == 0 {
            notes.append("nobody answers at \(setup.address.url) yet")
        }
        guard let model = setup.model else { return }
        var answer = ProbeAnswer()
        if health.status != 0 {
            answer = details(of: model, setup)
            if answer.status == 404 {
                // One that stands for another and is not listed itself.
                let target = configuration.flatMap {
                    Settings($0).target(for: model, in: nil)?.description
                }
                answer = details(of: target ?? Self.text("model", of: health) ?? model, setup)
            }
            if answer.status == 401, wishes.url != nil, setup.token == nil,
                let own = Self.variable("ANTHROPIC_AUTH_TOKEN"), !own.isEmpty
            {
                // Theirs for that proxy, then.
                setup.token = Secret(own)
                answer = details(of: model, setup)
            }
            setup.contextTokens = Self.number("context_length", of: answer)
        }
        if setup.contextTokens == nil, let configuration {
            setup.contextTokens = Self.keptContext(of: model, configuration)
        }
        if answer.status == 401 {
            notes.append("the proxy wants a client token: set ANTHROPIC_AUTH_TOKEN to yours")
        } else if setup.contextTokens == nil {
            notes.append(
                "the context window of \(model) is not known; if it has less than a million tokens, "
                    + "set CLAUDE_CODE_MAX_CONTEXT_TOKENS")
        }
    }

    private func details(of model: String, _ setup: ClientSetup) -> ProbeAnswer {
        get("/v1/models/" + ClientSetup.pathSegment(model), setup)
    }

    private func get(_ path: String, _ setup: ClientSetup) -> ProbeAnswer {
        UpstreamProbe.getLocally(
            setup.address.url + path, socketPath: setup.address.socketPath, token: setup.token,
            within: Self.patience)
    }

    private static func text(_ key: StaticString, of answer: ProbeAnswer) -> String? {
        var document = JSONDocument()
        guard answer.status == 200, (try? document.parse(answer.body)) != nil,
            let member = document.member(.root, key)
        else { return nil }
        return document.string(member)
    }

    private static func number(_ key: StaticString, of answer: ProbeAnswer) -> Int? {
        var document = JSONDocument()
        guard answer.status == 200, (try? document.parse(answer.body)) != nil,
            let member = document.member(.root, key), let number = document.integer(member),
            number > 0
        else { return nil }
        return number
    }

    /// What the daemon's last list of models says, for when it does not run.
    private static func keptContext(of model: String, _ configuration: Configuration) -> Int? {
        let settings = Settings(configuration)
        let main = KeptCatalogue.of(settings.pools[0].url.description)
        guard let target = settings.target(for: model, in: main) else { return nil }
        let pool = settings.pools.first { $0.name == target.upstream }
        let catalogue = pool.flatMap { KeptCatalogue.of($0.url.description) }
        return catalogue?.model(target.model)?.capabilities.contextTokens
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}

// MARK: - The shell

extension ShellSyntax {
    /// The shell from which this process was started.
    package static var ofCaller: ShellSyntax? {
        detect(
            ancestors: ancestors(),
            login: unsafe getenv("SHELL").map { unsafe String(cString: $0) })
    }

    /// More are not between a command and its shell.
    private static let ancestorsMax = 16

    /// The programs of the parent, of its parent, and so on.
    private static func ancestors() -> [String] {
        var programs: [String] = []
        var process = getppid()
        while process > 1, programs.count < ancestorsMax {
            guard case .success(let bytes) = FileContents.read("/proc/\(process)/stat") else {
                break
            }
            // `PID (NAME) STATE PARENT …`, where NAME may hold anything (proc(5)).
            let stat = String(decoding: bytes, as: UTF8.self)
            guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")") else {
                break
            }
            // A script's NAME is its own; its program is the shell.
            programs.append(program(of: process) ?? String(stat[stat.index(after: open)..<close]))
            let fields = stat[stat.index(after: close)...].split(separator: " ")
            guard fields.count > 1, let parent = pid_t(fields[1]) else { break }
            process = parent
        }
        return programs
    }

    /// The file that a process executes; nil for processes of others.
    private static func program(of process: pid_t) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/\(process)/exe", &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
