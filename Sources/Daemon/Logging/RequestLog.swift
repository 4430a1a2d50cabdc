// The record of a finished request, in the configured form. It is the one log record of the data
// path, so it is written straight into a buffer that is reused: through swift-log's dictionaries it
// cost more instructions than the translation of a small request.
//
// Fields are journal fields; the other forms print their names in lower case. They stand in
// alphabetical order. No record holds a secret or text of a conversation.

import CSystemd
import Gateway
import Glibc
import Logging
import Translation

/// Writes the records of finished requests. One a worker.
// SAFETY: the unsafe storage is the vectors, which are filled and read within one call.
@safe final class RequestLog {
    private let format: Configuration.LogFormat
    private let level: Logger.Level
    private var line: [UInt8] = []
    /// The journal's fields in `line`.
    private var lengths: [Int] = []
    private var vectors: [iovec] = unsafe []
    private var fieldStart = 0
    private var isQuoted = false

    /// - Parameter level: records below it are not written.
    init(_ format: Configuration.LogFormat, level: Logger.Level) {
        self.format = format
        self.level = level
    }

    /// Writes the record. A log that cannot be written is no reason to stop serving.
    func write(_ record: RequestRecord) {
        let level = Self.level(of: record)
        guard level >= self.level else { return }
        line.removeAll(keepingCapacity: true)
        switch format {
        case .text:
            line.append(utcNow: ())
            line.append(UInt8(ascii: " "))
            line.append(contentsOf: level.rawValue.utf8)
            for _ in level.rawValue.utf8.count..<8 { line.append(UInt8(ascii: " ")) }
            addSentence(for: record)
            addFields(of: record)
            line.append(UInt8(ascii: "\n"))
            writeLine()
        case .json:
            line.append(#"{"time":""#)
            line.append(utcNow: ())
            line.append(#"","level":""#)
            line.append(contentsOf: level.rawValue.utf8)
            line.append(#"","message":""#)
            addSentence(for: record)
            line.append("\"")
            addFields(of: record)
            line.append("}\n")
            writeLine()
        case .journal:
            lengths.removeAll(keepingCapacity: true)
            begin("MESSAGE")
            addSentence(for: record)
            end()
            add("PRIORITY", Int(level.priority))
            add("SYSLOG_IDENTIFIER", "claude-proxy")
            addFields(of: record)
            sendFields()
        }
    }

    private static func level(of record: RequestRecord) -> Logger.Level {
        switch record.outcome {
        case .completed, .cancelled: .info
        case .failed: record.status >= 500 ? .warning : .notice
        case .interrupted: .warning
        }
    }
}

// MARK: - What a record says

extension RequestLog {
    private func addFields(of record: RequestRecord) {
        add("CACHE_READ_TOKENS", unlessZero: record.cacheReadTokens)
        if let saving = record.cacheSaving { add("CACHE_SAVING_USD", "\(saving)") }
        add("CACHE_WRITE_TOKENS", unlessZero: record.cacheWriteTokens)
        add("CLIENT", record.client)
        if record.isCostListed { add("COST_SOURCE", "list") }
        add("COST_USD", record.cost)
        add(list: "DROPPED", record.dropped)
        add("DURATION_MS", record.duration.milliseconds)
        if let type = record.errorType { add("ERROR_TYPE", type.rawValue) }
        if let failure = record.failure { add("FAILURE", failure.rawValue) }
        add("GENERATION_ID", record.generationID)
        add("INPUT_TOKENS", unlessZero: record.inputTokens)
        add(list: "LESSONS", record.lessons)
        switch format {
        case .text: break
        case .json, .journal: add("MESSAGE_ID", MessageID.request)
        }
        add("MODEL", record.requestedModel)
        add("OUTCOME", record.outcome.rawValue)
        add("OUTPUT_TOKENS", unlessZero: record.outputTokens)
        add("PROVIDER", record.provider)
        add("REASONING_TOKENS", unlessZero: record.reasoningTokens)
        add("REQUEST_BYTES", record.requestBytes)
        begin("REQUEST_ID")
        line.append("req_")
        add(text: record.requestID)
        end()
        add("RESPONSE_BYTES", record.responseBytes)
        add("RETRIES", unlessZero: record.retries)
        add("SESSION_ID", record.sessionHash)
        add("STATUS", record.status)
        if let reason = record.stopReason { add("STOP_REASON", reason) }
        if let time = record.timeToFirstToken { add("TTFT_MS", time.milliseconds) }
        add("UPSTREAM_MODEL", record.upstreamModel)
        add("USER_AGENT", record.userAgent)
    }

    private func add(list name: StaticString, _ names: [String]) {
        guard !names.isEmpty else { return }
        begin(name)
        for (index, name) in names.enumerated() {
            if index > 0 { line.append(",") }
            add(text: name)
        }
        end()
    }

    /// The line that people read: what, how it ended, how long it took, and why it failed.
    private func addSentence(for record: RequestRecord) {
        add(text: record.method)
        line.append(" ")
        add(text: record.path)
        line.append(" ")
        if record.status == 0 {
            add(text: record.outcome.rawValue)
        } else {
            line.append(decimal: record.status)
        }
        if record.outcome == .interrupted || (record.outcome == .cancelled && record.status != 0) {
            line.append(" ")
            add(text: record.outcome.rawValue)
        }
        line.append(" in ")
        line.append(decimal: record.duration.milliseconds)
        line.append(" ms")
        if !record.upstreamModel.isEmpty {
            line.append(", ")
            add(text: record.upstreamModel)
        }
        if record.outputTokens > 0 {
            line.append(", ")
            line.append(
                decimal: record.inputTokens + record.cacheReadTokens + record.cacheWriteTokens)
            line.append("+")
            line.append(decimal: record.outputTokens)
            line.append(" tokens")
        }
        if let reason = record.stopReason {
            line.append(", ")
            add(text: reason)
        }
        if let message = record.errorMessage {
            line.append(": ")
            add(text: message)
        }
    }
}

// MARK: - Fields

extension RequestLog {
    private func begin(_ name: StaticString, isNumber: Bool = false) {
        fieldStart = line.count
        isQuoted = false
        switch format {
        case .text:
            line.append("  ")
            line.append(lowercased: name)
            line.append("=")
        case .json:
            isQuoted = !isNumber
            line.append(",\"")
            line.append(lowercased: name)
            line.append(isQuoted ? "\":\"" : "\":")
        case .journal:
            line.append(name)
            line.append("=")
        }
    }

    private func end() {
        if isQuoted { line.append("\"") }
        switch format {
        case .text, .json: break
        case .journal: lengths.append(line.count - fieldStart)
        }
    }

    private func add(_ name: StaticString, _ number: Int) {
        begin(name, isNumber: true)
        line.append(decimal: number)
        end()
    }

    private func add(_ name: StaticString, unlessZero number: Int) {
        if number != 0 { add(name, number) }
    }

    private func add(_ name: StaticString, _ text: String) {
        begin(name)
        add(text: text)
        end()
    }

    /// Adds nothing for an empty value.
    private func add(_ name: StaticString, _ text: [UInt8]) {
        guard !text.isEmpty else { return }
        begin(name)
        add(text: text)
        end()
    }

    private func add(text: String) {
        for byte in text.utf8 { add(byte) }
    }

    /// Bytes that are not UTF-8 become U+FFFD.
    private func add(text: [UInt8]) {
        var isPlain = true
        for byte in text {
            if byte >= 0x80 { return add(text: String(decoding: text, as: UTF8.self)) }
            if byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"")
                || byte == UInt8(ascii: "\\")
            {
                isPlain = false
            }
        }
        if isPlain { return line.append(contentsOf: text) }
        for byte in text { add(byte) }
    }

    /// Untrusted text made fit for a log: control bytes (which could forge lines or drive a
    /// terminal) become `?`.
    private func add(_ byte: UInt8) {
        if byte < 0x20 || byte == 0x7F {
            line.append(UInt8(ascii: "?"))
            return
        }
        switch format {
        case .text, .journal: break
        case .json:
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { line.append("\\") }
        }
        line.append(byte)
    }

    // MARK: Out

    /// One write(2) a record, so that lines of several threads do not mix.
    private func writeLine() {
        // SAFETY: the array is lent for the call.
        _ = unsafe Glibc.write(STDERR_FILENO, line, line.count)
    }

    private func sendFields() {
        // SAFETY: every vector points into `line`, which is not touched during the call; journald's
        // client only reads. Values may hold any byte: their length is given.
        unsafe line.withUnsafeMutableBytes { buffer in
            unsafe vectors.removeAll(keepingCapacity: true)
            var start = 0
            for length in lengths {
                unsafe vectors.append(
                    iovec(iov_base: buffer.baseAddress?.advanced(by: start), iov_len: length))
                start += length
            }
            _ = unsafe sd_journal_sendv(vectors, CInt(vectors.count))
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

    /// Appends the name of a journal field as the other forms have it.
    fileprivate mutating func append(lowercased name: StaticString) {
        let start = count
        append(name)
        var span = mutableSpan
        for index in start..<span.count {
            let byte = span[index]
            if byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") { span[index] = byte | 0x20 }
        }
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
