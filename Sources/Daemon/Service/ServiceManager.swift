// What systemd is told, and what it tells us: readiness, status, the watchdog's period, sockets that
// it opened for us. Every call is harmless when the process was not started by systemd.

import CSystemd
import Glibc

/// The link to the service manager (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)).
struct ServiceManager {
    /// The daemon listens and is configured.
    func ready(status: String) { notify("READY=1\nSTATUS=\(status)") }

    /// The configuration is being read again. `ready` ends it.
    func reloading(now: Duration) {
        let (seconds, attoseconds) = now.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        notify(
            "RELOADING=1\nMONOTONIC_USEC=\(microseconds)\nSTATUS=Reading the configuration again")
    }

    /// The daemon finishes what it has begun and ends.
    func stopping(status: String) { notify("STOPPING=1\nSTATUS=\(status)") }

    /// A line for `systemctl status`.
    func status(_ text: String) { notify("STATUS=\(text)") }

    /// A sign of life.
    func watchdog() { notify("WATCHDOG=1") }

    /// How often a sign of life is due: a third of the time after which systemd kills the daemon. Nil
    /// when it does not watch.
    var watchdogPeriod: Duration? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return .microseconds(Int64(microseconds / 3))
    }

    /// Descriptors of listening sockets that systemd opened. They are ours from now on.
    func takeListeningDescriptors() -> [CInt] {
        // The variables are unset: they are not for processes that we might start.
        let count = sd_listen_fds(1)
        guard count > 0 else { return [] }
        return (0..<count).map { SD_LISTEN_FDS_START + $0 }
            .filter { sd_is_socket($0, AF_UNSPEC, CInt(SOCK_STREAM.rawValue), 1) > 0 }
    }

    private func notify(_ text: String) { _ = unsafe sd_notify(0, text) }
}
