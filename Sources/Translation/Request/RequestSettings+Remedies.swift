// Where a remedy changes the translation: one place for each. What it costs is named by the writer in
// `x-claude-proxy-dropped`, there where something is left out.

extension RequestSettings {
    /// Members without which a request is another one.
    private static let indispensable: Set<String> = ["model", "messages", "tools", "stream"]

    /// Takes a remedy into account.
    ///
    /// - Returns: false if it cannot help.
    package mutating func apply(_ remedy: UpstreamRemedy) -> Bool {
        switch remedy {
        case .dropParameter(let name):
            guard !Self.indispensable.contains(name) else { return false }
            return omittedFields.insert(name).inserted
        case .dropValue(let name, let value):
            guard !Self.indispensable.contains(name) else { return false }
            return refusedValues[name, default: []].insert(value).inserted
        case .dropTopPBesideTemperature: dropsTopPBesideTemperature = true
        case .dropReasoning: isWithoutReasoning = true
        case .keepReasoning: keepsReasoning = true
        case .returnReasoning:
            if profile.reasoningField == .none { profile.reasoningField = .reasoningContent }
            profile.fillsReasoningWithCalls = true
        case .dropStrict: isWithoutStrict = true
        case .dropPatterns: dropsPatterns = true
        case .dropImages: capabilities.images = false
        case .foldSystem:
            profile.systemMessages = .firstOnly
            foldsRefusedSystem = true
        case .stopReasoningWithTools: stopsReasoningWithTools = true
        case .dropBetas(let names):
            guard api == .messages, betas.refuse(names) else { return false }
            omittedFields.formUnion(betas.fields)
        case .askByResponses:
            guard choosesAPI, profile.switchesToResponses, api == .chat, !hasNoResponses else {
                return false
            }
            api = .responses
        case .askByChat:
            guard choosesAPI, api == .responses else { return false }
            api = .chat
            hasNoResponses = true
        case .lowerMaxTokens(let tokens):
            guard tokens > 0, tokens < answerTokensTaken ?? .max else { return false }
            answerTokensTaken = tokens
        case .raiseMaxTokens(let tokens):
            guard tokens > answerTokensMin else { return false }
            answerTokensMin = tokens
        }
        return true
    }
}
