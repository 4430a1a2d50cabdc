// One record in the form of the log, written straight into a buffer that is used again and again:
//
//   text      2026-11-23T10:00:00.000Z info    message  key=value …
//   json      {"time":…,"level":…,"message":…,"key":value,…}
//   journal   MESSAGE=…, PRIORITY=…, KEY=value: fields with their lengths
//
// `begin`, the pieces of the message, `endMessage`, fields, `end`. Keys are names of journal fields;
// the other forms write them in lower case. Text of peers is made fit by LogText.

import Gateway
import Glibc
import Logging
import Translation

/// Writes records, one at a time.
struct LogEncoder {
    private(set) var bytes: [UInt8] = []
    /// The lengths of the journal's fields, which fill `bytes`; empty in the other forms.
    private(set) var fieldLengths: [Int] = []
    private(set) var format = Configuration.LogFormat.text
    private var level = Logger.Level.info
    private var fieldStart = 0
    private var isQuoted = false

    /// Begins a record with its message.
    mutating func begin(_ format: Configuration.LogFormat, _ level: Logger.Level) {
        bytes.removeAll(keepingCapacity: true)
        fieldLengths.removeAll(keepingCapacity: true)
        self.format = format
        self.level = level
        switch format {
        case .text:
            bytes.append(utcNow: ())
            bytes.append(UInt8(ascii: " "))
            bytes.append(contentsOf: level.rawValue.utf8)
            for _ in level.rawValue.utf8.count..<8 { bytes.append(UInt8(ascii: " ")) }
        case .json:
            bytes.append(#"{"time":""#)
            bytes.append(utcNow: ())
            bytes.append(#"","level":""#)
            bytes.append(contentsOf: level.rawValue.utf8)
            bytes.append(#"","message":""#)
        case .journal:
            beginField("MESSAGE")
        }
    }

    /// Ends the message. Fields may follow.
    mutating func endMessage() {
        switch format {
        case .text: break
        case .json: bytes.append("\"")
        case .journal:
            endField()
            add("PRIORITY", Int(level.priority))
            add("SYSLOG_IDENTIFIER", "claude-proxy")
        }
    }

    /// Ends the record.
    mutating func end() {
        switch format {
        case .text: bytes.append("\n")
        case .json: bytes.append("}\n")
        case .journal: break
        }
    }

    // MARK: Pieces of the message

    mutating func add(words: StaticString) { bytes.append(words) }

    mutating func add(decimal number: Int) { bytes.append(decimal: number) }

    /// Adds a message of ours, which may hold text of others, but nothing that counts as a field.
    mutating func add(_ message: String) {
        LogText.append(message.utf8.span, as: format == .json ? .quoted : .alone, to: &bytes)
    }

    /// Adds text that a peer wrote, in quotation marks unless it is one plain word.
    mutating func add(peer text: Span<UInt8>) {
        LogText.append(text, as: format == .json ? .amongQuotedWords : .amongWords, to: &bytes)
    }

    // MARK: Fields

    mutating func add(_ name: StaticString, _ number: Int) {
        beginField(name, isNumber: true)
        bytes.append(decimal: number)
        endField()
    }

    mutating func add(_ name: StaticString, unlessZero number: Int) {
        if number != 0 { add(name, number) }
    }

    mutating func add(_ name: StaticString, _ text: String) { add(name, text.utf8.span) }

    /// Adds nothing for an empty value.
    mutating func add(_ name: StaticString, _ text: [UInt8]) { add(name, text.span) }

    private mutating func add(_ name: StaticString, _ text: Span<UInt8>) {
        guard !text.isEmpty else { return }
        beginField(name)
        addValue(text)
        endField()
    }

    /// A request's identifier has its prefix nowhere but where it is shown.
    mutating func add(_ name: StaticString, requestID: [UInt8]) {
        beginField(name)
        bytes.append("req_")
        addValue(requestID.span)
        endField()
    }

    /// The same for a name that is not known beforehand.
    mutating func add(name: String, _ text: String, isNumber: Bool = false) {
        beginField(isNumber: isNumber) { $0.append(contentsOf: name.utf8) }
        addValue(text.utf8.span)
        endField()
    }

    private mutating func addValue(_ text: Span<UInt8>) {
        switch format {
        case .text: LogText.append(text, as: .amongWords, to: &bytes)
        case .json: LogText.append(text, as: .quoted, to: &bytes)
        case .journal: LogText.append(text, as: .alone, to: &bytes)
        }
    }

    private mutating func beginField(_ name: StaticString, isNumber: Bool = false) {
        beginField(isNumber: isNumber) { $0.append(name) }
    }

    private mutating func beginField(isNumber: Bool, _ writeName: (inout [UInt8]) -> Void) {
        fieldStart = bytes.count
        isQuoted = false
        switch format {
        case .text:
            bytes.append("  ")
            appendLowercased(writeName)
            bytes.append("=")
        case .json:
            isQuoted = !isNumber
            bytes.append(",\"")
            appendLowercased(writeName)
            bytes.append(isQuoted ? "\":\"" : "\":")
        case .journal:
            writeName(&bytes)
            bytes.append("=")
        }
    }

    private mutating func endField() {
        if isQuoted { bytes.append("\"") }
        isQuoted = false
        switch format {
        case .text, .json: break
        case .journal: fieldLengths.append(bytes.count - fieldStart)
        }
    }

    private mutating func appendLowercased(_ writeName: (inout [UInt8]) -> Void) {
        let start = bytes.count
        writeName(&bytes)
        var span = bytes.mutableSpan
        for index in start..<span.count {
            let byte = span[index]
            if byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") { span[index] = byte | 0x20 }
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

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}

extension [UInt8] {
    /// Appends the time of day in UTC, to the millisecond (RFC 3339).
    mutating func append(utcNow: Void) {
        var now = timespec()
        // SAFETY: the call fills the local value; the clock always exists.
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        var parts = unsafe tm()
        // SAFETY: the call reads and fills local values.
        unsafe gmtime_r(&now.tv_sec, &parts)
        append(digits: unsafe Int(parts.tm_year) + 1900, 4)
        append("-")
        append(digits: unsafe Int(parts.tm_mon) + 1, 2)
        append("-")
        append(digits: unsafe Int(parts.tm_mday), 2)
        append("T")
        append(digits: unsafe Int(parts.tm_hour), 2)
        append(":")
        append(digits: unsafe Int(parts.tm_min), 2)
        append(":")
        append(digits: unsafe Int(parts.tm_sec), 2)
        append(".")
        append(digits: now.tv_nsec / 1_000_000, 3)
        append("Z")
    }

    private mutating func append(digits value: Int, _ count: Int) {
        var divisor = 1
        for _ in 1..<count { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }
}
