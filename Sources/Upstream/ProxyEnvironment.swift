// The proxy variables of the environment, read once at start. libcurl would read them for every
// request; the rules here are its own (curl(1), "ENVIRONMENT").

package import Gateway

/// Which proxy to use for which upstream, as the environment says.
package struct ProxyEnvironment: Sendable {
    private let http: String?
    private let https: String?
    private let all: String?
    private let exceptions: [String]

    /// - Parameter variable: looks a variable of the environment up.
    package init(_ variable: (String) -> String?) {
        func first(_ names: String...) -> String? {
            for name in names {
                if let value = variable(name), !value.isEmpty { return value }
            }
            return nil
        }
        // HTTP_PROXY in upper case is not read, by curl neither: a CGI server sets it from a
        // request's `Proxy:` field.
        http = first("http_proxy")
        https = first("https_proxy", "HTTPS_PROXY")
        all = first("all_proxy", "ALL_PROXY")
        exceptions = (first("no_proxy", "NO_PROXY") ?? "")
            .split { $0 == "," || $0 == " " }.map { $0.lowercased() }
    }

    /// The proxy's URL, or an empty string for none.
    package func proxy(for url: UpstreamURL) -> String {
        guard !isException(url.host) else { return "" }
        switch url.scheme {
        case .http: return http ?? all ?? ""
        case .https: return https ?? all ?? ""
        }
    }

    private func isException(_ host: String) -> Bool {
        exceptions.contains { exception in
            if exception == "*" { return true }
            let domain = exception.hasPrefix(".") ? String(exception.dropFirst()) : exception
            return host == domain || host.hasSuffix("." + domain)
        }
    }
}
