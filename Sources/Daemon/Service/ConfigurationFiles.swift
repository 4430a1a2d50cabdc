// Where the configuration comes from, in the order in which it counts: a file, the environment,
// credentials of the service manager. Reading is done here; what the values mean, in Gateway.

package import Gateway
import Glibc

/// Reads the sources of the configuration.
package struct ConfigurationFiles {
    /// The file that was asked for with `--config`; nil for the usual places.
    private let path: String?

    private static let usualPaths = ["/etc/claude-proxy/config.env", "./.env"]

    /// Where credentials are looked for when the service manager has delivered none.
    private let credentialDirectories: [String]

    /// What the demonstration sets, before and after all other sources; nil for the real thing.
    private let demonstration: Demonstration?

    private struct Demonstration {
        let defaults: ConfigurationSource
        let overrides: ConfigurationSource
    }

    /// - Parameter looksForCredentials: whether to read the service's credentials from where systemd
    ///   keeps them: for commands that root runs outside the service and that want its view.
    package init(path: String?, looksForCredentials: Bool = false) {
        self.path = path
        demonstration = nil
        credentialDirectories =
            looksForCredentials ? ["/run/credentials/claude-proxy.service", "/etc/credstore"] : []
    }

    private init(_ demonstration: Demonstration) {
        path = nil
        credentialDirectories = []
        self.demonstration = demonstration
    }

    /// The sources of the demonstration: its own upstream, and what the usual sources say of
    /// everything else.
    ///
    /// - Parameters:
    ///   - upstreamPort: where the upstream listens that the demonstration brings.
    ///   - listen: where to listen, before what the sources say.
    package static func demonstration(upstreamPort: Int, listen: String?) -> ConfigurationFiles {
        ConfigurationFiles(
            Demonstration(
                defaults: .demonstration([("CLAUDE_PROXY_LISTEN", "127.0.0.1:8000")]),
                overrides: .demonstration(
                    [
                        ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.0.0.1:\(upstreamPort)/api/v1"),
                        ("CLAUDE_PROXY_UPSTREAM_PROFILE", "openrouter"),
                        ("OPENROUTER_API_KEY", "demonstration"),
                        ("OPENROUTER_MODEL", "demo/demo"),
                    ] + (listen.map { [("CLAUDE_PROXY_LISTEN", $0)] } ?? []))))
    }

    /// Whether nothing but the demonstration's own upstream may be asked.
    var isDemonstration: Bool { demonstration != nil }

    /// All sources read and resolved, with every fault of every source.
    package func load() -> Resolution {
        guard let demonstration else {
            return Configuration.resolve(files() + [environment()] + credentials())
                .readingCertificates { path in
                    // A pipe that nobody writes to must not hold the start up.
                    FileContents.read(
                        path, bytesMax: TrustedCertificates.bytesMax + 1, waits: false
                    )
                    .mapError { InvalidValue("it cannot be read: \($0)") }
                }
        }
        let usual = (files() + [environment()]).map { $0.only(OptionTable.ofDemonstration) }
        return Configuration.resolve(
            [demonstration.defaults] + usual + [demonstration.overrides])
    }

    /// The file that was named, which must exist, or the first of the usual ones that does.
    private func files() -> [ConfigurationSource] {
        if let path { return [file(path)] }
        for path in Self.usualPaths {
            switch FileContents.read(path) {
            case .failure(let error) where error.code == ENOENT: continue
            default: return [file(path)]
            }
        }
        return []
    }

    private func file(_ path: String) -> ConfigurationSource {
        switch FileContents.read(path) {
        case .success(let bytes): .file(path, bytes: bytes, readers: readers(of: path))
        case .failure(let error): .unreadable(path, reason: error.description)
        }
    }

    /// Who can read a file. What is no file, such as the pipe of a shell's `<(…)`, is its owner's.
    private func readers(of path: String) -> ConfigurationSource.Readers {
        var status = stat()
        // SAFETY: the path is terminated, and the call fills the local value.
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return .owner
        }
        if status.st_mode & S_IROTH != 0 { return .everybody }
        // Root has given it to a group on purpose: that of the service.
        return status.st_mode & S_IRGRP != 0 && status.st_uid != 0 ? .group : .owner
    }

    private func environment() -> ConfigurationSource {
        var variables: [(key: String, value: String)] = []
        // SAFETY: the process has one thread while it starts, and nothing ever sets a variable.
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let variable = unsafe String(cString: text)
            if let equals = variable.firstIndex(of: "=") {
                variables.append(
                    (
                        String(variable[..<equals]),
                        String(variable[variable.index(after: equals)...])
                    ))
            }
            unsafe entry += 1
        }
        return .environment(variables)
    }

    /// Credentials that systemd delivered (systemd.exec(5), LoadCredential=).
    private func credentials() -> [ConfigurationSource] {
        guard let directory = unsafe getenv("CREDENTIALS_DIRECTORY") else {
            let keys = credentialDirectories.flatMap(Self.upstreamKeys)
            return (OptionTable.credentials + Set(keys).sorted()).compactMap(storedCredential)
        }
        let path = unsafe String(cString: directory)
        return (OptionTable.credentials + Self.upstreamKeys(in: path)).compactMap { name in
            switch FileContents.read(path + "/" + name) {
            case .success(let bytes):
                .credential(name, bytes: bytes)
            case .failure(let error):
                error.code == ENOENT
                    ? nil : .unreadable("credential \(name)", reason: error.description)
            }
        }
    }

    /// The credentials in a directory that are keys of named upstreams (`claude-proxy.key.groq`).
    private static func upstreamKeys(in directory: String) -> [String] {
        guard let stream = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        // SAFETY: the entry and its name are good until the next call.
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if ConfigurationSource.isKeyOfUpstream(name) { names.append(name) }
        }
        return names.sorted()
    }

    /// The first of the usual places that has it and lets it be read.
    private func storedCredential(_ name: String) -> ConfigurationSource? {
        for directory in credentialDirectories {
            if case .success(let bytes) = FileContents.read("\(directory)/\(name)") {
                return .credential(name, bytes: bytes)
            }
        }
        return nil
    }
}
