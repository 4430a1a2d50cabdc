// What is known of a model from its id alone. Families differ in what they take in a schema, in
// where effort goes, in what must come back with a history.

/// The makers whose models need something of their own.
package enum ModelFamily: Sendable, Equatable {
    case claude, gemini, openAI, deepSeek, qwen, other

    /// The family of the upstream id `model`.
    package static func of(_ model: [UInt8]) -> ModelFamily {
        // OpenRouter's "latest" aliases: `~anthropic/claude-sonnet-latest`.
        let name = ModelName(model.first == UInt8(ascii: "~") ? model[1...] : model[...])
        if name.hasPrefix("anthropic/") || name.contains("claude") { return .claude }
        if name.hasPrefix("google/") || name.contains("gemini") { return .gemini }
        if name.hasPrefix("openai/") || name.hasPrefix("gpt-") || name.contains("gpt-oss") {
            return .openAI
        }
        if name.contains("deepseek") { return .deepSeek }
        if name.contains("qwen") { return .qwen }
        return name.isOSeries ? .openAI : .other
    }

    /// Whether a model that nothing is known about is likely to take `reasoning_effort`. OpenAI's
    /// older models and most local ones answer 400 to it.
    static func takesEffort(_ model: [UInt8]) -> Bool {
        let name = ModelName(model[...])
        return name.contains("gpt-5") || name.contains("gpt-oss") || name.isOSeries
            || name.contains("gemini-2.5") || name.contains("gemini-3")
    }

    /// Whether the model's messages have a `phase`: those of gpt-5.3-codex and later.
    static func knowsPhases(_ model: [UInt8]) -> Bool {
        let name = ModelName(model[...])
        let names: [StaticString] = ["gpt-5.3-codex", "gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6"]
        return names.contains { name.contains($0) }
    }

    /// Whether OpenAI serves a model by the Responses API alone, or refuses it tools elsewhere as long
    /// as it may reason (gpt-5.4 and later).
    static func needsResponses(_ model: [UInt8]) -> Bool {
        let name = ModelName(model[...])
        if name.contains("chat") { return false }
        let names: [StaticString] = [
            "codex", "deep-research", "computer-use", "gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-5.7",
            "gpt-5.8", "gpt-5.9", "gpt-6", "o1-pro", "o3-pro", "gpt-5-pro", "gpt-5.2-pro",
        ]
        return names.contains { name.contains($0) }
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

extension ModelFamily {
    /// Whether a model answers 400 to calls without a thought signature: Gemini from version 3 on.
    static func demandsSignatures(_ model: [UInt8]) -> Bool {
        let name = ModelName(model[...])
        return name.contains("gemini-") && !name.contains("gemini-1") && !name.contains("gemini-2")
    }
}

/// A model's id without regard to case. Every request asks several questions of it, and String's
/// searches would cost more than the translation of a small request.
private struct ModelName {
    private let id: ArraySlice<UInt8>

    init(_ id: ArraySlice<UInt8>) { self.id = id }

    /// - Parameter text: in lower case.
    func hasPrefix(_ text: StaticString) -> Bool { stands(text, at: id.startIndex) }

    /// - Parameter text: in lower case.
    func contains(_ text: StaticString) -> Bool {
        id.indices.contains { stands(text, at: $0) }
    }

    /// `o1`, `o3-mini`, `openai/o4`…
    var isOSeries: Bool {
        var name = id
        while name.last == UInt8(ascii: "/") { name.removeLast() }
        let start = name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? name.startIndex
        name = name[start...]
        guard let letter = name.first, letter | 0x20 == UInt8(ascii: "o") else { return false }
        return name.dropFirst().first.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
    }

    private func stands(_ text: StaticString, at start: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard id.endIndex - start >= count else { return false }
        for offset in 0..<count {
            let byte = id[start &+ offset]
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            // SAFETY: the offset is below the count of the text.
            let expected = unsafe text.utf8Start[offset]
            if (isUpper ? byte | 0x20 : byte) != expected { return false }
        }
        return true
    }
}
