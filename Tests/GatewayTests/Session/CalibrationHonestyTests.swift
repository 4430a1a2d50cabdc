// An upstream that bills a preamble, as gpt-oss does: 68 tokens, and one for four bytes. In whatever
// order short and long prompts come, what they teach may neither refuse a request nor cut its answer
// without need, and no more may what an older version has stored.

import TestSupport
import Testing

@testable import Gateway

@Suite("Calibration does no harm") struct CalibrationHonestyTests {
    private static let window = 131_072
    private static let model = "openai/gpt-oss-120b"

    private func driver(_ calibration: TokenCalibration) throws -> SessionDriver {
        let driver = try SessionDriver()
        driver.state.catalogue = ModelCatalogueTests.catalogue(
            #"[{"id":"\#(Self.model)","context_length":\#(Self.window)}]"#)
        driver.state.calibration = calibration
        return driver
    }

    /// The upstream's count of a prompt of so many words.
    private func bill(_ words: Int) -> Int { 68 + words * 5 / 4 }

    /// Asks for 32,000 tokens with a prompt of so many words.
    ///
    /// - Returns: the `max_tokens` that reached the upstream; nil if nothing did.
    private func ask(_ driver: SessionDriver, words: Int) throws -> Int? {
        driver.output = []
        let calls = driver.calls.count
        let text = words == 1 ? "Hi" : String(repeating: "word ", count: words)
        driver.post(
            "/v1/messages",
            #"{"model":"m","max_tokens":32000,"messages":[{"role":"user","content":"\#(text)"}]}"#)
        guard driver.calls.count > calls, let call = driver.calls.last else { return nil }
        driver.respond()
        driver.upstream(Chunk.text("yes"))
        driver.upstream(
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
                + "\"usage\":{\"prompt_tokens\":\(bill(words)),\"completion_tokens\":4}}\n\n"
                + "data: [DONE]\n\n")
        let body = String(decoding: call.body, as: UTF8.self)
        let name = try #require(body.ranges(of: #""max_tokens":"#).first)
        return Int(body[name.upperBound...].prefix { $0.isNumber })
    }

    private func check(_ driver: SessionDriver, words: Int) throws {
        let tokens = try #require(
            try ask(driver, words: words), "refused: \(driver.text.suffix(200))")
        let room = Self.window - bill(words)
        #expect(tokens >= min(32_000, room - 1200), "\(words) words: \(tokens)")
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func noOrderOfPromptsRefusesOrCuts(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        var calibration = TokenCalibration()
        for _ in 0..<4 {
            let driver = try driver(calibration)
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                let isLong = Int.random(in: 0..<4, using: &generator) == 0
                let words = [25_000, 58_000, 76_000, 80_000, 100_000]
                let long = words.randomElement(using: &generator) ?? 25_000
                try check(driver, words: isLong ? long : 1)
            }
            // A restart.
            calibration = try #require(
                TokenCalibration(encoded: driver.state.calibration.encoded()))
        }
    }

    @Test(arguments: [1, 3, 17, 40])
    func shortPromptsSayNothingOfLongOnes(count: Int) throws {
        let driver = try driver(TokenCalibration())
        for _ in 0..<count { try check(driver, words: 1) }
        try check(driver, words: 25_000)
        try check(driver, words: 58_000)
        try check(driver, words: 79_000)
    }

    @Test(arguments: [
        "[11,1,7,80]", "[11,1,7,80],[11,1,7,80],[11,1,7,80],[11,1,7,80],[12,1,6,2040]",
        "[600,1,500,4400],[700,1,500,4400],[800,1,500,4400],[900,1,500,5000],[1000,1,500,6000]",
    ])
    func whatAnEarlierVersionHasStoredDoesNoHarm(answers: String) throws {
        let text =
            #"{"version":1,"models":[{"model":"\#(Self.model)","answers":[\#(answers)]}]}"#
        let driver = try driver(#require(TokenCalibration(encoded: [UInt8](text.utf8))))
        try check(driver, words: 25_000)
        try check(driver, words: 58_000)
        try check(driver, words: 79_000)
    }

    /// Prompts whose tokens are three times ours, as another tokenizer makes them of emoji.
    @Test func unusualPromptsDoNotCutTheAnswersOfOthers() throws {
        var calibration = TokenCalibration()
        for tokens in stride(from: 30_000, to: 62_000, by: 1000) {
            calibration.learn(
                TokenObservation(
                    model: [UInt8](Self.model.utf8),
                    measure: PromptMeasure(tokens: tokens, items: 2), quick: tokens,
                    prompt: tokens * 3))
        }
        try check(driver(calibration), words: 50_000)
    }

    @Test func aPromptOfWhichNothingCanFitIsRefused() throws {
        let driver = try driver(TokenCalibration())
        #expect(try ask(driver, words: 300_000) == nil)
        #expect(driver.text.contains(" tokens > 131072 maximum"))
    }

    // MARK: Waiting for the count

    @Test func onlyAnAnswerThatMayNotFitWaitsForTheCount() throws {
        let driver = try driver(TokenCalibration())
        driver.countsAtOnce = false
        let body = { (words: Int) in
            let text = String(repeating: "word ", count: words)
            return
                #"{"model":"m","max_tokens":32000,"messages":[{"role":"user","content":"\#(text)"}]}"#
        }
        driver.post("/v1/messages", body(90_000))
        #expect(driver.calls.isEmpty && driver.isCounting)
        while driver.isCounting { driver.countFurther() }
        #expect(driver.calls.count == 1)
        driver.respond()
        driver.upstream(Chunk.text("a") + Chunk.end())
        #expect(driver.records.map(\.outcome) == [.completed])
        driver.post("/v1/messages", body(20_000))
        #expect(driver.calls.count == 2)
    }

    @Test func aClientMayLeaveAndTheDaemonEndMeanwhile() throws {
        let text = String(repeating: "word ", count: 90_000)
        let body =
            #"{"model":"m","max_tokens":32000,"messages":[{"role":"user","content":"\#(text)"}]}"#
        for ends in [false, true] {
            let driver = try driver(TokenCalibration())
            driver.countsAtOnce = false
            driver.post("/v1/messages", body)
            if ends { driver.interrupt() } else { driver.clientLeaves() }
            #expect(!driver.isCounting && driver.calls.isEmpty && driver.isClosed)
            #expect(driver.text.hasPrefix("HTTP/1.1 529 ") == ends)
            #expect(driver.records.map(\.outcome) == [ends ? .failed : .cancelled])
        }
    }
}
