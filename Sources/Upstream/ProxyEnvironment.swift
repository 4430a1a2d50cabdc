// The proxy variables of the environment, read once at start. libcurl would read them for every
// request; the rules here are its own (curl(1), "ENVIRONMENT").

package import Gateway

/// Which proxy to use for which upstream, as the environment says.
package struct ProxyEnvironment: Sendable {
    /// A variable that is set.
    private enum Setting {
        case proxy(ProxyURL)
        case fault(String)
    }

    /// What stands between this machine and an upstream.
    package struct Way: Sendable, Equatable {
        /// The proxy's URL; empty for none.
        package var proxy = ""
        /// Why the variable that names the proxy cannot be used; nothing may be asked then.
        package var fault: String?
    }

    private let http: Setting?
    private let https: Setting?
    private let all: Setting?
    private let exceptions: [Substring]
    /// What is wrong with the variables, without their values.
    package let faults: [String]

    /// - Parameter variable: looks a variable of the environment up.
    package init(_ variable: (String) -> String?) {
        var faults: [String] = []
        func first(_ names: String...) -> Setting? {
            for name in names {
                guard let value = variable(name), !value.isEmpty else { continue }
                do throws(ProxyURL.Fault) {
                    return .proxy(try ProxyURL(parsing: value))
                } catch {
                    let fault = "the variable \(name) holds no usable URL: \(error.reason)"
                    faults.append(fault)
                    return .fault(fault)
                }
            }
            return nil
        }
        // HTTP_PROXY in upper case is not read, by curl neither: a CGI server sets it from a
        // request's `Proxy:` field.
        http = first("http_proxy")
        https = first("https_proxy", "HTTPS_PROXY")
        all = first("all_proxy", "ALL_PROXY")
        let lists = ["no_proxy", "NO_PROXY"].lazy.compactMap(variable)
        exceptions = (lists.first { !$0.isEmpty } ?? "").lowercased()
            .split { $0 == "," || $0 == " " }
        self.faults = faults
    }

    /// The way to an upstream. None on this machine is asked by a proxy.
    package func way(to url: UpstreamURL) -> Way {
        guard !url.isLoopback, !isException(url) else { return Way() }
        switch url.scheme == .http ? http ?? all : https ?? all {
        case .proxy(let proxy): return Way(proxy: proxy.text)
        case .fault(let fault): return Way(fault: fault)
        case nil: return Way()
        }
    }

    /// libcurl itself looks for ranges of addresses in the list.
    private func isException(_ url: UpstreamURL) -> Bool {
        exceptions.contains { exception in
            if exception == "*" { return true }
            var domain = exception
            if domain.hasSuffix(":\(url.port)") {
                domain = domain.dropLast("\(url.port)".count + 1)
            }
            if domain.hasPrefix("["), domain.hasSuffix("]") {
                domain = domain.dropFirst().dropLast()
            }
            // `url.host` has an IPv6 address without brackets, and so may the list.
            if url.host == exception { return true }
            if domain.hasPrefix("*.") { domain = domain.dropFirst() }
            if domain.hasPrefix(".") { domain = domain.dropFirst() }
            return !domain.isEmpty && (url.host == domain || url.host.hasSuffix("." + domain))
        }
    }
}
