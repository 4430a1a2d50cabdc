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

extension Configuration {
    /// The upstreams. The first is for every model that names no other.
    package var upstreams: [UpstreamConfiguration] {
        [
            UpstreamConfiguration(
                name: "main", url: upstreamURL, key: upstreamKey, profile: profile,
                api: api, choosesAPI: upstreamAPI == .auto, certificates: upstreamCertificates,
                siteURL: siteURL, siteName: siteName,
                connectTimeout: connectTimeout, firstByteTimeout: firstByteTimeout,
                idleTimeout: upstreamIdleTimeout)
        ]
    }
}
