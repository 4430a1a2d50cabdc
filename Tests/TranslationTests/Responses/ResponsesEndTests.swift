// How responses end: reasons, refusals, failures, stop sequences.

import Testing

@testable import Translation

@Suite struct ResponsesEndTests {
    private static let nested =
        "event: error\ndata: {\"type\":\"error\",\"sequence_number\":2,\"error\":{\"type\":"
        + "\"insufficient_quota\",\"code\":\"insufficient_quota\",\"message\":\"No money.\"}}\n\n"
    private static let flat =
        "data: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"It broke.\",\"param\":null}\n\n"

    private static func failed(_ code: String, _ message: String) -> String {
        Responses.event(
            "failed",
            Responses.response(
                #","error":{"code":"\#(code)","message":"\#(message)"}"#, status: "failed"))
    }

    private func failure(_ stream: String) -> APIError? {
        let translated = Translated(stream, setting: Responses.setting)
        if case .failed(let error) = translated.progress { return error }
        return nil
    }

    @Test func anErrorThatIsToldTwiceIsReportedOnce() {
        let twice = Responses.created + Self.nested + Self.failed("insufficient_quota", "No money.")
        let error = failure(twice)
        #expect(error?.status == 429 && error?.message == "No money.")
        let later =
            Responses.created + Responses.text("a") + Self.nested
            + Self.failed("insufficient_quota", "No money.")
        let model = checkResponse(later)
        #expect(model.error?["error"]?["message"]?.string == "No money.")
    }

    @Test func bothShapesOfErrorsAreUnderstood() {
        let error = failure(Responses.created + Self.flat)
        #expect(error?.status == 500 && error?.message == "It broke.")
        let overflow = failure(
            Responses.created
                + Self.failed(
                    "context_length_exceeded", "Your input exceeds the context window."))
        #expect(overflow?.status == 400)
        #expect(overflow?.message.hasPrefix("prompt is too long") == true)
    }

    @Test func aFailureWithoutWordsIsAFailure() {
        let error = failure(Responses.created + Responses.event("failed", ""))
        #expect(error?.status == 500)
        #expect(failure(#"{"error":{"message":"no","code":"server_error"}}"#)?.message == "no")
    }

    @Test func aStreamThatSaysNothingOfItsEndIsCutOff() {
        let stream = Responses.created + Responses.whole("ab")
        let model = checkResponse(stream)
        #expect(model.error != nil)
    }

    @Test func aDoneMarkEndsWhatIsComplete() {
        let done = Responses.created + Responses.whole("ab") + "data: [DONE]\n\n"
        #expect(checkResponse(done).isFinished)
        let cut = Responses.created + Responses.text("ab") + "data: [DONE]\n\n"
        #expect(checkResponse(cut).error != nil)
    }

    @Test(arguments: [
        ("max_output_tokens", "max_tokens"), ("content_filter", "refusal"),
        ("max_messages", "end_turn"), ("steered", "end_turn"),
    ])
    func reasonsForAnIncompleteResponse(_ reason: String, _ expected: String) {
        let stream = Responses.created + Responses.text("a") + Responses.incomplete(reason)
        #expect(checkResponse(stream).stopReason == expected)
    }

    @Test func aCallThatIsCutOffByTheLimitIsLeftAsItIs() {
        let stream =
            Responses.created + Responses.added(0, Responses.call())
            + Responses.arguments(#"{\"p\":"#)
            + Responses.done(0, Responses.call(#"{\"p\":"#))
            + Responses.incomplete("max_output_tokens")
        let model = checkResponse(stream)
        #expect(model.stopReason == "max_tokens" && model.truncatedCalls == 1)
    }

    @Test func aRefusalIsTextAndARefusal() {
        let stream =
            Responses.created
            + Responses.event(
                "refusal.delta", #""output_index":0,"content_index":0,"delta":"I can""#)
            + Responses.event(
                "refusal.delta", #""output_index":0,"content_index":0,"delta":"not.""#)
            + Responses.event(
                "refusal.done", #""output_index":0,"content_index":0,"refusal":"I cannot.""#)
            + Responses.done(
                0, #"{"type":"message","content":[{"type":"refusal","refusal":"I cannot."}]}"#)
            + Responses.completed()
        let model = checkResponse(stream)
        #expect(model.outline == ["text:I cannot."] && model.stopReason == "refusal")
        let whole =
            Responses.created
            + Responses.completed(
                #"{"type":"message","content":[{"type":"refusal","refusal":"I cannot."}]}"#)
        #expect(checkResponse(whole).outline == ["text:I cannot."])
    }

    @Test func costsAreRead() {
        let usage = #""usage":{"input_tokens":1,"output_tokens":1,"cost_in_usd_ticks":3515000}"#
        let stream = Responses.text("a") + Responses.event("completed", "\"response\":{\(usage)}")
        let cost = Translated(stream, setting: Responses.setting).summary.usage.cost
        #expect(String(decoding: cost, as: UTF8.self) == "0.0003515000")
    }

    // MARK: Stop sequences

    private func stopping(_ sequences: String...) -> Setting {
        Responses.setting {
            $0.facts.stopSequences = sequences.map { [UInt8]($0.utf8) }
            $0.facts.emulatesStopSequences = true
        }
    }

    @Test func textEndsBeforeAStopSequenceWhateverThePieces() {
        for cut in 1..<11 {
            let text = "one STOP two"
            let half = text.index(text.startIndex, offsetBy: cut)
            let stream =
                Responses.created + Responses.text(String(text[..<half]))
                + Responses.text(String(text[half...])) + Responses.completed()
            let model = checkResponse(stream, stopping("STOP", "never"))
            #expect(model.outline == ["text:one "])
            #expect(model.stopReason == "stop_sequence")
            #expect(model.stop?["stop_sequence"]?.string == "STOP")
        }
    }

    @Test func whatMerelyBeginsLikeOneIsShown() {
        let stream =
            Responses.created + Responses.text("an S") + Responses.text("TO") + Responses.text("ST")
            + Responses.completed()
        let model = checkResponse(stream, stopping("STOP", "TOSSED"))
        #expect(model.outline == ["text:an STOST"] && model.stopReason == "end_turn")
    }

    @Test func escapesAndPairsAreSeenThrough() {
        let stream =
            Responses.created + Responses.text(#"a\n"#) + Responses.text(#"\n\u0048uman: x"#)
            + Responses.completed()
        #expect(checkResponse(stream, stopping("\n\nHuman:")).outline == ["text:a"])
        let pair =
            Responses.created + Responses.text(#"a\ud83d"#) + Responses.text(#"\ude00b"#)
            + Responses.completed()
        #expect(checkResponse(pair, stopping("😀")).outline == ["text:a"])
        #expect(checkResponse(pair, stopping("😁")).outline == ["text:a😀b"])
    }

    @Test func aSequenceThatRepeatsItselfIsFound() {
        let stream = Responses.created + Responses.text("aaab aab") + Responses.completed()
        #expect(checkResponse(stream, stopping("aab")).outline == ["text:a"])
    }
}
