// What `claude-proxy demo` answers to whatever is asked.

import Translation

/// The demonstration's words.
enum DemoText {
    static func answer(to request: ModelRequest) -> String {
        let quote = Scenario.bounded(request.lastText, to: Scenario.quoteCharactersMax)
        let way =
            request.api == .messages
            ? "your request was passed on to a server that speaks the same API, a simulated one, and "
                + "its answer was passed back to you."
            : "your request was translated for an OpenAI-compatible server, a simulated one, and its "
                + "stream was translated back for you."
        return """
            Hello! This is a demonstration of claude-proxy. No model was asked and nothing was \
            billed; these words were written beforehand. They have come the whole way, though: \
            \(way)

            \(quote.isEmpty ? "You said nothing." : "You said: \(quote)")

            For real answers, set your key and start the proxy:

                export OPENROUTER_API_KEY=sk-or-...
                claude-proxy serve
            """
    }
}
