// The simulator as its clients see it: bytes over a loopback socket.
import Glibc
import Testing

@testable import Simulator

@Suite struct SimulatedUpstreamTests {
    /// Starts a simulator, has it answer, and stops it.
    static func with<Result>(
        requiringKey: Bool = false, _ body: (SimulatedUpstream) throws -> Result
    ) throws -> Result {
        let upstream = try SimulatedUpstream.start(on: "127.0.0.1:0", requiringKey: requiringKey)
        defer { upstream.stop() }
        return try body(upstream)
    }

    /// The whole response to `request`, which closes the connection.
    static func response(to request: String, requiringKey: Bool = false) throws -> String {
        try with(requiringKey: requiringKey) { upstream in
            let client = try LoopbackClient(port: upstream.port)
            client.send(request)
            return try client.receiveAll()
        }
    }

    /// What a stream's events say, with what all of them have in common taken off.
    static func events(_ model: String, more: String = "") throws -> [String] {
        let response = try response(to: post(chat(model, more: more)))
        let common = """
            {"id":"gen-sim-1","object":"chat.completion.chunk","created":1767225600,\
            "model":"\(model)","provider":"Simulator","choices":
            """
        return try SimulatorTests.body(of: response).split(separator: "\n\n").map { event in
            event.hasPrefix("data: \(common)")
                ? String(event.dropFirst("data: \(common)".count)) : String(event)
        }
    }

    static func choice(_ delta: String, _ finish: String = "null", _ native: String = "null")
        -> String
    {
        """
        [{"index":0,"delta":{\(delta)},"finish_reason":\(finish),"native_finish_reason":\(native)}]
        """
    }

    static func content(
        _ text: String, _ finish: String = "null", _ native: String = "null"
    ) -> String {
        choice("\"role\":\"assistant\",\"content\":\"\(text)\"", finish, native)
    }

    static func usage(prompt: Int, completion: Int) -> String {
        """
        "usage":{"prompt_tokens":\(prompt),"completion_tokens":\(completion),\
        "total_tokens":\(prompt + completion),"cost":0,"is_byok":false,\
        "prompt_tokens_details":{"cached_tokens":0},\
        "completion_tokens_details":{"reasoning_tokens":0}}}
        """
    }

    static let comment = ": OPENROUTER PROCESSING"
    static let begin = [comment, content("") + "}"]
    static let lorem = ["Lorem ", "ipsum ", "dolor."].map { content($0) + "}" }
    static let finish = content("", "\"stop\"", "\"end_turn\"")

    // MARK: Framing

    @Test func anEchoIsStreamedAsOpenRouterStreams() throws {
        let request = post(chat("sim/echo", "a \\\"b\\\""))
        let opening = """
            data: {"id":"gen-sim-1","object":"chat.completion.chunk","created":1767225600,\
            "model":"sim/echo","provider":"Simulator","choices":
            """
        let usage = Self.usage(prompt: 20, completion: 2)
        let stream = """
            : OPENROUTER PROCESSING

            \(opening)\(Self.content(""))}

            \(opening)\(Self.content("a "))}

            \(opening)\(Self.content("\\\"b\\\""))}

            \(opening)\(Self.finish)}

            \(opening)\(Self.finish),\(usage)

            data: [DONE]


            """
        let size = String(stream.utf8.count, radix: 16)
        let chunkSize = String(repeating: "0", count: 8 - size.count) + size
        let expected =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            + "X-Generation-Id: gen-sim-1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
            + "\r\n\(chunkSize)\r\n\(stream)\r\n0\r\n\r\n"
        #expect(try Self.response(to: request) == expected)
    }

    @Test func aRequestThatComesByteByByteGetsTheSameAnswer() throws {
        let request = post(chat("sim/echo", "one two"))
        let whole = try Self.response(to: request)
        let slow = try Self.with { upstream in
            let client = try LoopbackClient(port: upstream.port)
            for character in request.unicodeScalars { client.send(String(character)) }
            return try client.receiveAll()
        }
        #expect(slow == whole)
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        try Self.with { upstream in
            let client = try LoopbackClient(port: upstream.port)
            client.send(
                post(chat("sim/chunks;n=2;delay=1ms"), close: false)
                    + post(chat("sim/empty"), close: false) + post(chat("sim/echo", "last")))
            let all = try client.receiveAll()
            let ids = all.split(separator: "\r\n").filter { $0.hasPrefix("X-Generation-Id") }
            #expect(ids == (1...3).map { "X-Generation-Id: gen-sim-\($0)" })
            #expect(all.hasSuffix("data: [DONE]\n\n\r\n0\r\n\r\n"))
        }
    }

    @Test func whatFollowsTheLastRequestIsNotAnswered() throws {
        let request = post(chat("sim/empty"))
        #expect(try Self.response(to: request + request) == Self.response(to: request))
    }

