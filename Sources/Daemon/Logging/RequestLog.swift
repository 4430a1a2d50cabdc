// The record of a finished request, in the configured form. It is the one log record of the data
// path, so it is written straight into a buffer that is reused: through swift-log's dictionaries it
// cost more instructions than the translation of a small request.
//
// Fields stand in alphabetical order. No record holds a secret or text of a conversation.

import Gateway
import Logging
import Translation

/// Writes the records of finished requests. One a worker.
struct RequestLog {
    private let output: LogOutput
    private var line = LogEncoder()
    private var refusals = RefusalCounts()

    init(_ output: LogOutput) { self.output = output }

    /// Writes the record, unless it is one of many refusals; those are told together.
    mutating func write(_ record: RequestRecord, at now: MonotonicTime) {
        let level = Self.level(of: record)
        guard level >= output.level, refusals.admits(record, at: now) else { return }
        line.begin(output.format, level)
        addSentence(for: record)
        line.endMessage()
        addFields(of: record)
        line.end()
        output.append(line)
    }

    /// When `writeRefusals` is due; nil for never.
    var deadline: MonotonicTime? { refusals.deadline }

    /// Tells of the refusals that were only counted.
    mutating func writeRefusals(at now: MonotonicTime) {
        for summary in refusals.summaries(at: now) {
            line.begin(output.format, .notice)
            line.add(decimal: summary.count)
            line.add(words: " more requests were refused with ")
            line.add(decimal: summary.kind.status)
            line.add(words: " within a second, the last of them of ")
            line.add(peer: summary.client.utf8.span)
            line.endMessage()
            line.add("CLIENT", summary.client)
            line.add("COUNT", summary.count)
            line.add("ERROR_TYPE", summary.kind.type.rawValue)
            switch line.format {
            case .text: break
            case .json, .journal: line.add("MESSAGE_ID", MessageID.refusals)
            }
            line.add("STATUS", summary.kind.status)
            line.end()
            output.append(line)
        }
    }

    private static func level(of record: RequestRecord) -> Logger.Level {
        switch record.outcome {
        case .completed where record.isProbe: .debug
        case .completed, .cancelled: .info
        case .failed: record.status >= 500 ? .warning : .notice
        case .interrupted: .warning
        }
    }
}

// MARK: - What a record says

extension RequestLog {
    private mutating func addFields(of record: RequestRecord) {
        if let hints = record.hints {
            if !hints.agentID.isEmpty { line.add("AGENT_ID", hints.agentID) }
            if !hints.agentType.isEmpty { line.add("AGENT_TYPE", hints.agentType) }
        }
        if record.retries > 0 { line.add("ATTEMPTS", record.retries + 1) }
        line.add("CACHE_READ_TOKENS", unlessZero: record.cacheReadTokens)
        if let saving = record.cacheSaving { line.add("CACHE_SAVING_USD", "\(saving)") }
        line.add("CACHE_WRITE_TOKENS", unlessZero: record.cacheWriteTokens)
        line.add("CLIENT", record.client)
        if record.isCostListed { line.add("COST_SOURCE", "list") }
        line.add("COST_USD", record.cost)
        add(list: "DROPPED", record.dropped)
        line.add("DURATION_MS", record.duration.milliseconds)
        if let type = record.errorType { line.add("ERROR_TYPE", type.rawValue) }
        if let failure = record.failure { line.add("FAILURE", failure.rawValue) }
        if !record.fallbackFrom.isEmpty { line.add("FALLBACK_FROM", record.fallbackFrom) }
        if let reason = record.fallbackReason { line.add("FALLBACK_REASON", reason.rawValue) }
        line.add("GENERATION_ID", record.generationID)
        line.add("INPUT_TOKENS", unlessZero: record.inputTokens)
        add(list: "LESSONS", record.lessons)
        switch line.format {
        case .text: break
        case .json, .journal: line.add("MESSAGE_ID", MessageID.request)
        }
        line.add("MODEL", record.requestedModel)
        line.add("OUTCOME", record.outcome.rawValue)
        line.add("OUTPUT_TOKENS", unlessZero: record.outputTokens)
        line.add("PROVIDER", record.provider)
        line.add("REASONING_TOKENS", unlessZero: record.reasoningTokens)
        line.add("REQUEST_BYTES", record.requestBytes)
        if let kind = record.hints?.requestClass, !kind.isEmpty {
            line.add("REQUEST_CLASS", kind)
        }
        line.add("REQUEST_ID", requestID: record.requestID)
        line.add("RESPONSE_BYTES", record.responseBytes)
        line.add("RETRIES", unlessZero: record.retries)
        if !record.route.isEmpty { line.add("ROUTE", record.route) }
        line.add("SESSION_ID", record.sessionHash)
        line.add("STATUS", record.status)
        if let reason = record.stopReason { line.add("STOP_REASON", reason) }
        if let time = record.timeToFirstToken { line.add("TTFT_MS", time.milliseconds) }
        if !record.upstream.isEmpty { line.add("UPSTREAM", record.upstream) }
        line.add("UPSTREAM_MODEL", record.upstreamModel)
        line.add("USER_AGENT", record.userAgent)
    }

    private mutating func add(list name: StaticString, _ names: [String]) {
        if !names.isEmpty { line.add(name, names.joined(separator: ",")) }
    }

    /// The line that people read: what, how it ended, how long it took, and why it failed.
    private mutating func addSentence(for record: RequestRecord) {
        line.add(peer: record.method.utf8.span)
        line.add(words: " ")
        line.add(peer: record.path.span)
        line.add(words: " ")
        if record.status == 0 {
            line.add(record.outcome.rawValue)
        } else {
            line.add(decimal: record.status)
        }
        if record.outcome == .interrupted || (record.outcome == .cancelled && record.status != 0) {
            line.add(words: " ")
            line.add(record.outcome.rawValue)
        }
        line.add(words: " in ")
        line.add(decimal: record.duration.milliseconds)
        line.add(words: " ms")
        if !record.upstreamModel.isEmpty {
            line.add(words: ", ")
            line.add(peer: record.upstreamModel.span)
        }
        if record.outputTokens > 0 {
            line.add(words: ", ")
            line.add(
                decimal: record.inputTokens + record.cacheReadTokens + record.cacheWriteTokens)
            line.add(words: "+")
            line.add(decimal: record.outputTokens)
            line.add(words: " tokens")
        }
        if let reason = record.stopReason {
            line.add(words: ", ")
            line.add(reason)
        }
        if let message = record.errorMessage {
            line.add(words: ": ")
            line.add(message)
        }
    }
}
