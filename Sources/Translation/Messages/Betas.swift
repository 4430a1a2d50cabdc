// Betas of the Messages API, which a client names in `anthropic-beta`. Servers that speak the API refuse
// requests for the sake of one that they do not know.

/// Betas that an upstream refuses.
package struct Betas: Equatable, Sendable {
    /// Their names; the empty one stands for all.
    var names: Set<String> = []

    /// More names, or longer ones, no refusal has.
    private static let countMax = 16
    static let nameBytesMax = 64

    /// The members of a request that need a beta, by how its name begins.
    private static let gated: [(prefix: String, field: String)] = [
        ("context-management-", "context_management"), ("compact-", "context_management"),
        ("structured-outputs-", "output_format"), ("fast-mode-", "speed"),
        ("dangerous-tool-use-", "safeguards"), ("mcp-client-", "mcp_servers"),
    ]

    package init() {}

    /// - Parameter refused: names with commas between them; empty for all betas.
    init(refused: String) {
        names = Set(refused.split(separator: ",").prefix(Self.countMax).map(String.init))
        if names.isEmpty { names = [""] }
    }

    package var isEmpty: Bool { names.isEmpty }

    package func contains(_ name: String) -> Bool { names.contains("") || names.contains(name) }

    /// The members that are left out with them.
    var fields: [String] {
        Self.gated.filter { beta, _ in
            names.contains { $0.isEmpty || $0.hasPrefix(beta) }
        }.map(\.field)
    }
}
