// Which log there is: journald when the process runs under it, else lines on standard error.

import Gateway
import Glibc
import Logging

extension Logger {
    /// The daemon's logger, as configured.
    static func make(_ configuration: Configuration) -> Logger {
        let level = Logger.Level(configuration.logLevel)
        let format = format(configuration)
        return Logger(label: "claude-proxy") { _ in
            switch format {
            case .journal: JournalLogHandler(level: level)
            case .text: LineLogHandler(.text, level: level)
            case .json: LineLogHandler(.json, level: level)
            }
        }
    }

    fileprivate static func format(_ configuration: Configuration) -> Configuration.LogFormat {
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

extension RequestLog {
    /// The log of a worker's requests, as configured.
    convenience init(_ configuration: Configuration) {
        self.init(Logger.format(configuration), level: Logger.Level(configuration.logLevel))
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
