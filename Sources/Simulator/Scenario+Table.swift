// The table of scenarios. Each reproduces something that servers are known to do.

extension Scenario {
    /// Every scenario.
    static let all = answers + tools + endings + failures + connections

    // MARK: Answers

    private static let answers = [
        Scenario("demo/demo", "", "A friendly answer that says that no model was asked.") {
            (_, request) throws(RequestFault) in
            answer(words(of: DemoText.answer(to: request), every: .milliseconds(20)))
        },
        Scenario("sim/echo", "delay=0ms", "Repeats the last message word by word.") {
            (parameters, request) throws(RequestFault) in
            let text = bounded(request.lastText, to: echoCharactersMax)
            return answer(words(of: text, every: try parameters.duration("delay")))
        },
        Scenario("sim/chunks", "n=100;size=6;delay=0ms", "Chunks of the same text, at a pace.") {
            (parameters, _) throws(RequestFault) in try chunks(parameters)
        },
        Scenario("sim/burst", "n=1000;size=6;delay=0ms", "Chunks, as fast as the client reads.") {
            (parameters, _) throws(RequestFault) in try chunks(parameters)
        },
        Scenario("sim/huge-line", "bytes=1000000", "All the text in one event.") {
            (parameters, _) throws(RequestFault) in
            let bytes = try parameters.integer("bytes", in: 0...(64 << 20))
            return answer([.text(String(repeating: "x", count: bytes))])
        },
        Scenario(
            windowName, "limit=\(windowTokens);words=200",
            "A model with a small context: refuses what does not fit."
        ) { (parameters, request) throws(RequestFault) in
            let limit = try parameters.integer("limit", in: 256...(1 << 30))
            let words = try parameters.integer("words", in: 1...100_000)
            return window(request, limit: limit, words: words)
        },
        Scenario("sim/empty", "", "An answer without text.") { (_, _) throws(RequestFault) in
            answer([])
        },
        Scenario("sim/reasoning", "n=3;delay=0ms", "Reasons with a signature, then answers.") {
            (parameters, _) throws(RequestFault) in
            let delay = try parameters.duration("delay")
            let count = try parameters.integer("n", in: 1...10_000)
            let thoughts = (1...count).flatMap { [Act.wait(delay), .reasoning("thought \($0) ")] }
            return answer(thoughts + [.signature("c2lnbmF0dXJl"), .text("answer")])
        },
    ]

    // MARK: Tools

    private static let tools = [
        Scenario("sim/tool", "name=;args={}", "Calls the first tool, or the one named.") {
            (parameters, request) throws(RequestFault) in
            if request.endsWithToolResult { return toolAnswer(request) }
            let name = parameters.text("name")
            guard let tool = name.isEmpty ? request.toolNames.first : name else {
                return answer([.text("No tool was offered.")])
            }
            let arguments = [parameters.text("args")]
            return answer([.toolCall(name: tool, arguments: arguments)], finish: .toolCalls)
        },
        Scenario("sim/parallel-tools", "n=2", "Calls the tools offered, in turn, n calls in all.") {
            (parameters, request) throws(RequestFault) in
            if request.endsWithToolResult { return toolAnswer(request) }
            guard !request.toolNames.isEmpty else {
                return answer([.text("No tool was offered.")])
            }
            let calls = (0..<(try parameters.integer("n", in: 1...100))).map { index in
                Act.toolCall(
                    name: request.toolNames[index % request.toolNames.count],
                    arguments: ["{\"call\":", "\(index)}"])
            }
            return answer(calls, finish: .toolCalls)
        },
    ]

    // MARK: Endings

