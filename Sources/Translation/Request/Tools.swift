// The tools of a request. They are read before the messages (which of them the upstream lacks is
// told to the model in the system message) and written after them (which deferred ones have been
// loaded stands in the messages).

/// The tools that a request brings.
struct ToolPlan {
    var tools: [OfferedTool] = []
    /// Whether any tool waits to be loaded.
    var hasDeferredTools = false
    /// Whether a search for tools was to be done by the server: then all of them are loaded.
    var loadsAllTools = false
    /// Whether a server tool had to be left out.
    var lacksServerTools = false
    /// How many tools have a description and a schema of ours.
    var builtInTools = 0

    /// There is one of each kind in real requests, and what we write of one is thirty times as long
    /// as what the client does.
    static var builtInToolsMax: Int { 16 }
}

/// A tool and where its fields are.
struct OfferedTool {
    enum Kind {
        case function
        case builtIn(BuiltInTool)
        case webSearch
        case webFetch
    }

    var kind = Kind.function
    /// Whether it is written as a function, on which a breakpoint may stand.
    var isFunction: Bool {
        switch kind {
        case .function, .builtIn: true
        case .webSearch, .webFetch: false
        }
    }
    var path = FieldPath("tools")
    /// The client's name, decoded.
    var name: [UInt8] = []
    var isDeferred = false
    var description, schema, strict, examples, cacheControl: JSONNode?
    var usesMax, contentTokensMax, allowedDomains, blockedDomains, userLocation: JSONNode?
}

extension RequestWriter {
    // MARK: Reading

    /// Reads and checks `tools`.
    mutating func planTools() throws(APIError) {
        guard
            let list = try document.optional(
                outline.fields.tools, .list, at: FieldPath("tools"))
        else { return }
        if settings.capabilities.tools == false {
            if document.count(list) > 0 { dropped.note("tools") }
            return
        }
        var names: Set<[UInt8]> = []
        var elements = document.elements(of: list)
        var index = 0
        while let element = document.next(&elements) {
            let path = FieldPath("tools", index)
            index += 1
            guard let tool = try readTool(element, at: path) else { continue }
            guard names.insert(tool.name).inserted else {
                throw FieldPath("tools").refusal("Tool names must be unique.")
            }
            if tool.isDeferred { plan.hasDeferredTools = true }
            plan.tools.append(tool)
        }
    }

