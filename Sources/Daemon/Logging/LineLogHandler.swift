// Records as lines on standard error: for people, or one JSON object a line for log shippers. One
// write(2) a record, so that lines of several threads do not mix.

import Gateway
import Glibc
import Logging
import Translation

/// A swift-log handler that writes to standard error.
struct LineLogHandler: LogHandler {
    enum Form {
        /// `2026-11-23T10:00:00.000Z info  message  key=value …`
        case text
        case json
    }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let form: Form

    init(_ form: Form, level: Logger.Level) {
        self.form = form
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var line: [UInt8] = []
        switch form {
        case .text: writeText(event, fields, into: &line)
        case .json: writeJSON(event, fields, into: &line)
        }
        line.append(UInt8(ascii: "\n"))
        // A log that cannot be written is no reason to stop serving.
        // SAFETY: the array is lent for the call.
        _ = unsafe write(STDERR_FILENO, line, line.count)
    }

    private func writeText(
        _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)],
        into line: inout [UInt8]
    ) {
        let level = event.level.rawValue
        let padding = String(repeating: " ", count: max(0, 7 - level.utf8.count))
        line.append(utcNow: ())
        line.append(contentsOf: " \(level)\(padding) \(event.message)".utf8)
        for (key, value) in fields where key != "MESSAGE_ID" {
            line.append(contentsOf: "  \(key.lowercased())=\(value)".utf8)
        }
    }

    private func writeJSON(
        _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)],
        into line: inout [UInt8]
    ) {
        line.append(#"{"time":""#)
        line.append(utcNow: ())
        line.append(#"","level":"#)
        line.append(jsonString: event.level.rawValue)
        line.append(#","message":"#)
        line.append(jsonString: "\(event.message)")
        for (key, value) in fields {
            line.append(",")
            line.append(jsonString: key.lowercased())
            line.append(":")
            let text = "\(value)"
            // Numbers are known by their type, not by their looks.
            if case .stringConvertible(let number) = value, number is Int {
                line.append(contentsOf: text.utf8)
            } else {
                line.append(jsonString: text)
            }
        }
        line.append("}")
    }
}
