// Relayed Messages responses: what goes through untouched, what is read, what is changed.

import Testing

@testable import Translation

@Suite struct MessagesRelayTests {
    @Test func whatIsNotTheModelGoesThroughByteForByte() {
        let stream =
            Native.start() + Native.text + Native.event("vendor_event", #""x":1"#)
            + Native.end()
        let relayed = relay(stream)
        #expect(relayed.progress == .finished)
        #expect(
            relayed.text
                == stream.replacing(#""model":"claude-up""#, with: #""model":"claude-test""#))
        #expect(Relayed(stream, reportedModel: nil).text == stream)
    }

    @Test func nothingIsWrittenBeforeTheFirstContent() {
        let relayed = relay(Native.event("ping") + Native.start() + Native.event("ping"))
        #expect(relayed.output.isEmpty)
        guard case .failed = relayed.progress else {
            Issue.record("\(relayed.progress)")
            return
        }
    }

    @Test func aRefusalNeedsNoContent() {
        let stream = Native.start() + Native.end("refusal")
        let relayed = relay(stream)
        #expect(relayed.progress == .finished && relayed.summary.stopReason == .refusal)
        #expect(relayed.text.contains("message_start") && relayed.text.contains("message_stop"))
    }

    @Test func pingsWithinTheContentPass() {
        let relayed = relay(
            Native.start() + Native.text + Native.event("ping") + Native.end())
        #expect(relayed.text.contains("event: ping"))
    }

    @Test func lineEndsAndCommentsAndMissingNamesAreNoMatter() {
        let stream = ": PROCESSING\n\n" + Native.start() + Native.text + Native.end()
        let nameless = stream.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("event:") }.joined(separator: "\r\n")
        let relayed = relay(nameless)
        #expect(relayed.progress == .finished)
        #expect(relayed.text == relay(stream).text)
    }

    // MARK: Usage

    @Test func zerosAtTheBeginningAreFilledWithTheEstimate() {
        let zeros = #"{"input_tokens":0,"output_tokens":0}"#
        let relayed = relay(
            Native.start(zeros) + Native.text
                + Native.end(usage: #"{"input_tokens":30,"output_tokens":7}"#))
        #expect(relayed.text.contains(#""usage":{"input_tokens":25,"output_tokens":0}"#))
        #expect(relayed.summary.usage.prompt == 30 && relayed.summary.usage.output == 7)
        #expect(
            relay(Native.start() + Native.text + Native.end()).text.contains(#""input_tokens":10,"#)
        )
    }

    @Test(arguments: [
        // Anthropic says it twice; Kimi and Qwen say the whole prompt first and then the split.
        (
            #"{"input_tokens":10,"cache_read_input_tokens":4}"#,
            #"{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":7}"#, 10, 4
        ),
        (
            #"{"input_tokens":100,"cache_read_input_tokens":0}"#,
            #"{"input_tokens":20,"cache_read_input_tokens":80,"output_tokens":7}"#, 20, 80
        ),
        (#"{"input_tokens":100}"#, #"{"output_tokens":7}"#, 100, 0),
        (#"{"input_tokens":0}"#, #"{"input_tokens":9,"output_tokens":7}"#, 9, 0),
        (
            #"{"input_tokens":12,"cache_creation_input_tokens":5}"#,
            #"{"input_tokens":7,"cache_creation_input_tokens":5,"output_tokens":7}"#, 7, 0
        ),
    ])
    func usageIsReadFromBothEnds(_ start: String, _ end: String, _ input: Int, _ read: Int) {
        let usage = relay(Native.start(start) + Native.text + Native.end(usage: end)).summary.usage
        #expect(usage.input == input && usage.cacheRead == read && usage.output == 7)
    }

    @Test func whatWasSeenIsCountedWhenTheStreamBreaks() {
        let relayed = relay(Native.start() + Native.text)
        #expect(relayed.summary.usage.prompt == 14 && relayed.error != nil)
    }

    @Test(arguments: [
        ("end_turn", StopReason.endTurn), ("tool_use", .toolUse), ("max_tokens", .maxTokens),
    ])
    func reasonsAreRead(_ word: String, _ reason: StopReason) {
        #expect(
            relay(Native.start() + Native.text + Native.end(word)).summary.stopReason == reason)
    }

    @Test func unknownReasonsPass() {
        let relayed = relay(Native.start() + Native.text + Native.end("pause_turn"))
        #expect(relayed.progress == .finished && relayed.text.contains("pause_turn"))
    }

    // MARK: Ends

    @Test func onlyTheStopIsAnEnd() {
        let stream =
            Native.start() + Native.text
            + Native.event("message_delta", #""delta":{"stop_reason":"end_turn"}"#)
        let relayed = relay(stream)
        guard case .failedMidStream = relayed.progress else {
            Issue.record("\(relayed.progress)")
            return
        }
        #expect(relayed.text.hasSuffix("}\n\n") && relayed.text.contains("event: error"))
    }

    @Test func aRepeatedBeginningIsSwallowed() {
        for place in [0, 1] {
            let parts = [Native.start(), Native.text, Native.end()]
            let stream = parts[0...place].joined() + Native.start() + parts[(place + 1)...].joined()
            let relayed = relay(stream)
            #expect(relayed.progress == .finished)
            #expect(relayed.text.split(separator: "event: message_start").count == 1)
        }
    }

    @Test func anotherMessageWithinTheFirstIsAFailure() {
        let later = relay(Native.start() + Native.text + Native.start(id: "msg_2") + Native.end())
        guard case .failedMidStream = later.progress else {
            Issue.record("\(later.progress)")
            return
        }
        let early = relay(Native.start() + Native.start(id: "msg_2") + Native.text + Native.end())
        guard case .failed = early.progress else {
            Issue.record("\(early.progress)")
            return
        }
    }

    @Test func contentWithoutAMessageIsAFailure() {
        #expect(relay(Native.text + Native.end()).error?.status == 502)
        #expect(relay(Native.end()).error?.status == 502)
    }

    // MARK: Errors

    @Test(arguments: [
        (
            #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_up"}"#,
            529
        ),
        (#"{"error":{"message":"Too many","type":"rate_limit_error","code":null}}"#, 429),
        (#"{"error":{"code":"500","message":"no"},"request_id":"1"}"#, 500),
    ])
    func errorsBeforeTheContentAreFailuresAndLaterOnesEvents(_ json: String, _ status: Int) {
        for name in ["event: error\n", ""] {
            let event = "\(name)data: \(json)\n\n"
            let early = relay(Native.start() + event)
            #expect(early.output.isEmpty && early.error?.status == status)
            let late = relay(Native.start() + Native.text + event)
            #expect(late.error?.status == status)
            #expect(late.text.contains(#""request_id":"req_test""#))
        }
    }

    @Test func detailsOfAnErrorPass() {
        let json =
            #"{"type":"error","error":{"type":"invalid_request_error","message":"no","details":{"error_code":"x"}}}"#
        let error = relay("event: error\ndata: \(json)\n\n").error
        #expect(error?.detailsJSON == #"{"error_code":"x"}"#)
    }

    @Test(arguments: [
        "<html><title>Bad</title></html>", "", "[1]", #"{"x":1}"#, "upstream says no",
    ])
    func whatIsNoMessageIsAFailure(_ body: String) {
        for streaming in [true, false] {
            let relayed = Relayed(body, streaming: streaming)
            #expect(relayed.output.isEmpty && relayed.error?.status == 502)
        }
        #expect(
            Relayed(#"{"error":{"message":"no","type":"api_error"}}"#, streaming: false).error?
                .message == "no")
    }

    // MARK: One message

    @Test func oneMessageIsRelayedWhole() {
        let body =
            #"{"id":"msg_1", "type":"message","role":"assistant","model":"claude-up","content":[{"type":"tool_use","id":"t","name":"n","input":{"x":1.50},"caller":{"type":"direct"}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":4},"vendor":[1]}"#
        let relayed = Relayed(body, streaming: false)
        #expect(relayed.progress == .finished)
        #expect(
            relayed.text
                == body.replacing(#""model":"claude-up""#, with: #""model":"claude-test""#))
        #expect(relayed.summary.usage.prompt == 3 && relayed.summary.toolCalls == 1)
        #expect(relayed.summary.stopReason == .toolUse)
    }

    @Test(
        .enabled(if: RecordedStreamsTests.folder != nil),
        arguments: RecordedStreamsTests.names(
            in: RecordedStreamsTests.folder.map { "\($0)/native" }))
    func recordedStreamsGoThrough(_ name: String) {
        let folder = RecordedStreamsTests.folder.map { "\($0)/native" }
        let bytes = RecordedStreamsTests.bytes(name, in: folder)
        let relayed = Relayed(bytes, reportedModel: nil)
        #expect(relayed.progress == .finished)
        #expect(relayed.output == bytes)
        #expect(Relayed(bytes, reportedModel: nil, pieces: 1).output == bytes)
        #expect(relayed.summary.usage.output > 0 && relayed.summary.usage.prompt > 0)
    }
}
