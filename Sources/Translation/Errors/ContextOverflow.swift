// Telling that a request was too long for the model, and by how much, from the upstream's words.
// Every server has its own; clients know Anthropic's two sentences, act on their numbers (compact
// the conversation, lower max_tokens) and are stuck without them.

/// A request that does not fit the model's context, in tokens.
struct ContextOverflow: Equatable {
    /// The input.
    var input: Int
    /// The most that the model takes.
    var limit: Int
    /// What was asked for as output, when only both together are too much.
    var output: Int?
    /// Whether the upstream has named the limit.
    var isLimitStated = false
    /// Whether it has named the input.
    var isInputStated = false

    /// The sentence that clients know.
    var message: String {
        if let output {
            return "input length and `max_tokens` exceed context limit: \(input) + \(output) > "
                + "\(limit), decrease input length or `max_tokens` and try again"
        }
        return "prompt is too long: \(input) tokens > \(limit) maximum"
    }

    /// The overflow that `text` tells of; nil when it tells of something else.
    ///
    /// - Parameters:
    ///   - isCertain: whether a symbolic code has said already that it is one.
    ///   - inputEstimate: our own count of the input, for texts without numbers.
    ///   - maxTokens: the output that was asked for.
    ///   - window: the model's context, if it is known.
    init?(
        text: String, isCertain: Bool, inputEstimate: Int, maxTokens: Int, window: Int? = nil
    ) {
        let refusal = RefusalText(text)
        let words = Words(refusal)
        guard isCertain || Self.tells(words, refusal) else { return nil }
        var stated = Statement(words)
        let numbers = refusal.numbers(upTo: refusal.bytes.count)
        stated.separate(numbers, asked: maxTokens)
        stated.complete(by: numbers)
        // Clients may ask for any number.
        let output = min(stated.output ?? maxTokens, Self.outputMax)
        let known = stated.input ?? stated.total.map { max(0, $0 - (stated.output ?? 0)) }
        let used = max(1, known ?? inputEstimate)
        // Without any limit a tenth is said to be too much, so that clients have a size to cut by.
        let near = window.flatMap { $0 <= used + used / 4 ? $0 : nil }
        let limit = stated.limit ?? near ?? used - max(1, used / 10)
        let isOfInputAlone =
            refusal.has([
                "input length", "prompt length", "prompt is too long", "input is too long",
            ])
            && !refusal.has([
                "max_tokens", "max_new_tokens", "output", "completion", "total", " + ",
            ])
        if used <= limit, used + output > limit, !isOfInputAlone {
            self.init(input: used, limit: limit, output: output)
        } else {
            self.init(input: max(used, limit + 1), limit: limit, output: nil)
        }
        isLimitStated = stated.limit != nil
        isInputStated = known != nil
    }

    /// What is kept free when an answer is shortened so that it fits: what Claude Code keeps free.
    private static let reserve = 1000

    /// The most that the answer may have with this input, as far as the upstream has said; nil when
    /// it has not, or when the input alone is too long.
    var outputTokensLeft: Int? {
        guard output != nil, isLimitStated, isInputStated else { return nil }
        return limit - input - Self.reserve
    }

    /// Far above any model's, and far from overflow.
    private static var outputMax: Int { 1 << 40 }

    init(input: Int, limit: Int, output: Int?) {
        self.input = input
        self.limit = limit
        self.output = output
    }

    private static let phrases: [StaticString] = [
        "maximum context length", "context window", "context_length_exceeded", "context length",
        "context size", "exceed context limit", "prompt is too long", "input is too long",
        "maximum prompt length", "input token count", "model token limit", "too many tokens",
        "reduce the length of the messages", "prompt exceeds max length",
        "range of input length", "message you submitted was too long", "上下文长度", "最大长度限制",
    ]
    /// What can be too much.
    private static let subjects: [StaticString] = [
        "prompt", "input", "tokens", "context", "prompt_tokens", "input_tokens", "conversation",
        "sequence length",
    ]
    private static let excesses: [StaticString] = [
        "exceed", "too long", "too large", "too many", "longer than", "more than", "larger than",
        "greater than", "must be less than", "must be at most", "over the limit", "only supports",
        "does not fit", "reduce the", "must be <=", "must have less than", "above the maximum",
    ]
    /// What the excess must be measured in, lest it be that of an image, a name or a number.
    private static let measures: [StaticString] = [
        "token", "context", "model length", "max_seq_len", "max_model_len", "input length",
        "prompt length", "prompt is", "input is", "max_position_embeddings",
    ]
    private static let others: [StaticString] = [
        "per minute", "per day", "rate limit", "quota", " bytes", " mb ", "megabyte",
        "image exceeds",
        "budget_tokens", "string too long", "expected a string",
    ]

