// How hard the model is to think: `thinking` and `output_config.effort`, in the words of the
// upstream and within what the model takes (OpenRouter documentation, reasoning tokens, August
// 2026).

/// What the client asked for.
enum Thinking: Equatable {
    case absent, disabled, adaptive
    case budget(Int)

    var isOn: Bool {
        switch self {
        case .absent, .disabled: false
        case .adaptive, .budget: true
        }
    }
}

extension RequestWriter {
    /// Anthropic's least budget.
    static var thinkingBudgetMin: Int { 1024 }

    // MARK: Reading

    private mutating func readThinking() throws(APIError) -> Thinking {
        let path = FieldPath("thinking")
        guard let node = try document.optional(outline.fields.thinking, .object, at: path) else {
            return .absent
        }
        var type, budget, display: JSONNode?
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "type") {
                type = value
            } else if document.equals(key, "budget_tokens") {
                budget = value
            } else if document.equals(key, "display") {
                display = value
            } else if FieldFate.find(document, key, in: .thinking)?.fate != .ignored {
                dropped.note("thinking.", document, key)
            }
        }
        if let display = try document.optional(display, .string, at: path, "display") {
            // Not `reasoning.exclude`: that may withhold what must be given back next turn.
            facts.omitsThinkingText = document.equals(display, "omitted")
        }
        let name = try document.required(type, .string, at: path, "type")
        if document.equals(name, "enabled") {
            guard let tokens = try document.whole(budget, at: path, "budget_tokens") else {
                throw path.error("budget_tokens", .required)
            }
            guard tokens >= 0 else { throw path.error("budget_tokens", .negative) }
            return .budget(tokens)
        }
        if document.equals(name, "disabled") { return .disabled }
        guard document.equals(name, "adaptive") || document.equals(name, "between_tools") else {
            throw path.error("type", .notAThinkingType)
        }
        return .adaptive
    }

    /// The effort that an `output_config` asks for.
    func effort(
        in config: JSONNode?, at path: FieldPath
    ) throws(APIError) -> ReasoningEffort? {
        guard let config = try document.optional(config, .object, at: path, "output_config"),
            let node = try document.optional(
                document.member(config, "effort"), .string, at: path, "output_config.effort")
        else { return nil }
        for effort in ReasoningEffort.allCases where document.equals(node, effort.name) {
            return effort
        }
        throw path.error("output_config.effort", .notAnEffort)
    }

    /// Whether to think, and how hard, within what the model knows.
    mutating func readEffort() throws(APIError) -> (Thinking, ReasoningEffort?) {
        let thinking = try readThinking()
        let general = try effort(in: outline.fields.outputConfig, at: FieldPath(""))
        let effort = effortOverride ?? general
        guard let supported = settings.capabilities.efforts else { return (thinking, effort) }
        return (thinking, effort?.clamped(to: supported))
    }

    // MARK: Writing

    /// Writes how the model is to reason.
    mutating func writeReasoning() throws(APIError) {
        let (wanted, effort) = try readEffort()
        var thinking = wanted
        if settings.capabilities.reasoning == false {
            noteUnused(thinking, effort)
            return
        }
        if thinking.isOn, forcesTool, family == .claude {
            // Anthropic: "Thinking may not be enabled when tool_choice forces tool use."
            thinking = .disabled
            dropped.note("thinking")
        }
        if settings.isWithoutReasoning {
            noteUnused(thinking, effort)
            thinking = .disabled
        }
        if settings.stopsReasoningWithTools, hasTools {
            dropped.note("output_config.effort")
            return writeNoEffort()
        }
        switch settings.profile.reasoningDialect {
        case .reasoningObject: writeReasoningObject(thinking, effort)
        case .reasoningEffort: writeReasoningEffort(thinking, effort)
        case .thinkingParameter: writeThinkingParameter(thinking, effort)
        case .none: noteUnused(thinking, effort)
        }
    }

    /// Asks for an answer without reasoning, in so many words.
    private mutating func writeNoEffort() {
        switch settings.profile.reasoningDialect {
        case .reasoningObject: output.append(#","reasoning":{"effort":"none"}"#)
        case .reasoningEffort, .none: output.append(#","reasoning_effort":"none""#)
        case .thinkingParameter: output.append(#","thinking":{"type":"disabled"}"#)
        }
    }

    mutating func noteUnused(_ thinking: Thinking, _ effort: ReasoningEffort?) {
        if thinking.isOn { dropped.note("thinking") }
        if effort != nil { dropped.note("output_config.effort") }
    }

    private mutating func writeReasoningObject(_ thinking: Thinking, _ effort: ReasoningEffort?) {
        if thinking.isOn, hasTools, family == .claude { headers.interleavesThinking = true }
        if family == .claude, effort != nil, isRefused("verbosity") {
            dropped.note("output_config.effort")
        }
        if family == .claude, let effort, allows("verbosity") {
            // Claude's effort is OpenRouter's verbosity. Opus 5 refuses more than high when it is
            // not to think.
            writeKey("verbosity")
            write(thinking == .disabled ? min(effort, .high) : effort)
        }
        guard allows("reasoning") else {
            if isRefused("reasoning") { noteUnused(thinking, effort) }
            return
        }
        let start = output.count
        defer {
            if takesBack("reasoning", since: start) { noteUnused(thinking, effort) }
        }
        let effort = family == .claude ? nil : effort
        switch thinking {
        case .absent:
            guard let effort else { return }
            output.append(#","reasoning":{"effort":"#)
            write(effort)
            output.append(UInt8(ascii: "}"))
        case .disabled:
            if settings.capabilities.isReasoningMandatory == true || noteKeptReasoning() { return }
            output.append(#","reasoning":{"enabled":false}"#)
        case .adaptive:
            output.append(#","reasoning":{"enabled":true"#)
            if let effort {
                output.append(#","effort":"#)
                write(effort)
            }
            output.append(UInt8(ascii: "}"))
        case .budget(let tokens):
            // One of effort and budget, not both: the effort if the client named one.
            let takesBudgets =
                settings.capabilities.reasoningBudgets
                ?? (family == .claude || family == .gemini || family == .qwen)
            if effort == nil, takesBudgets {
                writeBudget(tokens)
            } else {
                output.append(#","reasoning":{"effort":"#)
                write(effort ?? effortWorth(tokens))
                output.append(UInt8(ascii: "}"))
            }
        }
    }

    private mutating func writeBudget(_ tokens: Int) {
        let budget = min(max(tokens, Self.thinkingBudgetMin), answerTokensMax - 1)
        guard budget >= Self.thinkingBudgetMin else {
            // An answer this short has no room to think.
            dropped.note("thinking")
            return
        }
        output.append(#","reasoning":{"max_tokens":"#)
        output.append(decimal: budget)
        output.append(UInt8(ascii: "}"))
    }

    private mutating func writeReasoningEffort(_ thinking: Thinking, _ effort: ReasoningEffort?) {
        guard
            settings.capabilities.reasoning
                ?? ModelFamily.takesEffort(settings.upstreamModel)
        else {
            noteUnused(thinking, effort)
            return
        }
        let wanted: ReasoningEffort? =
            switch thinking {
            case .absent, .adaptive: effort
            case .budget(let tokens): effort ?? effortWorth(tokens)
            // No effort is one to do without reasoning: some models refuse the least as well.
            case .disabled: nil
            }
        if thinking == .disabled, effort != nil { dropped.note("output_config.effort") }
        guard let wanted else { return }
        guard allows("reasoning_effort") else {
            if isRefused("reasoning_effort") { dropped.note("output_config.effort") }
            return
        }
        let start = output.count
        writeKey("reasoning_effort")
        write(min(wanted, settings.profile.effortMax))
        if takesBack("reasoning_effort", since: start) { dropped.note("output_config.effort") }
    }

    private mutating func writeThinkingParameter(_ thinking: Thinking, _ effort: ReasoningEffort?) {
        if effort != nil { dropped.note("output_config.effort") }
        guard thinking != .absent else { return }
        guard allows("thinking") else {
            if isRefused("thinking") { dropped.note("thinking") }
            return
        }
        if !thinking.isOn, noteKeptReasoning() { return }
        output.append(
            thinking.isOn
                ? #","thinking":{"type":"enabled"}"# : #","thinking":{"type":"disabled"}"#)
    }

    /// Whether reasoning stays on because the upstream has refused to do without; then that is named.
    private mutating func noteKeptReasoning() -> Bool {
        if settings.keepsReasoning { dropped.note("thinking") }
        return settings.keepsReasoning
    }

    private mutating func write(_ effort: ReasoningEffort) {
        output.append(UInt8(ascii: "\""))
        output.append(effort.name)
        output.append(UInt8(ascii: "\""))
    }

    /// The effort that a budget comes to: the least whose share of the answer covers it.
    func effortWorth(_ budget: Int) -> ReasoningEffort {
        let share = Double(budget) / Double(max(answerTokensMax, 1))
        let effort: ReasoningEffort = share <= 0.2 ? .low : share <= 0.5 ? .medium : .high
        guard let supported = settings.capabilities.efforts else { return effort }
        return effort.clamped(to: supported)
    }
}
