// Every option with values it takes and values it refuses, and the words of the refusal.

import TestSupport
import Testing

@testable import Gateway

@Suite("Values of options") struct OptionValueTests {
    /// A value that is taken, and how it reads afterwards.
    static let valid: [(key: String, written: String, rendered: String)] = [
        ("OPENROUTER_API_KEY", "  sk-or-v1-0123  ", "(set)"),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "HTTPS://API.Example.COM:443/v1//",
            "https://api.example.com/v1"
        ),
        ("CLAUDE_PROXY_UPSTREAM_URL", "https://h:8443", "https://h:8443"),
        ("CLAUDE_PROXY_UPSTREAM_URL", "http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("CLAUDE_PROXY_UPSTREAM_URL", "http://127.9.9.9", "http://127.9.9.9"),
        ("CLAUDE_PROXY_UPSTREAM_URL", "http://[0:0::1]:80/", "http://[0:0::1]"),
        ("CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM", "Yes", "true"),
        ("CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM", "0", "false"),
        ("CLAUDE_PROXY_UPSTREAM_API", "auto", "auto"),
        ("CLAUDE_PROXY_UPSTREAM_API", "messages", "messages"),
        ("CLAUDE_PROXY_UPSTREAM_PROFILE", "llama.cpp", "llama.cpp"),
        ("CLAUDE_PROXY_UPSTREAM_PROFILE", "generic", "generic"),
        ("OPENROUTER_SITE_URL", "https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
        ("OPENROUTER_SITE_NAME", "Grüße & Söhne", "Grüße & Söhne"),
        ("CLAUDE_PROXY_UPSTREAM_CA_FILE", "/etc/ssl/own.pem", "/etc/ssl/own.pem"),
        ("OPENROUTER_MODEL", "z-ai/glm-4.6:exacto", "z-ai/glm-4.6:exacto"),
        ("CLAUDE_PROXY_MODEL_MAP", " a=b , claude-*=c/d=e ", "a=b,claude-*=c/d=e"),
        ("CLAUDE_PROXY_MODEL_MAP", "*=x", "*=x"),
        ("CLAUDE_PROXY_MODEL_MAP", "a=b|c@d , e=f", "a=b | c@d,e=f"),
        (
            "CLAUDE_PROXY_ROUTES", "subagent.Explore=a | b,over:9000=c",
            "subagent.Explore=a | b,over:9000=c"
        ),
        ("CLAUDE_PROXY_FALLBACK_ON", "limit, policy", "limit,policy"),
        ("CLAUDE_PROXY_FALLBACK_AFTER", "60s", "60s"),
        ("CLAUDE_PROXY_OPENROUTER_PROVIDER", #"{"zdr":true}"#, #"{"zdr":true}"#),
        ("CLAUDE_PROXY_KEY_CHOICE", "first", "first"),
        ("CLAUDE_PROXY_REPORT_MODEL", "requested", "requested"),
        ("CLAUDE_PROXY_REPORT_MODEL", "upstream", "upstream"),
        ("CLAUDE_PROXY_REPORT_MODEL", "claude-opus-4-1", "claude-opus-4-1"),
        ("CLAUDE_PROXY_LISTED_MODELS", "openai/*, z-ai/glm-5", "openai/*,z-ai/glm-5"),
        ("CLAUDE_PROXY_MODELS_REFRESH", "0s", "0s"),
        ("CLAUDE_PROXY_MODELS_REFRESH", "90m", "5400s"),
        ("CLAUDE_PROXY_CACHE_BREAKPOINTS", "add", "add"),
        ("CLAUDE_PROXY_PIN_PROVIDER", "true", "true"),
        ("CLAUDE_PROXY_TOKEN_CALIBRATION", "false", "false"),
        ("CLAUDE_PROXY_LISTEN", "127.0.0.1:0", "127.0.0.1:0"),
        ("CLAUDE_PROXY_LISTEN", "*:80,:81", "0.0.0.0:80,0.0.0.0:81"),
        (
            "CLAUDE_PROXY_LISTEN", "[::1]:65535, unix:/run/claude proxy/s,LocalHost:1",
            "[::1]:65535,unix:/run/claude proxy/s,localhost:1"
        ),
        ("CLAUDE_PROXY_ACCESS", "open", "open"),
        ("CLAUDE_PROXY_ACCESS", "loopback", "loopback"),
        ("CLAUDE_PROXY_CLIENT_TOKENS", "first-token-of-two, second-token-of-two", "(set)"),
        ("CLAUDE_PROXY_SEAL_KEY", "0123456789abcdef0123456789abcdef", "(set)"),
        (
            "CLAUDE_PROXY_ALLOWED_HOSTS", "Proxy.Example.com,10.0.0.7,fd00::1",
            "proxy.example.com,10.0.0.7,fd00::1"
        ),
        ("CLAUDE_PROXY_WORKERS", "64", "64"),
        ("CLAUDE_PROXY_LOG_LEVEL", "debug", "debug"),
        ("CLAUDE_PROXY_LOG_FORMAT", "json", "json"),
        ("CLAUDE_PROXY_HEAD_TIMEOUT", "50ms", "50ms"),
        ("CLAUDE_PROXY_BODY_TIMEOUT", "1m30s", "90s"),
        ("CLAUDE_PROXY_IDLE_TIMEOUT", "1h", "1h"),
        ("CLAUDE_PROXY_WRITE_TIMEOUT", "10m", "600s"),
        ("CLAUDE_PROXY_CONNECT_TIMEOUT", "2m", "120s"),
        ("CLAUDE_PROXY_FIRST_BYTE_TIMEOUT", "1s500ms", "1500ms"),
        ("CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", "3600s", "1h"),
        ("CLAUDE_PROXY_STATUS_HOLD", "0300ms", "300ms"),
        ("CLAUDE_PROXY_PING_INTERVAL", "5m", "300s"),
        ("CLAUDE_PROXY_DRAIN_TIMEOUT", "60m", "1h"),
        ("CLAUDE_PROXY_MAX_BODY", "1024", "1KiB"),
        ("CLAUDE_PROXY_MAX_BODY", "10MB", "10MB"),
        ("CLAUDE_PROXY_MAX_BODY", "512 kib", "512KiB"),
        ("CLAUDE_PROXY_MAX_BODY", "1GiB", "1GiB"),
        ("CLAUDE_PROXY_MAX_BODY", "1025B", "1025B"),
        ("CLAUDE_PROXY_MAX_CONNECTIONS", "1000000", "1000000"),
        ("CLAUDE_PROXY_MEMORY_BUDGET", "384MiB", "384MiB"),
        ("CLAUDE_PROXY_MAX_REQUESTS", "250", "250"),
    ]

    @Test("A value that is allowed is taken and reads back in its canonical form", arguments: valid)
    func taken(key: String, written: String, rendered: String) throws {
        let option = try #require(OptionTable.option(key))
        var configuration = Configuration()
        try option.apply(written.trimmed, &configuration)
        #expect(option.render(configuration) == rendered)
        if !option.isSecret {
            var again = Configuration()
            try option.apply(rendered, &again)
            #expect(again == configuration, "the canonical form must mean the same")
        }
    }

    @Test("Every option has a value in the tables of this suite") func everyOptionIsCovered() {
        let keys = OptionTable.options.map(\.key)
        #expect(Set(Self.valid.map(\.key)) == Set(keys))
        // Anything without control characters may be a name, so its row is one with such.
        #expect(Set(Self.invalid.map(\.key)) == Set(keys))
    }

    /// A value that is refused, and the reason given.
    static let invalid: [(key: String, written: String, reason: String)] = [
        ("CLAUDE_PROXY_ROUTES", "subagent", "\"subagent\" has no `=`"),
        (
            "CLAUDE_PROXY_ROUTES", "subagents=a",
            "\"subagents\" is no kind of request; did you mean subagent?"
        ),
        (
            "CLAUDE_PROXY_ROUTES", "over:12=a",
            "\"over:12\" has no number of tokens from 1000 to 100000000"
        ),
        ("CLAUDE_PROXY_ROUTES", "compaction=a,compaction=b", "there are two routes for compaction"),
        ("CLAUDE_PROXY_ROUTES", "compaction=", "\"compaction=\" has nothing after its `=`"),
        ("CLAUDE_PROXY_ROUTES", "subagent.=a", "\"subagent.\" names no type of sub-agent"),
        (
            "CLAUDE_PROXY_FALLBACK_ON", "limits",
            "it is not one of the allowed words; did you mean limit?"
        ),
        ("CLAUDE_PROXY_FALLBACK_AFTER", "2h", "it is out of range"),
        ("CLAUDE_PROXY_OPENROUTER_PROVIDER", "[1]", "it is no JSON object"),
        (
            "CLAUDE_PROXY_KEY_CHOICE", "last",
            "it is not one of the allowed words"
        ),
        ("OPENROUTER_MODEL", "a|b|c|d|e", "a chain of 5 models is longer than 4"),
        ("OPENROUTER_MODEL", "a||b", "\"a||b\" has an empty entry: a `|` too many"),
        ("OPENROUTER_MODEL", "a | a", "\"a\" is in the chain twice"),
        ("OPENROUTER_API_KEY", "sk-1,sk-1", "item 2 of the list is in it twice"),
        ("OPENROUTER_API_KEY", "sk-1,,sk-2", "item 2 of the list is empty"),
        ("OPENROUTER_API_KEY", "sk\u{1}x", "it has control characters"),
        (
            "OPENROUTER_API_KEY", "sk-x # mine",
            "it has blanks or characters outside ASCII (a comment needs a line of its own)"
        ),
        ("OPENROUTER_API_KEY", String(repeating: "k", count: 4097), "it is too long"),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "openrouter.ai",
            "it does not begin with https:// or http://"
        ),
        ("CLAUDE_PROXY_UPSTREAM_URL", "ftp://h/", "it does not begin with https:// or http://"),
        ("CLAUDE_PROXY_UPSTREAM_URL", "https:///v1", "it has no host"),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "https://u:p@h/v1",
            "it has user information (an `@`); the key belongs in OPENROUTER_API_KEY"
        ),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "https://h/v1?key=1",
            "it has a query (`?`) or a fragment (`#`)"
        ),
        ("CLAUDE_PROXY_UPSTREAM_URL", "https://h/v1#a", "it has a query (`?`) or a fragment (`#`)"),
        ("CLAUDE_PROXY_UPSTREAM_URL", "https://h:0/", "port 0 cannot be connected to"),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "https://h:/",
            #"":" is not a port: a colon and a number up to 65535"#
        ),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "https://10.0.0.256/",
            #""10.0.0.256" is not a host name or address"#
        ),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "https://h/a/../b",
            "its path has an empty, `.` or `..` segment"
        ),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "https://h/v1/chat/completions/",
            "it ends in /chat/completions, which the daemon adds by itself"
        ),
        (
            "CLAUDE_PROXY_UPSTREAM_URL", "https://h/ä",
            "it has blanks, backslashes or characters outside ASCII, or is longer than 2048 bytes"
        ),
        ("CLAUDE_PROXY_ALLOW_INSECURE_UPSTREAM", "maybe", "it is neither true nor false"),
        (
            "CLAUDE_PROXY_UPSTREAM_API", "response",
            "it is not one of the allowed words; did you mean responses?"
        ),
        (
            "CLAUDE_PROXY_UPSTREAM_PROFILE", "OpenRuoter",
            "it is not one of the allowed words; did you mean openrouter?"
        ),
        ("OPENROUTER_SITE_URL", "https://x\r\nX-Evil: 1", "it has control characters"),
        ("OPENROUTER_SITE_URL", String(repeating: "x", count: 1025), "it is too long"),
        ("OPENROUTER_SITE_NAME", "a\u{7F}b", "it has control characters"),
        ("CLAUDE_PROXY_UPSTREAM_CA_FILE", "ca.pem", "\"ca.pem\" is not an absolute path"),
        ("OPENROUTER_SITE_NAME", "a\u{85}b", "it has control characters"),
        ("OPENROUTER_MODEL", "gpt 4", #""gpt 4" has blanks or characters outside ASCII"#),
        (
            "OPENROUTER_MODEL", String(repeating: "m", count: 257),
            "a model id is longer than 256 bytes"
        ),
        ("CLAUDE_PROXY_MODEL_MAP", "a", #""a" has no `=`"#),
        ("CLAUDE_PROXY_MODEL_MAP", "=b", #""=b" has nothing before its `=`"#),
        ("CLAUDE_PROXY_MODEL_MAP", "a= ", #""a=" has nothing after its `=`"#),
        (
            "CLAUDE_PROXY_MODEL_MAP", "a*b=c",
            #""a*b=c" has a `*` that is not at the end of its left side"#
        ),
        ("CLAUDE_PROXY_MODEL_MAP", "a=b,,c=d", "an item of the list is empty: a comma too many"),
        ("CLAUDE_PROXY_MODEL_MAP", "a*=b,a=c,a*=d", #""a*" is mapped twice"#),
        (
            "CLAUDE_PROXY_REPORT_MODEL", "a\u{1B}[31m",
            #""a\u{1b}[31m" has blanks or characters outside ASCII"#
        ),
        (
            "CLAUDE_PROXY_LISTED_MODELS", "a*b", #""a*b" has a `*` that is not at its end"#
        ),
        ("CLAUDE_PROXY_LISTED_MODELS", "a*,a*", #""a*" is in the list twice"#),
        ("CLAUDE_PROXY_MODELS_REFRESH", "169h", "it is out of range"),
        ("CLAUDE_PROXY_CACHE_BREAKPOINTS", "always", "it is not one of the allowed words"),
        ("CLAUDE_PROXY_PIN_PROVIDER", "maybe", "it is neither true nor false"),
        ("CLAUDE_PROXY_TOKEN_CALIBRATION", "maybe", "it is neither true nor false"),
        ("CLAUDE_PROXY_LISTEN", "8000", #""8000" has no host; all addresses are 0.0.0.0:8000"#),
        (
            "CLAUDE_PROXY_LISTEN", "vm1:8000",
            #""vm1" is a name; write the address itself, as `getent hosts vm1` shows it, or"#
                + " 0.0.0.0 for every IPv4 address"
        ),
        (
            "CLAUDE_PROXY_LISTEN", "localhost",
            #""localhost" has no port; add one, such as localhost:8000"#
        ),
        (
            "CLAUDE_PROXY_LISTEN", "::1:80",
            #""::1:80" needs brackets if it is an IPv6 address: [::1]"#
        ),
        ("CLAUDE_PROXY_LISTEN", "[::1:80", #""[::1:80" has a `[` without a `]`"#),
        ("CLAUDE_PROXY_LISTEN", "[::g]:80", #""::g" is not an IPv6 address"#),
        (
            "CLAUDE_PROXY_LISTEN", "[::1]80",
            #""80" is not a port: a colon and a number up to 65535"#
        ),
        (
            "CLAUDE_PROXY_LISTEN", "h:65536",
            #"":65536" is not a port: a colon and a number up to 65535"#
        ),
        ("CLAUDE_PROXY_LISTEN", "h:+1", #"":+1" is not a port: a colon and a number up to 65535"#),
        ("CLAUDE_PROXY_LISTEN", "a_b c:1", #""a_b c" is not a host name or address"#),
        ("CLAUDE_PROXY_LISTEN", "unix:s", #""unix:s" is not `unix:` and an absolute path"#),
        (
            "CLAUDE_PROXY_LISTEN", "unix:/" + String(repeating: "s", count: 107),
            "the path has control characters or is longer than 107 bytes"
        ),
        ("CLAUDE_PROXY_LISTEN", ":1,*:1", #""*:1" is in the list twice"#),
        ("CLAUDE_PROXY_LISTEN", "localhost:1,", "an item of the list is empty: a comma too many"),
        (
            "CLAUDE_PROXY_ACCESS", "tokens",
            "it is not one of the allowed words; did you mean token?"
        ),
        ("CLAUDE_PROXY_ACCESS", "everybody", "it is not one of the allowed words"),
        ("CLAUDE_PROXY_CLIENT_TOKENS", "abc,,def", "item 2 of the list is empty"),
        ("CLAUDE_PROXY_SEAL_KEY", "0123456789abcdef0123456789abcde", "it is too short"),
        (
            "CLAUDE_PROXY_CLIENT_TOKENS", "abc,d ef",
            "item 2 of the list: it has blanks or characters outside ASCII"
                + " (a comment needs a line of its own)"
        ),
        ("CLAUDE_PROXY_ALLOWED_HOSTS", "h:80", #""h:80" has a port; any port is accepted"#),
        (
            "CLAUDE_PROXY_ALLOWED_HOSTS", "*.example.com",
            #""*.example.com" is not a host name or address"#
        ),
        ("CLAUDE_PROXY_WORKERS", "0", "it is out of range"),
        ("CLAUDE_PROXY_WORKERS", "65", "it is out of range"),
        ("CLAUDE_PROXY_WORKERS", "-1", "it is out of range"),
        ("CLAUDE_PROXY_WORKERS", "99999999999999999999", "it is out of range"),
        ("CLAUDE_PROXY_WORKERS", "4 # cores", "it is not a whole number"),
        ("CLAUDE_PROXY_WORKERS", "+4", "it is not a whole number"),
        ("CLAUDE_PROXY_WORKERS", "٤", "it is not a whole number"),
        (
            "CLAUDE_PROXY_LOG_LEVEL", "Info",
            "it is not one of the allowed words; did you mean info?"
        ),
        ("CLAUDE_PROXY_LOG_FORMAT", "syslog", "it is not one of the allowed words"),
        (
            "CLAUDE_PROXY_HEAD_TIMEOUT", "10",
            "10 has no unit; write 10s for seconds, 10ms for milliseconds"
        ),
        (
            "CLAUDE_PROXY_BODY_TIMEOUT", "1.5s",
            "it is not whole numbers with units: write 1500ms for 1.5s"
        ),
        ("CLAUDE_PROXY_IDLE_TIMEOUT", "10sec", #""sec" is not a unit of time"#),
        ("CLAUDE_PROXY_WRITE_TIMEOUT", "1ms", "it is out of range"),
        (
            "CLAUDE_PROXY_CONNECT_TIMEOUT", "s",
            "it is not a whole number with a unit, such as 10s or 500ms"
        ),
        (
            "CLAUDE_PROXY_FIRST_BYTE_TIMEOUT", "30s1m",
            "its units do not go from large to small, each once"
        ),
        (
            "CLAUDE_PROXY_FIRST_BYTE_TIMEOUT", "1s1s",
            "its units do not go from large to small, each once"
        ),
        ("CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", "3601s", "it is out of range"),
        ("CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", "9223372036854775807h", "it is out of range"),
        ("CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", "9223372036854775807ms", "it is out of range"),
        (
            "CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", "2562047788015h9223372036854775807ms",
            "it is out of range"
        ),
        ("CLAUDE_PROXY_UPSTREAM_IDLE_TIMEOUT", "99999999999999999999s", "it is out of range"),
        ("CLAUDE_PROXY_STATUS_HOLD", "49ms", "it is out of range"),
        (
            "CLAUDE_PROXY_STATUS_HOLD", "0",
            "0 has no unit; write 0s for seconds, 0ms for milliseconds"
        ),
        ("CLAUDE_PROXY_PING_INTERVAL", "301s", "it is out of range"),
        (
            "CLAUDE_PROXY_DRAIN_TIMEOUT", "-1s",
            "it is not a whole number with a unit, such as 10s or 500ms"
        ),
        ("CLAUDE_PROXY_MAX_BODY", "1023", "it is out of range"),
        ("CLAUDE_PROXY_MAX_BODY", "1025MiB", "it is out of range"),
        ("CLAUDE_PROXY_MAX_BODY", "9223372036854775807GiB", "it is out of range"),
        ("CLAUDE_PROXY_MAX_BODY", "1.5MiB", #"".5MiB" is not a unit of size"#),
        ("CLAUDE_PROXY_MAX_BODY", "64M", #""M" is not a unit of size"#),
        ("CLAUDE_PROXY_MAX_BODY", "much", "it is not a whole number with a unit, such as 64MiB"),
        ("CLAUDE_PROXY_MAX_CONNECTIONS", "1000001", "it is out of range"),
        ("CLAUDE_PROXY_MEMORY_BUDGET", "1000", "it is out of range"),
        ("CLAUDE_PROXY_MAX_REQUESTS", "0", "it is out of range"),
    ]

    @Test("A value that is not allowed is refused with its reason", arguments: invalid)
    func refused(key: String, written: String, reason: String) throws {
        let option = try #require(OptionTable.option(key))
        var configuration = Configuration()
        let refusal = #expect(throws: InvalidValue.self) {
            try option.apply(written.trimmed, &configuration)
        }
        #expect(refusal?.reason == reason)
        #expect(configuration == Configuration(), "a refused value must leave no trace")
    }

    @Test("Garbage is refused or taken, but never brings the parser down")
    func garbage() {
        let pieces = [
            "1", "0", "9223372036854775808", "s", "ms", "m", "h", "KiB", "B", ":", "::", "[", "]",
            ".", ",", "=", "*", "/", "//", "https://", "http://", "unix:", "unix:/", "localhost",
            "a", "-", " ", "\u{0}", "\n", "\r\n", "é", "👩‍👩‍👧", "٣", "\"", "\\", "@", "?", "#",
            "true",
        ]
        var generator = SplitMix64(seed: 1)
        var taken = 0
        for _ in 0..<rounds(2000) {
            let count = Int.random(in: 1...6, using: &generator)
            let text = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }
                .joined().trimmed
            for option in OptionTable.options where !text.isEmpty {
                var configuration = Configuration()
                guard (try? option.apply(text, &configuration)) != nil else { continue }
                taken += 1
                guard !option.isSecret else { continue }
                var again = Configuration()
                #expect(throws: Never.self, "\(option.key)=\(text)") {
                    try option.apply(option.render(configuration), &again)
                }
                #expect(again == configuration, "\(option.key)=\(text)")
            }
        }
        #expect(taken > rounds(500), "the pieces should make valid values, too")
    }
}
