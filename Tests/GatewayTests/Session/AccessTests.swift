// Who may use the key: every rule of AccessPolicy, through whole requests.

import Testing

@testable import Gateway

@Suite("Access") struct AccessTests {
    static let remote = Peer(isLocal: false, name: "192.0.2.1")
    static let tokens = [
        ("OPENROUTER_API_KEY", "k"),
        ("CLAUDE_PROXY_CLIENT_TOKENS", "first-token-0123456789,second-token-0123456789"),
    ]

    /// The status of GET /v1/models with these fields.
    static func status(
        _ fields: String, host: String = "localhost", peer: Peer = Peer(isLocal: true, name: "l"),
        _ settings: [(String, String)] = [("OPENROUTER_API_KEY", "k")]
    ) throws -> String {
        let driver = try SessionDriver(settings.map { (key: $0.0, value: $0.1) }, peer: peer)
        driver.receive("GET /v1/models HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n")
        return String(driver.text.dropFirst(9).prefix(3))
    }

    @Test func withoutTokensOnlyThisMachineIsServed() throws {
        #expect(try Self.status("") == "200")
        #expect(try Self.status("", peer: Self.remote) == "403")
        #expect(try Self.status("x-api-key: anything\r\n", peer: Self.remote) == "403")
    }

    @Test(arguments: [
        "Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-FORWARDED-PROTO", "X-Forwarded",
        "X-Forwarded-Anything", "X_Forwarded_For", "Forwarded-For", "X-Real-IP", "Via", "CDN-Loop",
        "CF-Connecting-IP", "CF-Ray", "cf-visitor", "True-Client-IP", "X-Client-IP", "Client-IP",
        "X-Cluster-Client-IP", "X-Envoy-External-Address", "x-envoy-internal", "Fastly-Client-IP",
        "Fastly-SSL", "Fly-Client-IP", "Fly-Region", "X-Original-For", "X-Original-Forwarded-For",
        "X-Original-URL", "X-ProxyUser-IP", "X-Remote-IP", "X-Remote-Addr", "X-Azure-ClientIP",
        "X-AppEngine-User-IP", "X-Amzn-Trace-Id", "X-Amz-Cf-Id", "CloudFront-Viewer-Address",
        "X-Vercel-Forwarded-For", "X-NF-Client-Connection-IP", "Akamai-Origin-Hop", "X-ARR-SSL",
    ])
    func aFieldThatOnlyServersAddMarksAForwardedRequest(_ name: String) throws {
        for value in ["127.0.0.1", "", "x"] {
            #expect(try Self.status("\(name): \(value)\r\n") == "403")
        }
        let fields = "\(name): 127.0.0.1\r\nx-api-key: first-token-0123456789\r\n"
        #expect(try Self.status(fields, peer: Self.remote, Self.tokens) == "200")
    }

    @Test(arguments: [
        "Viaduct", "X-App", "X-Stainless-OS", "X-Stainless-Retry-Count", "Accept", "Cache-Control",
        "Anthropic-Beta", "X-Api-Key", "X-Claude-Code-Session-Id", "Forward", "X-Request-Id",
        "Connection", "Content-Language", "X-Title", "User-Agent", "Traceparent", "X-Chip",
    ])
    func aFieldOfAClientDoesNot(_ name: String) throws {
        #expect(try Self.status("\(name): x\r\n") == "200")
    }

    @Test(arguments: [
        ("localhost:8000", "200"), ("127.0.0.1", "200"), ("[::1]:8000", "200"),
        ("LOCALHOST", "200"), ("localhost.", "200"), ("claude.localhost:8000", "200"),
        ("127.1.2.3:80", "200"), ("[0:0:0:0:0:0:0:1]", "200"), ("[::FFFF:127.0.0.1]", "200"),
        ("192.0.2.7:8000", "403"), ("[2001:db8::1]", "403"), ("0.0.0.0", "403"), ("[::]", "403"),
        ("[::ffff:192.0.2.7]", "403"), ("[fe80::1]", "403"), ("128.0.0.1", "403"),
        ("evil.example", "403"), ("localhost.evil.example", "403"), ("evillocalhost", "403"),
        ("127.0.0.1.evil.example", "403"), ("1.2.3", "403"), ("127.1", "403"), ("unix", "403"),
        (".localhost", "403"), ("127.0.0.1.localhost", "200"),
    ])
    func withoutTokensTheHostIsALoopbackNameOrAddress(_ host: String, _ status: String) throws {
        #expect(try Self.status("", host: host) == status)
    }

