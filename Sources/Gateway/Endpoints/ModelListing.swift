// GET /v1/models and /v1/models/{id}: which models there are to choose from, in the shape that the
// client understands: Anthropic's, or OpenAI's when no anthropic-version field came.
//
// First the models of the configuration, then what the upstream lists, as far as a setting lets it.
// Every upstream model stands there twice: under its own id, and under an alias that Claude Code's
// picker takes. All comes from memory: clients wait three seconds and no longer.

import Translation

/// The models that are listed, made once per configuration and catalogue.
package struct ModelListing: Sendable {
    /// One model as it is listed.
    struct Model: Sendable, Equatable {
        var id: String
        var displayName: String
        /// The model behind it.
        var target: ModelTarget
        /// What the upstream's list says of that.
        var details: CatalogueModel?

        fileprivate func contextTokens(_ learnt: LearntContext) -> Int? {
            let listed = details?.capabilities.contextTokens
            return learnt(target, listed) ?? listed
        }
    }

    /// Gives the context of a model that its upstream has named elsewhere, for the one that its list
    /// has.
    typealias LearntContext = (ModelTarget, Int?) -> Int?

    let models: [Model]

    /// The age that is claimed for a model whose age is not known: clients sort by it.
    private static let createdAtSeconds = 1_759_104_000

    /// - Parameter catalogue: what an upstream lists.
    init(_ settings: Settings, catalogue: (Upstream) -> ModelCatalogue?) {
        let configuration = settings.configuration
        let router = settings.router
        let catalogues = Dictionary(
            settings.pools.map { ($0.name, catalogue($0.members[0])) },
            uniquingKeysWith: { first, _ in first })
        var models: [Model] = []
        var ids: Set<String> = []
        func details(_ target: ModelTarget) -> CatalogueModel? {
            catalogues[target.upstream].flatMap { $0 }?.model(target.model)
        }
        func list(_ id: String, _ displayName: String, _ target: ModelTarget) {
            guard ids.insert(id).inserted else { return }
            models.append(
                Model(
                    id: id, displayName: displayName, target: target, details: details(target)))
        }
        func list(_ target: ModelTarget) {
            let id = target.description
            var name = details(target)?.name ?? id
            if name != id, target.upstream != UpstreamConfiguration.mainName {
                name += " (\(target.upstream))"
            }
            list(id, name, target)
            list(ModelRouter.alias(for: id), name, target)
        }
        let chains = configuration.chains.map(\.chain)
        if case .fixed(let reported) = configuration.reportModel {
            list(reported, configuration.defaultModel, router.targets(of: chains[0])[0])
        }
        for rule in configuration.modelMap.rules where !rule.isPrefix {
            let target = router.targets(of: rule.chain)[0]
            list(rule.pattern, "\(rule.pattern) (\(target))", target)
        }
        for chain in chains { for target in router.targets(of: chain) { list(target) } }
        for pool in settings.pools {
            for model in catalogues[pool.name].flatMap({ $0 })?.models ?? [] {
                let target = ModelTarget(model: model.id, upstream: pool.name)
                let isListed = configuration.listedModels.contains {
                    $0.matches(model.id) || $0.matches(target.description)
                }
                if isListed { list(target) }
            }
        }
        self.models = models
    }

    // MARK: Pages

    /// A page of the list.
    ///
    /// - Parameter learnt: the context of an upstream model that the upstream has named elsewhere, for
    ///   the one that the list has.
    /// - Throws: a 400 when the query asks for no page that there is.
    func list(
        _ query: ModelListQuery, forAnthropicClient isAnthropic: Bool,
        learnt: LearntContext
    ) throws(APIError) -> [UInt8] {
        let page = isAnthropic ? try query.page(of: models) : models.indices
        var body: [UInt8] = []
        body.reserveCapacity(page.count * 1024)
        body.append(isAnthropic ? #"{"data":["# : #"{"object":"list","data":["#)
        for index in page {
            if index > page.lowerBound { body.append(",") }
            Self.write(
                models[index], forAnthropicClient: isAnthropic,
                contextTokens: models[index].contextTokens(learnt), into: &body)
        }
        body.append("]")
        if isAnthropic {
            let hasMore =
                query.beforeID == nil
                ? page.upperBound < models.endIndex : page.lowerBound > models.startIndex
            body.append(hasMore ? #","has_more":true"# : #","has_more":false"#)
            body.append(#","first_id":"#)
            Self.write(page.isEmpty ? nil : models[page.lowerBound].id, into: &body)
            body.append(#","last_id":"#)
            Self.write(page.isEmpty ? nil : models[page.upperBound - 1].id, into: &body)
        }
        body.append("}")
        return body
    }

    /// One model.
    static func body(
        _ model: Model, forAnthropicClient isAnthropic: Bool, learnt: LearntContext
    ) -> [UInt8] {
        var body: [UInt8] = []
        write(
            model, forAnthropicClient: isAnthropic, contextTokens: model.contextTokens(learnt),
            into: &body)
        return body
    }

    // MARK: Writing

    private static func write(_ id: String?, into body: inout [UInt8]) {
        if let id { body.append(jsonString: id) } else { body.append("null") }
    }

    private static func write(
        _ model: Model, forAnthropicClient isAnthropic: Bool, contextTokens: Int?,
        into body: inout [UInt8]
    ) {
        let created = model.details?.created ?? createdAtSeconds
        if isAnthropic {
            body.append(#"{"type":"model","id":"#)
            body.append(jsonString: model.id)
            body.append(#","display_name":"#)
            body.append(jsonString: model.displayName)
            body.append(#","created_at":""#)
            body.append(contentsOf: HTTPDate.internetText(.seconds(created)).utf8)
            body.append(#"","lifecycle":"active""#)
            writeDetails(model.details, contextTokens: contextTokens, into: &body)
            body.append("}")
        } else {
            body.append(#"{"id":"#)
            body.append(jsonString: model.id)
            body.append(#","object":"model","created":"#)
            body.append(decimal: created)
            body.append(#","owned_by":"claude-proxy""#)
            if let tokens = contextTokens {
                body.append(#","context_length":"#)
                body.append(decimal: tokens)
            }
            body.append("}")
        }
    }

    /// Writes limits and abilities; null where they are not known.
    private static func writeDetails(
        _ details: CatalogueModel?, contextTokens: Int?, into body: inout [UInt8]
    ) {
        func write(_ key: StaticString, _ tokens: Int?) {
            body.append(key)
            if let tokens { body.append(decimal: tokens) } else { body.append("null") }
        }
        let capabilities = details?.capabilities
        write(#","max_input_tokens":"#, contextTokens)
        write(#","max_tokens":"#, capabilities?.outputTokensMax)
        guard let capabilities, details?.parameters != nil else {
            body.append(#","capabilities":null"#)
            return
        }
        body.append(#","capabilities":{"#)
        for name in ["batch", "citations", "code_execution"] as [StaticString] {
            writeAbility(name, false, into: &body)
            body.append(",")
        }
        writeAbility("image_input", capabilities.images ?? false, into: &body)
        body.append(",")
        writeAbility("pdf_input", capabilities.files ?? true, into: &body)
        body.append(",")
        writeAbility("structured_outputs", capabilities.structuredOutput ?? false, into: &body)
        body.append(",")
        writeAbility("context_management", false, into: &body)
        writeEffort(capabilities, into: &body)
        writeThinking(capabilities, into: &body)
        body.append("}")
    }

    private static func writeAbility(
        _ name: StaticString, _ isSupported: Bool, into body: inout [UInt8]
    ) {
        body.append(#"""#)
        body.append(name)
        body.append(isSupported ? #"":{"supported":true}"# : #"":{"supported":false}"#)
    }

    private static func writeEffort(_ capabilities: ModelCapabilities, into body: inout [UInt8]) {
        let reasons = capabilities.reasoning ?? false
        body.append(#","effort":{"supported":"#)
        body.append(reasons ? "true" : "false")
        for effort in ReasoningEffort.allCases where effort != .minimal {
            body.append(",")
            let isSupported = reasons && capabilities.efforts?.contains(effort) ?? true
            writeAbility(effort.name, isSupported, into: &body)
        }
        body.append("}")
    }

    private static func writeThinking(_ capabilities: ModelCapabilities, into body: inout [UInt8]) {
        let reasons = capabilities.reasoning ?? false
        let isMandatory = capabilities.isReasoningMandatory ?? false
        body.append(#","thinking":{"supported":"#)
        body.append(reasons ? "true" : "false")
        body.append(#","types":{"#)
        writeAbility("adaptive", reasons, into: &body)
        body.append(",")
        writeAbility("between_tools", reasons, into: &body)
        body.append(",")
        writeAbility("disabled", !isMandatory, into: &body)
        body.append(",")
        writeAbility("enabled", reasons, into: &body)
        body.append("}}")
    }
}
