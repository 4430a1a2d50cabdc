// Log records about requests that are rare enough for swift-log; that of each request is RequestLog's.
// Metadata keys are journal field names; the other formats print them in lower case. No record
// holds a secret or text of a conversation.

import Gateway
import Logging
import Translation

extension Logger {
    /// Says that a session's prompt was paid for anew, and from where on.
    func log(_ divergence: PromptDivergence, of record: RequestRecord) {
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

    /// Untrusted text made fit for a log: control bytes (which could forge lines or drive a
    /// terminal) become `?`.
    private static func printable(_ bytes: [UInt8]) -> String {
        String(
            decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}
