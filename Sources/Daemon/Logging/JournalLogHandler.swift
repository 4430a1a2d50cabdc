// Records to journald with their fields (sd_journal_sendv), so that `journalctl MODEL=…` finds them.

import CSystemd
import Glibc
import Logging

/// A swift-log handler whose metadata keys are journal fields.
struct JournalLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(level: Logger.Level) { logLevel = level }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = [
            "MESSAGE=\(event.message)",
            "PRIORITY=\(event.level.priority)",
            "SYSLOG_IDENTIFIER=claude-proxy",
        ]
        for (key, value) in metadata { fields.append("\(key)=\(value)") }
        for (key, value) in event.metadata ?? [:] { fields.append("\(key)=\(value)") }
        // One buffer and one vector over it. Values may hold any byte: their length is given.
        var bytes: [UInt8] = []
        var lengths: [Int] = []
        for field in fields {
            lengths.append(field.utf8.count)
            bytes.append(contentsOf: field.utf8)
        }
        // SAFETY: every vector points into `bytes`, which outlives the call; journald's client
        // only reads.
        unsafe bytes.withUnsafeMutableBytes { buffer in
            var start = 0
            var vectors: [iovec] = unsafe []
            for length in lengths {
                unsafe vectors.append(
                    iovec(
                        iov_base: buffer.baseAddress?.advanced(by: start), iov_len: length))
                start += length
            }
            _ = unsafe sd_journal_sendv(vectors, CInt(vectors.count))
        }
    }
}

extension Logger.Level {
    /// The priority of syslog(3).
    var priority: Int32 {
        switch self {
        case .trace, .debug: LOG_DEBUG
        case .info: LOG_INFO
        case .notice: LOG_NOTICE
        case .warning: LOG_WARNING
        case .error: LOG_ERR
        case .critical: LOG_CRIT
        }
    }
}