    @Test func withoutStreamTheAnswerIsOneBodyAfterWhiteSpace() throws {
        let response = try Self.response(to: post(chat("sim/echo", "a b", stream: false)))
        #expect(response.contains("Content-Type: application/json\r\nX-Generation-Id: gen-sim-1"))
        let usage = Self.usage(prompt: 20, completion: 2)
        #expect(
            try body(of: response) == "\n         \n" + """
                {"id":"gen-sim-1","object":"chat.completion","created":1767225600,\
                "model":"sim/echo","provider":"Simulator","choices":[{"index":0,"logprobs":null,\
                "finish_reason":"stop","native_finish_reason":"end_turn",\
                "message":{"role":"assistant","content":"a b","refusal":null}}],\(usage)
                """)
    }

    @Test func whiteSpaceAndABodyCanAnswerAStreamingRequest() throws {
        let body = try body(of: Self.response(to: post(chat("sim/whitespace;n=2"))))
        let blank = "\n         \n"
        #expect(body.hasPrefix(blank + blank + "{\"id\":"))
        #expect(body.contains("\"content\":\"Lorem ipsum dolor.\""))
    }

    // MARK: Scenarios

    @Test func toolsAreCalledInPieces() throws {
        let tools = """
            ,"tools":[{"type":"function","function":{"name":"Read"}},\
            {"type":"function","function":{"name":"Bash"}}]
            """
        let events = try Self.events("sim/parallel-tools", more: tools)
        func call(_ call: String) -> String {
            Self.choice("\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\(call)}]") + "}"
        }
        func first(_ index: Int, _ name: String) -> String {
            call(
                "\"index\":\(index),\"id\":\"call_sim_1_\(index)\",\"type\":\"function\","
                    + "\"function\":{\"name\":\"\(name)\",\"arguments\":\"\"}")
        }
        func piece(_ index: Int, _ text: String) -> String {
            call("\"index\":\(index),\"function\":{\"arguments\":\"\(text)\"}")
        }
        let finish = Self.content("", "\"tool_calls\"", "\"tool_use\"")
        #expect(
            events.dropLast(2) == Self.begin + [
                first(0, "Read"), piece(0, "{\\\"call\\\":"), piece(0, "0}"),
                first(1, "Bash"), piece(1, "{\\\"call\\\":"), piece(1, "1}"), finish + "}",
            ])
        #expect(events.last == "data: [DONE]")
    }

    @Test func aToolResultIsAnsweredWithText() throws {
        let request = """
            {"model":"sim/tool","stream":false,"messages":[{"role":"user","content":"Hi"},\
            {"role":"tool","tool_call_id":"x","content":[{"type":"text","text":"42"}]}]}
            """
        let response = try Self.response(to: post(request))
        #expect(response.contains("\"content\":\"The tool answered: 42\""))
        #expect(response.contains("\"finish_reason\":\"stop\""))
    }

    @Test(arguments: [
        ("finish", [finish + ",U3"]), ("empty-choices", [finish + "}", "[],U3"]),
        ("none", [finish + "}"]), ("twice", [finish + ",U3", "[],U3"]),
    ])
    func tokenCountsStandWhereTheVariantSays(_ variant: String, _ ending: [String]) throws {
        let model = "sim/usage;variant=\(variant)"
        let usage = Self.usage(prompt: chat(model).utf8.count / 4, completion: 3)
        let expected = ending.map { event in
            event.hasSuffix("U3") ? event.dropLast(2) + usage : event
        }
        #expect(try Self.events(model) == Self.begin + Self.lorem + expected + ["data: [DONE]"])
    }

    @Test func anErrorMidStreamFollowsSomeText() throws {
        let events = try Self.events("sim/midstream-error;after=1")
        let error = """
            ,"error":{"code":502,"message":"Provider returned error",\
            "metadata":{"error_type":"provider_unavailable"}}}
            """
        let choice = Self.content("", "\"error\"", "\"error\"")
        #expect(
            events == Self.begin + [
                Self.content("piece 1 ") + "}", choice + error, "data: [DONE]",
            ])
    }

    @Test func anErrorStatusHasItsHeadersAndBody() throws {
        let request = post(chat("sim/error;status=429;retry-after=2"))
        let body = """
            {"error":{"message":"Rate limit exceeded: free-models-per-day.","code":429},\
            "user_id":"user_simulated"}
            """
        #expect(
            try Self.response(to: request)
                == "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
                + "Retry-After: 2\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n"
                + body)
    }

    @Test(arguments: [
        ("nobody/nothing", "nobody/nothing is not a valid model ID"),
        (
            "sim/echo;dealy=1ms",
            "sim/echo;dealy=1ms is not a valid model ID: it has no parameter 'dealy'; it has delay"
        ),
        (
            "sim/cut;after=-1",
            "sim/cut;after=-1 is not a valid model ID: 'after=-1' is not a number from 0 to 10000"
        ),
        (
            "sim/echo;delay=2h",
            "sim/echo;delay=2h is not a valid model ID: 'delay=2h' is not a time of at most an "
                + "hour such as 250us, 5ms or 2s"
        ),
    ])
    func wrongModelsAreRefused(_ model: String, _ message: String) throws {
        let response = try Self.response(to: post(chat(model)))
        #expect(response.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(
            try body(of: response)
                == "{\"error\":{\"message\":\"\(message)\",\"code\":400},"
                + "\"user_id\":\"user_simulated\"}")
    }

    @Test(arguments: [
        ("{", "The request body is not JSON: the text ends in the middle of a value"),
        ("{\"messages\":[]}", "No models provided"),
        (
            "{\"model\":\"sim/echo\",\"messages\":[]}",
            "Input required: specify \\\"prompt\\\" or \\\"messages\\\""
        ),
    ])
    func wrongBodiesAreRefused(_ body: String, _ message: String) throws {
        let response = try Self.response(to: post(body))
        #expect(response.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(response.contains("{\"message\":\"\(message)\",\"code\":400}"))
    }

    @Test func aKeyIsAskedForWhereOneIsRequired() throws {
        let request = chat("sim/empty")
        let refused = try Self.response(to: post(request), requiringKey: true)
        #expect(refused.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        #expect(refused.contains("{\"message\":\"Missing Authentication header\",\"code\":401}"))
        let header = "Authorization: Bearer sk-or-v1-x\r\n"
        let accepted = try Self.response(to: post(request, more: header), requiringKey: true)
        #expect(accepted.hasPrefix("HTTP/1.1 200 OK\r\n"))
    }

    // MARK: Ends of connections

    @Test func aCutEndsTheConnectionWithinTheBody() throws {
        let response = try Self.response(to: post(chat("sim/cut;after=1"), close: false))
        #expect(response.contains("\"content\":\"piece 1 \""))
        #expect(!response.hasSuffix("0\r\n\r\n"))
    }

    @Test func aResetComesBeforeAnyByte() throws {
        try Self.with { upstream in
            let client = try LoopbackClient(port: upstream.port)
            client.send(post(chat("sim/reset")))
            #expect(throws: LoopbackClient.Failure(code: ECONNRESET)) { try client.receive() }
        }
    }

    @Test func aClientThatLeavesIsCounted() throws {
        try Self.with { upstream in
            var client: LoopbackClient? = try LoopbackClient(port: upstream.port)
            client?.send(post(chat("sim/stall;after=1")))
            _ = try client?.receive(until: "\n\n\r\n")
            #expect(
                try Self.statistics(upstream)
                    == #"{"requests":1,"streams_open":1,"cancelled":0,"completed":0}"#)
            client = nil
            // The close is on its way; each round trip gives it time.
            var statistics = ""
            for _ in 0..<1000 where !statistics.contains("\"cancelled\":1") {
                statistics = try Self.statistics(upstream)
            }
            #expect(
                statistics == #"{"requests":1,"streams_open":0,"cancelled":1,"completed":0}"#)
        }
    }

    @Test func completedAnswersAreCounted() throws {
        try Self.with { upstream in
            for model in ["sim/echo", "sim/cut", "sim/error", "no/model"] {
                let client = try LoopbackClient(port: upstream.port)
                client.send(post(chat(model)))
                _ = try client.receiveAll()
            }
            #expect(
                try Self.statistics(upstream)
                    == #"{"requests":4,"streams_open":0,"cancelled":0,"completed":4}"#)
        }
    }

    @Test func aSlowReaderGetsEveryChunk() throws {
        try Self.with { upstream in
            let client = try LoopbackClient(port: upstream.port)
            client.send(post(chat("sim/burst;n=40000")))
            // More than the buffers of kernel and simulator hold: the script has to wait.
            #expect(
                try Self.statistics(upstream)
                    == #"{"requests":1,"streams_open":1,"cancelled":0,"completed":0}"#)
            let body = try body(of: client.receiveAll())
            let text = Array("\"content\":\"lorem \"".utf8)
            #expect(Self.count(text, in: Array(body.utf8)) == 40_000)
            #expect(body.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test func requestsWaitWhileTheirAnswersAreNotRead() throws {
        try Self.with { upstream in
            let client = try LoopbackClient(port: upstream.port)
            let request = post(chat("sim/empty"), close: false)
            for _ in 0..<20 { client.send(String(repeating: request, count: 20)) }
            client.send(post(chat("sim/empty")))
            let all = try client.receiveAll()
            let ids = all.split(separator: "\r\n").filter { $0.hasPrefix("X-Generation-Id") }
            #expect(ids == (1...401).map { "X-Generation-Id: gen-sim-\($0)" })
        }
    }

    private static func count(_ pattern: [UInt8], in bytes: [UInt8]) -> Int {
        var count = 0
        var index = 0
        while index + pattern.count <= bytes.count {
            if bytes[index] == pattern[0],
                bytes[index..<(index + pattern.count)].elementsEqual(pattern)
            {
                count += 1
            }
            index += 1
        }
        return count
    }

    private static func statistics(_ upstream: SimulatedUpstream) throws -> String {
        let client = try LoopbackClient(port: upstream.port)
        client.send(get("/stats"))
        return try body(of: client.receiveAll())
    }
}
