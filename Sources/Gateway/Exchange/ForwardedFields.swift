// What of a request's head goes on to an upstream that speaks the Messages API itself: the version and
// the betas that the body was written for, and what tells Anthropic which client asks. Never a
// credential, and nothing that is about the connection.

import HTTP1
import Translation

/// The header fields of a client's request that go on, and its query.
package struct ForwardedFields: Equatable, Sendable {
    /// Lines of a head, without line ends.
    package private(set) var lines: [String] = []
    /// The client's query, without the `?`; empty for none.
    package private(set) var query = ""

    /// Clients send a dozen of these fields, of a few hundred bytes together.
    private static let linesMax = 40
    private static let bytesMax = 8 << 10
    private static let names: Set<String> = [
        "anthropic-version", beta, "anthropic-workspace-id", "x-app", idempotencyKey,
    ]
    private static let beta = "anthropic-beta"
    private static let idempotencyKey = "idempotency-key"
    private static let queryBytesMax = 256
    private static let prefixes = ["x-claude-code-", "x-stainless-"]

    /// Without a version of the client's own, the first that there was counts.
    private static let version = "anthropic-version: 2023-06-01"

    package init() { lines = [Self.version] }

    init(_ head: RequestHead) {
        var bytes = 0
        for index in 0..<head.fieldCount {
            let (field, value) = head.field(at: index)
            let name = String(decoding: field, as: UTF8.self).lowercased()
            guard Self.names.contains(name) || Self.prefixes.contains(where: name.hasPrefix) else {
                continue
            }
            bytes += name.utf8.count + value.count
            guard lines.count < Self.linesMax, bytes <= Self.bytesMax else { break }
            // libcurl takes a line without a value for the wish to leave the field out.
            guard !value.isEmpty, value.allSatisfy({ 0x20...0x7E ~= $0 }) else { continue }
            lines.append("\(name): \(String(decoding: value, as: UTF8.self))")
        }
        if head.field("anthropic-version") == nil { lines.append(Self.version) }
        guard let query = head.query, query.count <= Self.queryBytesMax,
            query.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "#") })
        else { return }
        self.query = String(decoding: query, as: UTF8.self)
    }

    /// The betas that the client names.
    var betas: Betas {
        let lists = lines.filter { $0.hasPrefix(Self.beta + ":") }.flatMap {
            $0.dropFirst(Self.beta.count + 1).split(separator: ",")
        }
        return Betas(carried: lists.map { $0.filter { $0 != " " } })
    }

    /// Leaves out the betas that the upstream has refused.
    mutating func cut(_ betas: Betas) {
        guard betas.areCut else { return }
        lines.removeAll { $0.hasPrefix(Self.beta + ":") }
        let kept = betas.kept
        if !kept.isEmpty { lines.append("\(Self.beta): \(kept.joined(separator: ","))") }
    }

    /// Leaves out what tells the upstream that this is the same request as one before.
    mutating func dropIdempotencyKey() {
        lines.removeAll { $0.hasPrefix(Self.idempotencyKey + ":") }
    }
}
