// One thing that a refusal has taught: what loops tell one another, and what is kept for the next run.

package import Translation

/// A lesson of one model at one upstream.
package struct UpstreamLesson: Sendable, Equatable {
    /// What was learnt.
    package enum Content: Sendable, Hashable {
        /// What later requests have to do without.
        case remedy(UpstreamRemedy)
        /// The context in tokens, and how often it was named in a row.
        case context(Int, times: Int)

        /// Whether both are of the same thing, so that the later one counts.
        func replaces(_ other: Content) -> Bool {
            switch (self, other) {
            case (.context, .context): true
            case (.remedy(let remedy), .remedy(let known)): remedy == known
            case (.context, .remedy), (.remedy, .context): false
            }
        }
    }

    /// The upstream's address.
    package let upstream: String
    /// The model as the upstream knows it.
    package let model: [UInt8]
    package let content: Content
    /// From then on it is as if it had not been learnt.
    package let forgottenAt: MonotonicTime

    package init(
        upstream: String, model: [UInt8], content: Content, forgottenAt: MonotonicTime
    ) {
        self.upstream = upstream
        self.model = model
        self.content = content
        self.forgottenAt = forgottenAt
    }
}
