// Where requests go and with which credentials: everything about a transfer that follows from the
// configuration alone, made once and shared by all handles. A reload that changes any of it makes a
// new endpoint, with handles, connections and TLS sessions of its own; transfers in flight keep the
// old one alive.

import CLibCurl
import Gateway
import Glibc
import Translation

/// All that makes connections interchangeable. Two endpoints with equal keys are one.
struct EndpointKey: Equatable {
    let url: UpstreamURL
    /// The API that the list of models belongs to.
    let api: UpstreamAPI
    /// The outgoing proxy's URL; empty for none.
    let proxy: String
    /// Why there is none, although one is named.
    let proxyFault: String?
    let connectTimeout: Duration
    /// The certificates to trust instead of the machine's: their bytes, not where they are kept.
    let certificates: [UInt8]?
    /// The header fields of every request, the key among them.
    let fields: [String]

    init(_ configuration: UpstreamConfiguration, userAgent: String, proxies: ProxyEnvironment) {
        url = configuration.url
        api = configuration.api
        let way = proxies.way(to: url)
        // Nobody listens there: what was to go by a proxy must not go without it.
        proxy = way.fault == nil ? way.proxy : "http://127.0.0.1:0"
        proxyFault = way.fault
        connectTimeout = configuration.connectTimeout
        certificates = configuration.certificates?.bytes
        fields = Self.fields(configuration, userAgent: userAgent)
    }

    private static func fields(_ configuration: UpstreamConfiguration, userAgent: String)
        -> [String]
    {
        var fields = [
            "Content-Type: application/json",
            "Accept: text/event-stream, application/json",
            "User-Agent: \(userAgent)",
            // libcurl would ask for leave before it sends a large body, and wait a second for it.
            "Expect:",
        ]
        if let key = configuration.key {
            fields.append(configuration.profile.keyField.line(for: key))
        }
        if let site = configuration.siteURL { fields.append("HTTP-Referer: \(site)") }
        if let name = configuration.siteName {
            // OpenRouter renamed the field and still takes the old one; others know only that.
            fields.append("X-Title: \(name)")
            fields.append("X-OpenRouter-Title: \(name)")
        }
        return fields
    }
}

/// What a request is for, as far as its URL tells.
struct UpstreamResource: Equatable {
    var resource: UpstreamCall.Resource
    /// The query, as the client's; empty for none.
    var query = ""

    init(_ resource: UpstreamCall.Resource) { self.resource = resource }

    init(_ call: UpstreamCall) {
        resource = call.resource
        query = call.forwarded?.query ?? ""
    }

    private var suffix: String { query.isEmpty ? "" : "?\(query)" }

    /// Whether the URL is one of few, so that its parsed form is worth keeping.
    var isCommon: Bool { query.isEmpty || query == "beta=true" }

    /// - Parameter api: that of the list of models.
    func url(at base: UpstreamURL, _ api: UpstreamAPI) -> String {
        switch resource {
        case .answer(let api): base.url(of: api) + suffix
        case .tokenCount: base.url(of: .messages) + "/count_tokens" + suffix
        case .models: base.models(of: api)
        }
    }
}

/// The upstream's address and the header fields of every request to it.
@safe final class UpstreamEndpoint {
    let key: EndpointKey
    /// The URLs parsed once: libcurl spends 11 % of a request's instructions on parsing one otherwise.
    private var urls: [(text: String, url: OpaquePointer)] = unsafe []
    private let scheme: String
    private let certificateFile: MemoryFile?
    private var fieldLists: [String: UnsafeMutablePointer<curl_slist>] = unsafe [:]
    /// TLS sessions by host: libcurl 7.88 keeps them with each handle otherwise, so that a handle's
    /// first connection would always cost a full handshake.
    let tlsSessions: UnsafeMutableRawPointer
    /// Handles that wait for their next request; each has this endpoint's options, and keeps it.
    /// Who lets go of the endpoint empties this.
    var idle: [Transfer] = []
    /// Where new transfers go; nil when nothing is connected.
    var lane: ConnectionLane?
    /// Whether it is for new requests.
    var isServed = false

    /// How many different `x-anthropic-beta` values get a header list of their own.
    private static let fieldListsMax = 16
    /// Idle handles that are kept; each is about 6 KiB.
    private static let idleMax = 256

    init(_ upstream: Upstream, userAgent: String, proxies: ProxyEnvironment) {
        let key = EndpointKey(upstream.configuration, userAgent: userAgent, proxies: proxies)
        guard let share = unsafe curl_share_init() else { preconditionFailure("out of memory") }
        unsafe curl_share_set_lock_data(share, CURL_LOCK_DATA_SSL_SESSION)
        unsafe tlsSessions = unsafe share
        self.key = key
        scheme = key.url.scheme.rawValue
        certificateFile = key.certificates.flatMap { MemoryFile($0) }
    }

    deinit {
        unsafe fieldLists.values.forEach { unsafe curl_slist_free_all($0) }
        unsafe urls.forEach { unsafe curl_url_cleanup($0.url) }
        unsafe curl_share_cleanup(tlsSessions)
    }

