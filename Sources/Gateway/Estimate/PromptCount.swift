// Counts the tokens of a translated request, a bounded piece of work at a time: counting goes at tens
// of megabytes a second, and the loop that does it has streams to serve between two steps. What the
// steps have in common (scratch space, the memo of earlier counts) belongs to the loop.

import Tokenizer
import Translation

/// What counts of one loop share.
struct CountingSpace: ~Copyable {
    fileprivate var counter = TokenCounter()
    fileprivate var memo = CountMemo()
    fileprivate let seed: UInt64

    init(seed: UInt64) { self.seed = seed }

}

/// What a prompt has been counted to.
package struct PromptMeasure: Equatable, Sendable {
    /// The tokens as o200k_base makes them, framing and pictures included.
    package var tokens: Int
    /// Messages, calls and tools.
    package var items: Int
    /// What of the tokens pictures and files are.
    package var mediaTokens: Int

    package init(tokens: Int, items: Int, mediaTokens: Int = 0) {
        self.tokens = tokens
        self.items = items
        self.mediaTokens = mediaTokens
    }
}

/// A count under way.
struct PromptCount: Sendable {
    /// Larger bodies are not counted exactly: they are a million tokens or hold pictures mostly.
    private static let bodyBytesMax = 4 << 20

    /// Whether a body of this size is counted.
    static func takes(_ bytes: Int) -> Bool { bytes <= bodyBytesMax }

    /// The work of one step: a quarter of a millisecond or so, and it may exceed that by one piece of
    /// text (at most 64 Ki units for the longest).
    static let stepWork = 8 << 10

    private enum Phase {
        case unread
        case segments
        case done
    }

    /// What is counted.
    enum Prompt: Sendable {
        /// The body of a call.
        case body([UInt8])
        /// A client's request, which has to be translated first: prompts are counted as chat completions.
        /// If they have no words for it, it is counted by the other body, if there is one.
        indirect case request([UInt8], RequestOutline, RequestSettings, otherwise: [UInt8]?)

        var bytes: Int {
            switch self {
            case .body(let body): body.count
            case .request(let body, _, _, _): body.count
            }
        }
    }

    private let model: [UInt8]
    /// Whose the prompt is: earlier counts of others are not looked up, since the time that a count
    /// takes would tell what they have sent.
    private let owner: UInt64
    private var phase = Phase.unread
    private var prompt: Prompt
    /// Why there is nothing to count.
    private(set) var refusal: APIError?
    private var document = JSONDocument()
    private var plan: PromptPlan?
    private var nextSegment = 0
    private var text: TextCount?
    private var tokens = 0
    /// An upper bound of what is left to do, to serve short counts first.
    private(set) var remainingBytes: Int

    /// - Parameters:
    ///   - prompt: what is counted; nothing of it is copied.
    ///   - model: the upstream model, whose template frames the prompt.
    ///   - owner: stands for the client.
    init(_ prompt: Prompt, model: [UInt8], owner: UInt64) {
        self.prompt = prompt
        self.model = model
        self.owner = owner
        remainingBytes = prompt.bytes
    }

    /// Does one step, or more while `work` lasts.
    ///
    /// - Parameter work: units of work, about a byte of English text each; becomes what is left.
    /// - Returns: the measure when the count is complete.
    mutating func proceed(_ space: inout CountingSpace, work: inout Int) -> PromptMeasure? {
        while work > 0 {
            switch phase {
            case .unread:
                work -= prompt.bytes / Self.readBytesPerWork
                readBody()
            case .segments:
                if text != nil {
                    countText(&space, work: &work)
                } else {
                    beginSegment(&space, work: &work)
                }
            case .done: return measure
            }
        }
        if case .done = phase { return measure }
        return nil
    }

    private var measure: PromptMeasure {
        PromptMeasure(
            tokens: max(1, tokens + (plan?.fixedTokens ?? 0)), items: plan?.items ?? 0,
            mediaTokens: plan?.mediaTokens ?? 0)
    }

    // MARK: Steps

    /// The first step, which is as long as the body: parses what is counted, and plans the rest.
    mutating func readBody() {
        guard case .unread = phase else { return }
        phase = .done
        do {
            var body = try body()
            prompt = .body([])
            try document.parse(exchanging: &body)
        } catch {
            // A body of ours can be parsed; extra fields of the configuration cannot break it either.
            return
        }
        phase = .segments
        plan = PromptPlan(document, model: model)
    }

    private mutating func body() throws -> [UInt8] {
        switch prompt {
        case .body(let body): return body
        case .request(let bytes, let outline, var settings, let otherwise):
            settings.api = .chat
            settings.takesFingerprint = false
            var translation = RequestTranslation(again: bytes, outline, settings)
            translation.run()
            switch translation.outcome {
            case .translated(_, let body): return body
            case .unchanged: return otherwise ?? []
            case .refused(let error):
                if let otherwise { return otherwise }
                refusal = error
                throw error
            }
        }
    }

    /// Parsing and planning go at about this many times the speed of counting.
    private static let readBytesPerWork = 32