    /// Reads one tool; nil when it is left out.
    private mutating func readTool(
        _ node: JSONNode, at path: FieldPath
    ) throws(APIError) -> OfferedTool? {
        _ = try document.required(node, .object, at: path)
        var tool = OfferedTool()
        tool.path = path
        var name, type, deferred: JSONNode?
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "name") {
                name = value
            } else if document.equals(key, "description") {
                tool.description = value
            } else if document.equals(key, "input_schema") {
                tool.schema = value
            } else if document.equals(key, "cache_control") {
                tool.cacheControl = value
            } else if document.equals(key, "type") {
                type = value
            } else if document.equals(key, "defer_loading") {
                deferred = value
            } else {
                takeRarerMember(key, value, into: &tool)
            }
        }
        tool.isDeferred = try document.flag(deferred, at: path, "defer_loading")
        let typeNode = try document.optional(type, .string, at: path, "type")
        guard try setKind(of: &tool, typeNode) else { return nil }
        let nameNode = try document.required(name, .string, at: path, "name")
        guard !document.isEmptyString(nameNode) else { throw path.error("name", .empty) }
        // Claude Code's stand-in for tools that are yet to come: nothing to call.
        if tool.isDeferred, document.equals(nameNode, "DeferredToolPlaceholder") { return nil }
        tool.name = document.unescaped(nameNode)
        if case .function = tool.kind {
            _ = try document.required(tool.schema, .object, at: path, "input_schema")
        }
        _ = try document.optional(tool.description, .string, at: path, "description")
        _ = try document.optional(tool.examples, .list, at: path, "input_examples")
        return tool
    }

    private mutating func takeRarerMember(
        _ key: JSONNode, _ value: JSONNode, into tool: inout OfferedTool
    ) {
        if document.equals(key, "strict") {
            tool.strict = value
        } else if document.equals(key, "input_examples") {
            tool.examples = value
        } else if document.equals(key, "max_uses") {
            tool.usesMax = value
        } else if document.equals(key, "max_content_tokens") {
            tool.contentTokensMax = value
        } else if document.equals(key, "allowed_domains") {
            tool.allowedDomains = value
        } else if document.equals(key, "blocked_domains") {
            tool.blockedDomains = value
        } else if document.equals(key, "user_location") {
            tool.userLocation = value
        } else if FieldFate.find(document, key, in: .tool)?.fate != .ignored {
            dropped.note("tools.", document, key)
        }
    }

    /// Sets the kind of `tool` by its type; false when it is left out.
    private mutating func setKind(
        of tool: inout OfferedTool, _ type: JSONNode?
    ) throws(APIError) -> Bool {
        guard let type, !document.equals(type, "custom") else { return true }
        for builtIn in BuiltInTool.all {
            for prefix in builtIn.typePrefixes where document.hasPrefix(type, prefix) {
                plan.builtInTools += 1
                guard plan.builtInTools <= ToolPlan.builtInToolsMax else {
                    throw FieldPath("tools").refusal(
                        "there are more than \(ToolPlan.builtInToolsMax) tools of Anthropic's own types"
                    )
                }
                tool.kind = .builtIn(builtIn)
                return true
            }
        }
        if document.hasPrefix(type, "web_search_") || document.hasPrefix(type, "web_fetch_") {
            tool.kind = document.hasPrefix(type, "web_search_") ? .webSearch : .webFetch
            if allowsServerTool(tool.kind) { return true }
            if settings.unsupportedServerTool == .refuse {
                throw tool.path.refusal(
                    "type", "the upstream has no tool of this kind, and no search is configured")
            }
            plan.lacksServerTools = true
            dropped.note("tools:", document, type)
            return false
        }
        if document.hasPrefix(type, "tool_search_tool_") {
            // The server would search; without it the tools are simply all there.
            plan.loadsAllTools = true
            return false
        }
        for refused in FieldFate.refusedTools where document.hasPrefix(type, refused) {
            let name = String(decoding: document.unescaped(type).prefix(64), as: UTF8.self)
            throw tool.path.refusal(
                "type",
                "tools of the type \(name) are Anthropic's own and have no counterpart here; "
                    + "define the tool with an input_schema, if the client runs it")
        }
        dropped.note("tools:", document, type)
        return tool.schema.map { document.kind($0) == .object } ?? false
    }

    private func allowsServerTool(_ kind: OfferedTool.Kind) -> Bool {
        guard settings.api == .responses else { return settings.profile.allowsServerTools }
        switch responses.webSearch {
        case .openRouter: return true
        case .native:
            if case .webSearch = kind { return true }
            return false
        case .none: return false
        }
    }

    // MARK: Tool changes in the conversation

    /// Takes note of a `tool_addition` or `tool_removal` block.
    mutating func noteToolChange(_ block: ContentBlock, at path: FieldPath) throws(APIError) {
        let tool = try document.required(block.tool, .object, at: path, "tool")
        guard let name = document.member(tool, "name"), document.kind(name) == .string else {
            noteUnknown(block)
            return
        }
        let isAddition = block.kind == .toolAddition
        toolChanges[document.unescaped(name)] = isAddition
        if isAddition, document.member(tool, "input_schema") != nil {
            addedTools.append((tool, path))
        }
    }

    /// The tools to offer, in their order: those of `tools` that are not deferred or have been
    /// loaded, then those that the conversation has defined.
    private mutating func toolsOnOffer() throws(APIError) -> [OfferedTool] {
        var offer: [OfferedTool] = []
        var names: Set<[UInt8]> = []
        for tool in plan.tools {
            let isLoaded = !tool.isDeferred || plan.loadsAllTools || loadedTools.contains(tool.name)
            guard toolChanges[tool.name] ?? isLoaded else { continue }
            offer.append(tool)
            names.insert(tool.name)
        }
        // The last definition of a name counts.
        var added: [OfferedTool] = []
        for (node, path) in addedTools.reversed() {
            guard let tool = try readTool(node, at: path), toolChanges[tool.name] == true,
                names.insert(tool.name).inserted
            else { continue }
            added.append(tool)
        }
        return offer + added.reversed()
    }

    // MARK: Writing

    /// Writes `tools` and what depends on there being any.
    mutating func writeTools() throws(APIError) {
        let choice = try readToolChoice()
        if case .tool(let name) = choice.mode { loadedTools.insert(name) }
        let offer = settings.capabilities.tools == false ? [] : try toolsOnOffer()
        guard !offer.isEmpty, !withheld.contains("tools") else {
            if choice.mode != nil, choice.mode != .auto { dropped.note("tool_choice") }
            return
        }
        if madeUpMarks.isOnTools {
            // The last one that can have a mark.
            madeUpMarks.tool = offer.last { $0.isFunction }?.path.index
        }
        let start = output.count
        writeKey("tools")
        output.append(UInt8(ascii: "["))
        for index in offer.indices {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            switch offer[index].kind {
            case .function, .builtIn: try writeFunction(offer[index])
            case .webSearch, .webFetch: try writeServerTool(offer[index])
            }
        }
        output.append(UInt8(ascii: "]"))
        toolsRange = start..<output.count
        hasTools = true
        try write(choice, among: offer)
    }

    private mutating func writeFunction(_ tool: OfferedTool) throws(APIError) {
        let name = ToolName.upstreamForm(of: tool.name)
        if name != tool.name { facts.clientToolNames[name] = tool.name }
        facts.toolNames.append(name)
        let isFlat = settings.api == .responses
        output.append(
            isFlat
                ? #"{"type":"function","name":""# : #"{"type":"function","function":{"name":""#)
        output.append(contentsOf: name)
        output.append(UInt8(ascii: "\""))
        writeDescription(tool)
        output.append(#","parameters":"#)
        if case .builtIn(let builtIn) = tool.kind {
            output.append(builtIn.schema)
        } else if let schema = tool.schema {
            writeSchema(schema)
        }
        let isAsked = try document.flag(tool.strict, at: tool.path, "strict")
        let isStrict = isAsked && allowsStrict && takesStrict(tool.schema)
        if isAsked, !isStrict, settings.profile.allowsStrict { dropped.note("tools.strict") }
        if isFlat {
            // What is not said is strict there.
            output.append(isStrict ? #","strict":true}"# : #","strict":false}"#)
            return
        }
        if isStrict {
            output.append(#","strict":true"#)
            if family == .claude { headers.hasStrictTools = true }
        }
        output.append(UInt8(ascii: "}"))
        write(try cacheControl(tool.cacheControl, at: tool.path))
        output.append(UInt8(ascii: "}"))
    }

    private mutating func writeDescription(_ tool: OfferedTool) {
        if case .builtIn(let builtIn) = tool.kind {
            output.append(#","description":""#)
            output.append(builtIn.description)
            output.append(UInt8(ascii: "\""))
            return
        }
        let text = tool.description.flatMap { document.isNull($0) ? nil : $0 }
        let examples = tool.examples.flatMap { document.count($0) > 0 ? $0 : nil }
        guard text != nil || examples != nil else { return }
        output.append(#","description":""#)
        if let text { output.append(document, document.content(text)) }
        if let examples {
            output.append(text == nil ? "Examples of inputs:" : "\\n\\nExamples of inputs:")
            var elements = document.elements(of: examples)
            while let example = document.next(&elements) {
                output.append("\\n")
                output.append(escaping: document, example)
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    /// Writes a tool's schema: as it came, but for models that take only part of the language.
    private mutating func writeSchema(_ schema: JSONNode) {
        if family == .gemini {
            SchemaRestriction.write(schema, of: document, &schemaBudget, into: &output)
            return
        }
        if settings.dropsPatterns {
            if SchemaPatterns.write(schema, of: document, into: &output) {
                dropped.note("tools.input_schema.pattern")
            }
            return
        }
        let literal = document.literal(schema)
        if document.kind(schema) == .object, document.count(schema) == 0 {
            output.append(#"{"type":"object","properties":{}}"#)
            return
        }
        guard document.member(schema, "properties") == nil,
            let type = document.member(schema, "type"), document.equals(type, "object")
        else {
            output.append(document, literal)
            return
        }
        // OpenAI: "object schema missing properties".
        output.append(document, literal.lowerBound..<literal.upperBound - 1)
        output.append(#","properties":{}}"#)
    }

    private mutating func writeServerTool(_ tool: OfferedTool) throws(APIError) {
        var isSearch = false
        if case .webSearch = tool.kind { isSearch = true }
        if isSearch { facts.offersWebSearch = true }
        if settings.api == .responses, responses.webSearch == .native {
            try writeNativeSearch(tool)
            return
        }
        output.append(
            isSearch ? #"{"type":"openrouter:web_search""# : #"{"type":"openrouter:web_fetch""#)
        let path = tool.path
        let start = output.count
        if let node = tool.usesMax, try document.whole(node, at: path, "max_uses") != nil {
            writeParameter("max_uses", node, since: start)
        }
        if !isSearch, let node = tool.contentTokensMax,
            try document.whole(node, at: path, "max_content_tokens") != nil
        {
            writeParameter("max_content_tokens", node, since: start)
        }
        if let node = try document.optional(
            tool.allowedDomains, .list, at: path, "allowed_domains")
        {
            try checkStrings(node, of: path, "allowed_domains")
            writeParameter("allowed_domains", node, since: start)
        }
        if let node = try document.optional(
            tool.blockedDomains, .list, at: path, "blocked_domains")
        {
            try checkStrings(node, of: path, "blocked_domains")
            writeParameter(isSearch ? "excluded_domains" : "blocked_domains", node, since: start)
        }
        if isSearch,
            let node = try document.optional(
                tool.userLocation, .object, at: path, "user_location")
        {
            writeParameter("user_location", node, since: start)
        }
        output.append(output.count == start ? "}" : "}}")
    }

    /// OpenAI's own search, and xAI's.
    private mutating func writeNativeSearch(_ tool: OfferedTool) throws(APIError) {
        output.append(#"{"type":"web_search""#)
        let start = output.count
        for (name, node) in [
            ("allowed_domains", tool.allowedDomains), ("blocked_domains", tool.blockedDomains),
        ] as [(StaticString, JSONNode?)] {
            guard let node = try document.optional(node, .list, at: tool.path, name) else {
                continue
            }
            try checkStrings(node, of: tool.path, name)
            output.append(output.count == start ? #","filters":{""# : #",""#)
            output.append(name)
            output.append(#"":"#)
            output.append(document, node)
        }
        if output.count > start { output.append(UInt8(ascii: "}")) }
        if let place = try document.optional(
            tool.userLocation, .object, at: tool.path, "user_location")
        {
            writeKey("user_location")
            output.append(document, place)
        }
        output.append(UInt8(ascii: "}"))
    }

    private func checkStrings(
        _ list: JSONNode, of path: FieldPath, _ field: StaticString
    ) throws(APIError) {
        var index = 0
        var elements = document.elements(of: list)
        while let element = document.next(&elements) {
            _ = try document.required(element, .string, at: path.nested(field, index))
            index += 1
        }
    }

    private mutating func writeParameter(_ name: StaticString, _ node: JSONNode, since start: Int) {
        output.append(output.count == start ? #","parameters":{""# : #",""#)
        output.append(name)
        output.append(#"":"#)
        output.append(document, node)
    }
}
