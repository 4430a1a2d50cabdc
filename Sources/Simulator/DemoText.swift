// What `claude-proxy demo` answers to whatever is asked.

/// The demonstration's words.
enum DemoText {
    static func answer(to request: ChatRequest) -> String {
        let quote = Scenario.bounded(request.lastText, to: Scenario.quoteCharactersMax)
        return """
            Hello! This is a demonstration of claude-proxy. No model was asked and nothing was \
            billed; these words were written beforehand. They have come the whole way, though: \
            your request was translated for an OpenAI-compatible server, a simulated one, and its \
            stream was translated back for you.

            \(quote.isEmpty ? "You said nothing." : "You said: \(quote)")

            For real answers, set your key and start the proxy:

                export OPENROUTER_API_KEY=sk-or-...
                claude-proxy serve
            """
    }
}
