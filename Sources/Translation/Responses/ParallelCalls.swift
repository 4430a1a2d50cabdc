// OpenAI's models have a tool of their own by which they call several at once, and now and then it is
// seen outside (vercel/ai, August 2026): `parallel`, with
// `{"tool_uses":[{"recipient_name":"functions.X","parameters":{…}}]}`.

enum ParallelCalls {
    struct Part {
        /// The tool's name, decoded.
        var name: [UInt8]
        /// The arguments as JSON text.
        var arguments: [UInt8]
    }

    static var name: StaticString { "parallel" }
    private static var recipientPrefix: StaticString { "functions." }

    static func isWrapper(_ name: [UInt8]) -> Bool {
        name.span.isSame(as: Self.name) || name.span.isSame(as: "multi_tool_use.parallel")
    }

    /// The calls within the wrapper's arguments, given as the content of a JSON string; nil when
    /// they are no wrapper's.
    static func parts(ofEscaped text: [UInt8]) -> [Part]? {
        guard let arguments = StreamTranslator.unescaped(text) else { return nil }
        var document = JSONDocument()
        guard (try? document.parse(arguments)) != nil,
            let uses = document.member(.root, "tool_uses"), document.kind(uses) == .array
        else { return nil }
        var parts: [Part] = []
        var elements = document.elements(of: uses)
        while let use = document.next(&elements) {
            guard let recipient = document.member(use, "recipient_name"),
                document.kind(recipient) == .string,
                let parameters = document.member(use, "parameters"),
                document.kind(parameters) == .object
            else { return nil }
            var name = document.unescaped(recipient)
            if matches(name.span, 0, recipientPrefix) {
                name.removeFirst(recipientPrefix.utf8CodeUnitCount)
            }
            guard !name.isEmpty, name.count <= StreamTranslator.toolNameBytesMax else { return nil }
            parts.append(
                Part(name: name, arguments: Array(document.bytes[document.literal(parameters)])))
        }
        return parts
    }
}
