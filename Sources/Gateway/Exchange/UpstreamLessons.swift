// What the proxy has learnt from an upstream's refusals, so that it need not be refused again: the
// parameters that a model's endpoint does not take, and how long a prompt may be where the list of
// models is silent or wrong. Bounded, and forgotten at a restart: an endpoint that has learnt a
// parameter meanwhile gets it again.

/// Lessons by upstream model.
struct UpstreamLessons {
    private var refused: [[UInt8]: Set<String>] = [:]
    private var windows: [[UInt8]: Window] = [:]

    private struct Window {
        var tokens: Int
        /// How often this number was named in a row.
        var times: Int
        var forgottenAt: MonotonicTime
    }

    private static let modelsMax = 256
    private static let parametersMax = 16
    /// Behind one model there are providers of different limits; the one that has refused may not be
    /// the next one to be asked.
    private static let windowLifetime = Duration.seconds(3600)
    /// What an upstream can mean by a model's context.
    private static let windowRange = 256...(1 << 30)
    /// Longer than any real name of a parameter or of a model. Both come from peers.
    private static let nameBytesMax = 64
    private static let modelBytesMax = 256

    /// The parameters that `model` refuses.
    func refusedParameters(of model: [UInt8]) -> Set<String> { refused[model] ?? [] }

    /// Remembers a refusal, if there is room.
    mutating func learn(_ parameter: String, refusedBy model: [UInt8]) {
        guard parameter.utf8.count <= Self.nameBytesMax, model.count <= Self.modelBytesMax,
            refused[model] != nil || refused.count < Self.modelsMax,
            refused[model, default: []].count < Self.parametersMax
        else { return }
        refused[model, default: []].insert(parameter)
    }

    /// The context of `model` in tokens, as its upstream has named it in the last hour. Where that
    /// is less than the list says, it may be one provider's alone: it has to be said twice.
    func contextTokens(
        of model: [UInt8], listed: Int? = nil, at now: MonotonicTime
    ) -> Int? {
        // Nearly always; and the list of models asks a thousand times.
        if windows.isEmpty { return nil }
        guard let window = windows[model], now < window.forgottenAt else { return nil }
        if let listed, window.tokens < listed, window.times < 2 { return nil }
        return window.tokens
    }

    /// Remembers the context that an upstream has named. When there are too many the oldest goes.
    mutating func learn(contextTokens tokens: Int, of model: [UInt8], at now: MonotonicTime) {
        guard Self.windowRange ~= tokens, model.count <= Self.modelBytesMax else { return }
        if windows[model] == nil, windows.count >= Self.modelsMax,
            let oldest = windows.min(by: { $0.value.forgottenAt < $1.value.forgottenAt })
        {
            windows[oldest.key] = nil
        }
        let times = windows[model]?.tokens == tokens ? (windows[model]?.times ?? 0) + 1 : 1
        windows[model] = Window(
            tokens: tokens, times: times, forgottenAt: now + Self.windowLifetime)
    }

    /// A prompt of so many tokens was answered: whoever has named less was not right, or not alone.
    mutating func answered(_ model: [UInt8], promptTokens: Int) {
        if let window = windows[model], promptTokens > window.tokens { windows[model] = nil }
    }
}
