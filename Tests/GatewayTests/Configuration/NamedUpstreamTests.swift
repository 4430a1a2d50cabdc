// Upstreams that have names: how they are declared, what is refused, and what is never taken over.

import TestSupport
import Testing
import Translation

@testable import Gateway

@Suite("Named upstreams") struct NamedUpstreamTests {
    private static let groq = (
        key: "CLAUDE_PROXY_UPSTREAM_GROQ_URL", value: "https://api.groq.com/openai/v1"
    )

    private func resolve(_ settings: [(key: String, value: String)]) -> Resolution {
        Configuration.resolve([.environment([("OPENROUTER_API_KEY", "sk-main")] + settings)])
    }

    private func faults(_ settings: [(key: String, value: String)]) -> [String] {
        resolve(settings).faults.map(\.description)
    }

    @Test func aURLDeclaresOneAndNothingIsInherited() throws {
        let resolution = resolve([
            Self.groq, ("CLAUDE_PROXY_UPSTREAM_CA_FILE", "/etc/ca.pem"),
            ("OPENROUTER_SITE_NAME", "Mine"), ("CLAUDE_PROXY_UPSTREAM_PROFILE", "vllm"),
            ("OPENROUTER_MODEL", "a/b | c/d@groq"), ("CLAUDE_PROXY_CONNECT_TIMEOUT", "7s"),
        ])
        let configuration = try #require(resolution.configuration, "\(resolution.faults)")
        let upstreams = configuration.upstreams
        #expect(upstreams.map(\.name) == ["main", "groq"])
        #expect(upstreams[1].key == nil && upstreams[1].siteName == nil)
        #expect(upstreams[1].certificates == nil && upstreams[1].profile.name == "groq")
        #expect(upstreams[1].connectTimeout == .seconds(7))
        #expect(
            resolution.warnings.map(\.description).contains {
                $0.hasPrefix("CLAUDE_PROXY_UPSTREAM_GROQ_KEY: it is not set; api.groq.com")
            })
    }

    @Test func everyAttributeCounts() throws {
        let resolution = resolve([
            ("CLAUDE_PROXY_UPSTREAM_LOCAL2_URL", "http://localhost:11434/v1"),
            ("CLAUDE_PROXY_UPSTREAM_LOCAL2_PROFILE", "ollama"),
            ("CLAUDE_PROXY_UPSTREAM_LOCAL2_API", "messages"),
            ("CLAUDE_PROXY_UPSTREAM_LOCAL2_KEY", "one, two"),
            ("CLAUDE_PROXY_UPSTREAM_LOCAL2_CA_FILE", "/etc/ca.pem"),
            ("OPENROUTER_MODEL", "qwen3:8b@local2"),
        ])
        let configuration = try #require(resolution.configuration, "\(resolution.faults)")
        let named = try #require(configuration.namedUpstreams.first)
        #expect(named.name == "local2" && named.profile.name == "ollama")
        #expect(named.api == .messages && named.caFile == "/etc/ca.pem")
        let keys = configuration.upstreams.dropFirst()
        #expect(keys.map { $0.key?.reveal() } == ["one", "two"])
        #expect(
            keys.map(\.keyText)
                == [1, 2].map { "key \($0) of 2 in CLAUDE_PROXY_UPSTREAM_LOCAL2_KEY" })
    }

    @Test func aCredentialHoldsAKey() throws {
        let credential = ConfigurationSource.credential(
            "claude-proxy.key.groq", bytes: Array("gsk-1\ngsk-2\n".utf8))
        let source = try #require(credential)
        let resolution = Configuration.resolve([.environment([Self.groq]), source])
        let keys = resolution.configuration?.namedUpstreams.first?.keys.map { $0.reveal() }
        #expect(keys == ["gsk-1", "gsk-2"])
        #expect(
            resolution.origins["CLAUDE_PROXY_UPSTREAM_GROQ_KEY"]?.description
                == "credential claude-proxy.key.groq")
        #expect(ConfigurationSource.isKeyOfUpstream("claude-proxy.key.groq"))
        #expect(!ConfigurationSource.isKeyOfUpstream("claude-proxy.api_key"))
    }

    @Test func allFaultsAreToldAtOnce() {
        let faults = faults([
            Self.groq, ("CLAUDE_PROXY_UPSTREAM_GROK_KEY", "gsk-1"),
            ("CLAUDE_PROXY_UPSTREAM_MAIN_URL", "https://a.example"),
            ("CLAUDE_PROXY_UPSTREAM_IDLE_KEY", "x"),
            ("CLAUDE_PROXY_UPSTREAM_my_URL", "https://a.example"),
            ("CLAUDE_PROXY_UPSTREAM_FAR_URL", "http://far.example/v1"),
            ("CLAUDE_PROXY_MODEL_MAP", "a=b@gorq"),
            ("OPENROUTER_MODEL", "a|b|c|d|e"),
        ])
        #expect(faults.count == 7)
        for words in [
            "there is no upstream grok, because CLAUDE_PROXY_UPSTREAM_GROK_URL is not set; did you mean CLAUDE_PROXY_UPSTREAM_GROQ_KEY?",
            "the main upstream is set by CLAUDE_PROXY_UPSTREAM_URL",
            "IDLE cannot be the name of an upstream", "did you mean MY?",
            "plain http to another machine", "there is no upstream \"gorq\"; did you mean groq?",
            "a chain of 5 models is longer than 4",
        ] {
            #expect(faults.contains { $0.occurs(words) }, "\(words): \(faults)")
        }
        #expect(!faults.joined().occurs("gsk-1"))
    }

    @Test(
        "An `@` counts only before a name",
        arguments: [
            ("@preset/careful", "@preset/careful", "main"), ("m@preset/x", "m@preset/x", "main"),
            ("claude-opus-4@20250805", "claude-opus-4@20250805", "main"),
            ("qwen3:8b", "qwen3:8b", "main"),
            ("a/b:free", "a/b:free", "main"), ("a/b@groq", "a/b", "groq"),
            ("a/b@main", "a/b", "main"),
            ("a@b@groq", "a@b", "groq"), ("@groq", "@groq", "main"),
        ])
    func targets(_ id: String, _ model: String, _ upstream: String) throws {
        let configuration = try #require(
            resolve([Self.groq, ("OPENROUTER_MODEL", id)]).configuration)
        let router = ModelRouter(configuration)
        #expect(
            router.targets(of: configuration.defaultChain)
                == [ModelTarget(model: model, upstream: upstream)])
    }

    @Test func unusedUpstreamsAreWarnedOf() {
        let warnings = resolve([Self.groq, ("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "g")]).warnings
        #expect(
            warnings.map(\.description).contains {
                $0.occurs("no chain of models asks this upstream")
            })
    }

    @Test func aFileWithAnUnknownAttributeIsRefused() {
        let resolution = Configuration.resolve([
            file(
                "CLAUDE_PROXY_UPSTREAM_GROQ_KEYS=x\nCLAUDE_PROXY_UPSTREAM_GROQ_URL=https://a.example"
            )
        ])
        #expect(
            resolution.faults.map(\.reason) == [
                "there is no such setting; did you mean CLAUDE_PROXY_UPSTREAM_GROQ_KEY?"
            ])
    }

    @Test func printConfigGroupsByUpstreamAndHidesKeys() throws {
        let text = try #require(
            resolve([Self.groq, ("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "gsk-secret")])
                .printedConfiguration())
        #expect(
            text.occurs("# Upstream groq\n\n# from environment\nCLAUDE_PROXY_UPSTREAM_GROQ_URL="))
        #expect(text.occurs("# CLAUDE_PROXY_UPSTREAM_GROQ_KEY=(set)\n"))
        #expect(!text.occurs("gsk-secret"))
        let again = Configuration.resolve([
            file(text),
            .environment([
                ("OPENROUTER_API_KEY", "sk-main"), ("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "gsk-secret"),
            ]),
        ])
        #expect(
            again.configuration?.namedUpstreams
                == resolve([Self.groq, ("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "gsk-secret")])
                .configuration?.namedUpstreams, "\(again.faults)")
    }

    @Test func aFallbackToASmallerContextIsWarnedOf() {
        let resolution = resolve([
            Self.groq, ("CLAUDE_PROXY_UPSTREAM_GROQ_KEY", "g"), ("OPENROUTER_MODEL", "x | y@groq"),
        ])
        let large = ModelCatalogueTests.catalogue(#"[{"id":"x","context_length":9000},{"id":"z"}]"#)
        let small = ModelCatalogueTests.catalogue(#"[{"id":"y","context_length":8000},{"id":"z"}]"#)
        let warnings = resolution.warningsOfContexts { $0 == Self.groq.value ? small : large }
        #expect(
            warnings.map(\.text) == [
                "y@groq takes 8000 tokens and x before it 9000: longer prompts have no fallback there"
            ])
        #expect(resolution.warningsOfContexts { $0 == Self.groq.value ? large : small }.isEmpty)
    }

    @Test func anOrderAndAPinExcludeOneAnother() {
        let order = ("CLAUDE_PROXY_OPENROUTER_PROVIDER", #"{"order":["a"]}"#)
        #expect(faults([order]).isEmpty)
        #expect(faults([order, ("CLAUDE_PROXY_PIN_PROVIDER", "true")]).count == 1)
    }
}
