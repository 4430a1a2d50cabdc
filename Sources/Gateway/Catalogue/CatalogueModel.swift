// One model of the upstream's list, read from whatever shape its server gives it: OpenRouter's with
// everything, OpenAI's and Ollama's with a name, vLLM's, llama.cpp's, Groq's and Mistral's with a
// context length each under a name of its own. What is not said stays unknown.

package import Translation

/// What the upstream says of a model.
package struct CatalogueModel: Sendable, Equatable {
    package var id: String
    /// The name for people.
    package var name: String?
    /// Seconds since 1970.
    package var created: Int?
    package var capabilities = ModelCapabilities()
    /// Those of `knownParameters` that the model takes; nil when the upstream does not say.
    package var parameters: [String]?
    package var prices: ModelPrices?

    package init(id: String) { self.id = id }

    /// The parameters that something depends on. The list may grow; models are read anew then.
    static let knownParameters: [StaticString] = [
        "temperature", "top_p", "top_k", "stop", "tools", "tool_choice", "reasoning",
        "structured_outputs", "response_format",
    ]

    /// Members of the body that the translation leaves out when the model does not take them. The
    /// others change more than one member and are capabilities.
    private static let omissible = [
        "temperature", "top_p", "top_k", "stop", "tool_choice",
    ]

    /// Members of the body that the model does not take.
    package var refusedFields: [String] {
        guard let parameters else { return [] }
        return Self.omissible.filter { !parameters.contains($0) }
    }
}

// MARK: - Reading

extension CatalogueModel {
    /// Longer ids and names are not ones of models.
    static var textBytesMax: Int { 256 }

