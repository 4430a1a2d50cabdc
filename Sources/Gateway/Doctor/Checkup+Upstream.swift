// The checks of the way to the upstream: name, connection, TLS, clock, key, credit. All come from two
// answers, `GET …/models` and, on OpenRouter, `GET …/key`.

package import Translation

/// The checks: from facts to findings. None of them looks at anything but what it is given.
package enum Checkup {}

extension Checkup {
    /// How far a request to the upstream came: name, connection, TLS.
    ///
    /// - Parameters:
    ///   - proxy: the outgoing proxy's URL; empty for none.
    ///   - answer: of whatever was asked first.
    /// - Returns: a finding a step, the last one with the failure if there was one.
    package static func reach(
        _ url: UpstreamURL, proxy: String, answer: ProbeAnswer
    ) -> [Finding] {
        let next = proxy.isEmpty ? url.authority : "the proxy \(withoutPassword(proxy))"
        var findings: [Finding] = []
        let kind = answer.failure?.kind
        if kind == .resolve
            || (kind == .proxy || answer.isTimedOut) && answer.times.resolved == .zero
        {
            return [
                .failure(
                    "name", "\(next) has no address: \(detail(answer))",
                    remedy: proxy.isEmpty
                        ? "Check the host in CLAUDE_PROXY_UPSTREAM_URL, and this machine's DNS"
                            + " (`getent hosts \(url.host)`)."
                        : "Check the proxy variables of the environment.")
            ]
        }
        findings.append(
            .good("name", "\(next) is \(answer.address.isEmpty ? "known" : answer.address)"))
        // libcurl tells no time for a connection whose TLS has failed.
        let failedInTLS = kind == .certificate || kind == .trustStore || kind == .tls
        if answer.times.connected == .zero, answer.failure != nil, !failedInTLS {
            return findings + [
                .failure(
                    "connection", "\(next) cannot be connected to: \(detail(answer))",
                    remedy: connectionRemedy(url, isTimedOut: answer.isTimedOut))
            ]
        }
        let time = failedInTLS ? "" : " in \(milliseconds(answer.times.connected))"
        findings.append(.good("connection", "made\(time)"))
        return findings + [transportSecurity(url, answer)]
    }

    private static func connectionRemedy(_ url: UpstreamURL, isTimedOut: Bool) -> String {
        let text =
            url.isLoopback
            ? "Start the upstream, or correct the port in CLAUDE_PROXY_UPSTREAM_URL."
            : "Check the firewall and the way out; a proxy is set by \(url.scheme.rawValue)_proxy in"
                + " the service's environment."
        // libcurl counts TLS as part of it until that is done.
        guard isTimedOut, url.scheme == .https else { return text }
        return text + " A server that speaks no TLS wants http:// in its URL."
    }

    private static func transportSecurity(_ url: UpstreamURL, _ answer: ProbeAnswer) -> Finding {
        guard url.scheme == .https else {
            return url.isLoopback
                ? .skipped("TLS", "plain HTTP, which does not leave this machine")
                : .warning(
                    "TLS", "plain HTTP: whoever is on the way can read the key and all text",
                    remedy: "Put TLS before the upstream, unless the network is your own.")
        }
        guard answer.times.secured == .zero, answer.failure != nil else {
            return .good("TLS", "the certificate is good; HTTP/\(answer.isHTTP2 ? "2" : "1.1")")
        }
        if answer.failure?.kind == .certificate {
            return .failure(
                "TLS", "the certificate of \(url.host) is not to be trusted: \(detail(answer))",
                remedy: "Check this machine's clock (`date`) and the package ca-certificates; for a"
                    + " CA of your own set CLAUDE_PROXY_UPSTREAM_CA_FILE.")
        }
        return .failure(
            "TLS", "it failed: \(detail(answer))",
            remedy: "Check that \(url.authority) speaks TLS; a server of your own may want http://."
        )
    }

    /// Our clock against the upstream's. Certificates are judged by it, and records dated.
    ///
    /// - Parameter now: the time of day when the answer came, since 1970.
    package static func clock(_ answer: ProbeAnswer, now: Duration) -> Finding {
        guard let date = answer.date, let theirs = HTTPDate.time(date) else {
            return .skipped("clock", "the upstream does not say what time it is")
        }
        let seconds = Int((now - theirs) / .seconds(1))
        guard seconds.magnitude > 60 else {
            return .good("clock", "right to the minute, by the upstream's")
        }
        let text =
            "\(seconds.magnitude) s \(seconds > 0 ? "ahead of" : "behind") the upstream's"
        let remedy = "Set it and keep it right: `timedatectl set-ntp true`."
        // Certificates are valid from minutes before they are given out.
        return seconds.magnitude > 3600
            ? .failure("clock", text, remedy: remedy) : .warning("clock", text, remedy: remedy)
    }

    // MARK: Key and credit

