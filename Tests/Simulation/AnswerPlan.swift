// The upstream's answers: every dialect that it is known to speak, and every way to fail.

import Gateway
import TestSupport

/// What an upstream will do with one call, and what must come of it.
struct AnswerPlan {
    enum Piece {
        case head(UpstreamHead)
        case bytes([UInt8])
        case end(TransferFailure?)
        /// Nothing, for so long after the call was made or last heard of.
        case silence(Duration)
    }

    enum Expectation {
        /// The client gets exactly this.
        case complete(text: [UInt8], tools: Int, stopReason: String)
        /// The client gets an error, or the upstream is asked again.
        case failure
        /// A proper end without content: asked again, then an error or an empty message.
        case empty
        /// Whatever is legal.
        case any
    }

    /// What the proxy's keys begin with, which upstreams quote; nothing in its form tells that it is
    /// one.
    static let key = "the-upstreams-key-0123456789"

    /// What happens, in order; after the last of them nothing does.
    var pieces: [Piece] = []
    var expectation = Expectation.failure
    /// What it proves if the client gets what is expected.
    var milestone: Milestone?

    fileprivate mutating func respond(_ status: Int = 200, quoting key: String? = nil) {
        var head = UpstreamHead()
        head.status = status
        head.generationID = Array("gen-\(key ?? "head")".utf8)
        pieces.append(.head(head))
    }

    fileprivate mutating func send(_ text: String) { pieces.append(.bytes(Array(text.utf8))) }
}

/// Makes answers.
struct AnswerGenerator {
    private var random: SplitMix64
    private let lineEnd: String
    private let marker: Int
    /// The one that the upstream is asked with.
    private let key: String
    /// The member that names who answers, for a request of a session.
    private let provider: String
    private var text: [UInt8] = []
    private var plan = AnswerPlan()

    /// How an upstream fares.
    enum Mood {
        case well
        /// Most calls fail.
        case down
        /// Its keys are refused, spent, or at their limits.
        case limited
    }

    static func next(
        _ random: inout SplitMix64, marker: Int, hasTopK: Bool, session: Int?, mood: Mood,
        key: String
    ) -> AnswerPlan {
        var generator = AnswerGenerator(&random, marker: marker, session: session, key: key)
        switch mood {
        case .down where random.chance(80):
            random.chance(50) ? generator.failure() : generator.empty()
        case .limited where random.chance(70): generator.limit()
        case .well, .down, .limited: generator.choose(hasTopK: hasTopK)
        }
        // Some think for long before they fail: clients have their status by then.
        if !generator.isComplete, generator.random.chance(15) { generator.delay() }
        return generator.plan
    }

