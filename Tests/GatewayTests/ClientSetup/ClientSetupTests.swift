// What Claude Code is told, and in what words for each shell. That the shells understand it is for
// Tests/EndToEnd/test_client_setup.py.

import Testing

@testable import Gateway

@Suite("The setup of Claude Code") struct ClientSetupTests {
    private static func setup(_ places: String...) throws -> ClientSetup {
        let places = try places.map { try ListenSpecification(parsing: $0) }
        return ClientSetup(address: try #require(ClientAddress(listening: places)))
    }

    private static func value(_ name: String, _ setup: ClientSetup) -> String? {
        setup.variables.first { $0.name == name }?.value
    }

    // MARK: The address

    private static let addressCases: [([String], String)] = [
        (["0.0.0.0:8000"], "http://127.0.0.1:8000"), (["[::]:8000"], "http://[::1]:8000"),
        (["127.0.0.1:80"], "http://127.0.0.1:80"), (["[fd00::1]:9"], "http://[fd00::1]:9"),
        (["localhost:8000"], "http://localhost:8000"),
        (["unix:/run/x", "127.0.0.1:1"], "http://127.0.0.1:1"),
        (["127.0.0.1:0", "127.0.0.2:7"], "http://127.0.0.2:7"),
    ]

    @Test(arguments: addressCases)
    func theAddressIsWhereAClientOnThisMachineReachesIt(_ places: [String], url: String) throws {
        let places = try places.map { try ListenSpecification(parsing: $0) }
        let address = try #require(ClientAddress(listening: places))
        #expect(address.url == url)
        #expect(address.socketPath == nil)
    }

    @Test func aLocalSocketIsNamedBesideAURLOfThisMachine() throws {
        let setup = try Self.setup("unix:/run/my proxy.sock")
        #expect(Self.value("ANTHROPIC_UNIX_SOCKET", setup) == "/run/my proxy.sock")
        #expect(Self.value("ANTHROPIC_BASE_URL", setup) == "http://localhost")
        #expect(!setup.unwanted.contains("ANTHROPIC_UNIX_SOCKET"))
    }

    @Test func aPortThatTheKernelChoosesCannotBeTold() {
        #expect(ClientAddress(listening: [.tcp(host: "127.0.0.1", port: 0)]) == nil)
        #expect(ClientAddress(listening: []) == nil)
    }

    @Test func aURLThatWasGivenLosesOnlyTheSlashAtItsEnd() {
        #expect(ClientAddress(url: "https://host/a//").url == "https://host/a")
    }

    // MARK: The variables

    @Test func aTokenIsAlwaysSetAndTheKeyNever() throws {
        var setup = try Self.setup("127.0.0.1:1")
        #expect(Self.value("ANTHROPIC_AUTH_TOKEN", setup) == "claude-proxy")
        setup.token = Secret("mine")
        #expect(Self.value("ANTHROPIC_AUTH_TOKEN", setup) == "mine")
        #expect(Self.value("ANTHROPIC_API_KEY", setup) == nil)
        for name in ["ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "ANTHROPIC_UNIX_SOCKET"] {
            #expect(setup.unwanted.contains(name))
        }
        #expect(Set(setup.unwanted).isDisjoint(with: setup.variables.map(\.name)))
    }

    @Test func whatIsNotKnownIsNotSet() throws {
        var setup = try Self.setup("127.0.0.1:1")
        #expect(Self.value("ANTHROPIC_MODEL", setup) == nil)
        #expect(Self.value("CLAUDE_CODE_MAX_CONTEXT_TOKENS", setup) == nil)
        setup.model = "openai/gpt-oss-120b"
        setup.contextTokens = 131072
        #expect(Self.value("ANTHROPIC_MODEL", setup) == "openai/gpt-oss-120b")
        #expect(Self.value("CLAUDE_CODE_MAX_CONTEXT_TOKENS", setup) == "131072")
    }

    @Test func autoModeChecksActionsByItselfAndSaysWhy() throws {
        let setup = try Self.setup("127.0.0.1:1")
        #expect(Self.value("CLAUDE_CODE_AUTO_MODE_SERVER", setup) == "0")
        #expect(Self.value("CLAUDE_CODE_GATEWAY_HINT_HEADERS", setup) == "1")
        for shell in ShellSyntax.allCases where shell != .json {
            #expect(
                shell.text(of: setup).occurs("# CLAUDE_CODE_AUTO_MODE_SERVER: auto mode's check"))
        }
    }

