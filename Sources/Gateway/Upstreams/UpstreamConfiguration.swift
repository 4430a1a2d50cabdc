// What an administrator can set of one upstream. Two that are equal are the same upstream to everybody:
// to the connections that can be used for it, to what was learnt of it, to the list of its models.

package import Translation

/// The settings of one upstream.
package struct UpstreamConfiguration: Sendable, Equatable {
    /// What settings and logs call it.
    package var name: String
    /// The base of its API.
    package var url: UpstreamURL
    /// Nil sends none.
    package var key: Secret?
    /// The setting that holds it, to be named when it is refused.
    package var keyName = "OPENROUTER_API_KEY"
    /// Which of the upstream's keys it is, counted from 1, and how many there are.
    package var keyNumber = 1
    package var keyCount = 1
    /// Whether it has no key of its own: each client's is used for that client's requests.
    package var takesClientKeys = false
    /// What it understands.
    package var profile: UpstreamProfile
    /// The API by which it is asked, but for models that need another.
    package var api = UpstreamAPI.chat
    /// Whether the API follows from the model, too, and from what refusals teach.
    package var choosesAPI = false
    /// The CA certificates to trust instead of the machine's.
    package var certificates: TrustedCertificates?
    /// Sent as `HTTP-Referer`.
    package var siteURL: String?
    /// Sent as the application's title.
    package var siteName: String?
    /// Connecting, TLS included.
    package var connectTimeout: Duration
    /// From the request to the first byte of the answer.
    package var firstByteTimeout: Duration
    /// Silence within the answer.
    package var idleTimeout: Duration
}

extension UpstreamConfiguration {
    /// What the upstream is called that needs no name.
    package static let mainName = "main"

    /// The setting of its URL.
    var urlName: String { setting(.url, ofMain: "CLAUDE_PROXY_UPSTREAM_URL") }

    /// The setting of its CA certificates.
    var caFileName: String { setting(.caFile, ofMain: "CLAUDE_PROXY_UPSTREAM_CA_FILE") }

    /// Its key as people are told of it.
    var keyText: String {
        keyCount > 1 ? "key \(keyNumber) of \(keyCount) in \(keyName)" : keyName
    }

    private func setting(
        _ attribute: NamedUpstreamKey.Attribute, ofMain mainKey: String
    ) -> String {
        name == Self.mainName ? mainKey : NamedUpstreamKey.text(name, attribute)
    }
}

extension Configuration {
    /// The names of all upstreams, the main one's first.
    package var upstreamNames: [String] {
        [UpstreamConfiguration.mainName] + namedUpstreams.map(\.name)
    }

    /// The upstreams, each once for every key of it. The first are for every model that names no other.
    package var upstreams: [UpstreamConfiguration] {
        var main = UpstreamConfiguration(
            name: UpstreamConfiguration.mainName, url: upstreamURL, profile: profile,
            api: api, choosesAPI: upstreamAPI == .auto, certificates: upstreamCertificates,
            siteURL: siteURL, siteName: siteName,
            connectTimeout: connectTimeout, firstByteTimeout: firstByteTimeout,
            idleTimeout: upstreamIdleTimeout)
        main.keyName = "OPENROUTER_API_KEY"
        return main.withEach(of: upstreamKeys)
            + namedUpstreams.flatMap { named in
                var upstream = main
                upstream.name = named.name
                upstream.keyName = NamedUpstreamKey.text(named.name, .key)
                upstream.url = named.url
                upstream.takesClientKeys = named.takesClientKeys
                upstream.profile = named.profile
                upstream.api = named.api
                upstream.choosesAPI = named.apiChoice == .auto
                upstream.certificates = named.certificates
                if !named.profile.allowsProviderOrder {
                    upstream.siteURL = nil
                    upstream.siteName = nil
                }
                return upstream.withEach(of: named.keys)
            }
    }
}

extension UpstreamConfiguration {
    /// The same with one key each; without any, as it is.
    fileprivate func withEach(of keys: [Secret]) -> [UpstreamConfiguration] {
        guard !keys.isEmpty else { return [self] }
        return keys.enumerated().map { index, key in
            var one = self
            one.key = key
            one.keyNumber = index + 1
            one.keyCount = keys.count
            return one
        }
    }
}
