/// The line through the answers of one model.
///
/// The upstream's count is taken for `rate × tokens + perItem × items + constant`. The three are
/// found by least squares over the relative errors, newer answers weighing more, with a mild pull to
/// (1, 0, 0) for what the answers do not tell. Outliers (another provider's tokenizer, a broken count)
/// lose their weight: first by the sum of absolute errors, then by Tukey's biweight.
///
/// The count by byte classes has a line of its own, without items. It is no ratio: a template's
/// preamble makes seventy tokens of "Hi", which says nothing of a prompt of a hundred thousand.
///
/// Fitting allocates nothing: its columns are on the stack.
struct CalibrationFit: Sendable {
    private(set) var rate = 1.0
    private(set) var perItem = 0.0
    private(set) var constant = 0.0

    /// Which of our own counts the line starts from.
    enum Base {
        case tokens, quick
    }

    /// A value for each sample, of which there are so many at the most.
    typealias Column = InlineArray<32, Double>

    /// What an answer weighs less than the next.
    private static let decay = 0.96
    /// Below this spread an error is no outlier.
    private static let spreadMin = 0.003
    private static let rounds = 10

    /// The line that is assumed before there is an answer.
    init() {}

    init(_ samples: [CalibrationSample], from base: Base) {
        guard let newest = samples.indices.last else { return }
        var recency = Column(repeating: 1)
        for index in samples.indices.dropLast().reversed() {
            recency[index] = recency[index + 1] * Self.decay
        }
        var weights = recency
        for round in 0..<Self.rounds {
            solve(samples, from: base, weights)
            var errors = Column(repeating: 0)
            for (index, sample) in samples.enumerated() {
                let (tokens, items) = sample.start(base)
                let estimate = estimate(tokens: tokens, items: items)
                errors[index] = abs(Double(sample.prompt) - estimate) / Double(tokens)
            }
            // Of errors that spread normally, the middle one is 1 / 1.4826 of the deviation.
            let deviation = Self.median(of: errors, count: samples.count) * 1.4826
            let spread = max(Self.spreadMin, deviation)
            for index in 0...newest {
                let error = errors[index]
                if round < Self.rounds / 2 {
                    weights[index] = recency[index] / max(error, Self.spreadMin)
                } else {
                    // Tukey's biweight with its usual constant.
                    let part = error / (4.685 * spread)
                    let kept = part < 1 ? 1 - part * part : 0
                    weights[index] = recency[index] * kept * kept
                }
            }
        }
    }

    func estimate(tokens: Int, items: Int) -> Double {
        rate * Double(tokens) + perItem * Double(items) + constant
    }

    /// Weighted least squares of `prompt / tokens - 1` over (1, items / tokens, 1 / tokens).
    private mutating func solve(
        _ samples: [CalibrationSample], from base: Base, _ weights: Column
    ) {
        var total = 0.0
        for index in samples.indices { total += weights[index] }
        // The pull: as if the noise were 1 %, a rate had a deviation of 0.3, an item of 4 tokens and
        // the constant of 300 from what is assumed.
        let pull = max(total / Double(samples.count), 1e-9) * 0.01 * 0.01
        // The normal equations, a row each: three coefficients and the right-hand side.
        var first = SIMD4(pull / (0.3 * 0.3), 0, 0, 0)
        var second = SIMD4(0, pull / (4.0 * 4.0), 0, 0)
        var third = SIMD4(0, 0, pull / (300.0 * 300.0), 0)
        for (index, sample) in samples.enumerated() {
            let (tokens, items) = sample.start(base)
            let part = 1 / Double(tokens)
            let features = SIMD4(
                1, Double(items) * part, part, Double(sample.prompt) * part - 1)
            let weighted = features * weights[index]
            first += weighted
            second += weighted * features.y
            third += weighted * features.z
        }
        // Gauss's elimination. The pull makes the matrix positive definite, so no pivot is zero.
        second -= first * (second.x / first.x)
        third -= first * (third.x / first.x)
        third -= second * (third.y / second.y)
        constant = third.w / third.z
        perItem = (second.w - second.z * constant) / second.y
        rate = 1 + (first.w - first.y * perItem - first.z * constant) / first.x
    }

    /// The middle of the first `count` values, of which there is one at least.
    static func median(of values: Column, count: Int) -> Double {
        var sorted = values
        for end in 1..<max(1, count) {
            let value = sorted[end]
            var place = end
            while place > 0, sorted[place - 1] > value {
                sorted[place] = sorted[place - 1]
                place -= 1
            }
            sorted[place] = value
        }
        let middle = count / 2
        return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension CalibrationSample {
    fileprivate func start(_ base: CalibrationFit.Base) -> (tokens: Int, items: Int) {
        switch base {
        case .tokens: (tokens, items)
        case .quick: (quick, 0)
        }
    }
}
