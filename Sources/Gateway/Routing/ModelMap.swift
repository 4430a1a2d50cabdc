// Rules from the model ids that clients send to the ids that the upstream knows.
//
// An exact rule beats every prefix rule, and a longer prefix beats a shorter one, whatever the
// order in which they were written: so no rule can hide another by accident.

/// Rules from client model ids to upstream model ids.
package struct ModelMap: Sendable, Equatable {
    /// One rule: `pattern=target`.
    package struct Rule: Sendable, Equatable {
        /// A model id, or the beginning of one; without the `*`.
        package let pattern: String
        /// Whether every id that begins with `pattern` matches.
        package let isPrefix: Bool
        /// The upstream models.
        package let chain: ModelChain

        /// A rule; `pattern` does not contain the `*`.
        package init(pattern: String, isPrefix: Bool, chain: ModelChain) {
            self.pattern = pattern
            self.isPrefix = isPrefix
            self.chain = chain
        }
    }

    /// The rules as they were written.
    package let rules: [Rule]

    /// A map with these rules; without any it answers nil to every id.
    package init(_ rules: [Rule] = []) {
        self.rules = rules
    }

    /// Whether a rule names this very id.
    func names(_ model: String) -> Bool {
        rules.contains { !$0.isPrefix && $0.pattern == model }
    }

    /// The upstream models for a client's model id, or nil if no rule matches.
    package func chain(for model: String) -> ModelChain? {
        var best: Rule?
        for rule in rules {
            if !rule.isPrefix {
                if rule.pattern == model { return rule.chain }
            } else if model.hasPrefix(rule.pattern),
                rule.pattern.utf8.count >= best?.pattern.utf8.count ?? 0
            {
                best = rule
            }
        }
        return best?.chain
    }
}

extension ModelMap.Rule: CustomStringConvertible {
    /// The rule as an administrator writes it.
    package var description: String { "\(from)=\(chain)" }

    /// The left side as an administrator writes it.
    var from: String { isPrefix ? pattern + "*" : pattern }

    /// Reads `from=to`, in which `from` may end in `*`.
    init(parsing text: String) throws(InvalidValue) {
        guard let equals = text.firstIndex(of: "=") else {
            throw InvalidValue("\(text.quoted) has no `=`")
        }
        var from = text[..<equals].trimmed
        let target = text[text.index(after: equals)...].trimmed
        guard !from.isEmpty else { throw InvalidValue("\(text.quoted) has nothing before its `=`") }
        guard !target.isEmpty else {
            throw InvalidValue("\(text.quoted) has nothing after its `=`")
        }
        let isPrefix = from.hasSuffix("*")
        if isPrefix { from.removeLast() }
        guard !from.contains("*") else {
            throw InvalidValue("\(text.quoted) has a `*` that is not at the end of its left side")
        }
        try checkModelID(from)
        self.init(
            pattern: from, isPrefix: isPrefix, chain: try ModelChain(parsing: target))
    }
}
