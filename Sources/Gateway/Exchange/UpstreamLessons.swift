// What the proxy has learnt from an upstream's refusals, so that it need not be refused again: what a
// model's endpoint does not take, and how long a prompt may be where the list of models is silent or
// wrong.
//
// A lesson is kept only when the request has succeeded that was made by it, or, of a context, when the
// request that was refused was near it. Everything is forgotten after an hour, and tried anew: another
// provider may answer by then, and neither a liar nor a passing error is believed for longer. No
// lesson refuses a request. Models that have answered often stay longest, so names that a client makes
// up drive out one another.

import Translation

/// Lessons by upstream model.
struct UpstreamLessons {
    private var models: [[UInt8]: Model] = [:]

    private struct Model {
        var lessons: [Lesson] = []
        var window: Window?
        /// The longest prompt that was answered.
        var promptTokensMax = 0
        var answers = 0
        var answeredAt: MonotonicTime
    }

    private struct Lesson {
        var remedy: UpstreamRemedy
        var forgottenAt: MonotonicTime
    }

    private struct Window {
        var tokens: Int
        /// How often this number was named in a row.
        var times: Int
        var forgottenAt: MonotonicTime
    }

    private static let modelsMax = 256
    private static let lessonsMax = 16
    /// Behind one model there are providers of different limits and abilities; the one that has refused
    /// may not be the next one to be asked.
    private static let lifetime = Duration.seconds(3600)
    /// What an upstream can mean by a model's context.
    private static let windowRange = 256...(1 << 30)
    /// Longer than any real name or value of a parameter, and than any model's id. All come from peers.
    private static let nameBytesMax = 64
    private static let valueBytesMax = 256

    // MARK: What a model does not take

    /// What later requests to `model` have to do without.
    func remedies(of model: [UInt8], at now: MonotonicTime) -> [UpstreamRemedy] {
        // Nearly always.
        guard !models.isEmpty, let known = models[model], !known.lessons.isEmpty else { return [] }
        return known.lessons.filter { now < $0.forgottenAt }.map(\.remedy)
    }

    /// Remembers what has helped a request that is answered now.
    ///
    /// - Returns: what is remembered.
    @discardableResult
    mutating func keep(
        _ remedies: [UpstreamRemedy], of model: [UInt8], at now: MonotonicTime
    ) -> [UpstreamLesson.Content] {
        remedies.filter { keep($0, of: model, until: now + Self.lifetime, at: now) }
            .map { .remedy($0) }
    }

    private mutating func keep(
        _ remedy: UpstreamRemedy, of model: [UInt8], until end: MonotonicTime, at now: MonotonicTime
    ) -> Bool {
        guard Self.isBounded(remedy) else { return false }
        makeRoom(for: model, at: now)
        guard var known = models[model] else { return false }
        known.lessons.removeAll { $0.remedy == remedy || $0.forgottenAt <= now }
        if known.lessons.count >= Self.lessonsMax { known.lessons.removeFirst() }
        known.lessons.append(Lesson(remedy: remedy, forgottenAt: end))
        models[model] = known
        return true
    }

    // MARK: What others have learnt

    /// Takes over what another loop, or the last run, has learnt.
    mutating func remember(_ lesson: UpstreamLesson, at now: MonotonicTime) {
        guard now < lesson.forgottenAt, lesson.forgottenAt <= now + Self.lifetime else { return }
        switch lesson.content {
        case .remedy(let remedy):
            _ = keep(remedy, of: lesson.model, until: lesson.forgottenAt, at: now)
        case .context(let tokens, let times):
            guard Self.windowRange ~= tokens, times > 0,
                tokens >= models[lesson.model]?.promptTokensMax ?? 0
            else { return }
            makeRoom(for: lesson.model, at: now)
            models[lesson.model]?.window = Window(
                tokens: tokens, times: min(times, 2), forgottenAt: lesson.forgottenAt)
        }
    }

    /// What is believed of a model's context, to be told to others.
    func window(of model: [UInt8]) -> UpstreamLesson.Content? {
        models[model]?.window.map { .context($0.tokens, times: min($0.times, 2)) }
    }

    /// When a lesson is forgotten that is learnt now.
    static func end(from now: MonotonicTime) -> MonotonicTime { now + lifetime }

