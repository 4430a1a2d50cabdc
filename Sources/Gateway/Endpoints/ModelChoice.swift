// Which upstream model a client's model id means.

/// The choice of upstream models, made once per configuration.
package struct ModelChoice: Sendable {
    private let map: ModelMap
    private let defaultModel: String

    init(_ configuration: Configuration) {
        map = configuration.modelMap
        defaultModel = configuration.defaultModel
    }

    /// The upstream's id for a client's model id. The first rule that fits decides:
    /// 1. an id that the model map names goes where the map says;
    /// 2. an alias `claude-<upstream id>` resolves to that id;
    /// 3. an id with a slash is an upstream id already;
    /// 4. everything else, so every Claude id, is the default model.
    package func upstreamModel(for requested: String) -> String {
        if let target = map.target(for: requested) { return target }
        let id =
            requested.hasPrefix(Self.aliasPrefix)
            ? String(requested.dropFirst(Self.aliasPrefix.count)) : requested
        return id.contains("/") ? id : defaultModel
    }

    /// The alias under which Claude Code's model picker accepts an upstream model: it lists only ids
    /// that name Claude.
    static func alias(for upstreamID: String) -> String { aliasPrefix + upstreamID }

    private static let aliasPrefix = "claude-"
}