    /// Reads an element of a list; nil when it has no id that could be asked for.
    init?(_ document: JSONDocument) {
        guard let id = document.member(.root, "id").flatMap({ document.string($0) }),
            !id.isEmpty, id.utf8.count <= Self.textBytesMax,
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.init(id: id)
        var members = document.members(of: .root)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "name") {
                name = Self.text(document, value)
            } else if document.equals(key, "created") {
                created = document.integer(value).flatMap { $0 > 0 && $0 < 1 << 40 ? $0 : nil }
            } else if document.equals(key, "architecture") {
                readModalities(document, value)
            } else if document.equals(key, "pricing") {
                prices = Self.prices(document, value)
            } else if document.equals(key, "supported_parameters") {
                readParameters(document, value)
            }
        }
        readLimits(document)
        readReasoning(document)
        readMistralCapabilities(document)
    }

    private static func text(_ document: JSONDocument, _ node: JSONNode) -> String? {
        guard let text = document.string(node), !text.isEmpty, text.utf8.count <= textBytesMax,
            text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return nil }
        return text
    }

    /// A number of tokens; what cannot be one is unknown.
    private static func tokens(_ document: JSONDocument, _ node: JSONNode?) -> Int? {
        guard let node, let value = document.integer(node), value > 0, value < 1 << 40 else {
            return nil
        }
        return value
    }

    private mutating func readLimits(_ document: JSONDocument) {
        func tokens(_ keys: StaticString...) -> Int? {
            for key in keys {
                if let value = Self.tokens(document, document.member(.root, key)) { return value }
            }
            return nil
        }
        capabilities.contextTokens = tokens(
            "context_length", "max_model_len", "context_window", "max_context_length",
            "max_input_tokens")
        if capabilities.contextTokens == nil, let meta = document.member(.root, "meta") {
            // llama.cpp: what it serves with, else what the model was made for.
            capabilities.contextTokens =
                Self.tokens(document, document.member(meta, "n_ctx"))
                ?? Self.tokens(document, document.member(meta, "n_ctx_train"))
        }
        let provider = document.member(.root, "top_provider")
        capabilities.outputTokensMax =
            provider.flatMap { Self.tokens(document, document.member($0, "max_completion_tokens")) }
            ?? tokens("max_completion_tokens", "max_output_tokens")
    }

    private mutating func readModalities(_ document: JSONDocument, _ architecture: JSONNode) {
        guard let list = document.member(architecture, "input_modalities"),
            document.count(list) > 0
        else { return }
        var takesImages = false
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            if document.equals(element, "image") { takesImages = true }
        }
        // Not so with files: OpenRouter turns documents into text for models that take none.
        capabilities.images = takesImages
    }

    private mutating func readParameters(_ document: JSONDocument, _ list: JSONNode) {
        guard document.kind(list) == .array, document.count(list) > 0 else { return }
        var taken: [String] = []
        for name in Self.knownParameters {
            var elements = document.elements(of: list)
            while let element = document.next(&elements) {
                guard document.equals(element, name) else { continue }
                taken.append("\(name)")
                break
            }
        }
        parameters = taken
        capabilities.tools = taken.contains("tools")
        capabilities.reasoning = taken.contains("reasoning")
        capabilities.structuredOutput =
            taken.contains("structured_outputs") || taken.contains("response_format")
    }

    private mutating func readReasoning(_ document: JSONDocument) {
        guard let reasoning = document.member(.root, "reasoning"),
            document.kind(reasoning) == .object
        else { return }
        capabilities.reasoning = true
        var members = document.members(of: reasoning)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "supports_max_tokens") {
                capabilities.reasoningBudgets = document.bool(value)
            } else if document.equals(key, "mandatory") {
                capabilities.isReasoningMandatory = document.bool(value)
            } else if document.equals(key, "supported_efforts") {
                var efforts: Set<ReasoningEffort> = []
                var elements = document.elements(of: value)
                while let element = document.next(&elements) {
                    for effort in ReasoningEffort.allCases
                    where document.equals(element, effort.name) {
                        efforts.insert(effort)
                    }
                }
                if !efforts.isEmpty { capabilities.efforts = efforts }
            }
        }
    }

    /// Mistral: `capabilities: {function_calling, vision}`.
    private mutating func readMistralCapabilities(_ document: JSONDocument) {
        guard let list = document.member(.root, "capabilities") else { return }
        if let tools = document.member(list, "function_calling") {
            capabilities.tools = document.bool(tools) ?? capabilities.tools
        }
        if let vision = document.member(list, "vision") {
            capabilities.images = document.bool(vision) ?? capabilities.images
        }
    }

    /// - Parameter base: what holds where `pricing` says nothing.
    private static func prices(
        _ document: JSONDocument, _ pricing: JSONNode, over base: ModelPrices? = nil
    ) -> ModelPrices? {
        func price(_ key: StaticString) -> MoneyAmount? {
            guard let node = document.member(pricing, key) else { return nil }
            switch document.kind(node) {
            case .string, .number:
                return MoneyAmount(
                    String(decoding: document.bytes[document.content(node)], as: UTF8.self))
            case .object, .array, .true, .false, .null: return nil
            }
        }
        guard let input = price("prompt") ?? base?.input,
            let output = price("completion") ?? base?.output
        else { return nil }
        var prices = ModelPrices(input: input, output: output)
        prices.cacheRead = price("input_cache_read") ?? base?.cacheRead
        prices.cacheWrite = price("input_cache_write") ?? base?.cacheWrite
        prices.cacheWriteHour = price("input_cache_write_1h") ?? base?.cacheWriteHour
        prices.request = price("request") ?? base?.request
        if base == nil { prices.longPrompts = longPrompts(document, pricing, over: prices) }
        return prices
    }

    /// More steps than any price list has.
    private static let longPromptsMax = 8

    /// OpenRouter: `overrides: [{min_prompt_tokens, …}]`, where what is not named stays as it is.
    private static func longPrompts(
        _ document: JSONDocument, _ pricing: JSONNode, over base: ModelPrices
    ) -> [ModelPrices.LongPrompt] {
        guard let list = document.member(pricing, "overrides"), document.kind(list) == .array
        else { return [] }
        var found: [ModelPrices.LongPrompt] = []
        var elements = document.elements(of: list)
        while let element = document.next(&elements), found.count < longPromptsMax {
            guard document.kind(element) == .object,
                let tokens = tokens(document, document.member(element, "min_prompt_tokens")),
                let prices = prices(document, element, over: base)
            else { continue }
            found.append(.init(tokensMin: tokens, prices: prices))
        }
        return found.sorted { $0.tokensMin < $1.tokensMin }
    }
}