    /// Keeps a handle of this endpoint's for its next request.
    func keep(_ transfer: Transfer) {
        if isServed, idle.count < Self.idleMax { idle.append(transfer) }
    }

    /// The parsed form of a common URL of this upstream's: one of a handful.
    private func parsed(_ text: String) -> OpaquePointer {
        if let known = unsafe urls.first(where: { unsafe $0.text == text }) {
            return unsafe known.url
        }
        guard let url = unsafe curl_url() else { preconditionFailure("out of memory") }
        let result = unsafe curl_url_set(url, CURLUPART_URL, text, 0)
        precondition(result == CURLUE_OK, "the configuration lets only well-formed URLs pass")
        unsafe urls.append((text, url))
        return unsafe url
    }

    /// The header list for a request with this `x-anthropic-beta`. Lives as long as the endpoint.
    func fields(beta: String?) -> UnsafeMutablePointer<curl_slist>? {
        let key = beta ?? ""
        if let list = unsafe fieldLists[key] { return unsafe list }
        precondition(
            unsafe fieldLists.count < Self.fieldListsMax, "beta values come from a fixed set")
        var list: UnsafeMutablePointer<curl_slist>?
        for field in self.key.fields { unsafe list = unsafe curl_slist_append(list, field) }
        if let beta { unsafe list = unsafe curl_slist_append(list, "x-anthropic-beta: \(beta)") }
        unsafe fieldLists[key] = unsafe list
        return unsafe list
    }

    /// A header list for one call, with what is the client's own; nil when there is nothing of the kind.
    /// Whoever asks for it frees it.
    func ownFields(of call: UpstreamCall) -> UnsafeMutablePointer<curl_slist>? {
        guard call.forwarded != nil || call.credential != nil else { return nil }
        var lines = call.forwarded?.lines ?? []
        if let beta = call.beta { lines.append("x-anthropic-beta: \(beta)") }
        if let credential = call.credential {
            let keyField = call.upstream.profile.keyField
            lines.append(credential.line(in: keyField))
        }
        return unsafe fields(adding: lines)
    }

    /// A header list that whoever asks for it frees.
    func fields(adding lines: [String]) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in key.fields + lines { unsafe list = unsafe curl_slist_append(list, line) }
        return unsafe list
    }

    /// Lets the handle's next request be for `resource`.
    func setResource(_ resource: UpstreamResource, of handle: UnsafeMutableRawPointer) {
        let text = resource.url(at: key.url, key.api)
        if resource.isCommon {
            let url = unsafe parsed(text)
            unsafe curl_set_pointer(handle, CURLOPT_CURLU, UnsafeRawPointer(url))
        } else {
            // Whoever sets no parsed form has libcurl go by the text.
            unsafe curl_set_pointer(handle, CURLOPT_CURLU, nil)
            unsafe curl_set_string(handle, CURLOPT_URL, text)
        }
        switch resource.resource {
        case .answer, .tokenCount: unsafe curl_set_long(handle, CURLOPT_POST, 1)
        case .models: unsafe curl_set_long(handle, CURLOPT_HTTPGET, 1)
        }
    }

    /// Sets what belongs to the endpoint on a handle.
    func setOptions(of handle: UnsafeMutableRawPointer) {
        unsafe setResource(UpstreamResource(.answer(.chat)), of: handle)
        // An empty string also keeps libcurl from searching the environment for each request.
        unsafe curl_set_string(handle, CURLOPT_PROXY, key.proxy)
        unsafe curl_set_string(handle, CURLOPT_PROTOCOLS_STR, scheme)
        unsafe curl_set_long(
            handle, CURLOPT_CONNECTTIMEOUT_MS, Int(key.connectTimeout / .milliseconds(1)))
        unsafe setTrust(of: handle)
        // HTTP/2 needs TLS: libcurl 7.88 fails the second cleartext HTTP/2 request on a connection.
        let version = scheme == "https" ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
        unsafe curl_set_long(handle, CURLOPT_HTTP_VERSION, Int(version))
    }

    /// Trusts the certificates that are set, and them alone; without any, the machine's.
    private func setTrust(of handle: UnsafeMutableRawPointer) {
        guard let certificates = key.certificates else { return }
        // Not these and the machine's, but these alone.
        unsafe curl_set_string(handle, CURLOPT_CAPATH, nil)
        if let certificateFile {
            unsafe curl_set_string(handle, CURLOPT_CAINFO, certificateFile.path)
            // Nobody can change the file, so that the lane's cache of it is good for ever.
            unsafe curl_set_long(handle, CURLOPT_CA_CACHE_TIMEOUT, -1)
        } else {
            unsafe curl_set_string(handle, CURLOPT_CAINFO, nil)
            // SAFETY: libcurl copies the bytes before the call returns.
            _ = unsafe certificates.withUnsafeBytes { bytes in
                unsafe curl_set_ca_bytes(handle, bytes.baseAddress, bytes.count)
            }
        }
    }
}
