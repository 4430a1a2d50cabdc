// A count of tokens that the upstream makes, where it has `count_tokens` itself: the one exact count of
// its tokenizer. Whatever goes wrong with it, the proxy counts by itself.

import Translation

/// One such count, while the upstream is asked.
struct UpstreamCount {
    private let known: UpstreamState
    private let candidate: Candidate
    /// When it is no longer waited for.
    private let end: MonotonicTime
    /// Whether the upstream was asked in vain, so that the proxy is to count: not at once, since a
    /// thousand may come to that in one moment.
    private(set) var isInVain = false
    private var status = 0
    private var body: [UInt8] = []

    /// A count takes an upstream some tenths of a second; the proxy itself less.
    private static let timeMax = Duration.seconds(10)
    private static let bodyBytesMax = 4 << 10

    init(_ known: UpstreamState, _ candidate: Candidate, at now: MonotonicTime) {
        self.known = known
        self.candidate = candidate
        end = now + Self.timeMax
    }

    var deadline: MonotonicTime? { isInVain ? nil : end }

    mutating func responded(_ head: UpstreamHead) { status = head.status }

    mutating func received(_ bytes: Span<UInt8>) {
        let room = Self.bodyBytesMax - body.count
        body.append(bytes.extracting(first: min(bytes.count, room)))
    }

    /// What the upstream has counted; nil when its answer is no count.
    func tokens() -> Int? {
        guard status == 200 else { return nil }
        var document = JSONDocument()
        guard (try? document.parse(body)) != nil,
            let tokens = document.member(.root, "input_tokens").flatMap(document.integer),
            tokens >= 0
        else { return nil }
        return tokens
    }

    /// There is no count. An upstream that has none, at least none of this model, is not asked again for
    /// long; one that is slow, down or at its limit, for a moment. What one client's account does not
    /// have, or may not, others' may.
    mutating func failed(at now: MonotonicTime) {
        isInVain = true
        let isOfServer = status == 0 || status == 200 || status >= 500 && status != 501
        guard isOfServer || !candidate.upstream.takesClientKeys else { return }
        switch status {
        case 404, 405, 501: known.missingCounts.note(candidate.model, for: .seconds(3600), at: now)
        case 0, 200, 429, 500...:
            known.missingCounts.note(candidate.model, for: .seconds(60), at: now)
        default: break
        }
    }
}

/// Whose tokens an upstream does not count, at least for now, though others of its kind do.
struct MissingCounts {
    private var until: [(model: [UInt8], time: MonotonicTime)] = []

    private static let modelsMax = 64

    func contains(_ model: [UInt8], at now: MonotonicTime) -> Bool {
        until.contains { $0.model == model && now < $0.time }
    }

    mutating func note(_ model: [UInt8], for time: Duration, at now: MonotonicTime) {
        guard model.count <= Limits.modelBytesMax else { return }
        until.removeAll { $0.model == model || now >= $0.time }
        if until.count == Self.modelsMax { until.removeFirst() }
        until.append((model, now + time))
    }
}
