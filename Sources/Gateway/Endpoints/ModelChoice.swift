// Which upstream model a client's model id means.

/// The choice of upstream models, made once per configuration.
package struct ModelChoice: Sendable {
    private let map: ModelMap
    private let defaultModel: String

    package init(_ configuration: Configuration) {
        map = configuration.modelMap
        defaultModel = configuration.defaultModel
    }

    /// The upstream's id for a client's model id. The first rule that fits decides:
    /// 1. an id that the model map names goes where the map says;
    /// 2. an alias `claude-<upstream id>` resolves to that id;
    /// 3. an id with a slash is an upstream id already;
    /// 4. so is one without that the upstream lists, unless it is a Claude id;
    /// 5. everything else, so every Claude id, is the default model.
    ///
    /// The window that Claude Code appends to an id (`[1m]`) is the client's own and no part of it.
    package func upstreamModel(for requested: String, in catalogue: ModelCatalogue?) -> String {
        let plain = Self.withoutWindow(requested)
        if plain != requested, !map.names(requested) {
            return upstreamModel(for: plain, in: catalogue)
        }
        if let target = map.target(for: requested) { return target }
        guard requested.hasPrefix(Self.aliasPrefix) else {
            let isListed = catalogue?.lists(requested) ?? false
            return requested.contains("/") || isListed ? requested : defaultModel
        }
        let id = String(requested.dropFirst(Self.aliasPrefix.count))
        let isListed = catalogue?.lists(id) ?? false
        return id.contains("/") || isListed ? id : defaultModel
    }

    /// The id without a window such as `[1m]` at its end.
    private static func withoutWindow(_ id: String) -> String {
        guard id.utf8.last == UInt8(ascii: "]"),
            let bracket = id.utf8.lastIndex(of: UInt8(ascii: "[")), bracket > id.startIndex
        else { return id }
        let window = id.utf8[bracket...].dropFirst().dropLast()
        let isWindow =
            (2...5).contains(window.count) && window.dropLast().allSatisfy { 0x30...0x39 ~= $0 }
            && [UInt8(ascii: "m"), UInt8(ascii: "k")].contains(window.last.map { $0 | 0x20 })
        return isWindow ? String(id[..<bracket]) : id
    }

    /// The alias under which Claude Code's model picker accepts an upstream model: it lists only ids
    /// that name Claude.
    static func alias(for upstreamID: String) -> String { aliasPrefix + upstreamID }

    private static let aliasPrefix = "claude-"
}
