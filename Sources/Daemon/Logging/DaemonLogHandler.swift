// swift-log's way into the log: for records that are rare. Its metadata keys are journal fields.

import Gateway
import Logging

/// A handler whose records go through a LogOutput, in the form and from the level that it has at the
/// moment: both change with a reload.
struct DaemonLogHandler: LogHandler {
    private let output: LogOutput
    /// A level of this logger's own, as swift-log wants it to be possible.
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(_ output: LogOutput) { self.output = output }

    var logLevel: Logger.Level {
        get { ownLevel ?? output.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var record = LogEncoder()
        let format = output.format
        record.begin(format, event.level)
        record.add("\(event.message)")
        record.endMessage()
        for (key, value) in fields where format != .text || key != "MESSAGE_ID" {
            // Numbers are known by their type, not by their looks.
            var isNumber = false
            if case .stringConvertible(let number) = value { isNumber = number is Int }
            record.add(name: key, "\(value)", isNumber: isNumber)
        }
        record.end()
        output.append(record)
    }
}
