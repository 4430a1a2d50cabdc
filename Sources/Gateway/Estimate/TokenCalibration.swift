// What upstreams' token counts teach about a model: how its tokenizer and its template differ from
// o200k_base and the framing assumed. Everything here is bounded, and none of it is trusted: counts
// come from a peer, and the state file may have been written by anybody.

import Translation

/// What one answer has taught.
package struct TokenObservation: Equatable, Sendable {
    /// The upstream model.
    package var model: [UInt8]
    /// Our own count of the prompt.
    package var measure: PromptMeasure
    /// The same by byte classes.
    package var quick: Int
    /// The upstream's count.
    package var prompt: Int

    package init(model: [UInt8], measure: PromptMeasure, quick: Int, prompt: Int) {
        self.model = model
        self.measure = measure
        self.quick = quick
        self.prompt = prompt
    }
}

/// The calibrations of all models, the most recently used at the end.
package struct TokenCalibration: Equatable, Sendable {
    /// More than anybody uses at a time.
    static let modelsMax = 64
    /// Longer ids are not learnt.

    private(set) var models: [ModelCalibration] = []

    package init() {}

    /// Learns from an answer. What cannot be true is passed over.
    package mutating func learn(_ observation: TokenObservation) {
        guard let sample = CalibrationSample(observation),
            (1...Limits.modelBytesMax).contains(observation.model.count)
        else { return }
        let known = models.lastIndex { $0.model == observation.model }
        var model = known.map { models.remove(at: $0) } ?? ModelCalibration(observation.model)
        model.learn(sample)
        models.append(model)
        if models.count > Self.modelsMax { forgetLeastProven() }
    }

    /// Makes room for the newest. A model with many answers stays longer than one with few, so a client
    /// that makes up names of models drives out other made-up ones first.
    private mutating func forgetLeastProven() {
        let others = models.indices.dropLast()
        // The first of equals is the one that was used longest ago.
        guard let least = others.min(by: { models[$0].samples.count < models[$1].samples.count })
        else { return }
        models.remove(at: least)
    }

    /// The tokens that the upstream will count, as far as can be told.
    func estimate(_ measure: PromptMeasure, model: [UInt8]) -> Int {
        let tokens = self[model]?.estimate(tokens: measure.tokens, items: measure.items)
        return max(1, tokens ?? measure.tokens)
    }

    /// The tokens that the upstream will count at least: `max_tokens` is cut by no more than this.
    func tokensAtLeast(_ measure: PromptMeasure, model: [UInt8]) -> Int {
        self[model]?.tokensAtLeast(tokens: measure.tokens, items: measure.items)
            ?? measure.tokens
    }

    /// The upstream's tokens from a count by byte classes.
    func estimate(quick: Int, model: [UInt8]) -> Int {
        max(1, self[model]?.estimate(quick: quick) ?? quick)
    }

    private subscript(_ model: [UInt8]) -> ModelCalibration? {
        models.last { $0.model == model }
    }

    mutating func restore(_ model: ModelCalibration) {
        guard models.count < Self.modelsMax else { return }
        models.append(model)
    }
}

/// An answer, as far as it is remembered.
struct CalibrationSample: Equatable, Sendable {
    let tokens: Int
    let items: Int
    let quick: Int
    let prompt: Int

    /// Beyond this no model goes.
    private static let tokensMax = 1 << 24
    /// Tokenizers differ by a factor of two at most; a template may add this much to a short prompt.
    private static let ratioMax = 4
    private static let overheadMax = 2000

    /// Nil for what cannot be true: such a count is broken, or hostile, or of another prompt.
    init?(tokens: Int, items: Int, quick: Int, prompt: Int) {
        let range = 1...Self.tokensMax
        guard range.contains(tokens), range.contains(prompt), range.contains(quick),
            (0...tokens).contains(items), prompt >= tokens / Self.ratioMax,
            prompt <= tokens * Self.ratioMax + Self.overheadMax
        else { return nil }
        self.tokens = tokens
        self.items = items
        self.quick = quick
        self.prompt = prompt
    }

    init?(_ observation: TokenObservation) {
        let measure = observation.measure
        // What pictures cost is the provider's own affair: they must not be most of it.
        guard measure.mediaTokens <= measure.tokens / 20 else { return nil }
        self.init(
            tokens: measure.tokens, items: measure.items, quick: observation.quick,
            prompt: observation.prompt)
    }

    /// Keeps an estimate within what a sample may be.
    static func bounded(_ estimate: Double, tokens: Int) -> Int {
        let lowest = Double(tokens / ratioMax)
        let highest = Double(tokens) * Double(ratioMax) + Double(overheadMax)
        return Int(min(max(estimate, lowest), highest).rounded())
    }
}