    private static let proxyCases: [(String, [String: String], String?)] = [
        ("http://127.0.0.1:1", ["http_proxy": "p"], "127.0.0.1"),
        ("http://[::1]:1", ["HTTP_PROXY": "p", "no_proxy": "a,b"], "a,b,::1"),
        ("http://localhost:1", ["ALL_PROXY": "p", "NO_PROXY": "localhost"], nil),
        ("http://localhost:1", ["http_proxy": "p", "no_proxy": " * "], nil),
        ("http://127.0.0.1:1", [:], nil), ("http://127.0.0.1:1", ["http_proxy": ""], nil),
        ("http://127.0.0.1:1", ["https_proxy": "p"], nil),
        ("https://proxy.example", ["https_proxy": "p"], nil),
    ]

    @Test(arguments: proxyCases)
    func requestsToThisMachineGoPastTheOutgoingProxy(
        _ url: String, variables: [String: String], expected: String?
    ) {
        #expect(
            ClientSetup.noProxy(for: ClientAddress(url: url)) { variables[$0] } == expected)
    }

    @Test func anIdIsOneSegmentOfAPath() {
        #expect(ClientSetup.pathSegment("a-b_c.9~/x:y?z%é") == "a-b_c.9~%2Fx%3Ay%3Fz%25%C3%A9")
    }

    // MARK: The shells

    private static let shellCases: [([String], String?, ShellSyntax)] = [
        (["bash"], nil, ShellSyntax.bash), (["/usr/bin/zsh"], "/bin/bash", .zsh),
        (["sudo", "/usr/bin/sudo", "/usr/bin/fish", "bash"], nil, .fish),
        (["/opt/microsoft/powershell/7/pwsh"], nil, .powershell), (["/bin/dash"], nil, .sh),
        (["/usr/bin/make", "systemd"], "/bin/zsh", .zsh), (["cron"], nil, .sh),
        (["json", "bash"], nil, .bash), ([], "/usr/bin/unheard-of", .sh),
    ]

    @Test(arguments: shellCases)
    func theNearestShellIsTheOneThatAsks(
        _ ancestors: [String], login: String?, expected: ShellSyntax
    ) {
        #expect(ShellSyntax.detect(ancestors: ancestors, login: login) == expected)
    }

    @Test func aShellOfAnotherKindIsNotGuessedAt() {
        #expect(ShellSyntax.detect(ancestors: ["sudo", "/bin/tcsh", "bash"], login: nil) == nil)
        #expect(ShellSyntax.detect(ancestors: ["cron"], login: "/usr/bin/nu") == nil)
    }

    private static let valueCases: [(ShellSyntax, String, String)] = [
        (ShellSyntax.bash, #"a'b$c"\`!"#, #"'a'\''b$c"\`!'"#),
        (.bash, "a\n'\\", #"$'a\012\'\\'"#), (.zsh, "1\u{1}1", #"$'1\0011'"#),
        (.sh, "a\n'b", "'a\n'\\''b'"), (.fish, "a'\\\n$b", #"'a\'\\'\x0a'$b'"#),
        (.powershell, "a'b\u{2019}$c`\"", "'a''b\u{2019}\u{2019}$c`\"'"),
        (.powershell, "a\n'b", "('a' + [char]10 + '''b')"), (.json, "a\"\n", #""a\"\n""#),
        (.bash, "", "''"), (.fish, "", "''"), (.powershell, "", "''"),
    ]

    @Test(arguments: valueCases)
    func aValueIsOneWord(_ shell: ShellSyntax, value: String, expected: String) {
        #expect(shell.quoted(value) == expected)
    }

    /// A reader who forgets the quotes around `$(…)` makes one line of the text.
    @Test func allCommentsComeAfterAllStatements() throws {
        var setup = try Self.setup("127.0.0.1:1")
        setup.token = Secret("a#b")
        for shell in ShellSyntax.allCases where shell != .json {
            let lines = shell.text(of: setup).split(separator: "\n")
            let first = try #require(lines.firstIndex { $0.hasPrefix("#") })
            #expect(lines[first...].allSatisfy { $0.hasPrefix("# ") })
            #expect(lines[..<first].allSatisfy { $0.hasSuffix(";") })
        }
    }

    @Test func settingsAreWrittenAsTheirFileWantsThem() throws {
        var setup = try Self.setup("127.0.0.1:1")
        setup.token = Secret("q\"")
        let text = ShellSyntax.json.text(of: setup)
        #expect(
            text.hasPrefix("{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:1\",\n")
        )
        #expect(text.occurs(#""ANTHROPIC_AUTH_TOKEN": "q\"","#))
        #expect(text.occurs(#""ANTHROPIC_API_KEY": "","#))
        #expect(!text.occurs("ANTHROPIC_UNIX_SOCKET"))
    }
}
