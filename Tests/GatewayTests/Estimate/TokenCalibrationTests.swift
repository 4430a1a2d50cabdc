// A simulated upstream has a tokenizer and a template of its own, and noise. After twenty answers the
// estimate must be near its counts, and nothing that an upstream or a file says may break it.

import TestSupport
import Testing

@testable import Gateway

@Suite("Calibration of token counts") struct TokenCalibrationTests {
    /// An upstream that counts differently.
    private struct Upstream {
        var ratio: Double
        var perItem: Double
        var constant: Double
        /// Of the ratio, from text to text.
        var noise: Double
        var generator: SplitMix64

        init(
            ratio: Double, perItem: Double = 0, constant: Double = 0, noise: Double = 0,
            seed: UInt64 = 1
        ) {
            self.ratio = ratio
            self.perItem = perItem
            self.constant = constant
            self.noise = noise
            generator = SplitMix64(seed: seed)
        }

        mutating func answer(_ tokens: Int, items: Int) -> TokenObservation {
            let wobble = 1 + Double.random(in: -noise...noise, using: &generator)
            let prompt = ratio * wobble * Double(tokens) + perItem * Double(items) + constant
            return TokenObservation(
                model: Self.model, measure: PromptMeasure(tokens: tokens, items: items),
                quick: tokens * 11 / 10, prompt: Int(prompt.rounded()))
        }

        static let model = [UInt8]("z-ai/glm-4.6".utf8)
    }

    /// Prompts as a session of Claude Code has them: a growing conversation, and small questions
    /// between.
    private func prompts(_ count: Int, seed: UInt64) -> [(tokens: Int, items: Int)] {
        var generator = SplitMix64(seed: seed)
        var tokens = 15_000
        var items = 20
        return (0..<count).map { index in
            if index % 5 == 4 {
                return (Int.random(in: 60...900, using: &generator), 2)
            }
            tokens += Int.random(in: 100...6000, using: &generator)
            items += Int.random(in: 2...6, using: &generator)
            return (tokens, items)
        }
    }

    /// The largest relative error of estimates for further prompts of an upstream without noise.
    private func worstError(_ calibration: TokenCalibration, of upstream: Upstream) -> Double {
        var exact = upstream
        exact.noise = 0
        return prompts(40, seed: 99).map { tokens, items in
            let truth = exact.answer(tokens, items: items)
            let estimate = calibration.estimate(truth.measure, model: Upstream.model)
            return abs(Double(estimate - truth.prompt)) / Double(truth.prompt)
        }.max() ?? 1
    }

    private func learn(
        _ calibration: inout TokenCalibration, _ count: Int, from upstream: inout Upstream,
        seed: UInt64 = 7
    ) {
        for (tokens, items) in prompts(count, seed: seed) {
            calibration.learn(upstream.answer(tokens, items: items))
        }
    }

