// Betas of the Messages API, which a client names in `anthropic-beta`. Servers that speak the API refuse
// requests for the sake of one that they do not know.

/// The betas that a request names, and which of them its upstream refuses.
package struct Betas: Equatable, Sendable {
    /// As the request has them, in their order.
    private let carried: [String]
    private var refused: Set<String> = []

    /// The members of a request that need a beta, by how its name begins.
    private static let gated: [(prefix: String, field: String)] = [
        ("context-management-", "context_management"), ("compact-", "context_management"),
        ("structured-outputs-", "output_format"), ("fast-mode-", "speed"),
        ("dangerous-tool-use-", "safeguards"), ("mcp-client-", "mcp_servers"),
    ]

    package init(carried: [String] = []) { self.carried = carried }

    /// Whether any is left out.
    package var areCut: Bool { !refused.isEmpty }

    /// Those that go on.
    package var kept: [String] { carried.filter { !refused.contains($0) } }

    /// The members that are left out with the betas.
    var fields: [String] {
        Self.gated.filter { beta, _ in refused.contains { $0.hasPrefix(beta) } }.map(\.field)
    }

    /// Those of `names` that the request carries. Refusals are about what they have seen, or lie.
    ///
    /// - Parameter names: with commas between them, in lower case; empty for all.
    private func named(in names: String) -> [String] {
        let names = Set(names.split(separator: ",").map(String.init))
        return names.isEmpty ? carried : carried.filter { names.contains($0.lowercased()) }
    }

    /// The same refusal, of what the request carries; nil when that is nothing of it.
    package func concrete(_ names: String) -> String? {
        let named = named(in: names)
        guard !named.isEmpty else { return nil }
        return names.isEmpty ? "" : named.joined(separator: ",").lowercased()
    }

    /// Leaves out those of `names`.
    ///
    /// - Returns: whether that changes anything.
    mutating func refuse(_ names: String) -> Bool {
        let before = refused
        refused.formUnion(named(in: names))
        return refused != before
    }
}
