// Rules that send requests of a kind elsewhere, as an administrator writes them: `kind=chain`.

/// One rule of `CLAUDE_PROXY_ROUTES`.
package struct RouteRule: Sendable, Equatable {
    /// Which requests a rule is for.
    package enum Kind: Sendable, Hashable {
        /// Those of Claude Code's sub-agents, or of one type of them.
        case subagent(type: String?)
        /// Those that compact a conversation.
        case compaction
        /// Small ones beside a conversation, such as that for its title.
        case auxiliary
        /// Those whose only tool is Anthropic's web search.
        case webSearch
        /// Those whose prompts have more tokens.
        case over(tokens: Int)
    }

    package let kind: Kind
    package let chain: ModelChain
}

extension RouteRule.Kind: CustomStringConvertible {
    /// The kind as an administrator writes it.
    package var description: String {
        switch self {
        case .subagent(nil): "subagent"
        case .subagent(let type?): "subagent.\(type)"
        case .compaction: "compaction"
        case .auxiliary: "auxiliary"
        case .webSearch: "websearch"
        case .over(let tokens): "over:\(tokens)"
        }
    }

    private static let words = ["subagent", "compaction", "auxiliary", "websearch", "over:N"]
    private static let tokensRange = 1000...100_000_000

    fileprivate init(parsing text: String) throws(InvalidValue) {
        switch text {
        case "subagent": self = .subagent(type: nil)
        case "compaction": self = .compaction
        case "auxiliary": self = .auxiliary
        case "websearch": self = .webSearch
        case _ where text.hasPrefix("subagent."):
            let type = String(text.dropFirst("subagent.".count))
            guard !type.isEmpty, type.isVisibleASCII, type.utf8.count <= Limits.loggedBytesMax
            else { throw InvalidValue("\(text.quoted) names no type of sub-agent") }
            self = .subagent(type: type)
        case _ where text.hasPrefix("over:"):
            let digits = text.dropFirst("over:".count)
            guard digits.utf8.allSatisfy(HostSyntax.isDigit), let tokens = Int(digits),
                Self.tokensRange.contains(tokens)
            else {
                throw InvalidValue(
                    "\(text.quoted) has no number of tokens from \(Self.tokensRange.lowerBound)"
                        + " to \(Self.tokensRange.upperBound)")
            }
            self = .over(tokens: tokens)
        default:
            let guess = EditDistance.closest(
                to: text.lowercased(), among: Self.words, atMost: 2)
            throw InvalidValue(
                "\(text.quoted) is no kind of request"
                    + (guess.map { "; did you mean \($0)?" } ?? ""))
        }
    }
}

extension ValueFormat where Value == [RouteRule] {
    /// Rules separated by commas.
    static var routeRules: Self {
        ValueFormat(
            type: "list",
            allowed: "a comma-separated list of kind=chain, where kind is subagent, subagent.Type,"
                + " compaction, auxiliary, websearch or over:N",
            parse: { (text) throws(InvalidValue) in
                var rules: [RouteRule] = []
                for item in text.split(separator: ",", omittingEmptySubsequences: false) {
                    let item = item.trimmed
                    guard let equals = item.firstIndex(of: "=") else {
                        throw InvalidValue(
                            item.isEmpty
                                ? "an item of the list is empty: a comma too many"
                                : "\(item.quoted) has no `=`")
                    }
                    let kind = try RouteRule.Kind(parsing: item[..<equals].trimmed)
                    guard !rules.contains(where: { $0.kind == kind }) else {
                        throw InvalidValue("there are two routes for \(kind)")
                    }
                    let chain = item[item.index(after: equals)...].trimmed
                    guard !chain.isEmpty else {
                        throw InvalidValue("\(item.quoted) has nothing after its `=`")
                    }
                    rules.append(RouteRule(kind: kind, chain: try ModelChain(parsing: chain)))
                }
                return rules
            },
            render: { $0.map { "\($0.kind)=\($0.chain)" }.joined(separator: ",") })
    }
}