    private static func tells(_ words: Words, _ text: RefusalText) -> Bool {
        if AnswerLimit.isMeant(by: text), !text.numbers(upTo: text.bytes.count).isEmpty {
            return false
        }
        if text.has(others) { return false }
        if text.has(phrases) { return true }
        // "The prompt has 60000 tokens, the context only 40000."
        let large = text.numbers(upTo: text.openingEnd).filter { $0 >= 1024 }
        if text.opens(withAll: ["prompt", "token", "context"]), Set(large).count > 1 {
            return true
        }
        // "k3-256k supports only 256K context."
        return text.has(subjects) && text.has(measures)
            && (text.has(excesses) || text.has(["supports only"]))
    }

    /// The numbers that a text gives, each found by the words beside it.
    private struct Statement {
        var limit: Int?
        var input: Int?
        var output: Int?
        var total: Int?

        init(_ words: Words) {
            limit =
                words.number(
                    after: [
                        "maximum context length is", "maximum context length of",
                        "maximum prompt length is", "tokens allowed (", "available context size (",
                        "token limit: ", "context limit of", "context window of", "must be <= ",
                        "should be [1, ", "context length is only", "context length of",
                        "context length: ", "maximum context length (", "model length of", " > ",
                    ])
                ?? words.number(before: [" maximum context length", " maximum"])
            input =
                words.number(
                    after: [
                        "messages resulted in", "request contains", "input token count (",
                        "prompt contains", "request has", "(requested: ", "request (",
                        "prompt is too long: ", "context limit: ",
                    ])
                ?? words.number(
                    before: [
                        " in the messages", " input tokens", " `inputs` tokens",
                        " tokens from the input",
                    ])
            output =
                words.number(after: ["`max_tokens` exceed context limit: ", "is too large: "])
                ?? words.number(
                    before: [
                        " in the completion", " in the output", " output tokens",
                        " `max_new_tokens`", " tokens for the completion",
                    ])
            total = words.number(
                after: ["you requested about", "you requested a total of", "you requested"])
            // Anthropic's own: "…: 190000 + 32000 > 200000".
            if words.first("exceed context limit: ") != nil {
                output = words.number(after: [" + "])
            }
        }

        /// Finds a total of prompt and answer among the numbers: it is the largest of them, and they
        /// have what it is made of, the answer that was asked for and the prompt.
        mutating func separate(_ numbers: [Int], asked: Int) {
            guard asked > 0, let largest = numbers.max(), largest > asked,
                numbers.contains(asked), numbers.contains(largest - asked)
            else { return }
            (input, output, total) = (largest - asked, asked, largest)
            limit = numbers.filter { $0 < largest && $0 != asked && $0 != largest - asked }.max()
        }

        /// Finds what no known form has told: of the numbers of an overflow the largest is what was
        /// used, and the next smaller one the limit. A number alone is the limit.
        mutating func complete(by numbers: [Int]) {
            // From 400 to 599 it is rather a status.
            let large = Set(numbers.filter { $0 >= 256 && !(400..<600 ~= $0) }).sorted(by: >)
            if limit == nil {
                let used = input ?? total ?? (large.count > 1 ? large[0] : nil)
                limit = large.first { $0 < used ?? .max && $0 != output }
            }
            if let limit, input == nil, total == nil {
                input = large.last { $0 > limit && $0 != output }
            }
        }
    }

    /// A text in lower case, searched for words and the numbers beside them.
    private struct Words {
        private let text: [UInt8]

        init(_ text: RefusalText) { self.text = text.bytes }

        func first(_ words: StaticString) -> Int? { text.firstOffset(of: words) }

        /// The number that follows the first of the words that has one.
        func number(after list: [StaticString]) -> Int? {
            for words in list {
                guard let offset = first(words) else { continue }
                var index = offset + words.utf8CodeUnitCount
                while index < text.count, text[index] == 0x20 { index += 1 }
                if let number = number(from: index) { return number }
            }
            return nil
        }

        /// The number that stands right before the first of the words that has one.
        func number(before list: [StaticString]) -> Int? {
            for words in list {
                guard let end = first(words) else { continue }
                var start = end
                while start > 0, Self.isPart(text[start - 1]) { start -= 1 }
                if let number = number(from: start) { return number }
            }
            return nil
        }

        private static func isPart(_ byte: UInt8) -> Bool {
            byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: ",")
        }

        private func number(from start: Int) -> Int? {
            var value: Int?
            var index = start
            while index < text.count, Self.isPart(text[index]) {
                defer { index += 1 }
                guard text[index] != UInt8(ascii: ",") else { continue }
                value = (value ?? 0) * 10 + Int(text[index] - UInt8(ascii: "0"))
                // Far above any context; nothing overflows.
                if value ?? 0 > 1 << 40 { return nil }
            }
            return value
        }
    }
}

extension [UInt8] {
    /// Where `words` (ASCII) first stand.
    func firstOffset(of words: StaticString, from start: Int = 0) -> Int? {
        let bytes = span
        var index = start
        while index + words.utf8CodeUnitCount <= bytes.count {
            if Translation.matches(bytes, index, words) { return index }
            index += 1
        }
        return nil
    }
}
