// The state of one translation: what is read, what is written, what is remembered in between. The
// topics are extensions in files of their own: SystemText, Conversation, UserContent,
// AssistantContent, ToolResults, Media, Tools, ToolChoice, Reasoning, Sampling, CacheControl.
//
// Text of ours within string content is written escaped ("\\n"), since it stands among slices of
// the client's still escaped text.

struct RequestWriter {
    let document: JSONDocument
    let outline: RequestOutline
    let settings: RequestSettings
    let family: ModelFamily
    /// Whether upstream and model know `cache_control`.
    let keepsCacheControl: Bool
    /// Members of the body that must not be written: refused before, or configured otherwise.
    let withheld: Set<String>

    var output: [UInt8] = []
    var facts = RequestFacts()
    var dropped = DroppedFields()
    var headers = UpstreamHeaders()

    // MARK: The message at hand

    var parts: [ContentPart] = []
    /// Where the last text among the parts is.
    var lastText: Int?
    /// A breakpoint that waits for a text.
    var waitingMark: CacheControl?
    /// Media of tool results, for the user message that follows.
    var attachments: [ContentPart] = []
    /// Composed texts, of all messages of a turn.
    var scratch: [UInt8] = []
    /// The calls of the last assistant message, and where each client id stands among them.
    var calls: [HistoryCall] = []
    var callIndex: [[UInt8]: Int] = [:]
    var thoughts = Thoughts()
    /// The items of `reasoning_details` that have ids, as far as they are written.
    var writtenDetails: Set<[UInt8]> = []
    var messageCount = 0
    /// The blocks that nobody here knows.
    var unknownBlocks = 0
    /// Whether the message written last is the assistant's.
    var endsWithAnswer = false

    // MARK: What messages say about the rest of the body

    var plan = ToolPlan()
    /// For the schemas of all tools together.
    var schemaBudget: SchemaBudget
    /// Deferred tools that something in the conversation has loaded, by client name.
    var loadedTools: Set<[UInt8]> = []
    /// The latest word of a `tool_addition` (true) or `tool_removal` (false).
    var toolChanges: [[UInt8]: Bool] = [:]
    /// `tool_addition` blocks that define a tool.
    var addedTools: [(node: JSONNode, path: FieldPath)] = []
    /// The effort that the last system message asked for.
    var effortOverride: ReasoningEffort?
    /// Where breakpoints have been written, in the order of the body.
    var cacheMarks: [Range<Int>] = []
    /// Where breakpoints are made up.
    var madeUpMarks = MadeUpMarks()
    /// Where the messages are, when a fingerprint is wanted.
    var messageMarks: [MessageMark] = []
    /// What of the body a model does not read: breakpoints, and the brackets they need.
    var immaterial: [Range<Int>] = []
    /// Where the tools are.
    var toolsRange: Range<Int>?
    var fingerprint: PromptFingerprint?
    /// Whether the body has tools, and whether one of them must be called.
    var hasTools = false
    var forcesTool = false

    init(document: JSONDocument, outline: RequestOutline, settings: RequestSettings) {
        self.document = document
        self.outline = outline
        self.settings = settings
        family = ModelFamily.of(settings.upstreamModel)
        schemaBudget = SchemaBudget(values: document.valueCount, bytes: document.bytes.count)
        keepsCacheControl =
            settings.api == .chat && settings.profile.allowsCacheControl
            && family.hasCacheControl
            && !settings.omittedFields.contains("cache_control")
        var withheld = settings.omittedFields
        for field in settings.profile.extraFields + settings.extraFields {
            withheld.insert(field.name)
        }
        self.withheld = withheld
    }

    /// Whether the member `name` of the body is to be written.
    func allows(_ name: String) -> Bool { withheld.isEmpty || !withheld.contains(name) }

    /// Whether the upstream has refused the member `name`.
    func isRefused(_ name: String) -> Bool { settings.omittedFields.contains(name) }

    /// Takes the member back that was written since `start` if the upstream has refused this value.
    ///
    /// - Returns: whether it was taken back.
    mutating func takesBack(_ name: StaticString, since start: Int) -> Bool {
        guard !settings.refusedValues.isEmpty, output.count > start,
            let refused = settings.refusedValues["\(name)"]
        else { return false }
        // After `,"name":`.
        let value = start + name.utf8CodeUnitCount + 4
        guard refused.contains(Array(output[value...])) else { return false }
        output.removeSubrange(start...)
        return true
    }

    /// Writes `,"name":`.
    mutating func writeKey(_ name: StaticString) {
        output.append(#",""#)
        output.append(name)
        output.append(#"":"#)
    }

    /// Begins the next element of `messages`.
    mutating func beginMessage(_ opening: StaticString) {
        if messageCount > 0 { output.append(UInt8(ascii: ",")) }
        noteMessage(Self.role(opening))
        messageCount += 1
        endsWithAnswer = false
        output.append(opening)
    }
}

extension [UInt8] {
    /// Appends the literal at `node` as the content of a string that holds JSON text.
    mutating func append(escaping document: JSONDocument, _ node: JSONNode) {
        let literal = document.bytes.span.extracting(document.literal(node))
        guard document.mayHoldHalfPairs else { return append(jsonEscaping: literal) }
        var mended: [UInt8] = []
        mended.append(mendingHalfPairs: literal)
        append(jsonEscaping: mended.span)
    }
}
