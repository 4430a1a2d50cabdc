// From sources to a configuration: precedence, faults all at once, unknown keys, cross checks.

import Testing
import Translation

@testable import Gateway

@Suite("Resolving sources") struct ResolveTests {
    private let quiet = file("OPENROUTER_API_KEY=k\nCLAUDE_PROXY_LISTEN=127.0.0.1:8000")

    @Test("Without sources all is at its default") func defaults() throws {
        let configuration = try configuration()
        #expect(configuration == Configuration())
        #expect(configuration.defaultModel == "openai/gpt-oss-120b")
        #expect(
            configuration.upstreamURL.url(of: .chat)
                == "https://openrouter.ai/api/v1/chat/completions")
        #expect(configuration.profile == .openrouter)
        #expect(configuration.reportModel == .fixed("claude-sonnet-4-5-20250929"))
        #expect(configuration.listenAddresses == [.tcp(host: "0.0.0.0", port: 8000)])
        #expect(configuration.access == .loopback)
        #expect(configuration.workers == 1)
        #expect(configuration.logFormat == nil)
        #expect(configuration.bodyBytesMax == 67_108_864)
        #expect(configuration.connectionsMax == 10_000)
        let timeouts = OptionTable.timeouts.map { "\($0.key.dropFirst(13)) \($0.defaultValue)" }
        #expect(
            timeouts == [
                "HEAD_TIMEOUT 10s", "BODY_TIMEOUT 30s", "IDLE_TIMEOUT 75s", "WRITE_TIMEOUT 300s",
                "CONNECT_TIMEOUT 10s", "FIRST_BYTE_TIMEOUT 300s", "UPSTREAM_IDLE_TIMEOUT 300s",
                "STATUS_HOLD 10s",
                "PING_INTERVAL 10s", "DRAIN_TIMEOUT 30s",
            ])
    }

    @Test("A later source wins, and its origin is told") func laterWins() throws {
        let credential = try #require(
            ConfigurationSource.credential(
                "claude-proxy.api_key", bytes: Array("from-credential\n".utf8)))
        let sources = [
            file("OPENROUTER_API_KEY=a\nOPENROUTER_MODEL=a/a\nCLAUDE_PROXY_WORKERS=2"),
            environment(["OPENROUTER_MODEL": "b/b", "OPENROUTER_API_KEY": "b"]),
            credential,
        ]
        let resolution = Configuration.resolve(sources)
        let configuration = try #require(resolution.configuration)
        #expect(configuration.workers == 2)
        #expect(configuration.defaultModel == "b/b")
        #expect(configuration.upstreamKeys == [Secret("from-credential")])
        #expect(
            resolution.origins.mapValues(\.description) == [
                "CLAUDE_PROXY_WORKERS": "test.env:3",
                "OPENROUTER_MODEL": "environment",
                "OPENROUTER_API_KEY": "credential claude-proxy.api_key",
            ])
    }

    @Test("An empty value brings back the default, over an earlier source as well")
    func emptyIsUnset() throws {
        let resolution = Configuration.resolve([
            file("CLAUDE_PROXY_WORKERS=8"), environment(["CLAUDE_PROXY_WORKERS": " "]),
        ])
        #expect(resolution.configuration?.workers == 1)
        #expect(resolution.origins["CLAUDE_PROXY_WORKERS"] == nil)
    }

    @Test("A faulty value that a later source replaces is no fault") func replacedFault() throws {
        let configuration = try configuration(
            file("CLAUDE_PROXY_WORKERS=many"), environment(["CLAUDE_PROXY_WORKERS": "3"]))
        #expect(configuration.workers == 3)
    }

    @Test("A key twice in one file counts the second time, with a warning") func repeatedKey()
        throws
    {
        let source = file("CLAUDE_PROXY_WORKERS=2\n\nCLAUDE_PROXY_WORKERS=3")
        #expect(try configuration(source).workers == 3)
        #expect(
            warnings(quiet, source) == [
                "test.env:3: CLAUDE_PROXY_WORKERS: it is set a second time, which counts instead of"
                    + " test.env:1"
            ])
    }

    // Lines and unknown keys first, then values in the order of the table, then cross checks.
    @Test("All faults are reported at once, each with place, value, reason and what is allowed")
    func allFaults() {
        let text = """
            # a comment
            CLAUDE_PROXY_WORKERS=0
            nonsense
            CLAUDE_PROXY_WORKRES=4
            CLAUDE_PROXY_LOG_LEVEL=loud
            CLAUDE_PROXY_HEAD_TIMEOUT=10
            CLAUDE_PROXY_ACCESS=token
            """
        let variables = environment([
            "CLAUDE_PROXY_MAX_BODY": "lots", "CLAUDE_PROXY_UPSTREAM_URL": "http://example.com",
        ])
        let resolution = Configuration.resolve([file(text, name: "/etc/config.env"), variables])
        #expect(resolution.configuration == nil)
        let expected = [
            "/etc/config.env:3: there is no `=`; write KEY=value, or # before a comment",
            "/etc/config.env:4: CLAUDE_PROXY_WORKRES: there is no such setting;"
                + " did you mean CLAUDE_PROXY_WORKERS?",
            #"/etc/config.env:2: CLAUDE_PROXY_WORKERS="0": it is out of range."#
                + " Allowed: a whole number from 1 to 64",
            #"/etc/config.env:5: CLAUDE_PROXY_LOG_LEVEL="loud": it is not one of the allowed"#
                + " words. Allowed: debug, info, notice, warning or error",
            #"/etc/config.env:6: CLAUDE_PROXY_HEAD_TIMEOUT="10": 10 has no unit; write 10s for"#
                + " seconds, 10ms for milliseconds. Allowed: a duration from 50ms to 1h with its"
                + " unit: ms, s, m or h",
            #"environment: CLAUDE_PROXY_MAX_BODY="lots": it is not a whole number with a unit,"#
                + " such as 64MiB. Allowed: a size from 1KiB to 1GiB: a number and B, KiB, MiB,"
                + " GiB, KB, MB or GB",
            #"environment: CLAUDE_PROXY_UPSTREAM_URL="http://example.com": plain http to"#
                + " another machine would show the key on the way. Allowed: https, or"
                + " CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM=true for a private network",
            #"/etc/config.env:7: CLAUDE_PROXY_ACCESS="token": there are no tokens, so nobody"#
                + " could use the proxy. Allowed: token together with"
                + " CLAUDE_PROXY_CLIENT_TOKENS, or loopback or open",
        ]
        #expect(resolution.faults.map(\.description) == expected)
    }

    @Test("Control characters of a value are escaped in messages") func escapedValue() {
        #expect(
            faults(environment(["CLAUDE_PROXY_LOG_LEVEL": "in\u{1B}[2Jfo\nx"])) == [
                #"environment: CLAUDE_PROXY_LOG_LEVEL="in\u{1b}[2Jfo\u{a}x": it is not one of the"#
                    + " allowed words. Allowed: debug, info, notice, warning or error"
            ])
    }

    // MARK: Unknown keys

    @Test(
        "An unknown key gets a suggestion",
        arguments: [
            ("CLAUDE_PROXY_WORKRES", "CLAUDE_PROXY_WORKERS"),
            ("CLAUDE_PROXY_API_KEY", "OPENROUTER_API_KEY"),
            ("CLAUDE_PROXY_MODEL", "OPENROUTER_MODEL"),
            ("CLAUDE_PROXY_TOKENS", "CLAUDE_PROXY_CLIENT_TOKENS"),
            ("CLAUDE_PROXY_URL", "CLAUDE_PROXY_UPSTREAM_URL"),
            ("OPENROUTER_LISTEN", "CLAUDE_PROXY_LISTEN"),
            ("openrouter_api_kye", "OPENROUTER_API_KEY"),
            ("CLAUDE_PROXY_FROBNICATE", nil),
        ] as [(String, String?)])
    func suggestions(key: String, expected: String?) {
        #expect(OptionTable.suggestion(for: key) == expected)
    }

    @Test("An unknown key of our own is a fault in a file and a warning in the environment")
    func unknownOwnKeys() {
        #expect(
            faults(file("CLAUDE_PROXY_COLOUR=red")) == [
                "test.env:1: CLAUDE_PROXY_COLOUR: there is no such setting"
            ])
        let source = environment(["CLAUDE_PROXY_SERVICE_HOST": "10.0.0.1"])
        #expect(faults(source) == [])
        #expect(
            warnings(quiet, source) == [
                "environment: CLAUDE_PROXY_SERVICE_HOST: there is no such setting, it is ignored"
            ])
    }

    @Test("Other unknown keys are ignored in the environment, and in files when nothing like ours")
    func unknownForeignKeys() {
        let variables = "PATH=/bin\nOPENROUTER_REGION=eu\nOPENROUTR_API_KEY=x\nHTTPS_PROXY=http://p"
        #expect(
            warnings(quiet, file(variables)) == [
                "test.env:2: OPENROUTER_REGION: there is no such setting, it is ignored",
                "test.env:3: OPENROUTR_API_KEY: there is no such setting, it is ignored;"
                    + " did you mean OPENROUTER_API_KEY?",
            ])
        let source = environment([
            "PATH": "/bin", "OPENROUTER_REGION": "eu", "OPENROUTR_API_KEY": "x",
        ])
        #expect(warnings(quiet, source) == [])
        #expect(faults(file(variables), source) == [])
    }

    // MARK: Cross checks

    @Test("Access is by token when there are tokens, else for this machine alone")
    func accessDefault() throws {
        let token = "CLAUDE_PROXY_CLIENT_TOKENS=0123456789abcdef"
        #expect(try configuration(file(token)).access == .token)
        #expect(try configuration(file(token + "\nCLAUDE_PROXY_ACCESS=open")).access == .open)
        #expect(try configuration(file("")).access == .loopback)
    }

    @Test("Tokens that were refused do not make a second fault of their absence")
    func noConsequentialFaults() {
        let found = faults(file("CLAUDE_PROXY_ACCESS=token\nCLAUDE_PROXY_CLIENT_TOKENS=a b"))
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("test.env:2: CLAUDE_PROXY_CLIENT_TOKENS: item 1") == true)
        let url = "CLAUDE_PROXY_UPSTREAM_URL=http://h\nCLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM=perhaps"
        #expect(faults(file(url)).count == 1)
    }

    @Test("A quiet configuration gives no warnings") func quietConfiguration() {
        #expect(warnings(quiet) == [])
    }

    @Test(
        "Valid but unwise settings give a warning or a note",
        arguments: [
            (
                "OPENROUTER_API_KEY=",
                "OPENROUTER_API_KEY: it is not set; openrouter.ai will refuse requests"
            ),
            (
                "CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM=1\nCLAUDE_PROXY_UPSTREAM_URL=http://vllm/v1",
                "test.env:2: CLAUDE_PROXY_UPSTREAM_URL: key and conversations cross the network to"
                    + " vllm unencrypted"
            ),
            (
                "CLAUDE_PROXY_ACCESS=open\nCLAUDE_PROXY_LISTEN=0.0.0.0:80,127.0.0.1:81,[::]:82",
                "test.env:1: CLAUDE_PROXY_ACCESS: whoever reaches 0.0.0.0:80 or [::]:82 can spend"
                    + " your upstream credit"
            ),
            (
                "CLAUDE_PROXY_LISTEN=0.0.0.0:80",
                "test.env:1: CLAUDE_PROXY_LISTEN: other machines reach 0.0.0.0:80 but are refused;"
                    + " set CLAUDE_PROXY_CLIENT_TOKENS to serve them"
            ),
            (
                "CLAUDE_PROXY_LISTEN=10.0.0.1:80\nCLAUDE_PROXY_CLIENT_TOKENS=0123456789abcdef",
                "test.env:1: CLAUDE_PROXY_LISTEN: tokens and conversations reach 10.0.0.1:80 unencrypted,"
                    + " unless a TLS proxy stands before it"
            ),
            (
                "CLAUDE_PROXY_CLIENT_TOKENS=0123456789abcdef,0123456789abcde",
                "test.env:1: CLAUDE_PROXY_CLIENT_TOKENS: token 2 of 2 is shorter than 16 characters"
                    + " and could be guessed; make one with `openssl rand -hex 32`"
            ),
            (
                "CLAUDE_PROXY_CLIENT_TOKENS=0123456789abcdef\nCLAUDE_PROXY_ACCESS=loopback",
                "test.env:1: CLAUDE_PROXY_CLIENT_TOKENS: they are never asked for, because"
                    + " CLAUDE_PROXY_ACCESS is not token"
            ),
        ])
    func unwise(text: String, warning: String) {
        #expect(warnings(quiet, file(text)) == [warning])
    }

    @Test("A local upstream needs no key and no https") func localUpstream() {
        let text = "CLAUDE_PROXY_UPSTREAM_URL=http://[::1]:11434/v1\nOPENROUTER_API_KEY="
        #expect(faults(file(text)) == [])
        #expect(warnings(quiet, file(text)) == [])
    }

    // MARK: Credentials

    @Test("A credential holds tokens one a line or by commas") func tokensCredential() throws {
        let bytes = Array(
            "first-of-the-tokens\r\nsecond-of-the-tokens , third-of-the-tokens\n".utf8)
        let source = try #require(
            ConfigurationSource.credential("claude-proxy.client_tokens", bytes: bytes))
        #expect(
            try configuration(source).clientTokens.map { $0.reveal() } == [
                "first-of-the-tokens", "second-of-the-tokens", "third-of-the-tokens",
            ])
    }

    @Test(
        "A credential that is still encrypted is called that",
        arguments: [
            "Whxqht+dQJax1aZeCGLxmiAAAAABAAAADAAAABAAAAAilikOVhcIyvZ3fBMAAAAAdSK2cstx0/DYmOa\nVZZrBwCwy2CTmdQYpJRBBMSgN6Lv7izBk1xpRdQa9xBomuVtOQyxPEb4lfbWDwywXXm1NooHjSIvE7k\nzFeN53p7fNuLJ8PTYYSHGoSQEPX+Q0kwAo4FR548izjF3LFgIQD8u/GPdoidRCLXPqnnl62n2w8Ycj\n",
            "BYRp2vb1QySABUnaD46i+yAAAAABAAAADAAAABAA",
        ])
    func encryptedCredential(_ text: String) throws {
        for name in OptionTable.credentials {
            let source = try #require(
                ConfigurationSource.credential(name, bytes: Array(text.utf8)))
            let found = faults(source)
            #expect(found.count == 1)
            #expect(found.allSatisfy { $0.occurs("looks like an encrypted credential") })
            #expect(found.allSatisfy { $0.occurs("/etc/credstore.encrypted/\(name)") })
        }
    }

    @Test("Tokens a line, however they look, are no encrypted credential") func plainTokens() throws
    {
        let tokens = (0..<3).map { String(repeating: "abcdef0\($0)", count: 8) }
        let bytes = Array(tokens.joined(separator: "\n").utf8)
        let source = try #require(
            ConfigurationSource.credential("claude-proxy.client_tokens", bytes: bytes))
        #expect(try configuration(source).clientTokens.count == 3)
    }

    @Test("A credential that is no text is a fault, one of another name is none of ours")
    func oddCredentials() throws {
        let source = try #require(
            ConfigurationSource.credential("claude-proxy.api_key", bytes: [0x6B, 0xFF]))
        #expect(
            faults(source) == ["credential claude-proxy.api_key: the value is not valid UTF-8"])
        #expect(ConfigurationSource.credential("other.key", bytes: []) == nil)
        #expect(
            OptionTable.credentials == [
                "claude-proxy.api_key", "claude-proxy.client_tokens", "claude-proxy.seal_key",
            ])
    }

    // MARK: Reload

    @Test("Only listen addresses and workers need a restart") func restart() throws {
        let old = Configuration()
        #expect(Configuration.changesNeedingRestart(from: old, to: old) == [])
        let new = try configuration(
            file(
                """
                OPENROUTER_API_KEY=new
                OPENROUTER_MODEL=new/model
                CLAUDE_PROXY_WORKERS=2
                CLAUDE_PROXY_LISTEN=127.0.0.1:9000
                CLAUDE_PROXY_MAX_CONNECTIONS=5
                """))
        #expect(
            Configuration.changesNeedingRestart(from: old, to: new)
                == ["CLAUDE_PROXY_LISTEN", "CLAUDE_PROXY_WORKERS"])
        let unaffected = OptionTable.options.filter { !$0.isReloadable }.map(\.key)
        #expect(unaffected == ["CLAUDE_PROXY_LISTEN", "CLAUDE_PROXY_WORKERS"])
    }
}
