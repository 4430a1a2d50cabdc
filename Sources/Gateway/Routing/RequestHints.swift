// What Claude Code says of a request in its header fields (its documentation of gateways; those but the
// agent's id need CLAUDE_CODE_GATEWAY_HINT_HEADERS=1). Anybody can send them: they choose among what
// the administrator has set, and stand in the log.

import HTTP1

/// A client's account of who asks, and what for. An object, since most requests have none, and records
/// are copied.
package final class RequestHints: Sendable {
    /// The sub-agent that asks; empty for the session itself.
    package let agentID: String
    /// `Explore`, `Plan`, `general-purpose` and the like.
    package let agentType: String
    /// `main`, `subagent`, `workflow`, `compaction`, `auxiliary`.
    package let requestClass: String
    /// Whether it is the first request after its conversation was compacted.
    let isCompacted: Bool

    var isOfSubagent: Bool { !agentID.isEmpty || requestClass == "subagent" }

    private static let bytesMax = 128

    /// What a head says; nil if it says nothing.
    init?(_ head: RequestHead) {
        // Most clients say nothing, and this is faster than a look at each field.
        guard head.hasField(withPrefix: "x-claude-code-") else { return nil }
        var (id, type, kind, isCompacted) = ("", "", "", false)
        for index in 0..<head.fieldCount {
            let (name, value) = head.field(at: index)
            // The shortest of them has 22 bytes; nearly all other fields are shorter.
            guard name.count >= 22, Self.isOurs(name) else { continue }
            switch String(decoding: name.dropFirst(14), as: UTF8.self).lowercased() {
            case "agent-id": id = Self.text(value)
            case "agent-type": type = Self.text(value)
            case "request-class": kind = Self.text(value)
            case "context-compacted": isCompacted = !value.isEmpty
            default: break
            }
        }
        guard !id.isEmpty || !type.isEmpty || !kind.isEmpty || isCompacted else { return nil }
        agentID = id
        agentType = type
        requestClass = kind
        self.isCompacted = isCompacted
    }

    private static func isOurs(_ name: ArraySlice<UInt8>) -> Bool {
        name.prefix(14).equalsIgnoringCase("x-claude-code-")
    }

    /// A value of visible ASCII; empty if it is anything else.
    private static func text(_ value: ArraySlice<UInt8>) -> String {
        guard value.count <= bytesMax, value.allSatisfy({ 0x21...0x7E ~= $0 }) else { return "" }
        return String(decoding: value, as: UTF8.self)
    }
}
