// Upstreams that are asked with the credentials of their clients: whose goes where, and what is held
// against whom.

import HTTP1
import Testing
import Translation

@testable import Gateway

@Suite("Clients' own keys") struct ClientKeyTests {
    private static let token = "proxy-token-0123456789"

    private static func settings(
        access: String = "loopback", more: [(key: String, value: String)] = []
    ) -> [(key: String, value: String)] {
        [
            ("OPENROUTER_API_KEY", "sk-or-main"), ("CLAUDE_PROXY_ACCESS", access),
            ("CLAUDE_PROXY_UPSTREAM_ANT_URL", "https://api.anthropic.com"),
            ("CLAUDE_PROXY_UPSTREAM_ANT_KEY", "client"),
            ("CLAUDE_PROXY_MODEL_MAP", "claude-*=claude-opus-5@ant | a/b"),
        ] + (access == "token" ? [("CLAUDE_PROXY_CLIENT_TOKENS", token)] : []) + more
    }

    private func driver(
        access: String = "loopback", more: [(key: String, value: String)] = []
    ) throws -> SessionDriver {
        try SessionDriver(Self.settings(access: access, more: more))
    }

    private static let body =
        #"{"model":"claude-opus-5","max_tokens":99,"messages":[{"role":"user","content":"Hi"}]}"#

    /// The line that shows the client's credential to the first who is asked; nil if that is not the
    /// client's upstream.
    private func shown(_ fields: String, access: String = "loopback") throws -> String? {
        let driver = try driver(access: access)
        driver.post("/v1/messages", Self.body, fields: fields)
        let call = try #require(driver.calls.first, "\(driver.text)")
        #expect(call.credential != nil || call.upstream.configuration.name == "main")
        return call.credential?.line(in: call.upstream.profile.keyField)
    }

    @Test(
        "A credential goes on in the form in which it came, a key in the upstream's field",
        arguments: [
            ("x-api-key: sk-ant-1\r\n", "x-api-key: sk-ant-1"),
            ("authorization: Bearer sk-ant-oat\r\n", "Authorization: Bearer sk-ant-oat"),
            (
                "authorization: bearer sk-ant-oat\r\nx-api-key: k\r\n",
                "Authorization: Bearer sk-ant-oat"
            ),
            ("authorization: Basic abc\r\nx-api-key: k\r\n", "x-api-key: k"),
        ])
    func forms(_ fields: String, _ line: String) throws {
        #expect(try shown(fields) == line)
    }

    @Test(
        "What is no credential is not sent",
        arguments: [
            "", "x-api-key: \r\n", "x-api-key: a\r\nx-api-key: b\r\n", "x-api-key: a b\r\n",
            "authorization: Bearer \r\n",
        ])
    func none(_ fields: String) throws {
        #expect(try shown(fields) == nil, "the next of the chain is asked instead")
    }

