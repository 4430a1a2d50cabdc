// The check of the configuration. Its faults are told as `check-config` tells them.

extension Checkup {
    /// Whether the sources make a configuration, and what is odd about them.
    package static func configuration(_ resolution: Resolution) -> [Finding] {
        let warnings = resolution.warnings.filter { $0.severity == .warning }.map { warning in
            Finding.warning(
                "configuration", "\(warning)", remedy: "See claude-proxy.env(5) for the setting.")
        }
        guard resolution.configuration != nil else {
            return resolution.faults.map { fault in
                let isUnreadable = fault.key == nil && fault.reason.hasSuffix("Permission denied")
                return Finding.failure(
                    "configuration", "\(fault)",
                    remedy: isUnreadable
                        ? "Run it as root: `sudo claude-proxy doctor`."
                        : "Correct it; claude-proxy.env(5) describes the setting.")
            } + warnings
        }
        let sources = Set(resolution.origins.values.map(\.source)).sorted()
        let count = resolution.origins.count
        let text =
            count == 0
            ? "all defaults"
            : "\(count) \(count == 1 ? "setting" : "settings") from \(sources.joined(separator: ", "))"
        return [.good("configuration", text)] + warnings
    }
}
