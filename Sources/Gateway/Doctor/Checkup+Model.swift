// The checks of the models: whether the upstream has them, what they can, and whether the default one
// answers.

package import Translation

extension Checkup {
    /// What `GET …/models` says of the models that the configuration names.
    ///
    /// - Returns: a finding a model; a single one when the list is of no use.
    package static func models(
        _ configuration: Configuration, of upstream: Upstream, answer: ProbeAnswer,
        reader: UpstreamErrorReader
    ) -> [Finding] {
        guard answer.failure == nil else {
            return [.skipped("model", "the list of models did not come: \(detail(answer))")]
        }
        if answer.status != 200 {
            let failure = reader.read(status: answer.status, body: answer.body)
            if failure.kind == .keyRefused || failure.kind == .notPermitted {
                return [keyRefused(failure.error.message)]
            }
        }
        var document = JSONDocument()
        guard answer.status == 200, (try? document.parse(answer.body)) != nil,
            let list = document.member(.root, "data"), document.kind(list) == .array
        else {
            return [
                .skipped("model", "the upstream has no list of models (status \(answer.status))")
            ]
        }
        return configuration.models(of: upstream).map {
            model($0, in: list, of: document, upstream.profile)
        }
    }

    private static func model(
        _ name: String, in list: JSONNode, of document: JSONDocument,
        _ profile: UpstreamProfile
    ) -> Finding {
        guard let entry = entry(of: name, in: list, of: document) else {
            return missing(name, in: list, of: document, profile)
        }
        if let parameters = document.member(entry, "supported_parameters"),
            !contains(document, parameters, "tools")
        {
            return .failure(
                "model", "\(name) takes no tools, without which Claude Code can do nothing",
                remedy: "Choose one that does:"
                    + " https://openrouter.ai/models?supported_parameters=tools")
        }
        if let architecture = document.member(entry, "architecture"),
            let outputs = document.member(architecture, "output_modalities"),
            !contains(document, outputs, "text")
        {
            return .failure(
                "model", "\(name) does not answer in text",
                remedy: "Set OPENROUTER_MODEL to one that does.")
        }
        let context = document.member(entry, "context_length").flatMap(document.integer)
        let size = context.map {
            "; tell Claude Code its context: CLAUDE_CODE_MAX_CONTEXT_TOKENS=\($0)"
        }
        return .good("model", "the upstream has \(name)\(size ?? "")")
    }

    private static func missing(
        _ name: String, in list: JSONNode, of document: JSONDocument,
        _ profile: UpstreamProfile
    ) -> Finding {
        var ids: [String] = []
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            if let id = document.member(element, "id").flatMap(document.string) { ids.append(id) }
        }
        let guess = EditDistance.closest(to: name, among: ids, atMost: 4)
        let text = "\(name) is not among the \(ids.count) models of the upstream"
        let remedy =
            guess.map { "Did you mean \($0)? " } ?? "" + "Correct OPENROUTER_MODEL or"
            + " CLAUDE_PROXY_MODEL_MAP."
        // Other servers also answer to names that they do not list.
        return profile.listsEveryModel
            ? .failure("model", text, remedy: remedy) : .warning("model", text, remedy: remedy)
    }

    /// The entry with this id or slug. OpenRouter lists no entry for the variants that only choose
    /// among a model's providers.
    private static func entry(
        of name: String, in list: JSONNode, of document: JSONDocument
    ) -> JSONNode? {
        var names = [name]
        for variant in [":nitro", ":floor", ":online", ":exacto"] where name.hasSuffix(variant) {
            names.append(String(name.dropLast(variant.utf8.count)))
        }
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            for key in ["id", "canonical_slug"] as [StaticString] {
                let value = document.member(element, key).flatMap(document.string)
                if let value, names.contains(value) { return element }
            }
        }
        return nil
    }

    private static func contains(
        _ document: JSONDocument, _ list: JSONNode, _ text: StaticString
    ) -> Bool {
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            if document.equals(element, text) { return true }
        }
        return false
    }

    // MARK: The trial

    /// What came of the trial request: a streamed answer, or the reason why not.
    package static func trial(
        _ trial: TrialRequest, _ answer: ProbeAnswer, reader: UpstreamErrorReader
    ) -> Finding {
        let name = "round trip"
        switch trial.outcome(answer, reader: reader) {
        case .answered(let isStream):
            let first = milliseconds(answer.times.firstByte)
            guard isStream else {
                return .warning(
                    name, "answered in one piece although a stream was asked for",
                    remedy: "Text will come all at once; use an upstream that streams.")
            }
            // Claude Code waits for minutes; people do not.
            return answer.times.firstByte > .seconds(10)
                ? .warning(
                    name, "a streamed answer, its first byte after \(first)",
                    remedy: "The model or its provider is slow; choose another if it stays so.")
                : .good(name, "a streamed answer, its first byte after \(first)")
        case .failed(let failure):
            return .failure(name, failure.error.message, remedy: remedy(for: failure.kind))
        case .unfinished:
            let reason =
                answer.isTimedOut
                ? "no complete answer in \(milliseconds(answer.times.total))" : detail(answer)
            return .failure(
                name, reason,
                remedy:
                    "The upstream has the request and does not finish it: try again, wait longer"
                    + " with --timeout, or choose another model.")
        }
    }

    private static func remedy(for kind: FailureKind) -> String {
        switch kind {
        case .keyRefused, .notPermitted: "Check OPENROUTER_API_KEY and what the key may do."
        case .outOfCredit: "Buy credit at https://openrouter.ai/settings/credits."
        case .modelMissing:
            "Check OPENROUTER_MODEL, that it takes tools, and the path in CLAUDE_PROXY_UPSTREAM_URL,"
                + " which for most servers ends in /v1."
        case .rateLimited, .overloaded, .noSocket, .noMemory: "Wait a minute and try again."
        case .misconfigured, .unreachable:
            "Check CLAUDE_PROXY_UPSTREAM_URL, and the proxy variables of the environment."
        case .requestFault, .contextTooLong, .contentRefused, .unavailable, .internalFault,
            .unanswered, .timeout, .brokenAnswer, .badAnswer, .emptyAnswer, .shuttingDown:
            "Read what the upstream says; its status page or its log may know more."
        }
    }
}

extension Configuration {
    /// The models that chains ask of an upstream, each once, in the order of the settings.
    package func models(of upstream: Upstream) -> [String] {
        var models: [String] = []
        for entry in chains.flatMap(\.chain.entries) {
            let target = ModelTarget(entry, among: upstreamNames)
            if target.upstream == upstream.configuration.name, !models.contains(target.model) {
                models.append(target.model)
            }
        }
        return models
    }
}