    private static let endings = [
        Scenario("sim/length", "", "The answer is cut off by the token limit.") {
            (_, _) throws(RequestFault) in answer(lorem, finish: .length)
        },
        Scenario("sim/content-filter", "", "The answer is cut off by a filter.") {
            (_, _) throws(RequestFault) in answer(lorem, finish: .contentFilter)
        },
        Scenario("sim/no-done", "", "The stream ends without [DONE].") {
            (_, _) throws(RequestFault) in
            opening + lorem + [.finish(.stop), .usage(.repeatingFinish)]
        },
        Scenario("sim/no-finish", "", "[DONE] comes without a finish reason or token counts.") {
            (_, _) throws(RequestFault) in opening + lorem + [.done]
        },
        Scenario("sim/truncated", "after=3", "The body ends properly, the answer does not.") {
            (parameters, _) throws(RequestFault) in opening + (try pieces(parameters))
        },
        Scenario("sim/usage", "variant=finish", "Where the token counts are; see UsageVariant.") {
            (parameters, _) throws(RequestFault) in
            switch try parameters.choice("variant", UsageVariant.self) {
            case .finish: opening + lorem + [.finish(.stop, withUsage: true), .done]
            case .emptyChoices:
                opening + lorem + [.finish(.stop), .usage(.emptyChoices), .done]
            case .everyChunk: [.usageOnEveryChunk] + opening + lorem + [.finish(.stop), .done]
            case .none: opening + lorem + [.finish(.stop), .done]
            case .twice:
                opening + lorem
                    + [.finish(.stop, withUsage: true), .usage(.emptyChoices), .done]
            }
        },
    ]

    private enum UsageVariant: String, CaseIterable {
        case finish
        case emptyChoices = "empty-choices"
        case everyChunk = "every-chunk"
        case none
        case twice
    }

    // MARK: Failures

    private static let failures = [
        Scenario(
            "sim/error", "status=500;retry-after=;body=openrouter;message=", "An error status."
        ) { (parameters, _) throws(RequestFault) in
            let status = try parameters.integer("status", in: 400...599)
            let message = parameters.text("message")
            let response = CannedResponse(
                status: status,
                message: message.isEmpty ? ErrorForm.defaultMessage(of: status) : message,
                form: try parameters.choice("body"), retryAfter: parameters.text("retry-after"))
            return [.respond(response)]
        },
        Scenario("sim/midstream-error", "after=3;code=502", "An error after some text.") {
            (parameters, _) throws(RequestFault) in
            let failure = try failure(parameters)
            return opening + (try pieces(parameters)) + [.failure(failure), .done]
        },
        Scenario("sim/error-in-200", "code=502", "An error instead of an answer, with status 200.")
        {
            (parameters, _) throws(RequestFault) in
            [.head, .keepAlive, .failure(try failure(parameters)), .done]
        },
    ]

    // MARK: Connections

    private static let connections = [
        Scenario("sim/comments", "n=3;delay=100ms", "Keep-alives, each after a pause, then text.") {
            (parameters, _) throws(RequestFault) in
            [.head] + (try keepAlives(parameters)) + [.text("")] + lorem + ending(.stop)
        },
        Scenario("sim/whitespace", "n=3;delay=0ms", "White space, then JSON, streamed or not.") {
            (parameters, _) throws(RequestFault) in
            [.asBody, .head] + (try keepAlives(parameters)) + lorem + ending(.stop)
        },
        Scenario("sim/slow-head", "delay=1s", "A pause before the head.") {
            (parameters, _) throws(RequestFault) in
            [.wait(try parameters.duration("delay"))] + answer(lorem)
        },
        Scenario("sim/silent", "", "The head, then nothing, for ever.") {
            (_, _) throws(RequestFault) in
            [.head, .stall]
        },
        Scenario("sim/stall", "after=3", "Some text, then nothing, for ever.") {
            (parameters, _) throws(RequestFault) in opening + (try pieces(parameters)) + [.stall]
        },
        Scenario("sim/cut", "after=3", "Some text, then the connection closes in the body.") {
            (parameters, _) throws(RequestFault) in opening + (try pieces(parameters)) + [.cut]
        },
        Scenario("sim/reset", "", "The connection is reset before any byte.") {
            (_, _) throws(RequestFault) in [.reset]
        },
    ]
}

// MARK: - What entries are made of

