// Checks that need more than one setting, and warnings about settings that are valid but unwise.
//
// A check is left out when a setting it looks at was refused: its default, which stands in its
// place, would give faults that are none.

/// The checks over a whole configuration.
struct ConfigurationCrossChecks {
    let configuration: Configuration
    /// Keys whose values were refused.
    let invalid: Set<String>
    let origins: [String: ConfigurationOrigin]
    var faults: [ConfigurationFault] = []
    private(set) var warnings: [ConfigurationWarning] = []
    /// The names of upstreams that a chain asks.
    let usedUpstreams: Set<String>

    private static let url = "CLAUDE_PROXY_UPSTREAM_URL"
    private static let insecure = "CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM"
    private static let profile = "CLAUDE_PROXY_UPSTREAM_PROFILE"
    private static let apiKey = "OPENROUTER_API_KEY"
    private static let access = "CLAUDE_PROXY_ACCESS"
    private static let tokens = "CLAUDE_PROXY_CLIENT_TOKENS"
    private static let listen = "CLAUDE_PROXY_LISTEN"
    private static let bodyMax = "CLAUDE_PROXY_MAX_BODY"
    private static let memory = "CLAUDE_PROXY_MEMORY_BUDGET"

    private static let providerRules = "CLAUDE_PROXY_OPENROUTER_PROVIDER"
    private static let pin = "CLAUDE_PROXY_PIN_PROVIDER"

    /// A shorter token could be guessed.
    private static let tokenBytesMin = 16

    init(
        configuration: Configuration, invalid: Set<String>, origins: [String: ConfigurationOrigin]
    ) {
        self.configuration = configuration
        self.invalid = invalid
        self.origins = origins
        usedUpstreams = Self.usedUpstreams(of: configuration)
    }

    mutating func run() {
        checkUpstreams()
        checkKeys()
        checkChains()
        checkProviderRules()
        checkListen()
        checkPlaceholders()
        checkAccess()
        checkTokens()
        checkMemory()
    }

    private mutating func checkUpstream(_ url: UpstreamURL, _ key: String) {
        guard areValid(key, Self.insecure), url.scheme == .http, !url.isLoopback else { return }
        if configuration.allowsInsecureUpstream {
            warn(key, "key and conversations cross the network to \(url.host) unencrypted")
        } else {
            faults.append(
                ConfigurationFault(
                    key: key, origin: origins[key], value: url.description,
                    reason: "plain http to another machine would show the key on the way",
                    allowed: "https, or \(Self.insecure)=true for a private network"))
        }
    }

    private mutating func checkUpstreams() {
        checkUpstream(configuration.upstreamURL, Self.url)
        for upstream in configuration.namedUpstreams {
            checkUpstream(upstream.url, NamedUpstreamKey.text(upstream.name, .url))
        }
    }

    private mutating func checkKeys() {
        if areValid(Self.url, Self.apiKey, Self.profile), configuration.lacksKey,
            usedUpstreams.contains(UpstreamConfiguration.mainName)
        {
            warn(
                Self.apiKey, "it is not set; \(configuration.upstreamURL.host) will refuse requests"
            )
        }
        for upstream in configuration.namedUpstreams
        where upstream.lacksKey && usedUpstreams.contains(upstream.name) {
            let key = NamedUpstreamKey.text(upstream.name, .key)
            guard areValid(key, NamedUpstreamKey.text(upstream.name, .url)) else { continue }
            warn(key, "it is not set; \(upstream.url.host) will refuse requests")
        }
    }

    private mutating func checkListen() {
        guard areValid(Self.listen) else { return }
        let places = configuration.listenAddresses
        for (index, place) in places.enumerated() {
            guard let other = places[..<index].first(where: { $0.collides(with: place) }) else {
                continue
            }
            faults.append(
                ConfigurationFault(
                    key: Self.listen, origin: origins[Self.listen], value: place.description,
                    reason: "\(other) includes it, so nothing else can listen there",
                    allowed: "one of the two"))
        }
    }

