// What a model's tokens cost, and so what a request has cost when the upstream does not say, and
// what a prompt cache has saved.

package import Translation

/// Prices of a token.
package struct ModelPrices: Sendable, Equatable {
    package var input: MoneyAmount
    package var output: MoneyAmount
    /// Input that comes from the cache; the price of other input when the upstream names none.
    package var cacheRead: MoneyAmount?
    /// Input that is written to the cache, for five minutes and for an hour.
    package var cacheWrite: MoneyAmount?
    package var cacheWriteHour: MoneyAmount?
    /// The price of a request whatever its length.
    package var request: MoneyAmount?
    /// What long prompts cost instead, the longest last.
    package var longPrompts: [LongPrompt] = []

    /// The prices of requests whose prompt has so many tokens or more.
    package struct LongPrompt: Sendable, Equatable {
        package var tokensMin: Int
        package var prices: ModelPrices
    }

    package init(input: MoneyAmount, output: MoneyAmount) {
        self.input = input
        self.output = output
    }

    /// What a request with this usage costs by the list.
    package func cost(of usage: TokenUsage, cachesForAnHour: Bool) -> MoneyAmount {
        let prices = those(for: usage)
        return prices.input * usage.input + prices.output * usage.output
            + (prices.cacheRead ?? prices.input) * usage.cacheRead
            + prices.write(forAnHour: cachesForAnHour) * usage.cacheWrite
            + (prices.request ?? .zero)
    }

    /// What the cache has saved against a prompt without one: negative when more was written at a
    /// higher price than was read at a lower one.
    package func saving(of usage: TokenUsage, cachesForAnHour: Bool) -> MoneyAmount {
        let prices = those(for: usage)
        let read = (prices.input - (prices.cacheRead ?? prices.input)) * usage.cacheRead
        let write =
            (prices.write(forAnHour: cachesForAnHour) - prices.input) * usage.cacheWrite
        return read - write
    }

    /// The prices for a prompt of this length.
    private func those(for usage: TokenUsage) -> ModelPrices {
        let tokens = usage.input &+ usage.cacheRead &+ usage.cacheWrite
        return longPrompts.last { $0.tokensMin <= tokens }?.prices ?? self
    }

    private func write(forAnHour: Bool) -> MoneyAmount {
        (forAnHour ? cacheWriteHour ?? cacheWrite : cacheWrite) ?? input
    }
}
