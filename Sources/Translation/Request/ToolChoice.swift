// `tool_choice`: whether and which tool must be called.

struct ToolChoice {
    enum Mode: Equatable {
        case auto, any, none
        /// The client's name of the tool, decoded.
        case tool([UInt8])
    }

    /// Nil when the client said nothing.
    var mode: Mode?
    var forbidsParallelCalls = false
}

extension RequestWriter {
    func readToolChoice() throws(APIError) -> ToolChoice {
        let path = FieldPath("tool_choice")
        var choice = ToolChoice()
        guard let node = try document.optional(outline.fields.toolChoice, .object, at: path) else {
            return choice
        }
        let type = try document.required(document.member(node, "type"), .string, at: path, "type")
        if document.equals(type, "auto") {
            choice.mode = .auto
        } else if document.equals(type, "any") {
            choice.mode = .any
        } else if document.equals(type, "none") {
            choice.mode = ToolChoice.Mode.none
        } else if document.equals(type, "tool") {
            let name = try document.required(
                document.member(node, "name"), .string, at: path, "name")
            choice.mode = .tool(document.unescaped(name))
        } else {
            throw path.error("type", .notAToolChoice)
        }
        choice.forbidsParallelCalls = try document.flag(
            document.member(node, "disable_parallel_tool_use"), at: path,
            "disable_parallel_tool_use")
        return choice
    }

    /// Writes `tool_choice` and `parallel_tool_calls`; there are tools.
    mutating func write(_ choice: ToolChoice, among offer: [OfferedTool]) throws(APIError) {
        if let mode = choice.mode {
            let start = output.count
            try write(mode, among: offer)
            if !allows("tool_choice") {
                output.removeSubrange(start...)
                if isRefused("tool_choice") { dropped.note("tool_choice") }
            } else if takesBack("tool_choice", since: start) {
                dropped.note("tool_choice")
            }
        }
        if choice.forbidsParallelCalls {
            if settings.profile.allowsParallelToolCalls, allows("parallel_tool_calls") {
                output.append(#","parallel_tool_calls":false"#)
            } else {
                dropped.note("tool_choice.disable_parallel_tool_use")
            }
        }
    }

    private mutating func write(
        _ mode: ToolChoice.Mode, among offer: [OfferedTool]
    ) throws(APIError) {
        switch mode {
        case .auto: output.append(#","tool_choice":"auto""#)
        case .none: output.append(#","tool_choice":"none""#)
        case .any:
            output.append(#","tool_choice":""#)
            output.append(contentsOf: settings.profile.forcedChoice.rawValue.utf8)
            output.append(UInt8(ascii: "\""))
            forcesTool = true
        case .tool(let name):
            guard let tool = offer.first(where: { $0.name == name }) else {
                if plan.lacksServerTools {
                    dropped.note("tool_choice")
                    return
                }
                throw FieldPath("tool_choice").refusal(
                    "name", "no tool of this name is among the tools on offer")
            }
            forcesTool = true
            let isFlat = settings.api == .responses
            switch tool.kind {
            case .webSearch where isFlat && responses.webSearch == .native:
                // A tool of the server's own has no form of its own but in its older versions.
                output.append(
                    #","tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"web_search"}]}"#
                )
            case .webSearch: output.append(#","tool_choice":{"type":"openrouter:web_search"}"#)
            case .webFetch: output.append(#","tool_choice":{"type":"openrouter:web_fetch"}"#)
            case .function, .builtIn:
                output.append(
                    isFlat
                        ? #","tool_choice":{"type":"function","name":""#
                        : #","tool_choice":{"type":"function","function":{"name":""#)
                output.append(contentsOf: ToolName.upstreamForm(of: name))
                output.append(isFlat ? #""}"# : #""}}"#)
            }
        }
    }

    /// Whether the upstream takes the schema as a strict one. Claude takes more than OpenAI's models,
    /// and says itself what it does not take.
    func takesStrict(_ schema: JSONNode?) -> Bool {
        guard let schema, family != .claude else { return true }
        return StrictSchema.holds(schema, of: document)
    }

    /// Whether `strict` may be written.
    var allowsStrict: Bool { settings.profile.allowsStrict && !isStrictRefused }

    /// Whether the upstream has refused `strict`.
    var isStrictRefused: Bool { settings.isWithoutStrict || isRefused("strict") }
}
