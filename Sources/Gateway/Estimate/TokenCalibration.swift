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
    static let modelBytesMax = 256

    private(set) var models: [ModelCalibration] = []

    package init() {}

    /// Learns from an answer. What cannot be true is passed over.
    package mutating func learn(_ observation: TokenObservation) {
        guard let sample = CalibrationSample(observation),
            (1...Self.modelBytesMax).contains(observation.model.count)
        else { return }
        let known = models.lastIndex { $0.model == observation.model }
        var model = known.map { models.remove(at: $0) } ?? ModelCalibration(observation.model)
        model.learn(sample)
        models.append(model)
        if models.count > Self.modelsMax { models.removeFirst() }
    }

    /// The tokens that the upstream will count, as far as can be told.
    func estimate(_ measure: PromptMeasure, model: [UInt8]) -> Int {
        let tokens = self[model]?.estimate(tokens: measure.tokens, items: measure.items)
        return max(1, tokens ?? measure.tokens)
    }

    /// The same from a count by byte classes.
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

/// The calibration of one model: its last answers, and the line through them.
///
/// The upstream's count is taken for `rate × tokens + perItem × items + constant`. The three are
/// found by least squares over the relative errors, newer answers weighing more, with a mild pull to
/// (1, 0, 0) for what the answers do not tell. Outliers (another provider's tokenizer, a broken count)
/// lose their weight: first by the sum of absolute errors, then by Tukey's biweight.
struct ModelCalibration: Equatable, Sendable {
    /// The answers that are remembered: enough to average the noise out, few enough to follow a
    /// provider that changes.
    static let samplesMax = 32
    /// What an answer weighs less than the next.
    private static let decay = 0.96
    /// Below this spread an error is no outlier.
    private static let spreadMin = 0.003
    private static let rounds = 10

    let model: [UInt8]
    /// The oldest first.
    private(set) var samples: [CalibrationSample] = []
    private(set) var coefficients = Coefficients()
    /// The upstream's count by the count of byte classes.
    private var quickRatio = 1.0
    /// The middle relative error of the last answers.
    private(set) var error = 0.0

    struct Coefficients: Equatable, Sendable {
        var rate = 1.0
        var perItem = 0.0
        var constant = 0.0

        func estimate(tokens: Int, items: Int) -> Double {
            rate * Double(tokens) + perItem * Double(items) + constant
        }
    }

    init(_ model: [UInt8]) { self.model = model }

    /// One that was stored.
    init(_ model: [UInt8], samples: [CalibrationSample]) {
        self.model = model
        self.samples = samples.suffix(Self.samplesMax)
        fit()
    }

    mutating func learn(_ sample: CalibrationSample) {
        if samples.count == Self.samplesMax { samples.removeFirst() }
        samples.append(sample)
        fit()
    }

    func estimate(tokens: Int, items: Int) -> Int {
        let estimate = coefficients.estimate(tokens: tokens, items: items)
        return CalibrationSample.bounded(estimate, tokens: tokens)
    }

    func estimate(quick: Int) -> Int { Int((Double(quick) * quickRatio).rounded()) }

    /// The upstream's tokens for one of ours.
    var ratio: Double {
        Self.median(samples.map { Double($0.prompt) / Double($0.tokens) }) ?? 1
    }

    // MARK: The fit

    private mutating func fit() {
        var weights = samples.indices.map { index in
            Self.power(Self.decay, samples.count - 1 - index)
        }
        let recency = weights
        for round in 0..<Self.rounds {
            coefficients = Self.solve(samples, weights)
            let errors = samples.map { sample in
                let estimate = coefficients.estimate(tokens: sample.tokens, items: sample.items)
                return (Double(sample.prompt) - estimate) / Double(sample.tokens)
            }
            let spread = max(Self.spreadMin, (Self.median(errors.map(abs)) ?? 0) * 1.4826)
            for index in errors.indices {
                let error = abs(errors[index])
                let weight: Double
                if round < Self.rounds / 2 {
                    weight = 1 / max(error, Self.spreadMin)
                } else {
                    // Tukey's biweight with its usual constant.
                    let part = error / (4.685 * spread)
                    weight = part < 1 ? (1 - part * part) * (1 - part * part) : 0
                }
                weights[index] = recency[index] * weight
            }
        }
        error =
            Self.median(
                samples.map { sample in
                    let estimate = estimate(tokens: sample.tokens, items: sample.items)
                    return abs(Double(estimate - sample.prompt)) / Double(sample.prompt)
                }) ?? 0
        let ratios = samples.map { Double($0.prompt) / Double($0.quick) }
        quickRatio = min(max(Self.median(ratios) ?? 1, 0.25), 4)
    }

    /// Weighted least squares of `prompt / tokens` over (1, items / tokens, 1 / tokens).
    private static func solve(
        _ samples: [CalibrationSample], _ weights: [Double]
    ) -> Coefficients {
        // The pull: as if the noise were 1 %, a rate had a deviation of 0.3, an item of 4 tokens and
        // the constant of 300 from what is assumed.
        let noise = 0.01
        let deviations = [0.3, 4.0, 300.0]
        let total = max(weights.reduce(0, +) / Double(max(1, weights.count)), 1e-9)
        var matrix = [[Double]](repeating: [0, 0, 0, 0], count: 3)
        for row in 0..<3 {
            let part = noise / deviations[row]
            matrix[row][row] = total * part * part
        }
        for (sample, weight) in zip(samples, weights) {
            let tokens = Double(sample.tokens)
            let features = [1, Double(sample.items) / tokens, 1 / tokens]
            let excess = Double(sample.prompt) / tokens - 1
            for row in 0..<3 {
                for column in 0..<3 {
                    matrix[row][column] += weight * features[row] * features[column]
                }
                matrix[row][3] += weight * features[row] * excess
            }
        }
        let solution = eliminate(&matrix)
        return Coefficients(
            rate: 1 + solution[0], perItem: solution[1], constant: solution[2])
    }

    /// Gauss's elimination. The pull makes the matrix positive definite, so no pivot is zero.
    private static func eliminate(_ matrix: inout [[Double]]) -> [Double] {
        for pivot in 0..<3 {
            for row in pivot + 1..<3 {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot..<4 { matrix[row][column] -= factor * matrix[pivot][column] }
            }
        }
        var solution = [0.0, 0.0, 0.0]
        for row in (0..<3).reversed() {
            var value = matrix[row][3]
            for column in row + 1..<3 { value -= matrix[row][column] * solution[column] }
            solution[row] = value / matrix[row][row]
        }
        return solution
    }

    private static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }
}
