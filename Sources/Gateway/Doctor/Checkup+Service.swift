// The checks of the service on this machine: the journal, the unit and its sandbox, the daemon.

import Translation

/// What the service manager says of the unit.
package struct UnitFacts: Sendable {
    /// `systemctl show`, by property; nil where systemd does not run.
    package var properties: [String: String]?
    /// `/proc/PID/status` of the daemon; nil when it does not run, or may not be looked at.
    package var processStatus: String?

    package init() {}

    /// The properties to ask for.
    package static let names =
        [
            "LoadState", "ActiveState", "SubState", "Result", "MainPID", "NRestarts",
            "NeedDaemonReload", "UnitFileState", "DropInPaths", "StatusText",
        ] + protections.map(\.property)

    package func property(_ name: String) -> String { properties?[name] ?? "" }

    package var isActive: Bool { property("ActiveState") == "active" }

    /// The main lines of the sandbox: what `systemctl show` says of each when it is as shipped.
    static let protections: [(property: String, value: String)] = [
        ("DynamicUser", "yes"), ("NoNewPrivileges", "yes"), ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""), ("ProtectSystem", "strict"), ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"), ("PrivateDevices", "yes"), ("PrivateUsers", "yes"),
        ("ProtectProc", "invisible"), ("ProtectClock", "yes"), ("ProtectControlGroups", "yes"),
        ("ProtectHostname", "yes"), ("ProtectKernelLogs", "yes"),
        ("ProtectKernelModules", "yes"), ("ProtectKernelTunables", "yes"),
        ("RestrictRealtime", "yes"), ("RestrictSUIDSGID", "yes"), ("LockPersonality", "yes"),
        ("MemoryDenyWriteExecute", "yes"), ("LimitCORE", "0"),
    ]

    /// A field of `/proc/PID/status`.
    func status(_ name: String) -> Substring? {
        processStatus?.split(separator: "\n").first { $0.hasPrefix(name + ":") }?
            .dropFirst(name.utf8.count + 1).drop { $0 == "\t" || $0 == " " }
    }
}

extension Checkup {
    /// - Parameters:
    ///   - hasSocket: whether journald can be written to.
    ///   - isPersistent: whether what it has outlives a reboot.
    package static func journal(hasSocket: Bool, isPersistent: Bool) -> Finding {
        guard hasSocket else {
            return .skipped("journal", "journald does not run here; the log is on standard error")
        }
        return isPersistent
            ? .good("journal", "journald takes records and keeps them over a reboot")
            : .warning(
                "journal", "journald forgets its records at every reboot",
                remedy: "Have it keep them: `mkdir -p /var/log/journal && journalctl --flush`.")
    }

    /// The unit's state, and whether its sandbox is as it was shipped.
    package static func unit(_ facts: UnitFacts) -> [Finding] {
        guard facts.properties != nil else {
            return [.skipped("unit", "systemd does not run here")]
        }
        guard facts.property("LoadState") != "not-found" else {
            return [.skipped("unit", "claude-proxy.service is not installed")]
        }
        return [state(facts), sandbox(facts)]
    }

    private static func state(_ facts: UnitFacts) -> Finding {
        let log = "`journalctl -u claude-proxy -n 50` says why."
        switch facts.property("ActiveState") {
        case "active":
            if facts.property("NeedDaemonReload") == "yes" {
                return .warning(
                    "unit", "its file was changed and not read",
                    remedy: "systemctl daemon-reload && systemctl restart claude-proxy")
            }
            if let count = Int(facts.property("NRestarts")), count > 0 {
                return .warning(
                    "unit", "it runs, and was restarted \(count) times after it had failed",
                    remedy: log)
            }
            return .good("unit", "it runs: \(facts.property("StatusText"))")
        case "failed":
            return .failure(
                "unit", "it has failed (\(facts.property("Result")))",
                remedy: log + " Then `systemctl restart claude-proxy`.")
        case let state:
            return .warning(
                "unit", "it does not run (\(state))", remedy: "systemctl start claude-proxy")
        }
    }

    private static func sandbox(_ facts: UnitFacts) -> Finding {
        var loosened = UnitFacts.protections.filter { facts.property($0.property) != $0.value }
            .map { "\($0.property)=\(facts.property($0.property))" }
        // What the kernel says counts for more than what the unit says.
        if facts.processStatus != nil {
            if facts.status("CapEff")?.contains(where: { $0 != "0" }) != false {
                loosened.append("the daemon has capabilities")
            }
            if facts.status("NoNewPrivs") != "1" {
                loosened.append("the daemon may gain privileges")
            }
            if facts.status("Seccomp") != "2" { loosened.append("system calls are not filtered") }
        }
        guard loosened.isEmpty else {
            let paths = facts.property("DropInPaths")
            return .warning(
                "sandbox", "it is weaker than it was shipped: \(loosened.joined(separator: ", "))",
                remedy: paths.isEmpty
                    ? "`systemctl cat claude-proxy` shows the unit in effect."
                    : "See \(paths); `systemctl revert claude-proxy` removes what was added.")
        }
        return .good(
            "sandbox",
            facts.processStatus == nil ? "as it was shipped" : "as it was shipped, and in force")
    }

    /// The running daemon, by its own `/health`.
    ///
    /// - Parameters:
    ///   - place: where it was asked.
    ///   - isExpected: whether one should be running, by the service manager.
    ///   - configuration: what the doctor has read; what the daemon uses may be older.
    package static func daemon(
        _ answer: ProbeAnswer, at place: String, isExpected: Bool, _ configuration: Configuration
    ) -> Finding {
        if answer.status == 0 {
            let text = "nothing answers at \(place): \(detail(answer))"
            return isExpected
                ? .failure(
                    "daemon", text,
                    remedy: "Compare CLAUDE_PROXY_LISTEN with what `journalctl -u claude-proxy`"
                        + " says it listens on.")
                : .skipped("daemon", text)
        }
        var document = JSONDocument()
        guard answer.status == 200 || answer.status == 503,
            (try? document.parse(answer.body)) != nil,
            let status = document.member(.root, "status").flatMap(document.string),
            let model = document.member(.root, "model").flatMap(document.string),
            let upstream = document.member(.root, "upstream").flatMap(document.string)
        else {
            return .failure(
                "daemon", "something else answers at \(place)",
                remedy: "Find it with `ss -ltnp`, or set CLAUDE_PROXY_LISTEN to another port.")
        }
        guard model == configuration.defaultModel,
            upstream == configuration.upstreamURL.description
        else {
            return .warning(
                "daemon",
                "it is \(status), and asks \(model) at \(upstream), which is not what"
                    + " this configuration says",
                remedy: "systemctl reload claude-proxy; or its unit's environment says otherwise.")
        }
        return status == "healthy"
            ? .good("daemon", "healthy at \(place)")
            : .warning(
                "daemon", "it is \(status)", remedy: "`systemctl status claude-proxy` says why.")
    }
}
