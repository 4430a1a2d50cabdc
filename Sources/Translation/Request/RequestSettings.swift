// What the translation of one request depends on besides the request: the upstream, the model, and
// what has been learnt of them.

/// What is known of a model. Nil is unknown, and unknown is treated as able.
package struct ModelCapabilities: Sendable, Equatable {
    /// The context window in tokens.
    package var contextTokens: Int?
    /// The most tokens that one answer may have.
    package var outputTokensMax: Int?
    package var tools: Bool?
    package var images: Bool?
    package var files: Bool?
    package var reasoning: Bool?
    /// Whether `reasoning.max_tokens` is understood.
    package var reasoningBudgets: Bool?
    /// Whether reasoning cannot be switched off.
    package var isReasoningMandatory: Bool?
    package var efforts: Set<ReasoningEffort>?
    package var structuredOutput: Bool?

    package init() {}
}

/// What to do with a server tool that the upstream does not have.
package enum UnsupportedServerTool: Sendable, Equatable {
    /// Leave it out, and tell the model so, lest it makes its findings up.
    case leaveOut
    /// Refuse the request.
    case refuse
}

/// The circumstances of a translation.
package struct RequestSettings: Sendable {
    package var profile: UpstreamProfile
    /// The API that the upstream is asked by.
    package var api = UpstreamAPI.chat
    /// Whether the API is ours to choose: it follows from the model, and from what refusals teach.
    package var choosesAPI = false
    /// Whether the upstream has turned out not to speak the Responses API.
    package var hasNoResponses = false
    /// Who is asked, as the seals of their encrypted reasoning name them: upstream and key.
    package var maker: [UInt8] = []
    /// The model as the upstream knows it.
    package var upstreamModel: [UInt8]
    package var capabilities = ModelCapabilities()
    /// An estimate of the prompt's size in tokens, to keep `max_tokens` within the window.
    package var promptTokens: Int?
    /// The session that a header named. Without one, `metadata.user_id` may name it.
    package var sessionID: [UInt8]?
    /// Mixed into the hashes that name user and session upstream: a secret of the installation, so
    /// that nobody else can make them.
    package var identitySalt: [UInt8] = []
    /// What reasoning was sealed with that comes back; without one all of it is foreign.
    package var sealKey: SealKey?
    /// Configured members of the body.
    package var extraFields: [ExtraField] = []
    /// Members of the body that the upstream has refused for this model: they are left out, but for
    /// `max_tokens` and `max_completion_tokens`, which stand in for each other.
    package var omittedFields: Set<String> = []
    /// The betas of the request, but for those that the upstream has refused (the Messages API).
    package var betas = Betas()
    /// Values that the upstream has refused, by the names of their members: such a member is left out.
    package var refusedValues: [String: Set<[UInt8]>] = [:]
    /// Leaves `top_p` out beside `temperature`.
    package var dropsTopPBesideTemperature = false
    /// Leaves patterns and formats out of schemas.
    package var dropsPatterns = false
    /// Asks for the effort "none" beside tools.
    package var stopsReasoningWithTools = false
    /// Whether system messages become user text because the upstream has refused them.
    package var foldsRefusedSystem = false
    /// The longest answer that the upstream has not refused.
    package var answerTokensTaken: Int?
    /// The shortest answer that the upstream has not refused.
    package var answerTokensMin = 0
    /// Leaves reasoning out of the history and switches it off: for a retry after a complaint
    /// about a signature.
    package var isWithoutReasoning = false
    /// Never switches reasoning off: the upstream has refused that.
    package var keepsReasoning = false
    /// Leaves `strict` out: for a retry after no endpoint was found that has it.
    package var isWithoutStrict = false
    /// Whether breakpoints are made up for a request that has none, where models need them.
    package var addsCacheMarks = false
    /// Whether a fingerprint of the prompt is wanted.
    package var takesFingerprint = false
    package var unsupportedServerTool = UnsupportedServerTool.leaveOut

    package init(profile: UpstreamProfile, upstreamModel: [UInt8]) {
        self.profile = profile
        self.upstreamModel = upstreamModel
    }
}