    /// What `/health` shows: `[{"model":"…","lessons":["no images", …]}, …]`, the models that were
    /// answered last first.
    func write(into text: inout [UInt8], at now: MonotonicTime) {
        text.append("[")
        var count = 0
        for (model, known) in models.sorted(by: { $0.value.answeredAt > $1.value.answeredAt }) {
            var names = known.lessons.filter { now < $0.forgottenAt }.map(\.remedy.name)
            if let window = known.window, now < window.forgottenAt {
                names.append("context \(window.tokens)")
            }
            guard !names.isEmpty, count < Self.shownMax else { continue }
            text.append(count > 0 ? #",{"model":"# : #"{"model":"#)
            text.append(jsonString: String(decoding: model, as: UTF8.self))
            text.append(#","lessons":["#)
            for (index, name) in names.enumerated() {
                if index > 0 { text.append(",") }
                text.append(jsonString: name)
            }
            text.append("]}")
            count += 1
        }
        text.append("]")
    }

    private static let shownMax = 16

    private static let betasBytesMax = 256

    private static func isBounded(_ remedy: UpstreamRemedy) -> Bool {
        switch remedy {
        case .dropParameter(let name): name.utf8.count <= nameBytesMax
        case .dropValue(let name, let value):
            name.utf8.count <= nameBytesMax && 1...valueBytesMax ~= value.count
        case .dropBetas(let names): names.utf8.count <= betasBytesMax
        case .dropTopPBesideTemperature, .dropReasoning, .keepReasoning, .returnReasoning,
            .dropStrict, .dropPatterns, .dropImages, .foldSystem, .stopReasoningWithTools,
            .askByResponses, .askByChat, .lowerMaxTokens, .raiseMaxTokens:
            true
        }
    }

    // MARK: Contexts

    /// The context of `model` in tokens, as its upstream has named it in the last hour. Where that
    /// is less than the list says, it may be one provider's alone: it has to be said twice.
    func contextTokens(
        of model: [UInt8], listed: Int? = nil, at now: MonotonicTime
    ) -> Int? {
        // Nearly always; and the list of models asks a thousand times.
        if models.isEmpty { return nil }
        guard let window = models[model]?.window, now < window.forgottenAt else { return nil }
        if let listed, window.tokens < listed, window.times < 2 { return nil }
        return window.tokens
    }

    /// Remembers the context that an upstream has named when it refused a request.
    ///
    /// - Parameters:
    ///   - promptTokens: our own count of the refused prompt, into which nothing learnt has gone.
    ///   - hasSucceeded: whether the request was answered once its answer was asked for shorter.
    /// - Returns: whether it is believed.
    @discardableResult
    mutating func learn(
        contextTokens tokens: Int, of model: [UInt8], promptTokens: Int, hasSucceeded: Bool = false,
        at now: MonotonicTime
    ) -> Bool {
        let known = models[model]
        let isNear = promptTokens >= (hasSucceeded ? tokens / 2 : tokens / 10 * 8)
        guard Self.windowRange ~= tokens, isNear, tokens >= known?.promptTokensMax ?? 0 else {
            return false
        }
        makeRoom(for: model, at: now)
        let times = known?.window?.tokens == tokens ? (known?.window?.times ?? 0) + 1 : 1
        models[model]?.window = Window(
            tokens: tokens, times: times, forgottenAt: now + Self.lifetime)
        return true
    }

    // MARK: Answers

    /// A prompt of so many tokens was answered: whoever has named less was not right, or not alone.
    mutating func answered(_ model: [UInt8], promptTokens: Int, at now: MonotonicTime) {
        makeRoom(for: model, at: now)
        guard var known = models[model] else { return }
        known.answers &+= 1
        known.answeredAt = now
        known.promptTokensMax = max(known.promptTokensMax, min(promptTokens, 1 << 40))
        if let window = known.window, promptTokens > window.tokens { known.window = nil }
        models[model] = known
    }

    /// Sees to it that `model` has an entry. The one that goes for it is that with the fewest answers,
    /// and among equals the one that has answered longest ago.
    private mutating func makeRoom(for model: [UInt8], at now: MonotonicTime) {
        guard models[model] == nil, (1...Limits.modelBytesMax).contains(model.count) else { return }
        if models.count >= Self.modelsMax,
            let least = models.min(by: {
                ($0.value.answers, $0.value.answeredAt) < ($1.value.answers, $1.value.answeredAt)
            })
        {
            models[least.key] = nil
        }
        models[model] = Model(answeredAt: now)
    }
}