    private mutating func beginSegment(_ space: inout CountingSpace, work: inout Int) {
        guard let segments = plan?.segments, nextSegment < segments.count else {
            phase = .done
            document = JSONDocument()
            return
        }
        work -= 8
        let seed = space.seed ^ owner
        switch segments[nextSegment] {
        case .string(let node):
            text = TextCount(
                document.content(node), isEscaped: document.isEscaped(node), seed: seed)
        case .json(let node):
            text = TextCount(document.literal(node), isEscaped: false, seed: seed)
        case .function(let node):
            let range = document.literal(node)
            // Rendering is cheap beside counting what it renders.
            text = TextCount(range, function: node, seed: seed)
        case .words(let words):
            let bytes = [UInt8]("\(words)".utf8)
            tokens += space.counter.count(bytes.span)
            work -= bytes.count
            nextSegment += 1
        }
    }

    private mutating func countText(_ space: inout CountingSpace, work: inout Int) {
        let before = work
        guard let count = text?.proceed(document, &space, work: &work) else {
            remainingBytes -= min(remainingBytes, max(0, before - work))
            return
        }
        tokens += count
        text = nil
        nextSegment += 1
    }
}

/// The count of one text under way: its hash first, and if no earlier count of the same text is known,
/// its tokens.
private struct TextCount: Sendable {
    private enum Phase {
        case hashing
        case counting
    }

    private let range: Range<Int>
    private let isEscaped: Bool
    private let function: JSONNode?
    private var phase: Phase
    private var hash: TextHash
    private var tokens = 0
    /// Up to where the range has been hashed, or then unescaped or counted.
    private var next: Int
    /// A part of the text without its escapes, or the rendered function, and how far it is counted.
    private var window: [UInt8] = []
    private var position = 0

    /// Shorter texts are counted sooner than looked up.
    private static let memoBytesMin = 48
    /// What is hashed in one go: some microseconds.
    private static let hashBytes = 32 << 10
    /// Hashing is so many times as fast as counting.
    private static let hashBytesPerWork = 64
    /// What is unescaped in one go.
    private static let unescapedBytes = 8 << 10

    init(_ range: Range<Int>, isEscaped: Bool, seed: UInt64) {
        self.init(range, isEscaped, nil, TextHash(seed: seed, kind: isEscaped ? 1 : 0))
    }

    init(_ range: Range<Int>, function: JSONNode, seed: UInt64) {
        self.init(range, false, function, TextHash(seed: seed, kind: 2))
    }

    private init(_ range: Range<Int>, _ isEscaped: Bool, _ function: JSONNode?, _ hash: TextHash) {
        self.range = range
        self.isEscaped = isEscaped
        self.function = function
        self.hash = hash
        next = range.lowerBound
        phase = range.count < Self.memoBytesMin && function == nil ? .counting : .hashing
    }

    /// The number of tokens once it is known.
    mutating func proceed(
        _ document: JSONDocument, _ space: inout CountingSpace, work: inout Int
    ) -> Int? {
        switch phase {
        case .hashing:
            let end = min(range.upperBound, next + Self.hashBytes)
            hash.add(document.bytes.span, next..<end)
            work -= (end - next) / Self.hashBytesPerWork + 1
            next = end
            guard end == range.upperBound else { return nil }
            if let known = space.memo.count(of: hash.value) { return known }
            phase = .counting
            next = range.lowerBound
            if let function {
                window = TypeScriptTools.declaration(of: function, in: document)
                work -= window.count / 4
            }
            return nil
        case .counting:
            guard countOn(document, &space.counter, work: &work) else { return nil }
            if range.count >= Self.memoBytesMin || function != nil {
                space.memo.insert(tokens, for: hash.value)
            }
            return tokens
        }
    }

    /// Counts on. Returns whether the text is at its end.
    private mutating func countOn(
        _ document: JSONDocument, _ counter: inout TokenCounter, work: inout Int
    ) -> Bool {
        if function != nil {
            (tokens, position) = count(window.span, until: window.count, &counter, work: &work)
            return position == window.count
        }
        guard isEscaped else {
            let text = document.bytes.span.extracting(range)
            (tokens, position) = count(text, until: text.count, &counter, work: &work)
            return position == text.count
        }
        refill(document, work: &work)
        // Before its end is known a piece may still grow.
        let isLast = next == range.upperBound
        let end = isLast ? window.count : window.count - TokenCounter.pieceBytesMax
        (tokens, position) = count(window.span, until: end, &counter, work: &work)
        return isLast && position == window.count
    }

    /// Counts from `position` on. Returns all tokens so far and the new position.
    private func count(
        _ text: Span<UInt8>, until end: Int, _ counter: inout TokenCounter, work: inout Int
    ) -> (tokens: Int, position: Int) {
        var position = position
        let more = counter.count(text, from: &position, until: end, work: &work)
        return (tokens + more, position)
    }

    private mutating func refill(_ document: JSONDocument, work: inout Int) {
        guard next < range.upperBound, window.count - position <= TokenCounter.pieceBytesMax else {
            return
        }
        window.removeFirst(position)
        position = 0
        let goal = TokenCounter.pieceBytesMax + Self.unescapedBytes
        while next < range.upperBound, window.count < goal {
            let start = next
            window.appendUnescaping(
                document, from: &next, to: range.upperBound, bytesMax: Self.unescapedBytes)
            work -= (next - start) / Self.hashBytesPerWork + 1
        }
    }
}
