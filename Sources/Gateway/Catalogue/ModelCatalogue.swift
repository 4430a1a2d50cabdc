// The upstream's models, as far as its own list tells of them. Made whole when the list has come and
// never changed: all loops share one, and a new list makes a new one.

import Translation

/// An immutable list of models.
package final class ModelCatalogue: Sendable {
    /// The URL of the upstream that gave it.
    package let upstream: String
    /// When it came, since 1970.
    package let fetchedAt: Duration
    /// In the upstream's order.
    package let models: [CatalogueModel]
    private let indexes: [String: Int]

    package init(upstream: String, fetchedAt: Duration, models: [CatalogueModel]) {
        self.upstream = upstream
        self.fetchedAt = fetchedAt
        self.models = models
        indexes = Dictionary(
            models.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The model of this id. A variant that is not listed itself (`:nitro`, `:online`) is its model
    /// at prices that are not known. A server of one model (llama.cpp, under the path of its file)
    /// answers with it whatever it is asked for.
    package func model(_ id: String) -> CatalogueModel? {
        if let index = indexes[id] { return models[index] }
        var model: CatalogueModel
        if let colon = id.lastIndex(of: ":"), !id[colon...].contains("/"),
            let index = indexes[String(id[..<colon])]
        {
            model = models[index]
        } else if models.count == 1 {
            model = models[0]
        } else {
            return nil
        }
        model.id = id
        model.prices = nil
        return model
    }

    /// Whether the upstream lists this very id.
    package func lists(_ id: String) -> Bool { indexes[id] != nil }
}

// MARK: - On disk

// The file's first line says whose list it is and of when; the rest is a list such as upstreams
// give, with what we read of one and nothing else. So there is one reader for both, and a file that
// is damaged, foreign or of another version is no catalogue, or one that lacks a model.

extension ModelCatalogue {
    /// A larger file was not written by us.
    package static let fileBytesMax = 8 << 20
    private static let version = 1

    /// The name of the file for the models of `upstream`.
    package static func fileName(for upstream: String) -> String {
        var name: [UInt8] = Array("models-".utf8)
        for byte in SHA256.digest(Array(upstream.utf8).span).prefix(8) {
            name.append(hexadecimal: byte)
        }
        return String(decoding: name, as: UTF8.self) + ".json"
    }

    /// Reads a file; nil when it is not one of `upstream`'s models.
    package convenience init?(file: [UInt8], of upstream: String) {
        guard file.count <= Self.fileBytesMax,
            let end = file.firstIndex(of: UInt8(ascii: "\n")), end < 4096
        else { return nil }
        var header = JSONDocument()
        guard (try? header.parse(Array(file[..<end]))) != nil,
            let version = header.member(.root, "version"),
            header.integer(version) == Self.version,
            let source = header.member(.root, "upstream"), header.string(source) == upstream,
            let time = header.member(.root, "fetched_at"), let seconds = header.integer(time),
            0..<(1 << 40) ~= seconds
        else { return nil }
        var reader = ModelListReader()
        reader.read(file.span.extracting(end...))
        guard reader.isComplete, !reader.models.isEmpty else { return nil }
        self.init(upstream: upstream, fetchedAt: .seconds(seconds), models: reader.models)
    }

    /// The catalogue as a file.
    package var file: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(models.count * 512 + 256)
        text.append(#"{"version":"#)
        text.append(decimal: Self.version)
        text.append(#","upstream":"#)
        text.append(jsonString: upstream)
        text.append(#","fetched_at":"#)
        text.append(decimal: Int(fetchedAt.components.seconds))
        text.append("}\n")
        text.append(#"{"data":["#)
        for (index, model) in models.enumerated() {
            text.append(index == 0 ? "\n" : ",\n")
            model.write(into: &text)
        }
        text.append("\n]}\n")
        return text
    }
}

extension CatalogueModel {
    /// Appends the model in OpenRouter's shape.
    func write(into text: inout [UInt8]) {
        text.append(#"{"id":"#)
        text.append(jsonString: id)
        if let name {
            text.append(#","name":"#)
            text.append(jsonString: name)
        }
        Self.write(created, "created", into: &text)
        Self.write(capabilities.contextTokens, "context_length", into: &text)
        Self.write(capabilities.outputTokensMax, "max_completion_tokens", into: &text)
        if let images = capabilities.images {
            text.append(#","architecture":{"input_modalities":["text""#)
            if images { text.append(#","image""#) }
            text.append("]}")
        }
        if let parameters {
            // Not empty even when the model takes none of those that are known: that is known, too.
            text.append(#","supported_parameters":["max_tokens""#)
            for name in parameters {
                text.append(",")
                text.append(jsonString: name)
            }
            text.append("]")
        }
        if parameters == nil, let tools = capabilities.tools {
            text.append(#","capabilities":{"function_calling":"#)
            text.append(tools ? "true}" : "false}")
        }
        writeReasoning(into: &text)
        writePrices(into: &text)
        text.append("}")
    }

    private static func write(_ value: Int?, _ key: StaticString, into text: inout [UInt8]) {
        guard let value else { return }
        text.append(#",""#)
        text.append(key)
        text.append(#"":"#)
        text.append(decimal: value)
    }

    private func writeReasoning(into text: inout [UInt8]) {
        guard capabilities.reasoning == true else { return }
        text.append(#","reasoning":{"#)
        var isFirst = true
        func write(_ key: StaticString, _ value: Bool?) {
            guard let value else { return }
            if !isFirst { text.append(",") }
            isFirst = false
            text.append(#"""#)
            text.append(key)
            text.append(value ? #"":true"# : #"":false"#)
        }
        write("supports_max_tokens", capabilities.reasoningBudgets)
        write("mandatory", capabilities.isReasoningMandatory)
        if let efforts = capabilities.efforts {
            text.append(isFirst ? #""supported_efforts":["# : #","supported_efforts":["#)
            for (index, effort) in efforts.sorted().enumerated() {
                text.append(index == 0 ? #"""# : #",""#)
                text.append(effort.name)
                text.append(#"""#)
            }
            text.append("]")
        }
        text.append("}")
    }

    private func writePrices(into text: inout [UInt8]) {
        guard let prices else { return }
        text.append(#","pricing":{"#)
        Self.write(prices, into: &text)
        if !prices.longPrompts.isEmpty {
            text.append(#","overrides":["#)
            for (index, long) in prices.longPrompts.enumerated() {
                text.append(index == 0 ? #"{"min_prompt_tokens":"# : #",{"min_prompt_tokens":"#)
                text.append(decimal: long.tokensMin)
                text.append(",")
                Self.write(long.prices, into: &text)
                text.append("}")
            }
            text.append("]")
        }
        text.append("}")
    }

    /// Appends the members, without the braces.
    private static func write(_ prices: ModelPrices, into text: inout [UInt8]) {
        text.append(#""prompt":""#)
        text.append(contentsOf: prices.input.description.utf8)
        func write(_ key: StaticString, _ price: MoneyAmount?) {
            guard let price else { return }
            text.append(#"",""#)
            text.append(key)
            text.append(#"":""#)
            text.append(contentsOf: price.description.utf8)
        }
        write("completion", prices.output)
        write("input_cache_read", prices.cacheRead)
        write("input_cache_write", prices.cacheWrite)
        write("input_cache_write_1h", prices.cacheWriteHour)
        write("request", prices.request)
        text.append(UInt8(ascii: "\""))
    }
}
