// Hosts, addresses and what follows from them.

import Testing
import Translation

@testable import Gateway

@Suite("Hosts and addresses") struct HostSyntaxTests {
    @Test(
        "An IPv6 address is read into its groups",
        arguments: [
            ("::", [0, 0, 0, 0, 0, 0, 0, 0]),
            ("::1", [0, 0, 0, 0, 0, 0, 0, 1]),
            ("1::", [1, 0, 0, 0, 0, 0, 0, 0]),
            ("2001:db8::8:800:200C:417A", [0x2001, 0xDB8, 0, 0, 8, 0x800, 0x200C, 0x417A]),
            ("1:2:3:4:5:6:7:8", [1, 2, 3, 4, 5, 6, 7, 8]),
            ("1:2:3:4:5:6:7::", [1, 2, 3, 4, 5, 6, 7, 0]),
            ("::ffff:127.0.0.1", [0, 0, 0, 0, 0, 0xFFFF, 0x7F00, 1]),
            ("1:2:3:4:5:6:1.2.3.4", [1, 2, 3, 4, 5, 6, 0x102, 0x304]),
        ] as [(String, [UInt16])])
    func ipv6(text: String, groups: [UInt16]) {
        #expect(HostSyntax.ipv6Groups(text) == groups)
    }

    @Test(
        "What is no IPv6 address is refused",
        arguments: [
            "", ":", ":::", "1", "1:", ":1", "1:2", "::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::", "12345::", "g::", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "::+1",
            "fe80::1%eth0",
            "1:2:3:4:5:6:7:1.2.3.4", "::256.0.0.1", "1:::2",
        ])
    func notIPv6(text: String) {
        #expect(HostSyntax.ipv6Groups(text) == nil)
    }

    @Test(
        "Names and IPv4 addresses are told from what is neither",
        arguments: [
            ("localhost", true), ("a.b-c.example", true), ("my_container", true), ("1.2.3.4", true),
            ("a1", true), ("xn--bcher-kva.example", true),
            ("", false), (".", false), ("a.", false), ("a..b", false), ("-a", false), ("a-", false),
            ("1.2.3", false), ("1.2.3.4.5", false), ("01.2.3.4", false), ("256.1.1.1", false),
            ("a.1", false), ("127.1", false), ("a b", false), ("bücher.example", false),
            (String(repeating: "a", count: 64), false), ("a/b", false),
        ])
    func names(text: String, isValid: Bool) {
        #expect(HostSyntax.isNameOrIPv4(text) == isValid)
    }

    @Test(
        "Only what cannot be another machine is loopback",
        arguments: [
            ("localhost", true), ("127.0.0.1", true), ("127.255.0.3", true), ("::1", true),
            ("0:0:0:0:0:0:0:1", true),
            ("localhost.example.com", false), ("a.localhost", false), ("128.0.0.1", false),
            ("0.0.0.0", false), ("::", false), ("::2", false), ("127.example.com", false),
        ])
    func loopback(host: String, isLoopback: Bool) {
        #expect(HostSyntax.isLoopback(host) == isLoopback)
    }

    @Test(
        "The profile follows the host",
        arguments: [
            ("openrouter.ai", .openrouter), ("api.openai.com", .openai),
            ("eu.api.openai.com", .openai),
            ("me.openai.azure.com", .azure), ("me.services.ai.azure.com", .azure),
            ("api.deepseek.com", .deepseek), ("api.groq.com", .groq), ("api.mistral.ai", .mistral),
            ("ollama.com", .ollama), ("localhost", .generic), ("notopenai.com", .generic),
            ("openrouter.ai.evil.example", .generic),
        ] as [(String, UpstreamProfile)])
    func profiles(host: String, profile: UpstreamProfile) throws {
        let source = file("CLAUDE_PROXY_UPSTREAM_URL=https://\(host)/v1")
        #expect(try configuration(source).profile == profile)
        let named = file("CLAUDE_PROXY_UPSTREAM_PROFILE=vllm")
        #expect(try configuration(source, named).profile == .vllm)
    }

    @Test("An upstream URL is taken apart and put together again") func upstreamURL() throws {
        let url = try UpstreamURL(parsing: "http://[FD00::1]:80/openai/v1/")
        #expect(
            url == UpstreamURL(scheme: .http, host: "fd00::1", port: 80, basePath: "/openai/v1"))
        #expect(url.authority == "[fd00::1]")
        #expect(url.url(of: .chat) == "http://[fd00::1]/openai/v1/chat/completions")
        let other = try UpstreamURL(parsing: "https://h:80")
        #expect(other.authority == "h:80")
        #expect(other.url(of: .chat) == "https://h:80/chat/completions")
    }

    @Test(
        "A listener is reachable from outside unless it is local",
        arguments: [
            ("127.0.0.1:1", false), ("[::1]:1", false), ("localhost:1", false), ("unix:/s", false),
            ("0.0.0.0:1", true), ("[::]:1", true), ("10.0.0.1:1", true),
            ("*:1", true), (":1", true),
        ])
    func reachable(text: String, isReachable: Bool) throws {
        let listener = try ListenSpecification(parsing: text)
        #expect(listener.isReachableFromOutside == isReachable)
    }

    @Test(
        "The distance of two words counts slips",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1),
            ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "xabc", 1), ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ])
    func distance(first: String, second: String, expected: Int) {
        #expect(EditDistance.between(first, second) == expected)
        #expect(EditDistance.between(second, first) == expected)
    }
}
