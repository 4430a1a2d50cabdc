/// The calibration of one model: its last answers, and the line through them.
struct ModelCalibration: Sendable {
    /// The answers that are remembered: enough to average the noise out, few enough to follow a
    /// provider that changes.
    static let samplesMax = CalibrationFit.Column.count

    let model: [UInt8]
    /// The oldest first.
    private(set) var samples: [CalibrationSample] = []
    private(set) var fit = CalibrationFit()
    private(set) var quickFit = CalibrationFit()
    private var samplesSinceFit = 0

    init(_ model: [UInt8]) { self.model = model }

    /// One that was stored.
    init(_ model: [UInt8], samples: [CalibrationSample]) {
        self.model = model
        self.samples = samples.suffix(Self.samplesMax)
        refit()
    }

    /// One answer among many moves the line little, and fitting it costs more than all else that is
    /// done with an answer's count: it waits until an eighth of the answers are new.
    mutating func learn(_ sample: CalibrationSample) {
        if samples.count == Self.samplesMax { samples.removeFirst() }
        samples.append(sample)
        samplesSinceFit += 1
        guard samplesSinceFit * 8 >= samples.count else { return }
        refit()
        samplesSinceFit = 0
    }

    private mutating func refit() {
        fit = CalibrationFit(samples, from: .tokens)
        quickFit = CalibrationFit(samples, from: .quick)
    }

    func estimate(tokens: Int, items: Int) -> Int {
        CalibrationSample.bounded(fit.estimate(tokens: tokens, items: items), tokens: tokens)
    }

    func estimate(quick: Int) -> Int {
        CalibrationSample.bounded(quickFit.estimate(tokens: quick, items: 0), tokens: quick)
    }

    /// What the upstream will count at least, as far as answers to prompts of this size show. It goes
    /// beyond our own count only if all of several such answers did: the line through the answers to
    /// short prompts says little of long ones.
    func tokensAtLeast(tokens: Int, items: Int) -> Int {
        var comparable = 0
        var lowest = Self.ratioShownMax
        for sample in samples where sample.tokens >= tokens / 2 {
            comparable += 1
            lowest = min(lowest, Double(sample.prompt) / Double(sample.tokens))
        }
        guard comparable >= Self.comparableMin else {
            return min(tokens, estimate(tokens: tokens, items: items))
        }
        return Int(Double(tokens) * lowest)
    }

    private static let comparableMin = 4
    /// Tokenizers of English and code differ by no more.
    private static let ratioShownMax = 1.3

    /// The upstream's tokens for one of ours: the middle of the answers.
    var ratio: Double {
        let ratios = samples.map { Double($0.prompt) / Double($0.tokens) }
        return ratios.isEmpty ? 1 : median(ratios)
    }

    /// The middle relative error of the answers.
    var error: Double {
        let errors = samples.map { sample in
            let estimate = estimate(tokens: sample.tokens, items: sample.items)
            return abs(Double(estimate - sample.prompt)) / Double(sample.prompt)
        }
        return errors.isEmpty ? 0 : median(errors)
    }

    private func median(_ values: [Double]) -> Double {
        var column = CalibrationFit.Column(repeating: 0)
        for index in values.indices { column[index] = values[index] }
        return CalibrationFit.median(of: column, count: values.count)
    }
}

/// The answers are all there is; when the line was last fitted makes no difference to anybody.
extension ModelCalibration: Equatable {
    static func == (one: Self, other: Self) -> Bool {
        one.model == other.model && one.samples == other.samples
    }
}
