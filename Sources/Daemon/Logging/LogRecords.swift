// Log records about requests that are rare enough for swift-log; that of each request is RequestLog's.
// Metadata keys are journal field names; the other formats print them in lower case. No record
// holds a secret or text of a conversation.

import Gateway
import Logging
import Translation

extension Logger {
    /// Says that an upstream, a key or a model begins to fail, or works again.
    func log(_ notice: RoutingNotice) {
        var fields: Logger.Metadata = [
            "MESSAGE_ID": .string(
                notice.isRecovery ? MessageID.upstreamWorks : MessageID.upstreamFails),
            "UPSTREAM": .string(notice.upstream),
        ]
        if !notice.model.isEmpty { fields["UPSTREAM_MODEL"] = .string(notice.model) }
        log(level: notice.isRecovery ? .notice : .warning, "\(notice.text)", metadata: fields)
    }

    /// Says that a session's prompt was paid for anew, and from where on.
    func log(_ divergence: PromptDivergence, of record: RequestRecord) {
        let fields: Logger.Metadata = [
            "MESSAGE_ID": .string(MessageID.prefixBreak),
            "REQUEST_ID": .string("req_" + String(decoding: record.requestID, as: UTF8.self)),
            "SESSION_ID": .string(String(decoding: record.sessionHash, as: UTF8.self)),
            "UPSTREAM_MODEL": .string(String(decoding: record.upstreamModel, as: UTF8.self)),
            "PREFIX_BREAK": .string("\(divergence)"),
        ]
        log(
            level: .warning,
            "a session's prompt does not begin as in its last turn: it differs from \(divergence) on, and nothing from there on comes from the upstream's cache",
            metadata: fields)
    }
}
