// How log records look: the one place that turns what the core reports into swift-log's records.
// Metadata keys are journal field names; the other formats print them in lower case. No record
// holds a secret or text of a conversation.

import Gateway
import Logging
import Translation

/// Identifies the kinds of records that scripts look for (`journalctl MESSAGE_ID=…`). Random, fixed
/// for ever (see `journalctl --new-id128`).
enum MessageID {
    static let started = "b73fe0b6b43e475784b95398c4891ce3"
    static let reloaded = "f3442dfe31754b538dd42ff6e2680040"
    static let reloadFailed = "9fac2632085a4667b79b1ef2ab54f760"
    static let stopping = "4d8bfcf402394f52adc290f2a4274c85"
    static let request = "0357233ddf374aaba23eced1cd944d36"
    static let prefixBreak = "728a2ead520a412589d5e68d24300aed"
}

extension Logger {
    /// Writes the record of a finished request.
    func log(_ record: RequestRecord) {
        var fields: Logger.Metadata = [
            "MESSAGE_ID": .string(MessageID.request),
            "REQUEST_ID": .string("req_" + String(decoding: record.requestID, as: UTF8.self)),
            "OUTCOME": .string(record.outcome.rawValue),
            "STATUS": .stringConvertible(record.status),
            "CLIENT": .string(record.client),
            "DURATION_MS": .stringConvertible(record.duration.milliseconds),
            "REQUEST_BYTES": .stringConvertible(record.requestBytes),
            "RESPONSE_BYTES": .stringConvertible(record.responseBytes),
        ]
        func add(_ key: String, _ bytes: [UInt8]) {
            if !bytes.isEmpty { fields[key] = .string(Self.printable(bytes)) }
        }
        func add(_ key: String, _ number: Int) {
            if number != 0 { fields[key] = .stringConvertible(number) }
        }
        add("MODEL", record.requestedModel)
        add("UPSTREAM_MODEL", record.upstreamModel)
        add("PROVIDER", record.provider)
        add("GENERATION_ID", record.generationID)
        add("SESSION_ID", record.sessionHash)
        add("USER_AGENT", record.userAgent)
        add("COST_USD", record.cost)
        if record.isCostListed { fields["COST_SOURCE"] = "list" }
        if let saving = record.cacheSaving { fields["CACHE_SAVING_USD"] = "\(saving)" }
        add("INPUT_TOKENS", record.inputTokens)
        add("OUTPUT_TOKENS", record.outputTokens)
        add("CACHE_READ_TOKENS", record.cacheReadTokens)
        add("CACHE_WRITE_TOKENS", record.cacheWriteTokens)
        add("REASONING_TOKENS", record.reasoningTokens)
        add("RETRIES", record.retries)
        if let reason = record.stopReason { fields["STOP_REASON"] = .string(reason) }
        if let type = record.errorType { fields["ERROR_TYPE"] = .string(type.rawValue) }
        if let time = record.timeToFirstToken {
            fields["TTFT_MS"] = .stringConvertible(time.milliseconds)
        }
        if !record.dropped.isEmpty {
            fields["DROPPED"] = .string(record.dropped.joined(separator: ","))
        }
        log(level: Self.level(of: record), "\(Self.sentence(for: record))", metadata: fields)
        if let divergence = record.divergence { log(divergence, of: record) }
    }

    /// Says that a session's prompt was paid for anew, and from where on.
    private func log(_ divergence: PromptDivergence, of record: RequestRecord) {
        let fields: Logger.Metadata = [
            "MESSAGE_ID": .string(MessageID.prefixBreak),
            "REQUEST_ID": .string("req_" + String(decoding: record.requestID, as: UTF8.self)),
            "SESSION_ID": .string(Self.printable(record.sessionHash)),
            "UPSTREAM_MODEL": .string(Self.printable(record.upstreamModel)),
            "PREFIX_BREAK": .string("\(divergence)"),
        ]
        log(
            level: .warning,
            "a session's prompt does not begin as in its last turn: it differs from \(divergence) on, and nothing from there on comes from the upstream's cache",
            metadata: fields)
    }

    private static func level(of record: RequestRecord) -> Logger.Level {
        switch record.outcome {
        case .completed, .cancelled: .info
        case .failed: record.status >= 500 ? .warning : .notice
        case .interrupted: .warning
        }
    }

    /// The line that people read: what, how it ended, how long it took, and why it failed.
    private static func sentence(for record: RequestRecord) -> String {
        var text = "\(record.method) \(printable(record.path)) "
        text += record.status == 0 ? record.outcome.rawValue : "\(record.status)"
        if record.outcome == .interrupted || (record.outcome == .cancelled && record.status != 0) {
            text += " " + record.outcome.rawValue
        }
        text += " in \(record.duration.milliseconds) ms"
        if !record.upstreamModel.isEmpty { text += ", \(printable(record.upstreamModel))" }
        if record.outputTokens > 0 {
            text += ", \(record.inputTokens + record.cacheReadTokens + record.cacheWriteTokens)"
            text += "+\(record.outputTokens) tokens"
        }
        if let reason = record.stopReason { text += ", \(reason)" }
        if let message = record.errorMessage { text += ": \(printable(Array(message.utf8)))" }
        return text
    }

    /// Untrusted text made fit for a log: control bytes (which could forge lines or drive a
    /// terminal) become `?`.
    static func printable(_ bytes: [UInt8]) -> String {
        String(
            decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int { Int(self / .milliseconds(1)) }
}
