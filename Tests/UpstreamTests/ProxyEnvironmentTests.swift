// Which variable of the environment names the proxy of which upstream: curl(1), "ENVIRONMENT".
import Testing
import Translation

@testable import Gateway
@testable import Upstream

@Suite struct ProxyEnvironmentTests {
    private func way(
        _ variables: [String: String], to url: String = "https://api.test/v1"
    ) throws -> ProxyEnvironment.Way {
        ProxyEnvironment { variables[$0] }.way(to: try UpstreamURL(parsing: url))
    }

    private func proxy(
        _ variables: [String: String], to url: String = "https://api.test/v1"
    ) throws -> String {
        let way = try way(variables, to: url)
        #expect(way.fault == nil)
        return way.proxy
    }

    @Test(arguments: [
        (["https_proxy": "http://a:1"], "http://a:1"),
        (["HTTPS_PROXY": "http://a:1"], "http://a:1"),
        (["https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"], "http://a:1"),
        (["https_proxy": "", "HTTPS_PROXY": "http://b:2"], "http://b:2"),
        (["all_proxy": "socks5h://a:1"], "socks5h://a:1"),
        (["ALL_PROXY": "http://a:1"], "http://a:1"),
        (["all_proxy": "http://a:1", "https_proxy": "http://b:2"], "http://b:2"),
        (["http_proxy": "http://a:1"], ""), (["HTTP_PROXY": "http://a:1"], ""), ([:], ""),
    ])
    func `https goes by its own variable, else by that for all`(
        _ variables: [String: String], _ expected: String
    ) throws {
        #expect(try proxy(variables) == expected)
    }

    @Test(arguments: [
        (["http_proxy": "http://a:1"], "http://a:1"), (["https_proxy": "http://a:1"], ""),
        (["all_proxy": "http://a:1"], "http://a:1"),
        // A CGI server makes it of a request's `Proxy:` field.
        (["HTTP_PROXY": "http://a:1"], ""),
    ])
    func `http goes by its own variable in lower case`(
        _ variables: [String: String], _ expected: String
    ) throws {
        #expect(try proxy(variables, to: "http://api.test/v1") == expected)
    }

    @Test(arguments: [
        ("*", true), ("api.test", true), ("API.Test", true), ("test", true), (".test", true),
        ("*.test", true), ("api.test:443", true), ("x.test, api.test", true),
        ("x.test api.test", true),
        ("pi.test", false), ("api.test:80", false), ("api", false), ("", false), (".", false),
        ("*.api.test", true), ("x.api.test", false), ("api.test.", false),
    ])
    func `no_proxy takes the usual forms`(_ list: String, _ isException: Bool) throws {
        for name in ["no_proxy", "NO_PROXY"] {
            let variables = ["https_proxy": "http://a:1", name: list]
            #expect(try proxy(variables) == (isException ? "" : "http://a:1"), "\(list)")
        }
    }

    @Test(arguments: ["fd00::1", "[fd00::1]", "[fd00::1]:443", "x,[fd00::1]"])
    func `an IPv6 address is excepted with brackets and without`(_ list: String) throws {
        let variables = ["https_proxy": "http://a:1", "no_proxy": list]
        #expect(try proxy(variables, to: "https://[fd00::1]/v1") == "")
        #expect(try proxy(variables, to: "https://[fd00::2]/v1") == "http://a:1")
    }

    @Test(arguments: ["http://localhost:1/v1", "http://127.0.0.1:1/v1", "https://[::1]:1/v1"])
    func `this machine is not asked by a proxy`(_ url: String) throws {
        #expect(try proxy(["all_proxy": "http://a:1", "http_proxy": "http://a:1"], to: url) == "")
    }

    @Test func `a value that is no URL is a fault of those who would go by it, and is not shown`()
        throws
    {
        let variables = ["https_proxy": "foo://user:s3cret@a:1", "no_proxy": "free.test"]
        let way = try way(variables)
        #expect(way.proxy == "")
        let fault = try #require(way.fault)
        #expect(fault.contains("https_proxy") && !fault.contains("s3cret"))
        #expect(ProxyEnvironment { variables[$0] }.faults == [fault])
        #expect(try proxy(variables, to: "https://free.test/v1") == "")
        #expect(try proxy(variables, to: "http://api.test/v1") == "")
    }

    @Test func `what was to go by an unusable proxy goes nowhere`() throws {
        let upstream = Upstream(
            UpstreamConfiguration(
                name: "main", url: try UpstreamURL(parsing: "https://api.test/v1"), key: nil,
                profile: .openrouter, certificates: nil, siteURL: nil, siteName: nil,
                connectTimeout: .seconds(1), firstByteTimeout: .seconds(1),
                idleTimeout: .seconds(1)))
        let proxies = ProxyEnvironment { ["https_proxy": "http://a:99999"][$0] }
        let key = EndpointKey(upstream.configuration, userAgent: "test", proxies: proxies)
        #expect(key.proxy == "http://127.0.0.1:0" && key.proxyFault != nil)
    }
}
