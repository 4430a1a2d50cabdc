// The requests that clients make: valid ones of every kind, odd ones, and hostile ones.

import TestSupport

/// A request with what may come of it.
struct RequestPlan {
    enum Kind {
        case message(streams: Bool)
        /// Answered by the proxy itself, with one of these statuses.
        case local([Int])
        /// Anything legal may come of it, or nothing.
        case hostile
    }

    /// What a request for a message says, as far as it decides over the upstream's.
    struct Ask {
        var model = ""
        var maxTokens = 0
        var hasTopK = false
        /// How much longer its prompt is than a sentence.
        var paddingBytes = 0
        /// The session that it belongs to.
        var session: Int?
    }

    var kind: Kind
    /// Stands in the request and comes back in the answer.
    var marker: Int
    var bytes: [UInt8] = []
    var isHead = false
    var isHTTP10 = false
    var closes = false
    /// The client sends no more than this many bytes, and waits.
    var stallsAt: Int?
    /// Whether it shows the token that some configurations want.
    var hasToken = true
    var expectsContinue = false
    /// What its body asks for.
    var ask = Ask()
    /// What it proves when it is answered as it should be.
    var milestone: Milestone?

    /// Where its body begins.
    var bodyStart: Int { (bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound) ?? 0 }
    /// Whether the client stops within the body.
    var isBodyTimeout: Bool { (stallsAt ?? 0) >= bodyStart && stallsAt != nil }
    var isGzip = false

    /// How many of its bytes will be sent.
    var sendableBytes: Int { min(stallsAt ?? bytes.count, bytes.count) }
}

/// Makes requests.
struct RequestGenerator {
    /// The largest body that every configuration of the simulation takes.
    static let bodyBytesMax = 64 << 10

    private enum Framing { case length, chunked }

    static func next(_ random: inout SplitMix64, marker: Int) -> RequestPlan {
        var plan = RequestPlan(kind: .local([]), marker: marker)
        switch random.below(100) {
        case ..<58: message(&plan, &random)
        case ..<66: count(&plan, &random)
        case ..<70: get(&plan, &random, "/v1/models", [200], .listedModels)
        case ..<73:
            // A reload may have taken the model away.
            get(&plan, &random, "/v1/models/openai%2Fgpt-oss-120b", [200, 404], .listedModels)
        case ..<77: get(&plan, &random, "/health", [200], .health)
        case ..<79: get(&plan, &random, "/nowhere?x=\(marker)", [404], .notFound)
        case ..<81: get(&plan, &random, "/v1/messages", [405], .methodNotAllowed)
        case ..<83:
            plan.isHead = true
            get(&plan, &random, "/", [200], .headProbe, method: "HEAD")
        case ..<92: badBody(&plan, &random)
        default: hostile(&plan, &random)
        }
        if case .hostile = plan.kind { return plan }
        if random.chance(4), plan.bytes.count > 1 {
            plan.stallsAt = random.number(1...plan.bytes.count - 1)
        }
        return plan
    }

    // MARK: Kinds

    private static func message(_ plan: inout RequestPlan, _ random: inout SplitMix64) {
        let streams = random.chance(70)
        plan.kind = .message(streams: streams)
        plan.ask.hasTopK = random.chance(20)
        let body = messageBody(&plan, streams: streams, &random)
        post(&plan, &random, "/v1/messages", Array(body.utf8))
    }

    private static func count(_ plan: inout RequestPlan, _ random: inout SplitMix64) {
        plan.kind = .local([200])
        plan.milestone = .countedTokens
        let body = messageBody(&plan, streams: false, &random)
        post(&plan, &random, "/v1/messages/count_tokens", Array(body.utf8))
    }

