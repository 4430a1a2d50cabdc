// What this machine says of the service: through systemctl, /proc and the paths of journald.

import Gateway
import Glibc

/// Asks the service manager. Every question has an answer on a machine without systemd too.
enum ServiceProbe {
    private static let timeout = Duration.seconds(5)

    /// The state of the system's unit; of the user's own, when that one runs instead.
    static func unit() -> UnitFacts {
        let facts = unit([])
        guard !facts.isActive, getuid() != 0 else { return facts }
        let own = unit(["--user"])
        return own.isActive ? own : facts
    }

    private static func unit(_ scope: [String]) -> UnitFacts {
        var facts = UnitFacts()
        let names = UnitFacts.names.map { "--property=\($0)" }
        guard
            let output = Command.run(
                ["systemctl"] + scope + ["show", "claude-proxy.service"] + names, within: timeout),
            output.status == 0
        else { return facts }
        facts.properties = properties(output.text)
        if let pid = Int(facts.property("MainPID")), pid > 0,
            case .success(let bytes) = FileContents.read("/proc/\(pid)/status")
        {
            facts.processStatus = String(decoding: bytes, as: UTF8.self)
        }
        return facts
    }

    /// Where the socket unit listens, as CLAUDE_PROXY_LISTEN would say it; nil when it is not in use.
    static func socketAddress() -> String? {
        guard
            let output = Command.run(
                [
                    "systemctl", "show", "claude-proxy.socket", "--property=ActiveState",
                    "--property=Listen",
                ], within: timeout), output.status == 0
        else { return nil }
        let facts = properties(output.text)
        guard facts["ActiveState"] == "active",
            // `Listen=127.0.0.1:80 (Stream)`
            let listen = facts["Listen"]?.split(separator: " ").first
        else { return nil }
        return listen.hasPrefix("/") ? "unix:\(listen)" : String(listen)
    }

    /// Whether journald takes records.
    static var hasJournal: Bool {
        unsafe access("/run/systemd/journal/socket", W_OK) == 0
    }

    /// Whether journald writes to disk (journald.conf(5), Storage=).
    static var keepsJournal: Bool { unsafe access("/var/log/journal", F_OK) == 0 }

    private static func properties(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            values[String(line[..<equals])] = String(line[line.index(after: equals)...])
        }
        return values
    }
}
