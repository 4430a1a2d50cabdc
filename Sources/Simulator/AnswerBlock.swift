// An answer as the Responses and the Messages API see it: a list of blocks, each of which begins, grows
// and ends. Chat completions know only pieces (StreamRenderer).
import Translation

/// One block of an answer.
struct AnswerBlock {
    enum Kind: Equatable {
        case text
        case reasoning
        case toolCall(name: String)
    }

    let kind: Kind
    /// Its place among all of the answer.
    let index: Int
    /// Text, reasoning or arguments so far.
    var content = ""
    /// What proves the reasoning.
    var signature = ""

    /// What text repeated may grow to; the rest is left out where a whole block is written.
    private static let contentBytesMax = 64 << 20

    mutating func add(_ piece: String, times: Int) {
        let room = Self.contentBytesMax - content.utf8.count
        content += String(repeating: piece, count: min(times, room / max(1, piece.utf8.count)))
    }
}

/// The two APIs that write blocks: what each calls their events, and how it writes whole answers.
protocol BlockVocabulary {
    init(_ completion: Completion)

    /// The events with which an answer begins.
    func opening() -> [UInt8]
    func begin(_ block: AnswerBlock) -> [UInt8]
    func delta(_ piece: String, of block: AnswerBlock) -> [UInt8]
    func end(_ block: AnswerBlock) -> [UInt8]
    /// The event that says why the answer ends; none where the last one does.
    func finish(_ reason: FinishReason, _ completion: Completion) -> [UInt8]
    /// The last event.
    func done(
        _ reason: FinishReason, _ blocks: [AnswerBlock], _ completion: Completion
    ) -> [UInt8]
    func failure(_ failure: Failure) -> [UInt8]
    /// A sign of life within a stream.
    func keepAlive() -> [UInt8]
    /// The whole answer as one JSON text.
    func body(
        _ reason: FinishReason, _ blocks: [AnswerBlock], _ completion: Completion
    ) -> [UInt8]
}

/// Acts → one answer in an API of blocks, streamed or whole.
struct BlockRenderer<Vocabulary: BlockVocabulary> {
    private(set) var steps: [Step] = []
    private var completion: Completion
    private let vocabulary: Vocabulary
    private let isStream: Bool
    private var blocks: [AnswerBlock] = []
    /// Whether the last of the blocks has not ended.
    private var isOpen = false
    private var hasBegun = false
    private var isWhole = true
    private var reason = FinishReason.stop
    private var failure: Failure?

    init(_ completion: Completion, isStream: Bool) {
        self.completion = completion
        self.isStream = isStream
        vocabulary = Vocabulary(completion)
    }

    mutating func render(_ act: Act) {
        switch act {
        case .head: steps.append(.head(CannedHead(isStream: isStream, id: completion.id)))
        case .wait(let duration): steps.append(.wait(duration))
        case .keepAlive: isStream ? send(vocabulary.keepAlive()) : send(Array("\n".utf8))
        case .text(let text, let times, let every):
            // An empty piece of chat completions is nothing here.
            guard !text.isEmpty else { return pause(every * times) }
            add(text, to: .text, times: times, every: every)
        case .reasoning(let text): add(text, to: .reasoning)
        case .signature(let signature):
            open(.reasoning)
            blocks[blocks.count - 1].signature = signature
        case .toolCall(let name, let arguments):
            close()
            for piece in arguments { add(piece, to: .toolCall(name: name)) }
            close()
        case .finish(let reason, _):
            self.reason = reason
            begin()
            close()
            stream(vocabulary.finish(reason, completion))
        case .usage, .usageOnEveryChunk, .asBody: break
        case .failure(let failure):
            self.failure = failure
            stream(vocabulary.failure(failure))
        case .done:
            if failure == nil { stream(vocabulary.done(reason, blocks, completion)) }
        case .stall: end(with: .stall)
        case .cut: end(with: .cut)
        case .reset: end(with: .reset)
        case .respond(let response): end(with: .respond(response))
        }
    }

    /// To be called after the last act.
    mutating func end() {
        guard !isStream, isWhole else { return }
        guard let failure else { return send(vocabulary.body(reason, blocks, completion)) }
        var body: [UInt8] = Array("{".utf8)
        body.append(failure)
        body.append("}")
        send(body)
    }

    // MARK: Blocks

    private mutating func add(
        _ piece: String, to kind: AnswerBlock.Kind, times: Int = 1, every: Duration = .zero
    ) {
        completion.completionTokens += times
        open(kind)
        blocks[blocks.count - 1].add(piece, times: times)
        if isStream {
            let delta = vocabulary.delta(piece, of: blocks[blocks.count - 1])
            steps.append(.send(delta, times: times, every: every))
        } else {
            pause(every * times)
        }
    }

    private mutating func open(_ kind: AnswerBlock.Kind) {
        begin()
        if isOpen, blocks.last?.kind == kind { return }
        close()
        let block = AnswerBlock(kind: kind, index: blocks.count)
        blocks.append(block)
        isOpen = true
        stream(vocabulary.begin(block))
    }

    private mutating func close() {
        guard isOpen, let block = blocks.last else { return }
        isOpen = false
        stream(vocabulary.end(block))
    }

    private mutating func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        stream(vocabulary.opening())
    }

    // MARK: Steps

    private mutating func pause(_ duration: Duration) {
        if duration > .zero { steps.append(.wait(duration)) }
    }

    private mutating func stream(_ bytes: [UInt8]) {
        if isStream, !bytes.isEmpty { send(bytes) }
    }

    private mutating func send(_ bytes: [UInt8]) {
        steps.append(.send(bytes, times: 1, every: .zero))
    }

    private mutating func end(with step: Step) {
        steps.append(step)
        isWhole = false
    }
}