    static func messageBody(
        _ plan: inout RequestPlan, streams: Bool, _ random: inout SplitMix64
    ) -> String {
        plan.ask.model = random.pick(["claude-sonnet-4-5", "a/b", "claude-x", "small/model"])
        plan.ask.maxTokens = random.number(1...4096)
        var body = #"{"model":"\#(plan.ask.model)","max_tokens":\#(plan.ask.maxTokens),"#
        if streams { body += #""stream":true,"# }
        if plan.ask.hasTopK { body += #""top_k":40,"# }
        if random.chance(20) { body += #""temperature":0.5,"# }
        if random.chance(20) { body += #""system":[{"type":"text","text":"be brief"}],"# }
        if random.chance(30) {
            let session = random.below(4)
            plan.ask.session = session
            body += #""metadata":{"user_id":"user_1_session_\#(session)"},"#
        }
        if random.chance(30) {
            body += #""tools":[{"name":"look","input_schema":{"type":"object","properties":{}}}],"#
        }
        if random.chance(15) { body += #""thinking":{"type":"enabled","budget_tokens":1024},"# }
        plan.ask.paddingBytes = random.chance(5) ? random.below(32_000) : 0
        let padding = String(repeating: "x ", count: plan.ask.paddingBytes / 2)
        let text = #"marker-\#(plan.marker). \u00e9\n\#(padding)"#
        if random.chance(50) {
            body += #""messages":[{"role":"user","content":"\#(text)"}]}"#
        } else {
            body += #""messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"#
            body += #"[{"type":"text","text":"yes?"}]},{"role":"user","content":[{"type":"text","#
            body += #""text":"\#(text)"}]}]}"#
        }
        return body
    }

    private static func get(
        _ plan: inout RequestPlan, _ random: inout SplitMix64, _ target: String, _ statuses: [Int],
        _ milestone: Milestone, method: String = "GET"
    ) {
        plan.kind = .local(statuses)
        plan.milestone = milestone
        plan.bytes = Array(
            (head(&plan, &random, method: method, target: target, fields: []) + "\r\n").utf8)
    }

    /// Bodies that are refused once they are there, or before.
    private static func badBody(_ plan: inout RequestPlan, _ random: inout SplitMix64) {
        plan.kind = .local([400])
        plan.milestone = .invalidRequest
        let good = messageBody(&plan, streams: random.chance(50), &random)
        var fields: [String] = []
        var body: String
        switch random.below(7) {
        case 0: body = String(good.dropLast())
        case 1: body = good.replacing(#""max_tokens":"#, with: #""max_tokens":"x","_":"#)
        case 2: body = "[]"
        case 3: body = good.replacing(#""role":"user""#, with: #""role":17"#)
        case 4:
            body = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        case 5:
            fields = ["Content-Encoding: zstd"]
            plan.kind = .local([415])
            plan.milestone = .mediaTypeRefused
            body = good
        default:
            plan.kind = .local([413])
            plan.milestone = .bodyTooLarge
            body = String(repeating: " ", count: 3 * bodyBytesMax)
        }
        if body.isEmpty { body = " " }
        post(&plan, &random, "/v1/messages", Array(body.utf8), fields: fields)
    }

    private static func hostile(_ plan: inout RequestPlan, _ random: inout SplitMix64) {
        message(&plan, &random)
        plan.kind = .hostile
        plan.milestone = nil
        plan.expectsContinue = false
        for _ in 0..<random.number(1...4) {
            let index = random.below(plan.bytes.count)
            switch random.below(5) {
            case 0: plan.bytes[index] = UInt8(random.below(256))
            case 1: plan.bytes.remove(at: index)
            case 2: plan.bytes.insert(random.pick([0, 10, 13, 32, 58, 255]), at: index)
            case 3:
                let end = random.number(index...plan.bytes.count)
                plan.bytes.insert(contentsOf: plan.bytes[index..<end], at: index)
            default: plan.bytes = Array(plan.bytes[index...])
            }
            if plan.bytes.isEmpty { plan.bytes = [0] }
        }
    }

    // MARK: HTTP

    private static func head(
        _ plan: inout RequestPlan, _ random: inout SplitMix64, method: String, target: String,
        fields: [String]
    ) -> String {
        plan.isHTTP10 = random.chance(6)
        plan.hasToken = random.chance(95)
        var head = "\(method) \(target) HTTP/1.\(plan.isHTTP10 ? 0 : 1)\r\nHost: localhost\r\n"
        if plan.hasToken {
            let field = random.chance(50) ? "x-api-key: " : "Authorization: Bearer "
            head += "\(field)client-token-0123456789\r\n"
        }
        if random.chance(60) { head += "anthropic-version: 2023-06-01\r\n" }
        if plan.isHTTP10 {
            plan.closes = random.chance(50)
            if !plan.closes { head += "Connection: keep-alive\r\n" }
        } else if random.chance(8) {
            plan.closes = true
            head += "Connection: close\r\n"
        }
        for field in fields { head += "\(field)\r\n" }
        return head
    }

    private static func post(
        _ plan: inout RequestPlan, _ random: inout SplitMix64, _ target: String, _ body: [UInt8],
        fields: [String] = []
    ) {
        var fields = fields + ["Content-Type: application/json"]
        var body = body
        if fields.count == 1, random.chance(12) { gzip(&plan, &random, &body, &fields) }
        if random.chance(5) {
            plan.expectsContinue = true
            fields.append("Expect: 100-continue")
        }
        var text = head(&plan, &random, method: "POST", target: target, fields: fields)
        if plan.isHTTP10 || random.chance(75) {
            text += "Content-Length: \(body.count)\r\n\r\n"
            plan.bytes = Array(text.utf8) + body
        } else {
            text += "Transfer-Encoding: chunked\r\n\r\n"
            plan.bytes = Array(text.utf8)
            var rest = body[...]
            while !rest.isEmpty {
                let piece = rest.prefix(random.size(upTo: min(rest.count, 20_000)))
                plan.bytes +=
                    Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10]
                rest = rest.dropFirst(piece.count)
            }
            plan.bytes += Array("0\r\n\r\n".utf8)
            if plan.milestone == nil { plan.milestone = .chunkedRequest }
        }
        // HTTP/1.0 has no 100.
        if plan.isHTTP10 { plan.expectsContinue = false }
    }

    /// The simulation's "gzip": a letter that says what inflating it gives, and the plain body.
    private static func gzip(
        _ plan: inout RequestPlan, _ random: inout SplitMix64, _ body: inout [UInt8],
        _ fields: inout [String]
    ) {
        plan.isGzip = true
        fields.append("Content-Encoding: gzip")
        guard body.count < bodyBytesMax, plan.milestone != .bodyTooLarge, random.chance(25) else {
            body.insert(UInt8(ascii: "g"), at: 0)
            return
        }
        if random.chance(50) {
            body.insert(UInt8(ascii: "b"), at: 0)
            plan.kind = .local([400])
            plan.milestone = .gzipInvalid
        } else {
            body.insert(UInt8(ascii: "l"), at: 0)
            plan.kind = .local([413])
            plan.milestone = .gzipTooLarge
        }
    }
}