    /// What documentation has in place of a key, copied with the rest of the line. A server that wants
    /// no key takes any, so it is no fault.
    private mutating func checkPlaceholders() {
        let reason = "it is what stands for a key in examples, not a key"
        checkPlaceholders(configuration.upstreamKeys, Self.apiKey, reason)
        if configuration.upstreamKeys == [Secret(NamedUpstreamKey.clientKeys)] {
            warn(
                Self.apiKey,
                "it is sent as a key; only upstreams with a name, such as"
                    + " \(NamedUpstreamKey.text("<NAME>", .key)), can have their clients' keys")
        }
        for upstream in configuration.namedUpstreams {
            checkPlaceholders(upstream.keys, NamedUpstreamKey.text(upstream.name, .key), reason)
        }
        guard areValid(Self.tokens) else { return }
        for (index, token) in configuration.clientTokens.enumerated() where token.isPlaceholder {
            warn(
                Self.tokens,
                "token \(index + 1) of \(configuration.clientTokens.count): \(reason), and"
                    + " everybody knows it")
        }
    }

    private mutating func checkPlaceholders(
        _ keys: [Secret], _ setting: String, _ reason: String
    ) {
        guard areValid(setting) else { return }
        for (index, key) in keys.enumerated() where key.isPlaceholder {
            warn(setting, keys.count > 1 ? "key \(index + 1) of \(keys.count): \(reason)" : reason)
        }
    }

    private mutating func checkAccess() {
        guard areValid(Self.access, Self.tokens) else { return }
        let hasTokens = !configuration.clientTokens.isEmpty
        if configuration.access == .token, !hasTokens {
            faults.append(
                ConfigurationFault(
                    key: Self.access, origin: origins[Self.access], value: "token",
                    reason: "there are no tokens, so nobody could use the proxy",
                    allowed: "token together with \(Self.tokens), or loopback or open"))
            return
        }
        if configuration.access != .token, hasTokens {
            warn(Self.tokens, "they are never asked for, because \(Self.access) is not token")
        }
        let reachable = configuration.listenAddresses.filter(\.isReachableFromOutside)
        guard areValid(Self.listen), !reachable.isEmpty else { return }
        let places = alternatives(reachable.map(\.description))
        switch configuration.access {
        case .open:
            warn(Self.access, "whoever reaches \(places) can spend your upstream credit")
        case .token:
            note(
                Self.listen,
                "tokens and conversations reach \(places) unencrypted, unless a TLS proxy stands"
                    + " before it")
        case .loopback:
            note(
                Self.listen,
                "other machines reach \(places) but are refused; set \(Self.tokens) to serve them")
        }
    }

    private mutating func checkTokens() {
        guard areValid(Self.tokens) else { return }
        let tokens = configuration.clientTokens
        for (index, token) in tokens.enumerated()
        where token.reveal().utf8.count < Self.tokenBytesMin {
            warn(
                Self.tokens,
                "token \(index + 1) of \(tokens.count) is shorter than \(Self.tokenBytesMin)"
                    + " characters and could be guessed; make one with `openssl rand -hex 32`")
        }
    }

    private mutating func checkMemory() {
        guard areValid(Self.bodyMax, Self.memory), let bytes = configuration.memoryBudget else {
            return
        }
        let most = MemoryBudget(bytes: bytes).bodyBytesMax
        guard most < configuration.bodyBytesMax else { return }
        warn(
            Self.memory,
            "a body is held twice, so bodies above \(Quantity.text(bytes: most & ~1023)) do not"
                + " fit and are answered with 413, although \(Self.bodyMax) allows them")
    }

    private mutating func checkProviderRules() {
        guard areValid(Self.providerRules, Self.pin), configuration.pinsProvider,
            let rules = configuration.providerRules, ProviderPins.haveOrder(rules)
        else { return }
        faults.append(
            ConfigurationFault(
                key: Self.providerRules, origin: origins[Self.providerRules], value: rules,
                reason: "its member `order` and \(Self.pin) both say who is asked first",
                allowed: "one of the two"))
    }

    func areValid(_ keys: String...) -> Bool {
        invalid.isDisjoint(with: keys)
    }

    mutating func warn(_ key: String, _ text: String) {
        append(.warning, key, text)
    }

    private mutating func note(_ key: String, _ text: String) {
        append(.note, key, text)
    }

    private mutating func append(
        _ severity: ConfigurationWarning.Severity, _ key: String, _ text: String
    ) {
        warnings.append(
            ConfigurationWarning(severity: severity, key: key, origin: origins[key], text: text))
    }
}
