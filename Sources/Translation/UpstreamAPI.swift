// The three APIs that upstreams speak. A request is written in one of them, and its response read.

/// An API of upstreams.
package enum UpstreamAPI: String, Sendable, CaseIterable {
    /// OpenAI's chat completions.
    case chat
    /// OpenAI's Responses.
    case responses
    /// Anthropic's Messages: what the client itself speaks.
    case messages
}