    /// Whether there is a key, when one is needed.
    package static func keyPresence(
        of upstream: Upstream, origin: ConfigurationOrigin?
    ) -> Finding {
        if upstream.configuration.key != nil {
            let count = upstream.configuration.keyCount
            return .good(
                "key",
                (count > 1 ? "\(count) keys, set" : "set")
                    + " by \(origin?.description ?? "the configuration")")
        }
        if upstream.takesClientKeys {
            return .good("key", "each client's own, as \(upstream.configuration.keyName) says")
        }
        guard upstream.lacksKey else {
            return .skipped("key", "none is set, and \(upstream.profile.name) may need none")
        }
        return .failure(
            "key", "none is set",
            remedy: "Put OPENROUTER_API_KEY=… into /etc/claude-proxy/config.env and run `systemctl"
                + " reload claude-proxy`"
                + (upstream.profile.tellsOfKey
                    ? "; keys are made at https://openrouter.ai/keys." : "."))
    }

    /// What OpenRouter says of the key (`GET /key`): whether it is good, and what it may spend.
    package static func key(_ answer: ProbeAnswer, reader: UpstreamErrorReader) -> [Finding] {
        guard answer.failure == nil else {
            return [unchecked("key", answer.isTimedOut ? "no answer in time" : detail(answer))]
        }
        guard answer.status == 200 else {
            let failure = reader.read(status: answer.status, body: answer.body)
            guard failure.kind == .keyRefused || failure.kind == .notPermitted else {
                return [unchecked("key", "status \(answer.status): \(failure.error.message)")]
            }
            return [keyRefused(failure.error.message)]
        }
        var document = JSONDocument()
        guard (try? document.parse(answer.body)) != nil,
            let data = document.member(.root, "data")
        else { return [unchecked("key", "the upstream's answer is not what OpenRouter sends")] }
        let expiry = document.member(data, "expires_at").flatMap(document.string)
        return [
            .good(
                "key", "the upstream knows it" + (expiry.map { "; it is good until \($0)" } ?? "")),
            credit(document, data),
        ]
    }

    static func keyRefused(_ message: String) -> Finding {
        // The words for clients say so too, before the upstream's own and after them.
        let prefix = "The upstream refused the proxy's own key: "
        var text = message.hasPrefix(prefix) ? message.dropFirst(prefix.count) : message[...]
        let sentences = text.split(separator: " Check ")
        if sentences.count > 1, text.hasSuffix(" in the proxy's configuration.") {
            text = text.dropLast(sentences[sentences.count - 1].count + " Check ".count)
        }
        return .failure(
            "key", "the upstream refuses it: \(text)",
            remedy: "Compare it with the one at https://openrouter.ai/keys, or make a new one;"
                + " `claude-proxy print-config` says where it comes from.")
    }

    private static func credit(_ document: JSONDocument, _ data: JSONNode) -> Finding {
        func amount(_ node: JSONNode?) -> Double? { node.flatMap(document.number) }
        let isFree = document.member(data, "is_free_tier").flatMap(document.bool) ?? false
        guard let remaining = amount(document.member(data, "limit_remaining")) else {
            guard isFree else { return .good("credit", "the key has no limit of its own") }
            return .warning(
                "credit", "no credit was ever bought: only free models answer, a few times a day",
                remedy: "Buy some at https://openrouter.ai/settings/credits.")
        }
        let limit = amount(document.member(data, "limit")) ?? remaining
        let text = "\(dollars(remaining)) of the key's limit of \(dollars(limit)) are left"
        let remedy = "Raise the key's limit at https://openrouter.ai/keys."
        if remaining <= 0 { return .failure("credit", text, remedy: remedy) }
        return remaining < limit / 10
            ? .warning("credit", text, remedy: remedy) : .good("credit", text)
    }

    // MARK: Words

    static func unchecked(_ check: String, _ reason: String) -> Finding {
        .warning(
            check, "not known: \(reason)", remedy: "Try again in a minute; see the lines below.")
    }

    static func detail(_ answer: ProbeAnswer) -> String { answer.failure?.detail ?? "no reason" }

    static func milliseconds(_ time: Duration) -> String {
        let milliseconds = time / .milliseconds(1)
        return milliseconds < 1 ? "less than 1 ms" : "\(Int(milliseconds.rounded())) ms"
    }

    /// To the cent.
    private static func dollars(_ amount: Double) -> String {
        let cents = (amount * 100).rounded()
        guard cents.magnitude < 1e15 else { return "$\(amount)" }
        let whole = Int(cents.magnitude)
        let rest = whole % 100
        return (cents < 0 ? "-" : "") + "$\(whole / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// A proxy's URL may hold one.
    private static func withoutPassword(_ url: String) -> Substring {
        guard let at = url.lastIndex(of: "@") else { return url[...] }
        return url[url.index(after: at)...]
    }
}
