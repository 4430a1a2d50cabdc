// What is known of a model from its id alone. Families differ in what they take in a schema, in
// where effort goes, in what must come back with a history.

/// The makers whose models need something of their own.
package enum ModelFamily: Sendable, Equatable {
    case claude, gemini, openAI, deepSeek, qwen, other

    /// The family of the upstream id `model`.
    package static func of(_ model: [UInt8]) -> ModelFamily {
        var id = model[...]
        // OpenRouter's "latest" aliases: `~anthropic/claude-sonnet-latest`.
        if id.first == UInt8(ascii: "~") { id = id.dropFirst() }
        let name = String(decoding: id, as: UTF8.self).lowercased()
        if name.hasPrefix("anthropic/") || name.contains("claude") { return .claude }
        if name.hasPrefix("google/") || name.contains("gemini") { return .gemini }
        if name.hasPrefix("openai/") || name.hasPrefix("gpt-") || name.contains("gpt-oss") {
            return .openAI
        }
        if name.contains("deepseek") { return .deepSeek }
        if name.contains("qwen") { return .qwen }
        return isOSeries(name) ? .openAI : .other
    }

    /// Whether a model that nothing is known about is likely to take `reasoning_effort`. OpenAI's
    /// older models and most local ones answer 400 to it.
    static func takesEffort(_ model: [UInt8]) -> Bool {
        let name = String(decoding: model, as: UTF8.self).lowercased()
        return name.contains("gpt-5") || name.contains("gpt-oss") || isOSeries(name)
            || name.contains("gemini-2.5") || name.contains("gemini-3")
    }

    /// `o1`, `o3-mini`, `openai/o4`…
    private static func isOSeries(_ name: String) -> Bool {
        let last = name.split(separator: "/").last ?? ""
        guard last.first == "o", let digit = last.dropFirst().first else { return false }
        return digit.isASCII && digit.isNumber
    }

    /// Whether these models write their cache only where `cache_control` says so, or read it.
    var hasCacheControl: Bool {
        switch self {
        case .claude, .gemini, .qwen: true
        case .openAI, .deepSeek, .other: false
        }
    }
}

extension ModelFamily {
    /// Whether these models cache nothing but what a breakpoint ends. Gemini's cache by themselves.
    var cachesOnlyToMarks: Bool {
        switch self {
        case .claude, .qwen: true
        case .gemini, .openAI, .deepSeek, .other: false
        }
    }
}

/// How hard a model is to think, from least to most.
package enum ReasoningEffort: Sendable, Comparable, CaseIterable {
    case minimal, low, medium, high, xhigh, max

    /// The value in either API.
    package var name: StaticString {
        switch self {
        case .minimal: "minimal"
        case .low: "low"
        case .medium: "medium"
        case .high: "high"
        case .xhigh: "xhigh"
        case .max: "max"
        }
    }

    private var rank: Int {
        switch self {
        case .minimal: 0
        case .low: 1
        case .medium: 2
        case .high: 3
        case .xhigh: 4
        case .max: 5
        }
    }

    package static func < (left: ReasoningEffort, right: ReasoningEffort) -> Bool {
        left.rank < right.rank
    }

    /// This effort, or the nearest lower one of `supported`, or the lowest of them.
    func clamped(to supported: Set<ReasoningEffort>) -> ReasoningEffort {
        if supported.isEmpty || supported.contains(self) { return self }
        return supported.filter { $0 < self }.max() ?? supported.min() ?? self
    }
}
