// Where requests go and with which credentials: everything about a transfer that follows from the
// configuration alone, made once and shared by all handles. A reload makes a new endpoint; transfers
// in flight keep the old one alive.

import CLibCurl
import Gateway
import Translation

/// The upstream's address and the header fields of every request to it.
@safe final class UpstreamEndpoint {
    /// Whose it is.
    let upstream: Upstream
    /// The URL parsed once: libcurl spends 11 % of a request's instructions on parsing it otherwise.
    private let url: OpaquePointer
    /// That of the list of models.
    private let modelsURL: OpaquePointer
    /// Empty for none.
    private let proxy: String
    private let scheme: String
    private let connectTimeout: Duration
    private let certificateFile: String?
    private let fixedFields: [String]
    private var fieldLists: [String: UnsafeMutablePointer<curl_slist>] = unsafe [:]

    /// How many different `x-anthropic-beta` values get a header list of their own.
    private static let fieldListsMax = 16

    init(_ upstream: Upstream, userAgent: String, proxies: ProxyEnvironment) {
        self.upstream = upstream
        let configuration = upstream.configuration
        let address = configuration.url
        unsafe url = unsafe Self.parse(address.chatCompletions)
        unsafe modelsURL = unsafe Self.parse(address.models)
        scheme = address.scheme.rawValue
        proxy = address.isLoopback ? "" : proxies.proxy(for: address)
        connectTimeout = configuration.connectTimeout
        certificateFile = configuration.certificateFile
        fixedFields = Self.fields(configuration, userAgent: userAgent)
    }

    deinit {
        unsafe fieldLists.values.forEach { unsafe curl_slist_free_all($0) }
        unsafe curl_url_cleanup(url)
        unsafe curl_url_cleanup(modelsURL)
    }

    private static func parse(_ text: String) -> OpaquePointer {
        guard let url = unsafe curl_url() else { preconditionFailure("out of memory") }
        let result = unsafe curl_url_set(url, CURLUPART_URL, text, 0)
        precondition(result == CURLUE_OK, "the configuration lets only well-formed URLs pass")
        return unsafe url
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
            switch configuration.profile.keyField {
            case .bearer: fields.append("Authorization: Bearer \(key.reveal())")
            case .apiKey: fields.append("api-key: \(key.reveal())")
            }
        }
        if let site = configuration.siteURL { fields.append("HTTP-Referer: \(site)") }
        if let name = configuration.siteName {
            // OpenRouter renamed the field and still takes the old one; others know only that.
            fields.append("X-Title: \(name)")
            fields.append("X-OpenRouter-Title: \(name)")
        }
        return fields
    }

    /// The header list for a request with this `x-anthropic-beta`. Lives as long as the endpoint.
    func fields(beta: String?) -> UnsafeMutablePointer<curl_slist>? {
        let key = beta ?? ""
        if let list = unsafe fieldLists[key] { return unsafe list }
        precondition(
            unsafe fieldLists.count < Self.fieldListsMax, "beta values come from a fixed set")
        var list: UnsafeMutablePointer<curl_slist>?
        for field in fixedFields { unsafe list = unsafe curl_slist_append(list, field) }
        if let beta { unsafe list = unsafe curl_slist_append(list, "x-anthropic-beta: \(beta)") }
        unsafe fieldLists[key] = unsafe list
        return unsafe list
    }

    /// Lets the handle's next request be for `resource`.
    func setResource(_ resource: UpstreamCall.Resource, of handle: UnsafeMutableRawPointer) {
        switch resource {
        case .chatCompletions:
            unsafe curl_set_pointer(handle, CURLOPT_CURLU, UnsafeRawPointer(url))
            unsafe curl_set_long(handle, CURLOPT_POST, 1)
        case .models:
            unsafe curl_set_pointer(handle, CURLOPT_CURLU, UnsafeRawPointer(modelsURL))
            unsafe curl_set_long(handle, CURLOPT_HTTPGET, 1)
        }
    }

    /// Sets what belongs to the endpoint on a handle.
    func setOptions(of handle: UnsafeMutableRawPointer) {
        unsafe setResource(.chatCompletions, of: handle)
        // An empty string also keeps libcurl from searching the environment for each request.
        unsafe curl_set_string(handle, CURLOPT_PROXY, proxy)
        unsafe curl_set_string(handle, CURLOPT_PROTOCOLS_STR, scheme)
        unsafe curl_set_long(
            handle, CURLOPT_CONNECTTIMEOUT_MS, Int(connectTimeout / .milliseconds(1)))
        if let certificateFile {
            unsafe curl_set_string(handle, CURLOPT_CAINFO, certificateFile)
            // Not these and the machine's, but these alone.
            unsafe curl_set_string(handle, CURLOPT_CAPATH, nil)
        }
        // HTTP/2 needs TLS: libcurl 7.88 fails the second cleartext HTTP/2 request on a connection.
        let version = scheme == "https" ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
        unsafe curl_set_long(handle, CURLOPT_HTTP_VERSION, Int(version))
    }
}