    @Test("The proxy's own token is never sent on") func token() throws {
        let token = "x-api-key: \(Self.token)\r\n"
        #expect(try shown(token, access: "token") == nil)
        #expect(
            try shown(token + "authorization: Bearer mine\r\n", access: "token")
                == "Authorization: Bearer mine")
        #expect(
            try shown(
                "authorization: Bearer \(Self.token)\r\nx-api-key: mine\r\n", access: "token")
                == "x-api-key: mine")
        #expect(
            try shown(
                "authorization: Bearer \(Self.token)\r\nx-api-key: \(Self.token)\r\n",
                access: "token") == nil)
    }

    @Test("Nobody else gets it") func elsewhere() throws {
        let driver = try driver()
        driver.post("/v1/messages", Self.body, fields: "x-api-key: mine-0123456789\r\n")
        driver.respond(status: 503)
        driver.upstreamEnds()
        driver.respond(status: 503)
        driver.upstreamEnds()
        let last = try #require(driver.calls.last)
        #expect(last.upstream.configuration.name == "main" && last.credential == nil)
        #expect(last.upstream.configuration.key?.reveal() == "sk-or-main")
    }

    @Test("Without a credential and without another model the client is told what to send")
    func told() throws {
        let driver = try driver(more: [("CLAUDE_PROXY_MODEL_MAP", "claude-*=claude-opus-5@ant")])
        driver.post("/v1/messages", Self.body)
        #expect(driver.text.hasPrefix("HTTP/1.1 401"))
        #expect(driver.text.contains("CLAUDE_PROXY_UPSTREAM_ANT_KEY=client"))
        #expect(driver.calls.isEmpty)
    }

    @Test("What one client's key is refused is told to that client, and held against nobody")
    func refused() throws {
        let driver = try driver(more: [("CLAUDE_PROXY_MODEL_MAP", "claude-*=claude-opus-5@ant")])
        for status in [401, 403, 429, 402, 401] {
            driver.output = []
            driver.post("/v1/messages", Self.body, fields: "x-api-key: mine-0123456789\r\n")
            driver.respond(status: status)
            driver.upstream(
                #"{"type":"error","error":{"type":"x","message":"no mine-0123456789"}}"#)
            driver.upstreamEnds()
            let told = status == 403 ? 401 : status
            #expect(driver.text.hasPrefix("HTTP/1.1 \(told)"), "\(driver.text)")
            #expect(!driver.text.contains("mine-0123456789"))
            let other = SessionDriver(of: driver)
            other.post("/v1/messages", Self.body, fields: "x-api-key: theirs\r\n")
            #expect(other.calls.count == 1, "\(status): \(other.text)")
        }
        #expect(driver.told.isEmpty)
    }

    @Test("A model that one client's account does not have is there for the others")
    func missingModel() throws {
        let driver = try driver()
        driver.post("/v1/messages", Self.body, fields: "x-api-key: mine\r\n")
        driver.respond(status: 404)
        driver.upstream(
            #"{"type":"error","error":{"type":"not_found_error","message":"model: claude-opus-5"}}"#
        )
        driver.upstreamEnds()
        #expect(driver.calls.last?.upstream.configuration.name == "main", "the next of the chain")
        let other = SessionDriver(of: driver)
        other.post("/v1/messages", Self.body, fields: "x-api-key: theirs\r\n")
        #expect(other.calls.first?.upstream.configuration.name == "ant")
    }

    @Test("What one client's account is refused teaches nothing about others'") func lessons()
        throws
    {
        let driver = try driver(more: [("CLAUDE_PROXY_MODEL_MAP", "claude-*=claude-opus-5@ant")])
        let body = Self.body.replacing(#""max_tokens":99"#, with: #""max_tokens":99,"top_k":5"#)
        driver.post("/v1/messages", body, fields: "x-api-key: mine\r\n")
        driver.respond(status: 400)
        driver.upstream(#"{"error":{"message":"Unsupported parameter: 'top_k'","param":"top_k"}}"#)
        driver.upstreamEnds()
        #expect(driver.calls.count == 2 && !driver.calls[1].body.contains("top_k"))
        driver.respond(status: 200)
        driver.upstream(
            #"{"id":"m","type":"message","role":"assistant","model":"x","content":[{"type":"text","#
                + #""text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#
        )
        driver.upstreamEnds()
        #expect(driver.text.hasPrefix("HTTP/1.1 200") && driver.taught.isEmpty)
        let other = SessionDriver(of: driver)
        other.post("/v1/messages", body, fields: "x-api-key: theirs\r\n")
        #expect(other.calls.first?.body.contains("top_k") == true)
    }

    @Test("Fields of the client's account come back, those of the proxy's do not")
    func accountFields() throws {
        for (fields, name) in [("x-api-key: mine-0123456789\r\n", "ant"), ("", "main")] {
            let driver = try driver()
            driver.post("/v1/messages", Self.body, fields: fields)
            #expect(driver.calls.last?.upstream.configuration.name == name)
            var head = UpstreamHead()
            head.status = 400
            head.accountFields = [
                "anthropic-organization-id: org", "anthropic-x: mine-0123456789",
                "anthropic-bad name: x", "content-length: 3",
            ].map { Array($0.utf8) }
            driver.respond(head)
            driver.upstream(#"{"error":{"message":"no"}}"#)
            driver.upstreamEnds()
            #expect(driver.text.contains("anthropic-organization-id: org\r\n") == (name == "ant"))
            #expect(!driver.text.contains("mine-0123456789") && !driver.text.contains("bad name"))
            #expect(!driver.text.contains("content-length: 3\r\n"))
        }
    }

    @Test("The setting stands alone, needs no key and is no secret") func configuration() {
        let good = Configuration.resolve([.environment(Self.settings())])
        #expect(good.faults.isEmpty)
        #expect(!good.warnings.map(\.description).contains { $0.contains("_ANT_") })
        let upstream = good.configuration?.namedUpstreams.first
        #expect(upstream?.takesClientKeys == true && upstream?.lacksKey == false)
        let printed = good.printedConfiguration() ?? ""
        #expect(printed.contains("\nCLAUDE_PROXY_UPSTREAM_ANT_KEY=client\n"))
        let mixed = Configuration.resolve([
            .environment(Self.settings(more: [("CLAUDE_PROXY_UPSTREAM_ANT_KEY", "sk-1,client")]))
        ])
        #expect(mixed.faults.map(\.description).joined().contains("stands alone"))
        let main = Configuration.resolve([
            .environment([("OPENROUTER_API_KEY", "client")])
        ])
        #expect(
            main.warnings.map(\.description).joined().contains("only upstreams with a name"))
    }
}

extension [UInt8] {
    fileprivate func contains(_ text: String) -> Bool {
        firstRange(of: Array(text.utf8)) != nil
    }
}