    @Test(arguments: [
        ("localhost", "200"), ("unix", "200"), ("claude-proxy", "200"), ("127.0.0.1", "200"),
        ("192.0.2.7", "403"), ("llm.example.com", "403"), ("[2001:db8::1]", "403"),
    ])
    func aLocalSocketsClientMayMakeAWordUp(_ host: String, _ status: String) throws {
        let peer = Peer(isLocal: true, isLocalSocket: true, name: "local socket")
        #expect(try Self.status("", host: host, peer: peer) == status)
        #expect(try Self.status("X-Forwarded-For: 192.0.2.1\r\n", host: host, peer: peer) == "403")
    }

    @Test func withoutAHostNothingSaysWhichNameWasCalled() throws {
        for (isLocalSocket, status) in [(false, "403"), (true, "200")] {
            let driver = try SessionDriver(
                peer: Peer(isLocal: true, isLocalSocket: isLocalSocket, name: "l"))
            driver.receive("GET /v1/models HTTP/1.0\r\n\r\n")
            #expect(driver.text.hasPrefix("HTTP/1.1 \(status)"))
        }
    }

    @Test func aListedAddressIsTheAdministratorsWord() throws {
        let settings = [
            ("OPENROUTER_API_KEY", "k"), ("CLAUDE_PROXY_ALLOWED_HOSTS", "192.0.2.7,0.0.0.0"),
        ]
        #expect(try Self.status("", host: "192.0.2.7:80", settings) == "200")
        #expect(try Self.status("", host: "0.0.0.0", settings) == "200")
        #expect(try Self.status("", host: "192.0.2.8", settings) == "403")
    }

    @Test func listedNamesAreAccepted() throws {
        let settings = [
            ("OPENROUTER_API_KEY", "k"), ("CLAUDE_PROXY_ALLOWED_HOSTS", "proxy.example"),
        ]
        #expect(try Self.status("", host: "proxy.example:8000", settings) == "200")
        #expect(try Self.status("", host: "other.example", settings) == "403")
    }

    @Test(arguments: [
        "Origin: https://a.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n",
    ])
    func webPagesAreRefused(_ field: String) throws {
        #expect(try Self.status(field) == "403")
        #expect(
            try Self.status(field + "x-api-key: first-token-0123456789\r\n", Self.tokens) == "403")
    }

    @Test(arguments: [
        ("x-api-key: first-token-0123456789\r\n", "200"),
        ("Authorization: Bearer second-token-0123456789\r\n", "200"),
        ("authorization: bearer second-token-0123456789\r\n", "200"),
        ("x-api-key: wrong\r\nAuthorization: Bearer first-token-0123456789\r\n", "200"),
        ("", "401"), ("x-api-key: \r\n", "401"), ("x-api-key: first-token-012345678\r\n", "401"),
        ("x-api-key: first-token-0123456789x\r\n", "401"),
        ("Authorization: Basic first-token-0123456789\r\n", "401"),
        ("x-api-key: first-token-0123456789\r\nx-api-key: first-token-0123456789\r\n", "401"),
    ])
    func tokensOpenTheDoorToEverybodyWhoHasOne(_ fields: String, _ status: String) throws {
        #expect(try Self.status(fields, peer: Self.remote, Self.tokens) == status)
    }

    @Test func whoeverHasATokenMayUseAnyName() throws {
        let fields = "x-api-key: first-token-0123456789\r\n"
        #expect(
            try Self.status(fields, host: "proxy.example", peer: Self.remote, Self.tokens) == "200")
    }

    @Test func openMeansOpen() throws {
        let settings = [("OPENROUTER_API_KEY", "k"), ("CLAUDE_PROXY_ACCESS", "open")]
        #expect(try Self.status("", host: "192.0.2.7", peer: Self.remote, settings) == "200")
        #expect(try Self.status("", host: "evil.example", peer: Self.remote, settings) == "403")
    }

    @Test func healthAndProbesNeedNoToken() throws {
        let driver = try SessionDriver(
            Self.tokens.map { (key: $0.0, value: $0.1) }, peer: Self.remote)
        driver.receive("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        driver.receive("HEAD /api/hello HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(driver.text.components(of: "HTTP/1.1 200") == 2)
    }
}
