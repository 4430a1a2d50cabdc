// The life of a client connection, as scripts: what the session does with each event, and when.

import Testing
import Translation

@testable import Gateway

@Suite("Client sessions") struct ClientSessionTests {
    static let body =
        #"{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#
    static let streamBody =
        #"{"model":"claude-x","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#

    // MARK: Holding the status

    @Test func aStreamBeginsWithTheFirstContent() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        #expect(driver.actions == ["start"])
        driver.respond()
        driver.upstream(Chunk.comment)
        #expect(driver.output.isEmpty, "comments are no reason to commit a status")
        driver.upstream(Chunk.text("a"))
        #expect(driver.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(driver.text.contains("event: message_start"))
        driver.upstream(Chunk.end())
        #expect(driver.text.hasSuffix("\r\n0\r\n\r\n"))
        #expect(driver.actions == ["start", "release"])
        #expect(driver.records.first?.outcome == .completed)
        #expect(driver.records.first?.outputTokens == 4)
    }

    @Test func aStatusHeldTooLongIsSentAndPingsFollow() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.wait(.milliseconds(9999))
        #expect(driver.output.isEmpty)
        driver.wait(.milliseconds(1))
        #expect(driver.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(driver.text.components(of: "event: ping") == 1)
        driver.wait(.seconds(30))
        #expect(driver.text.components(of: "event: ping") == 4)
        #expect(!driver.text.contains("message_start"))
        driver.respond(status: 429)
        driver.upstream(#"{"error":{"code":429,"message":"slow down"}}"#)
        driver.upstreamEnds()
        #expect(driver.text.contains("event: error"))
        #expect(driver.text.contains("rate_limit_error"))
        #expect(driver.records.first?.outcome == .interrupted)
    }

    @Test func pingsComeOnlyInSilence() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        for _ in 0..<10 {
            driver.upstream(Chunk.text("a"))
            driver.wait(.seconds(9))
        }
        #expect(driver.text.components(of: "event: ping") == 0)
        driver.wait(.seconds(1))
        #expect(driver.text.components(of: "event: ping") == 1)
    }

    @Test func aClientThatWantsOneMessageIsNotPinged() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        driver.respond()
        driver.wait(.seconds(100))
        driver.upstream(Chunk.text("a"))
        #expect(driver.output.isEmpty)
        driver.upstream(Chunk.end())
        #expect(driver.text.contains(#""content":[{"type":"text","text":"a"}]"#))
        #expect(driver.text.contains("Content-Length: "))
    }

    // MARK: Silence

    @Test func silenceBeforeTheFirstEventIsA504() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        driver.respond()
        for _ in 0..<30 {
            driver.wait(.seconds(10))
            driver.upstream(Chunk.comment)
        }
        #expect(driver.text.hasPrefix("HTTP/1.1 504 "), "comments are no progress")
        #expect(driver.text.contains("timeout_error"))
        #expect(driver.actions == ["start", "cancel"])
    }

    @Test func silenceInTheMiddleEndsTheStreamWithAnError() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.wait(.seconds(299))
        #expect(!driver.text.contains("event: error"))
        driver.wait(.seconds(1))
        #expect(driver.text.contains("event: error"))
        #expect(driver.text.hasSuffix("\r\n0\r\n\r\n"))
        #expect(driver.actions.last == "cancel")
    }

    // MARK: Asking again

    @Test func aFailedConnectionIsTriedOnceMore() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        driver.upstreamEnds(TransferFailure(.connect, detail: "refused"))
        #expect(driver.actions == ["start", "start"])
        #expect(driver.calls[0] == driver.calls[1])
        driver.upstreamEnds(TransferFailure(.connect, detail: "refused"))
        #expect(driver.text.hasPrefix("HTTP/1.1 500 "))
        #expect(driver.text.contains("cannot be reached"))
        #expect(driver.records.first?.retries == 1)
    }

    @Test(
        "After the status, but before content, the upstream is asked again",
        arguments: [
            (503, #"{"error":{"message":"busy"}}"#), (502, "<html>down</html>"),
            (400, #"{"error":{"message":"Unsupported parameter: 'top_k'"}}"#),
            (200, #"data: {"error":{"code":502,"message":"down"}}"# + "\n\n"),
            (200, Chunk.end()), (0, ""),
        ])
    func retryAfterStatus(_ status: Int, _ answer: String) throws {
        let driver = try SessionDriver()
        driver.post(
            "/v1/messages",
            Self.streamBody.replacing(#""max_tokens""#, with: #""top_k":5,"max_tokens""#))
        driver.wait(.seconds(25))
        #expect(driver.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        if status == 0 {
            driver.upstreamEnds(TransferFailure(.closedBeforeAnswer, detail: "reset"))
        } else {
            driver.respond(status: status)
            driver.upstream(answer)
            if driver.calls.count == 1 { driver.upstreamEnds() }
        }
        #expect(driver.calls.count == 2)
        driver.wait(.seconds(10))
        driver.respond()
        driver.upstream(Chunk.text("late") + Chunk.end())
        #expect(driver.text.components(of: "event: message_start") == 1)
        #expect(driver.text.components(of: "HTTP/1.1 ") == 1)
        #expect(driver.text.contains("late") && !driver.text.contains("event: error"))
        #expect(driver.text.components(of: "event: ping") == 3)
        #expect(driver.records.first?.outcome == .completed)
        #expect(driver.records.first?.retries == 1)
    }

    @Test func aFailureThatStandsAfterTheStatusIsAnEvent() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.wait(.seconds(10))
        for _ in 0..<2 {
            driver.respond(status: 503)
            driver.upstreamEnds()
        }
        #expect(driver.calls.count == 2)
        #expect(driver.text.components(of: "event: error") == 1)
        #expect(driver.text.hasSuffix("\r\n0\r\n\r\n"))
        #expect(driver.records.first?.failure == .overloaded)
    }

    @Test func onceThereIsContentNothingIsAskedAgain() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.upstream(#"data: {"error":{"code":502,"message":"down"}}"# + "\n\n")
        #expect(driver.calls.count == 1 && driver.text.contains("event: error"))
    }

    @Test func aConnectionThatBreaksAfterTheFirstContentIsNot() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.upstreamEnds(TransferFailure(.closedBeforeAnswer, detail: "reset"))
        #expect(driver.actions == ["start"])
        #expect(driver.text.contains("event: error"))
    }

    @Test func aRefusedParameterIsLeftOutFromThenOn() throws {
        let driver = try SessionDriver()
        let body = Self.body.replacing(#""max_tokens""#, with: #""top_k":5,"max_tokens""#)
        driver.post("/v1/messages", body)
        #expect(String(decoding: driver.calls[0].body, as: UTF8.self).contains("top_k"))
        driver.respond(status: 400)
        driver.upstream(#"{"error":{"message":"Unsupported parameter: 'top_k'"}}"#)
        driver.upstreamEnds()
        #expect(driver.actions == ["start", "start"])
        #expect(!String(decoding: driver.calls[1].body, as: UTF8.self).contains("top_k"))
        driver.respond()
        driver.upstream(Chunk.text("a") + Chunk.end())
        driver.post("/v1/messages", body)
        #expect(!String(decoding: driver.calls[2].body, as: UTF8.self).contains("top_k"))
    }

    @Test func noPeerCanFillTheLog() throws {
        let driver = try SessionDriver()
        let long = String(repeating: "x", count: 100_000)
        driver.post(
            "/v1/messages",
            Self.body.replacing("claude-x", with: "a/\(long)")
                .replacing(#""max_tokens""#, with: #""top_k":5,"max_tokens""#))
        driver.respond(status: 400, generationID: long)
        driver.upstream(
            #"{"error":{"message":"Unsupported parameter: 'top_k' \#(long.prefix(60_000))"}}"#)
        driver.upstreamEnds()
        driver.respond()
        let digits = String(repeating: "0", count: 100_000)
        driver.upstream(
            #"data: {"id":"\#(long)","provider":"\#(long)","choices":[{"index":0,"delta":"#
                + #"{"content":"a"},"finish_reason":"stop"}],"usage":{"cost":1\#(digits)}}"#
                + "\n\n")
        let record = try #require(driver.records.first)
        let longest =
            [
                record.requestedModel, record.upstreamModel, record.provider, record.generationID,
                record.cost,
            ].map(\.count).max() ?? 0
        #expect(record.outcome == .completed && longest == 128)
        #expect(
            driver.state.upstreams.main.lessons.remedies(
                of: Array("a/\(long)".utf8), at: .zero
            )
            .isEmpty)
    }

    @Test func anEmptyAnswerIsAskedForOnceMore() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        for _ in 0..<2 {
            driver.respond()
            driver.upstream(Chunk.end())
        }
        #expect(driver.actions.filter { $0 == "start" }.count == 2)
        #expect(driver.text.hasPrefix("HTTP/1.1 502 "))
    }

    @Test(
        "A finish without content that breaks off is no answer",
        arguments: [ClientSessionTests.body, ClientSessionTests.streamBody], [false, true])
    func emptyAnswerThatBreaksOff(_ body: String, isHeldTooLong: Bool) throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", body)
        driver.respond()
        if isHeldTooLong { driver.wait(.seconds(10)) }
        driver.upstream(
            #"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"# + "\n\n")
        driver.upstreamEnds(TransferFailure(.brokenAnswer, detail: "reset"))
        let isStream = driver.text.hasPrefix("HTTP/1.1 200 OK\r\n")
        #expect(isStream == (isHeldTooLong && body == Self.streamBody))
        #expect(isStream || driver.text.hasPrefix("HTTP/1.1 502 "))
        #expect(!isStream || driver.text.contains("event: error"))
        #expect(driver.records.first?.outcome == (isStream ? .interrupted : .failed))
    }

    // MARK: The client's side

    @Test func aHeadThatNeverEndsHasAnAnswerAndARecordOfItsOwn() throws {
        let driver = try SessionDriver()
        driver.receive("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        driver.output = []
        driver.receive("GET /hea")
        driver.wait(.seconds(10))
        #expect(driver.text.hasPrefix("HTTP/1.1 408 "))
        #expect(driver.text.contains("timeout_error"), "the request before it had no body")
        let ids = driver.records.map(\.requestID)
        #expect(ids.count == 2 && ids[0] != ids[1])
        #expect(driver.text.contains("request-id: req_" + String(decoding: ids[1], as: UTF8.self)))
        #expect(driver.records.last?.receivedAt == driver.now - .seconds(10))
    }

    @Test func aClientThatLeavesCancelsItsUpstream() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.clientLeaves()
        #expect(driver.actions == ["start", "cancel", "close"])
        #expect(driver.records.first?.outcome == .cancelled)
        #expect(driver.state.exchangesOpen == 0)
    }

    @Test func nobodyIsAskedForAClientThatHasLeft() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.repeatsAtOnce = false
        driver.upstreamEnds(TransferFailure(.connect, detail: "refused"))
        driver.performsActions = false
        driver.wait(.milliseconds(250))
        driver.clientLeaves()
        driver.performsActions = true
        #expect(driver.actions == ["start", "cancel", "close"])
        #expect(driver.records.map(\.outcome) == [.cancelled])
    }

    @Test func requestsSentAheadAreAnsweredInTurn() throws {
        let driver = try SessionDriver()
        let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        driver.receive(health + SessionDriver.request("/v1/messages", Self.body) + health)
        #expect(driver.text.components(of: "HTTP/1.1 200") == 1)
        driver.respond()
        driver.upstream(Chunk.text("a") + Chunk.end())
        #expect(driver.text.components(of: "HTTP/1.1 200") == 3)
        #expect(driver.text.hasSuffix("}"))
    }

    @Test func whatACallStillBringsDoesNotReachTheNextOne() throws {
        let driver = try SessionDriver()
        let request = SessionDriver.request("/v1/messages", Self.body)
        driver.receive(request + request)
        driver.respond()
        driver.performsActions = false
        driver.upstream(Chunk.text("a") + Chunk.end())
        // The second request is under way, but its call is not: this is the first one's rest.
        driver.upstream("\n")
        driver.upstreamEnds()
        driver.performsActions = true
        driver.respond()
        driver.upstream(Chunk.text("b") + Chunk.end())
        #expect(driver.text.components(of: "HTTP/1.1 200") == 2)
        #expect(driver.text.contains(#""text":"b""#))
        #expect(driver.actions == ["start", "release", "start", "release"])
    }

    @Test func aCallThatIsAskedAgainIsBrokenOffAndHeardNoMore() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        let first = driver.call
        driver.respond()
        driver.upstream(#"data: {"error":{"code":502,"message":"down"}}"# + "\n\n")
        #expect(driver.actions == ["start", "cancel", "start"])
        #expect(driver.call != first)
        let late = [UInt8](Chunk.text("late").utf8)
        driver.session.upstreamReceived(first, late.span, at: driver.now, into: &driver.output)
        driver.session.upstreamEnded(first, nil, at: driver.now, into: &driver.output)
        driver.respond()
        driver.upstream(Chunk.text("b") + Chunk.end())
        #expect(driver.text.contains(#""text":"b""#) && !driver.text.contains("late"))
        #expect(driver.actions == ["start", "cancel", "start", "release"])
    }

    @Test(arguments: ["GET /health", "GET /v1/models", "HEAD /"])
    func whoeverDoesNotReadIsAnsweredOnce(_ line: String) throws {
        let driver = try SessionDriver()
        driver.readsAtOnce = false
        let request = "\(line) HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let requests = 4000
        driver.receive(String(repeating: request, count: requests))
        #expect(driver.text.components(of: "HTTP/1.1 200 OK\r\n") == 1)
        #expect(driver.actions == ["pause"], "what is ahead is kept, and no more is read")
        var answers = 0
        while !driver.output.isEmpty {
            #expect(driver.text.components(of: "HTTP/1.1 200 OK\r\n") == 1)
            answers += 1
            driver.takeOutput()
        }
        #expect(answers == requests)
        #expect(driver.actions.last == "resume")
    }

    @Test func aClientThatSendsTooMuchAheadIsNotRead() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.body)
        driver.receive([UInt8](repeating: 0x20, count: Limits.pipelinedBytesMax))
        #expect(driver.actions == ["start", "pause"])
    }

    @Test func aRequestByteByByteIsTheSameRequest() throws {
        let whole = try SessionDriver()
        whole.post("/v1/messages?beta=true", Self.body)
        let split = try SessionDriver()
        for byte in [UInt8](SessionDriver.request("/v1/messages?beta=true", Self.body).utf8) {
            split.receive([byte])
        }
        #expect(split.calls.map(\.body) == whole.calls.map(\.body))
    }

    @Test func aSlowHeadIsA408AndAnIdleConnectionJustCloses() throws {
        let slow = try SessionDriver()
        slow.receive("POST /v1/mess")
        slow.wait(.seconds(9))
        slow.receive("ages")
        slow.wait(.seconds(1))
        #expect(slow.text.hasPrefix("HTTP/1.1 408 "))
        #expect(slow.isClosed)
        let idle = try SessionDriver()
        idle.wait(.seconds(75))
        #expect(idle.isClosed && idle.output.isEmpty)
    }

    @Test func aBodyThatDripsIsA408() throws {
        let driver = try SessionDriver()
        driver.receive(
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: 1000000\r\n\r\n")
        var seconds = 0
        while !driver.isClosed, seconds < 1000 {
            driver.receive(" ")
            driver.wait(.seconds(5))
            seconds += 5
        }
        #expect(driver.text.hasPrefix("HTTP/1.1 408 "))
        #expect(seconds < 60)
    }

    @Test func garbageIsA400AndTheEnd() throws {
        let driver = try SessionDriver()
        driver.receive("GET / HTTP/1.1\nHost: x\n\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.text.hasPrefix("HTTP/1.1 400 "))
        #expect(driver.text.contains("Connection: close"))
        #expect(driver.text.components(of: "HTTP/1.1") == 1)
        #expect(driver.isClosed)
    }

    // MARK: The daemon's side

    @Test func drainingClosesIdleConnectionsAndLetsAnswersFinish() throws {
        let idle = try SessionDriver()
        idle.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(!idle.isClosed)
        idle.drain()
        #expect(idle.isClosed)
        let busy = try SessionDriver()
        busy.post("/v1/messages", Self.streamBody)
        busy.respond()
        busy.upstream(Chunk.text("a"))
        busy.drain()
        #expect(!busy.isClosed)
        busy.upstream(Chunk.end())
        #expect(busy.isClosed)
        #expect(busy.text.contains("message_stop"))
    }

    @Test func drainingAnswersTheFirstRequestOfAConnectionThatHasJustCome() throws {
        let driver = try SessionDriver()
        driver.drain()
        #expect(!driver.isClosed)
        driver.wait(.milliseconds(900))
        driver.receive("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(driver.text.hasPrefix("HTTP/1.1 "))
        #expect(driver.text.contains("Connection: close"))
        #expect(driver.isClosed)
        let silent = try SessionDriver()
        silent.drain()
        silent.wait(.seconds(1))
        #expect(silent.isClosed)
    }

    @Test func anInterruptedStreamEndsWithAnErrorThatClientsRetry() throws {
        let driver = try SessionDriver()
        driver.post("/v1/messages", Self.streamBody)
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.interrupt()
        #expect(driver.text.contains("overloaded_error"))
        #expect(driver.actions.contains("cancel") && driver.isClosed)
    }

    @Test func withoutRoomTheAnswerIs529() throws {
        let driver = try SessionDriver(isAdmitted: false)
        driver.post("/v1/messages", Self.body)
        #expect(driver.text.hasPrefix("HTTP/1.1 529 "))
        #expect(driver.text.contains("retry-after: 1"))
        #expect(driver.calls.isEmpty)
    }

    @Test func withoutRoomAGuestGetsThePlaceOfAStranger() throws {
        let driver = try SessionDriver(isAdmitted: false)
        driver.state.seatGuest = { hasPlace in !hasPlace }
        driver.post("/v1/messages", Self.body)
        #expect(driver.calls.count == 1 && driver.isGuest)
    }

    @Test func aConnectionWithoutRoomHasASecond() throws {
        let driver = try SessionDriver(isAdmitted: false)
        driver.wait(.seconds(1))
        #expect(driver.isClosed && driver.output.isEmpty)
    }

    @Test func requestsBeyondTheLimitAre529AndPlacesComeBack() throws {
        let driver = try SessionDriver([
            ("OPENROUTER_API_KEY", "sk-or-secret"), ("CLAUDE_PROXY_MAX_REQUESTS", "1"),
        ])
        driver.post("/v1/messages", Self.streamBody)
        // Of another session on the same loop.
        var other = ClientSession(
            driver.state, peer: Peer(isLocal: true, name: ""), isAdmitted: true, at: driver.now)
        var output: [UInt8] = []
        let request = SessionDriver.request("/v1/messages", Self.body)
        other.received([UInt8](request.utf8).span, at: driver.now, into: &output)
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.hasPrefix("HTTP/1.1 529 ") && text.contains("retry-after: 1"))
        #expect(text.contains("CLAUDE_PROXY_MAX_REQUESTS") && text.contains("Connection: close"))
        driver.respond()
        driver.upstream(Chunk.text("a"))
        driver.upstream(Chunk.end())
        driver.post("/v1/messages", Self.body)
        #expect(driver.calls.count == 2)
        driver.clientLeaves()
        #expect(driver.state.countRequests(0) == 0)
    }

    @Test func whoDoesNotReadIsNotReadFrom() throws {
        let driver = try SessionDriver()
        driver.readsAtOnce = false
        let request = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in 0..<100 {
            driver.receive(String(repeating: request, count: 100))
            #expect(driver.output.count < Limits.outputHighWater + (64 << 10))
        }
        #expect(driver.actions.contains("pause"))
        var answers = 0
        while !driver.output.isEmpty {
            answers += driver.text.components(of: "HTTP/1.1 200 ")
            driver.output = []
            driver.session.outputDrained(at: driver.now, into: &driver.output)
        }
        #expect(answers > 1000)
    }

    @Test(arguments: [
        ("", "411"), ("Content-Type: text/plain\r\nContent-Length: 2\r\n", "415"),
        ("Content-Encoding: br\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n", "415"),
    ])
    func aHeadWhoseBodyIsInDoubtIsRefused(_ fields: String, _ status: String) throws {
        let driver = try SessionDriver()
        driver.receive(
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
                + "Content-Type: application/json\r\n\(fields)\r\n")
        #expect(driver.text.hasPrefix("HTTP/1.1 \(status) ") && driver.isClosed)
    }

    @Test func withoutAKeyNothingIsAsked() throws {
        let driver = try SessionDriver([])
        driver.post("/v1/messages", Self.body)
        #expect(driver.text.contains("OPENROUTER_API_KEY"))
        #expect(driver.text.contains("x-should-retry: false"))
        #expect(driver.calls.isEmpty)
    }
}

extension String {
    /// How often `part` occurs.
    func components(of part: String) -> Int { ranges(of: part).count }
}
