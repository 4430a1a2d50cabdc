// How `systemctl reload` learns what came of it. A signal has no answer, and the service manager of
// Debian 12 may call a reload done before the daemon has said that it has begun. So the daemon leaves
// a mark in its runtime directory after every reload, and the unit's ExecReload= waits for the next.

import Glibc

/// The outcome of the daemon's last reload, in a file.
package enum ReloadMark {
    package enum Outcome: Sendable {
        case applied
        /// The configuration is not usable; the old one stays.
        case refused
        /// There is no daemon, or it says nothing.
        case unknown
    }

    /// Of one that has room for a line; nil without a runtime directory, as in a terminal.
    private static var path: String? {
        // systemd.exec(5), RuntimeDirectory=.
        unsafe getenv("RUNTIME_DIRECTORY").map { unsafe String(cString: $0) + "/reload" }
    }

    /// The daemon leaves its mark.
    ///
    /// - Parameter number: of the reload, so that no two marks are the same.
    static func leave(_ number: Int, isApplied: Bool) {
        guard let path else { return }
        // Moved into place, so that nobody reads half of it.
        let new = path + ".new"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        let descriptor = unsafe open(new, flags, mode_t(0o600))
        guard descriptor >= 0 else { return }
        let text = [UInt8]("\(number) \(isApplied ? word(.applied) : word(.refused))\n".utf8)
        // SAFETY: the array is lent for the call.
        let count = unsafe write(descriptor, text, text.count)
        close(descriptor)
        if count == text.count { unsafe rename(new, path) }
    }

    /// Has the daemon of this runtime directory reload, and waits for its mark.
    package static func request(from process: Int32, within limit: Duration) -> Outcome {
        guard path != nil, process > 1 else { return .unknown }
        let before = read()
        guard kill(process, SIGHUP) == 0 else { return .unknown }
        for _ in 0..<Int(limit / .milliseconds(10)) {
            if let mark = read(), mark != before {
                return mark.hasSuffix(word(.applied) + "\n") ? .applied : .refused
            }
            usleep(10_000)
        }
        return .unknown
    }

    private static func read() -> String? {
        guard let path, case .success(let bytes) = FileContents.read(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func word(_ outcome: Outcome) -> String {
        switch outcome {
        case .applied: "applied"
        case .refused: "refused"
        case .unknown: "unknown"
        }
    }
}
