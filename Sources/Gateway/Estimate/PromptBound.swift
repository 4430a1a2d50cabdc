// How many tokens a prompt has at least. Nothing that was learnt is in it: a request is refused without
// asking the upstream only when no count could find room for it.

import Translation

/// A lower bound of a prompt's tokens.
enum PromptBound {
    /// Whether the request's text is longer than `tokens`, whatever tokenizer counts it.
    ///
    /// No tokenizer makes one token of two words with a blank between; that each has two words is said
    /// here to be safe. Text without blanks, pictures and reasoning count nothing, nor do tools: in
    /// doubt the upstream decides. The search ends where the answer is certain.
    ///
    /// - Parameter words: of the request, if they have been counted.
    static func exceeds(_ tokens: Int, _ document: JSONDocument, words: Int? = nil) -> Bool {
        let most = tokens.multipliedReportingOverflow(by: wordsPerToken).partialValue
        guard most >= 0, most < document.bytes.count else { return false }
        if let words { return words > most }
        return wordsLeft(of: most, document) < 0
    }

    /// The words that are searched for, all of them.
    static func words(of document: JSONDocument) -> Int {
        document.bytes.count - wordsLeft(of: document.bytes.count, document)
    }

    private static func wordsLeft(of most: Int, _ document: JSONDocument) -> Int {
        var wordsLeft = most
        for key in ["system", "messages"] as [StaticString] {
            if let value = document.member(.root, key) { take(value, of: document, &wordsLeft) }
        }
        return wordsLeft
    }

    private static let wordsPerToken = 2

    /// Takes the words of a value off `wordsLeft`. Depth is bounded by the parser's limit.
    private static func take(
        _ node: JSONNode, of document: JSONDocument, _ wordsLeft: inout Int
    ) {
        guard wordsLeft >= 0 else { return }
        switch document.kind(node) {
        case .string:
            take(document.bytes.span.extracting(document.content(node)), &wordsLeft)
        case .array:
            var elements = document.elements(of: node)
            while let element = document.next(&elements) { take(element, of: document, &wordsLeft) }
        case .object:
            var members = document.members(of: node)
            while let (key, value) = document.next(&members) {
                // Reasoning of earlier turns is left out by templates, base64 is no text.
                let isSkipped =
                    document.equals(key, "thinking") || document.equals(key, "data")
                    || document.equals(key, "signature")
                if !isSkipped { take(value, of: document, &wordsLeft) }
            }
        case .number, .true, .false, .null: break
        }
    }

    private static func take(_ text: Span<UInt8>, _ wordsLeft: inout Int) {
        var isInWord = false
        for index in text.indices where wordsLeft >= 0 {
            let isBlank = text[index] <= 0x20
            if !isBlank, !isInWord { wordsLeft -= 1 }
            isInWord = !isBlank
        }
    }
}