extension Scenario {
    /// Beyond this an echo is cut off: a chunk is far longer than a word.
    private static let echoCharactersMax = 64 * 1024
    /// What is quoted of a text in an answer.
    static let quoteCharactersMax = 300

    /// The head, a sign of life, and the chunk that has nothing but the role.
    private static let opening: [Act] = [.head, .keepAlive, .text("")]

    private static let lorem: [Act] = ["Lorem ", "ipsum ", "dolor."].map { .text($0) }

    private static func ending(_ finish: FinishReason) -> [Act] {
        [.finish(finish), .usage(.repeatingFinish), .done]
    }

    /// A whole answer, as OpenRouter frames it.
    private static func answer(_ acts: [Act], finish: FinishReason = .stop) -> [Act] {
        opening + acts + ending(finish)
    }

    /// What follows when a tool has done its work.
    private static func toolAnswer(_ request: ModelRequest) -> [Act] {
        let result = bounded(request.lastText, to: quoteCharactersMax)
        return answer(words(of: "The tool answered: \(result)", every: .zero))
    }

    /// The model that has a small context, and that context.
    static let windowName = "sim/window"
    static let windowTokens = 32_768

    /// An answer of so many words, a summary for whoever asks for one, or OpenRouter's refusal.
    private static func window(_ request: ModelRequest, limit: Int, words: Int) -> [Act] {
        let prompt = request.promptTokens
        guard prompt + request.tokensMax <= limit else {
            let text =
                "This endpoint's maximum context length is \(limit) tokens. However, you requested "
                + "about \(prompt + request.tokensMax) tokens (\(prompt) of text input, "
                + "\(request.tokensMax) in the output). Please reduce the length of either one, or "
                + "use context-compression."
            return [.respond(CannedResponse(status: 400, message: text))]
        }
        // Claude Code's words when it compacts a conversation.
        if request.lastText.contains("Respond with TEXT ONLY") {
            return answer([.text("<summary>What was said so far, in short.</summary>")])
        }
        return answer([.text("word ", times: words)])
    }

    private static func chunks(_ parameters: ModelParameters) throws(RequestFault) -> [Act] {
        let count = try parameters.integer("n", in: 0...1_000_000_000)
        let size = try parameters.integer("size", in: 1...65_536)
        let pattern = "lorem "
        let text = String(String(repeating: pattern, count: size / pattern.count + 1).prefix(size))
        return answer([.text(text, times: count, every: try parameters.duration("delay"))])
    }

    /// `after` pieces of text.
    private static func pieces(_ parameters: ModelParameters) throws(RequestFault) -> [Act] {
        let count = try parameters.integer("after", in: 0...10_000)
        return (0..<count).map { .text("piece \($0 + 1) ") }
    }

    /// `n` keep-alives, each after `delay`.
    private static func keepAlives(_ parameters: ModelParameters) throws(RequestFault) -> [Act] {
        let delay = try parameters.duration("delay")
        let count = try parameters.integer("n", in: 0...10_000)
        return (0..<count).flatMap { _ in [Act.wait(delay), .keepAlive] }
    }

    private static func failure(_ parameters: ModelParameters) throws(RequestFault) -> Failure {
        let code = try parameters.integer("code", in: 400...599)
        let type = code == 429 ? "rate_limit_exceeded" : "provider_unavailable"
        return Failure(code: code, message: ErrorForm.defaultMessage(of: code), type: type)
    }

    /// The text in pieces that end after white space.
    private static func words(of text: String, every: Duration) -> [Act] {
        var acts: [Act] = []
        var rest = text[...]
        while !rest.isEmpty {
            let word = rest.prefix { !$0.isWhitespace }
            let blank = rest[word.endIndex...].prefix { $0.isWhitespace }
            acts.append(.text(String(rest[..<blank.endIndex]), every: every))
            rest = rest[blank.endIndex...]
        }
        return acts
    }

    /// The text, or its beginning and an ellipsis.
    static func bounded(_ text: String, to charactersMax: Int) -> String {
        let start = text.prefix(charactersMax)
        return start.endIndex == text.endIndex ? text : start + "…"
    }
}
