// The whole configuration of the daemon, validated and typed.
//
// A value of this type is always usable: it is either all defaults (`init()`) or what
// `resolve(_:)` made of the sources after every check passed. It is swapped as a whole on reload,
// never changed in place, so no part of the program sees half of an old and half of a new one.
//
// Defaults stand here and nowhere else: the table of options reads them from `init()`. To add an
// option, add a field here and an entry in one of the `OptionTable+….swift` files.

/// Everything an administrator can set, as typed values.
package struct Configuration: Sendable, Equatable {
    // MARK: Upstream

    /// The keys of the main upstream, sent as `Authorization: Bearer`; none sends none.
    package var upstreamKeys: [Secret] = []
    /// The base of the upstream's API; `UpstreamURL.url(of:)` is what is called.
    package var upstreamURL = UpstreamURL(
        scheme: .https, host: "openrouter.ai", port: 443, basePath: "/api/v1")
    /// Allows plain HTTP to a host that is not this machine.
    package var allowsInsecureUpstream = false
    /// The kind of the upstream as set; `profile` is what follows from it.
    package var upstreamKind = UpstreamKind.auto
    /// The API as set; `api` is what follows from it.
    package var upstreamAPI = UpstreamAPIChoice.auto
    /// The upstreams besides the main one, by their names.
    package var namedUpstreams: [NamedUpstream] = []
    /// What chooses among several keys of an upstream.
    package var keyChoice = KeyChoice.sticky
    /// The CA certificates to trust instead of the machine's.
    package var upstreamCAFile: String?
    /// What that file held when the configuration was read.
    package var upstreamCertificates: TrustedCertificates?
    /// Sent as `HTTP-Referer`, by which OpenRouter attributes usage to an application.
    package var siteURL: String?
    /// Sent as the application's title.
    package var siteName: String?

    // MARK: Models

    /// Who is asked for every model id that names no other.
    package var defaultChain = ModelChain("openai/gpt-oss-120b")
    /// The first of them, as it is written.
    package var defaultModel: String { defaultChain.entries[0] }
    /// Rules from client model ids to upstream model ids.
    package var modelMap = ModelMap()
    /// The model id that responses report.
    package var reportModel = ReportModel.fixed("claude-sonnet-4-5-20250929")
    /// Which of the upstream's models are listed.
    package var listedModels = [ModelPattern.all]
    /// The age at which the upstream's list of models is fetched again; zero: it is never fetched.
    package var modelsRefresh = Duration.seconds(6 * 3600)

    // MARK: Routes

    /// Who is asked for requests of particular kinds.
    package var routes: [RouteRule] = []
    /// After what a chain's next model is asked.
    package var fallbackCauses = [FallbackCause.unavailable, .limit]
    /// How long a model may take to its first content before the next one is asked; zero: as long as
    /// it wants.
    package var fallbackAfter = Duration.zero
    /// What OpenRouter is told of its providers: a JSON object.
    package var providerRules: String?

    // MARK: Prompt caches

    /// Who says where a prompt's cache entries end.
    package var cacheBreakpoints = CacheBreakpoints.client
    /// Whether a session asks for the provider that has answered it before.
    package var pinsProvider = false

    /// Whether token counts are corrected by what upstreams report.
    package var calibratesTokenCounts = true

    // MARK: Clients

    /// Where the daemon listens when systemd passes it no sockets.
    package var listenAddresses = [ListenSpecification.tcp(host: "0.0.0.0", port: 8000)]
    /// Who may use the daemon, as set; `access` is what to use.
    package var accessSetting: Access?
    /// The key of seals, where several instances share one.
    package var sealKey: Secret?
    /// The tokens that clients may present.
    package var clientTokens: [Secret] = []
    /// `Host` values that are accepted besides the local ones, in lower case, without port or
    /// brackets.
    package var allowedHosts: [String] = []

    // MARK: Process and log

    /// Event loops, each a thread of its own.
    package var workers = 1
    /// Records below this level are not written.
    package var logLevel = LogLevel.info
    /// The form of log records; nil means that the daemon finds out where its log goes.
    package var logFormat: LogFormat?

    // MARK: Time-outs

    /// A request's head, in total.
    package var headTimeout = Duration.seconds(10)
    /// A request's body, without progress.
    package var bodyTimeout = Duration.seconds(30)
    /// A kept-alive connection between requests.
    package var idleTimeout = Duration.seconds(75)
    /// An answer of which its client takes nothing.
    package var writeTimeout = Duration.seconds(300)
    /// Connecting to the upstream, TLS included.
    package var connectTimeout = Duration.seconds(10)
    /// From the upstream request to the first byte of its answer.
    package var firstByteTimeout = Duration.seconds(300)
    /// Silence of an upstream that has begun to answer.
    package var upstreamIdleTimeout = Duration.seconds(300)
    /// How long a stream's status is held back for the upstream's first event.
    package var statusHold = Duration.seconds(10)
    /// Silence after which a streaming client gets a `ping`.
    package var pingInterval = Duration.seconds(10)
    /// How long running requests may go on after the daemon was told to stop.
    package var drainTimeout = Duration.seconds(30)

    // MARK: Limits

    /// The largest request body, in bytes.
    package var bodyBytesMax = 64 << 20
    /// Client connections at once, over all workers.
    package var connectionsMax = 10_000
    package var requestsMax = 10_000
    /// The bytes that requests and answers may take together; nil: by what the machine gives.
    package var memoryBudget: Int?

    /// All defaults.
    package init() {}
}

// MARK: - What follows from the settings

extension Configuration {
    /// Who may use the daemon: as set, or by default whoever has a token, or this machine alone
    /// when there are no tokens.
    package var access: Access {
        accessSetting ?? (clientTokens.isEmpty ? .loopback : .token)
    }

    /// The keys whose change a reload cannot apply, in the order of the table.
    package static func changesNeedingRestart(
        from old: Configuration, to new: Configuration
    ) -> [String] {
        OptionTable.options.filter { !$0.isReloadable && !$0.isEqual(old, new) }.map(\.key)
    }
}
