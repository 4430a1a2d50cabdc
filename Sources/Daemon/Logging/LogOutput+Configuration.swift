// Which log there is: journald when the process runs under it, else lines on standard error.

import EventLoop
import Gateway
import Glibc
import Logging

extension LogOutput {
    /// The daemon's log, as configured.
    convenience init(_ configuration: Configuration) throws(SystemError) {
        try self.init(
            level: Logger.Level(configuration.logLevel), format: Self.format(configuration))
    }

    /// Goes on as another configuration says.
    func apply(_ configuration: Configuration) {
        level = Logger.Level(configuration.logLevel)
        format = Self.format(configuration)
    }

    /// swift-log's logger to this output.
    var logger: Logger { Logger(label: "claude-proxy") { _ in DaemonLogHandler(self) } }

    private static func format(_ configuration: Configuration) -> Configuration.LogFormat {
        configuration.logFormat ?? (isErrorOutputJournal ? .journal : .text)
    }

    /// Whether standard error goes to the journal: systemd names the stream's device and inode
    /// (systemd.exec(5), $JOURNAL_STREAM).
    private static var isErrorOutputJournal: Bool {
        guard let variable = unsafe getenv("JOURNAL_STREAM") else { return false }
        var status = stat()
        // SAFETY: the call fills the local value.
        guard unsafe fstat(STDERR_FILENO, &status) == 0 else { return false }
        return unsafe String(cString: variable) == "\(status.st_dev):\(status.st_ino)"
    }
}

extension Logger.Level {
    fileprivate init(_ level: Configuration.LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