    private init(_ random: inout SplitMix64, marker: Int, session: Int?, key: String) {
        self.key = key
        self.random = SplitMix64(seed: random.next())
        lineEnd = self.random.pick(["\n", "\n", "\n", "\r\n", "\r"])
        self.marker = marker
        provider = session.map { #""provider":"P\#($0)","# } ?? ""
    }

    private mutating func choose(hasTopK: Bool) {
        if hasTopK, random.chance(50) { return refusedParameter() }
        switch random.below(1000) {
        case ..<340: completeText()
        case ..<380: completeFlood()
        case ..<430: completeObject()
        case ..<490: completeReasoning()
        case ..<560: completeTools()
        case ..<600: cutAtLimit()
        case ..<680: truncated()
        case ..<750: errorStatus()
        case ..<800: errorIn200()
        case ..<840: empty()
        case ..<900: failure()
        case ..<930: stalled()
        case ..<960: garbage()
        case ..<990: finishThenFailure()
        case ..<992: hugeEvent()
        default: hugeErrorBody()
        }
    }

    private var isComplete: Bool {
        if case .complete = plan.expectation { true } else { false }
    }

    /// Longer than a status is held back, where that is short.
    private mutating func delay() {
        plan.pieces.insert(.silence(.seconds(random.pick([2, 3, 12]))), at: 0)
    }

    // MARK: Success

    private mutating func completeText() {
        plan.respond(quoting: random.chance(5) ? key : nil)
        if random.chance(40) { comments() }
        pieces(of: 1 + random.below(random.chance(10) ? 400 : 8))
        finish("stop")
        complete("end_turn", nil)
    }

    /// More than sockets and the output may hold: slow clients must hold it up.
    private mutating func completeFlood() {
        plan.respond()
        let piece = String(repeating: "0123456789abcdef", count: 1024)
        for _ in 0..<random.number(20...60) {
            event(#"{"content":"\#(piece)"}"#)
            text += Array(piece.utf8)
        }
        finish("stop")
        complete("end_turn", nil)
    }

    private mutating func completeObject() {
        plan.respond()
        if random.chance(30) { plan.send("\n\n   \n") }
        let piece = nextPiece()
        plan.send(
            #"{"id":"gen-2","object":"chat.completion","model":"m","choices":[{"index":0,"message":"#
                + #"{"role":"assistant","content":"\#(piece)"},"finish_reason":"stop"}],"#
                + #""usage":{"prompt_tokens":5,"completion_tokens":6}}"#)
        plan.pieces.append(.end(nil))
        complete("end_turn", nil)
    }

    private mutating func completeReasoning() {
        plan.respond()
        let member = random.pick(["reasoning", "reasoning_content"])
        for _ in 0...random.below(4) {
            if random.chance(30) {
                event(
                    #"{"reasoning_details":[{"type":"reasoning.text","text":"hm","index":0}],"#
                        + #""reasoning":"hm"}"#)
            } else {
                event(#"{"\#(member)":"let me think"}"#)
            }
        }
        if random.chance(40) {
            event(
                #"{"reasoning_details":[{"type":"reasoning.encrypted","data":"c2VjcmV0","id":"r"}]}"#
            )
        }
        pieces(of: 1 + random.below(4))
        finish("stop")
        complete("end_turn", .reasoningAnswered)
    }

    private mutating func completeTools() {
        plan.respond()
        if random.chance(50) { pieces(of: 1 + random.below(3)) }
        let calls = 1 + random.below(3)
        let isInterleaved = random.chance(40)
        for call in 0..<calls {
            event(
                #"{"tool_calls":[{"index":\#(call),"id":"call_\#(marker)_\#(call)","type":"function","#
                    + #""function":{"name":"look","arguments":""}}]}"#)
            if !isInterleaved { arguments(call) }
        }
        if isInterleaved { for call in 0..<calls { arguments(call) } }
        finish("tool_calls")
        plan.expectation = .complete(text: text, tools: calls, stopReason: "tool_use")
        plan.milestone = .toolCallsAnswered
    }

    private mutating func arguments(_ call: Int) {
        for piece in [#"{\"at\":"#, #"\"\#(marker)\""#, "}"] {
            event(
                #"{"tool_calls":[{"index":\#(call),"function":{"arguments":"\#(piece)"}}]}"#)
        }
    }

    private mutating func cutAtLimit() {
        plan.respond()
        pieces(of: 1 + random.below(5))
        finish("length")
        complete("max_tokens", .cutAtTokenLimit)
    }

    /// The transport fails after the upstream has said why it stops: the answer is complete.
    private mutating func finishThenFailure() {
        plan.respond()
        let hasText = random.chance(70)
        if hasText { pieces(of: 1 + random.below(5)) }
        event("{}", finish: "stop")
        plan.pieces.append(.end(TransferFailure(.brokenAnswer, detail: "reset")))
        if hasText {
            complete("end_turn", .failureAfterFinish)
        } else {
            plan.expectation = .empty
        }
    }

    // MARK: Failure

    private mutating func truncated() {
        plan.respond()
        pieces(of: 1 + random.below(20))
        let cut = 1 + random.below(40)
        if case .bytes(let last)? = plan.pieces.popLast() {
            plan.pieces.append(.bytes(last.dropLast(min(cut, last.count))))
        }
        plan.pieces.append(
            .end(random.chance(50) ? nil : TransferFailure(.brokenAnswer, detail: "reset")))
        plan.milestone = .upstreamCut
    }

    private mutating func errorStatus() {
        let status = random.pick([
            301, 302, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529, 204,
            101,
        ])
        plan.respond(status)
        switch random.below(4) {
        case 0: break
        case 1: plan.send("<html><body><h1>\(status)</h1></body></html>")
        case 2: plan.send(#"{"error":{"code":\#(status),"message":"no \#(key)"}}"#)
        default: plan.send(#"{"detail":[{"loc":["body"],"msg":"bad"}]}"#)
        }
        plan.pieces.append(.end(nil))
        plan.milestone = .upstreamErrorStatus
    }

    private mutating func limit() {
        plan.respond(random.pick([401, 402, 429]))
        plan.send(#"{"error":{"message":"not with \#(key)"}}"#)
        plan.pieces.append(.end(nil))
        plan.milestone = .upstreamErrorStatus
    }

    private mutating func refusedParameter() {
        plan.respond(400)
        plan.send(#"{"error":{"message":"Unsupported parameter: 'top_k'"}}"#)
        plan.pieces.append(.end(nil))
    }

    private mutating func errorIn200() {
        plan.respond()
        if random.chance(50) { pieces(of: 1 + random.below(4)) }
        plan.send(
            #"data: {"error":{"code":502,"message":"the provider is down"}}"# + lineEnd + lineEnd)
        // What comes after it belongs to no answer any more.
        if random.chance(50) { event(#"{"content":"late"}"#, finish: "stop") }
        plan.pieces.append(.end(nil))
        plan.milestone = .upstreamErrorIn200
    }

    private mutating func empty() {
        plan.respond()
        if random.chance(50) { event(#"{"role":"assistant","content":""}"#) }
        finish("stop")
        plan.expectation = .empty
    }

    private mutating func failure() {
        let kind = random.pick([
            TransferFailure.Kind.resolve, .proxy, .connect, .noSocket, .connectTimeout,
            .certificate, .trustStore, .tls,
            .closedBeforeAnswer, .protocolViolation, .other,
        ])
        plan.pieces.append(.end(TransferFailure(kind, detail: "as planned")))
    }

    private mutating func stalled() {
        if random.chance(70) { plan.respond() }
        if random.chance(50) {
            if plan.pieces.isEmpty { plan.respond() }
            pieces(of: 1 + random.below(4))
        }
    }

    private mutating func garbage() {
        plan.respond()
        plan.milestone = .upstreamGarbage
        switch random.below(5) {
        case 0:
            plan.pieces.append(
                .bytes((0..<random.number(1...300)).map { _ in UInt8(random.below(256)) }))
            plan.expectation = .any
            plan.milestone = nil
        case 1: plan.send("<html>busy</html>")
        case 2: plan.send("data: {\"choices\":[{]}\(lineEnd)\(lineEnd)")
        case 3: plan.send(#"{"hello":1}"#)
        default:
            pieces(of: 2)
            plan.send("data: not json at all {\(lineEnd)\(lineEnd)data: {\"a\"\(lineEnd)\(lineEnd)")
        }
        plan.pieces.append(.end(nil))
    }

    private mutating func hugeEvent() {
        plan.respond()
        plan.send("data: {\"choices\":[{\"delta\":{\"content\":\"")
        for _ in 0..<9 { plan.pieces.append(.bytes([UInt8](repeating: 0x61, count: 1 << 20))) }
        plan.milestone = .eventTooLong
    }

    private mutating func hugeErrorBody() {
        plan.respond(500)
        for _ in 0..<40 { plan.pieces.append(.bytes([UInt8](repeating: 0x61, count: 16 << 10))) }
        plan.milestone = .errorBodyCut
    }

    // MARK: Parts

    private mutating func complete(_ stopReason: String, _ milestone: Milestone?) {
        plan.expectation = .complete(text: text, tools: 0, stopReason: stopReason)
        plan.milestone = milestone
    }

    private mutating func comments() {
        for _ in 0...random.below(6) { plan.send(": OPENROUTER PROCESSING" + lineEnd + lineEnd) }
    }

    private mutating func pieces(of count: Int) {
        for index in 0..<count {
            if random.chance(5) { comments() }
            let piece = nextPiece()
            event(
                index == 0
                    ? #"{"role":"assistant","content":"\#(piece)"}"# : #"{"content":"\#(piece)"}"#)
        }
    }

    /// A piece of text as JSON has it; its meaning is added to `text`.
    private mutating func nextPiece() -> String {
        let pieces: [(json: String, text: String)] = [
            ("word ", "word "), ("\\n", "\n"), ("\\u00e9", "é"), ("\\ud83d\\ude00", "😀"),
            ("😀", "😀"), ("\\\"q\\\"", "\"q\""), ("\\\\", "\\"), ("m\(marker)", "m\(marker)"),
            ("data: x", "data: x"), ("</think>", "</think>"),
        ]
        var json = ""
        for _ in 0...random.below(3) {
            let piece = random.pick(pieces)
            json += piece.json
            text += Array(piece.text.utf8)
        }
        if random.chance(2) {
            let long = String(repeating: "long ", count: random.below(20_000))
            json += long
            text += Array(long.utf8)
        }
        return json
    }

    private mutating func event(_ delta: String, finish: String? = nil, usage: String? = nil) {
        let reason = finish.map { #""\#($0)""# } ?? "null"
        plan.send(
            #"data: {"id":"gen-1",\#(provider)"model":"m","choices":[{"index":0,"delta":\#(delta),"#
                + #""finish_reason":\#(reason)}]\#(usage.map { #","usage":\#($0)"# } ?? "")}"#
                + lineEnd + lineEnd)
    }

    private mutating func finish(_ reason: String) {
        let usage = #"{"prompt_tokens":9,"completion_tokens":4}"#
        switch random.below(4) {
        case 0: event("{}", finish: reason, usage: usage)
        case 1:
            event("{}", finish: reason)
            plan.send(#"data: {"choices":[],"usage":\#(usage)}"# + lineEnd + lineEnd)
        case 2: event(#"{"content":""}"#, finish: reason)
        default:
            event("{}", finish: reason)
            plan.pieces.append(.end(nil))
            return
        }
        plan.send("data: [DONE]" + lineEnd + lineEnd)
        plan.pieces.append(.end(nil))
    }
}