    @Test(arguments: [0.82, 1.0, 1.13, 1.45], [1, 2, 3] as [UInt64])
    func anotherTokenizerIsLearntWithinThreePercent(ratio: Double, seed: UInt64) {
        var upstream = Upstream(
            ratio: ratio, perItem: 3, constant: 120, noise: 0.03, seed: seed)
        var calibration = TokenCalibration()
        learn(&calibration, 20, from: &upstream, seed: seed + 10)
        let error = worstError(calibration, of: upstream)
        #expect(error < 0.03, "\(error)")
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func anO200kModelIsLearntWithinOnePercent(seed: UInt64) {
        // The framing differs, the tokenizer does not.
        var upstream = Upstream(ratio: 1, perItem: 1.5, constant: 40, noise: 0.002, seed: seed)
        var calibration = TokenCalibration()
        learn(&calibration, 20, from: &upstream, seed: seed + 10)
        let error = worstError(calibration, of: upstream)
        #expect(error < 0.01, "\(error)")
    }

    @Test func outliersAndHostileCountsDoNotCount() {
        var upstream = Upstream(ratio: 1.2, perItem: 3, constant: 100, noise: 0.01)
        var calibration = TokenCalibration()
        for (index, prompt) in prompts(24, seed: 3).enumerated() {
            var observation = upstream.answer(prompt.tokens, items: prompt.items)
            if index % 6 == 0 { observation.prompt = prompt.tokens * 3 }
            if index % 6 == 3 { observation.prompt = [0, 1, 1 << 48, .max][index / 6 % 4] }
            calibration.learn(observation)
        }
        #expect(worstError(calibration, of: upstream) < 0.03)
    }

    @Test func aNewProviderIsFollowed() {
        var calibration = TokenCalibration()
        var upstream = Upstream(ratio: 1.3, perItem: 3, constant: 50, noise: 0.01)
        learn(&calibration, 40, from: &upstream)
        upstream.ratio = 0.95
        learn(&calibration, 32, from: &upstream)
        #expect(worstError(calibration, of: upstream) < 0.03)
    }

    @Test func oneAnswerIsBetterThanNone() {
        var calibration = TokenCalibration()
        var upstream = Upstream(ratio: 1.3)
        calibration.learn(upstream.answer(20_000, items: 30))
        let measure = PromptMeasure(tokens: 30_000, items: 40)
        let estimate = calibration.estimate(measure, model: Upstream.model)
        #expect(abs(estimate - 39_000) < 1500)
        // By byte classes 22,000 tokens were 26,000.
        #expect(abs(calibration.estimate(quick: 2200, model: Upstream.model) - 2600) < 20)
    }

    @Test func modelsDoNotMixAndTheirNumberIsBounded() {
        var calibration = TokenCalibration()
        for index in 0..<200 {
            calibration.learn(
                TokenObservation(
                    model: [UInt8]("model-\(index)".utf8),
                    measure: PromptMeasure(tokens: 1000, items: 2), quick: 1000,
                    prompt: 1000 + index))
        }
        #expect(calibration.models.count == TokenCalibration.modelsMax)
        let measure = PromptMeasure(tokens: 1000, items: 2)
        #expect(calibration.estimate(measure, model: [UInt8]("model-0".utf8)) == 1000)
        let last = calibration.estimate(measure, model: [UInt8]("model-199".utf8))
        #expect(abs(last - 1199) <= 2)
    }

    @Test func madeUpModelsDoNotDriveOutOnesThatAreInUse() {
        func observation(_ model: String) -> TokenObservation {
            TokenObservation(
                model: [UInt8](model.utf8), measure: PromptMeasure(tokens: 1000, items: 2),
                quick: 1000, prompt: 1300)
        }
        var calibration = TokenCalibration()
        for _ in 0..<5 { calibration.learn(observation("honest")) }
        for index in 0..<1000 {
            calibration.learn(observation("made-up-\(index)"))
            calibration.learn(observation("made-up-\(index)"))
        }
        let names = calibration.models.map { String(decoding: $0.model, as: UTF8.self) }
        #expect(names.contains("honest") && names.contains("made-up-999"))
        #expect(names.count == TokenCalibration.modelsMax)
    }

    @Test func estimatesStayInBounds() {
        var calibration = TokenCalibration()
        for _ in 0..<32 {
            calibration.learn(
                TokenObservation(
                    model: Upstream.model, measure: PromptMeasure(tokens: 100, items: 100),
                    quick: 1, prompt: 2400))
        }
        for tokens in [1, 100, 10_000, 1 << 24] {
            for items in [0, 1, tokens] {
                let measure = PromptMeasure(tokens: tokens, items: items)
                let estimate = calibration.estimate(measure, model: Upstream.model)
                #expect(estimate >= max(1, tokens / 4) && estimate <= tokens * 4 + 2000)
            }
        }
        #expect(calibration.estimate(quick: 1000, model: Upstream.model) <= 6000)
    }

    @Test func promptsOfPicturesTeachNothing() {
        var calibration = TokenCalibration()
        calibration.learn(
            TokenObservation(
                model: Upstream.model,
                measure: PromptMeasure(tokens: 2000, items: 1, mediaTokens: 1500), quick: 2000,
                prompt: 900))
        #expect(calibration.models.isEmpty)
    }

    // MARK: The file

    @Test func aFileGivesBackWhatWasWritten() throws {
        var calibration = TokenCalibration()
        var upstream = Upstream(ratio: 1.2, noise: 0.01)
        learn(&calibration, 40, from: &upstream)
        calibration.learn(
            TokenObservation(
                model: [UInt8]("quoted\"\\model".utf8),
                measure: PromptMeasure(tokens: 10, items: 1), quick: 9, prompt: 12))
        let text = calibration.encoded()
        #expect(text.count < TokenCalibration.encodedBytesMax)
        #expect(TokenCalibration(encoded: text) == calibration)
    }

    @Test func theLargestFileIsReadAgain() {
        var calibration = TokenCalibration()
        for model in 0..<TokenCalibration.modelsMax {
            let id = String(repeating: "\"", count: 250) + "\(model)"
            for _ in 0..<ModelCalibration.samplesMax {
                calibration.learn(
                    TokenObservation(
                        model: [UInt8](id.utf8),
                        measure: PromptMeasure(tokens: 16_000_000, items: 16_000_000),
                        quick: 16_000_000, prompt: 16_000_000))
            }
        }
        let text = calibration.encoded()
        #expect(text.count < TokenCalibration.encodedBytesMax)
        #expect(TokenCalibration(encoded: text) == calibration)
    }

    @Test(arguments: [
        "", "x", "[]", "{}", #"{"version":2,"models":[]}"#, #"{"version":1}"#,
        #"{"version":1,"models":[{"model":"","answers":[[1,1,1,1]]}]}"#,
        #"{"version":1,"models":[{"model":"m","answers":[]}]}"#,
        #"{"version":1,"models":[{"model":"m","answers":[[1,1,1]]}]}"#,
        #"{"version":1,"models":[{"model":"m","answers":[[1,1,1,1,1]]}]}"#,
        #"{"version":1,"models":[{"model":"m","answers":[[1,1,1,-1]]}]}"#,
        #"{"version":1,"models":[{"model":"m","answers":[[100,1,100,1e30]]}]}"#,
        #"{"version":1,"models":[{"model":"m","answers":[["a",1,1,1]]}]}"#,
        #"{"version":1,"models":[{"model":"m","answers":[[1,1,1,1]]},{"model":"m","answers":[[1,1,1,1]]}]}"#,
    ])
    func aForeignFileIsNotRead(_ text: String) {
        #expect(TokenCalibration(encoded: [UInt8](text.utf8)) == nil)
    }

    @Test func aCutOrDamagedFileDoesNotBreakAnything() {
        var calibration = TokenCalibration()
        var upstream = Upstream(ratio: 1.2, noise: 0.01)
        learn(&calibration, 10, from: &upstream)
        let text = calibration.encoded()
        var generator = SplitMix64(seed: 4)
        for _ in 0..<500 {
            var damaged = text
            for _ in 0..<3 {
                let index = Int.random(in: 0..<damaged.count, using: &generator)
                damaged[index] = UInt8.random(in: 0...255, using: &generator)
            }
            if Bool.random(using: &generator) {
                damaged = Array(damaged.prefix(Int.random(in: 0..<text.count, using: &generator)))
            }
            guard let read = TokenCalibration(encoded: damaged) else { continue }
            let measure = PromptMeasure(tokens: 1000, items: 5)
            #expect((250...6000).contains(read.estimate(measure, model: Upstream.model)))
        }
    }
}
