// Profiles: which server gets which, and what each makes of the same request.

import Testing

@testable import Translation

@Suite struct UpstreamProfileTests {
    @Test(arguments: [
        ("openrouter.ai", "openrouter"), ("OpenRouter.ai:443", "openrouter"),
        ("api.openai.com", "openai"), ("mine.openai.azure.com", "azure"),
        ("mine.services.ai.azure.com", "azure"), ("api.deepseek.com", "deepseek"),
        ("api.groq.com", "groq"), ("api.mistral.ai", "mistral"), ("api.moonshot.cn", "moonshot"),
        ("api.x.ai", "xai"), ("api.minimaxi.com", "minimax"), ("api.xiaomimimo.com", "mimo"),
        ("w.eu-central-1.maas.aliyuncs.com", "dashscope"), ("localhost:1234", "lmstudio"),
        ("api.anthropic.com", "anthropic"), ("localhost:41234", "generic"),
        ("api.z.ai", "zai"), ("ollama.com", "ollama"), ("localhost:11434", "ollama"),
        ("127.0.0.1:11434", "ollama"), ("[::1]:11434", "ollama"), ("localhost:8080", "generic"),
        ("notopenrouter.ai", "generic"), ("openrouter.ai.evil.example", "generic"),
        ("", "generic"), ("[::1]", "generic"), (":", "generic"),
    ])
    func knowsHosts(_ host: String, _ name: String) {
        #expect(UpstreamProfile.forHost(host).name == name)
    }

    @Test func findsProfilesByName() {
        for profile in UpstreamProfile.all {
            #expect(UpstreamProfile.named(profile.name) == profile)
        }
        #expect(Set(UpstreamProfile.all.map { $0.name }).count == UpstreamProfile.all.count)
        #expect(UpstreamProfile.named("none") == nil)
    }

    static let full = request(
        #""temperature":0.7,"top_k":5,"stop_sequences":["a","b","c","d","e"],"metadata":{"user_id":"{\"session_id\":\"s\"}"},"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}}"#
    )
    static let user = SHA256Tests.hex(
        SHA256.digest([UInt8](#"user:{"session_id":"s"}"#.utf8).span))
    static let session = SHA256Tests.hex(SHA256.digest([UInt8]("session_id:s".utf8).span))
    static let strict =
        #","response_format":{"type":"json_schema","json_schema":{"name":"response","strict":true,"schema":{"type":"object","additionalProperties":false}}}"#
    static let loose =
        #","response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"type":"object","additionalProperties":false}}}"#
    static let four = #","stop":["a","b","c","d"]"#
    static let five = #","stop":["a","b","c","d","e"]"#
    static let usage = #","stream":true,"stream_options":{"include_usage":true}"#

    @Test(
        arguments: [
            (
                .openrouter,
                #""max_tokens":100,"temperature":0.7,"top_k":5\#(four)\#(strict)\#(usage),"session_id":"\#(session)","user":"\#(user)"}"#,
                "stop_sequences"
            ),
            (
                .openai,
                #""max_completion_tokens":100,"temperature":0.7\#(four)\#(strict)\#(usage),"user":"\#(user)"}"#,
                "top_k,stop_sequences"
            ),
            (
                .azure,
                #""max_completion_tokens":100,"temperature":0.7\#(four)\#(strict)\#(usage),"user":"\#(user)"}"#,
                "top_k,stop_sequences"
            ),
            (
                .deepseek,
                #""max_tokens":100,"temperature":0.7\#(five),"response_format":{"type":"json_object"}\#(usage)}"#,
                "top_k"
            ),
            (
                .groq,
                #""max_tokens":100,"temperature":0.7\#(four)\#(loose)\#(usage),"user":"\#(user)"}"#,
                "top_k,stop_sequences"
            ),
            (
                .mistral, #""max_tokens":100,"temperature":0.7\#(four)\#(strict),"stream":true}"#,
                "top_k,stop_sequences"
            ),
            (
                .vllm, #""max_tokens":100,"temperature":0.7,"top_k":5\#(five)\#(strict)\#(usage)}"#,
                ""
            ),
            (
                .llamaCpp,
                #""max_tokens":100,"temperature":0.7,"top_k":5\#(five)\#(loose)\#(usage)}"#,
                ""
            ),
            (.ollama, #""max_tokens":100,"temperature":0.7\#(five)\#(loose)\#(usage)}"#, "top_k"),
            (
                .generic, #""max_tokens":100,"temperature":0.7\#(four)\#(loose)\#(usage)}"#,
                "top_k,stop_sequences"
            ),
        ] as [(UpstreamProfile, String, String)])
    func writesWhatTheServerTakes(
        _ profile: UpstreamProfile, _ tail: String, _ dropped: String
    ) throws {
        let translated = try translate(Self.full, settings(profile, "m"))
        #expect(translated.body.hasSuffix("}]," + tail))
        #expect(translated.request.dropped.headerValue == dropped)
    }

    @Test func saysTheSchemaInWordsWhereItCannotBeGiven() throws {
        let note =
            #"{"role":"system","content":"Answer with one JSON value and nothing else. It must match this schema:\n{\"type\":\"object\"}"}"#
        let text = request(
            #""output_format":{"type":"json_schema","schema":{"type":"object"}}"#
        )
        #expect(try translate(text, settings(.deepseek, "m")).body.contains(note))
        for target in [
            settings { $0.capabilities.structuredOutput = false },
            settings { $0.omittedFields = ["response_format"] },
        ] {
            let body = try translate(text, target).body
            #expect(body.contains(note) && !body.contains("response_format"))
        }
        #expect(try !translate(text).body.contains("Answer with"))
    }

    // MARK: What configuration and experience add

    @Test func addsConfiguredMembersInPlaceOfItsOwn() throws {
        var profile = UpstreamProfile.openrouter
        profile.extraFields = [
            ExtraField(name: "user", json: [UInt8](#""profile""#.utf8)),
            ExtraField(name: "transforms", json: [UInt8]("[]".utf8)),
        ]
        let target = settings(profile) {
            $0.extraFields = [
                ExtraField(name: "provider", json: [UInt8](#"{"order":["x"]}"#.utf8)),
                ExtraField(name: "user", json: [UInt8](#""mine""#.utf8)),
                ExtraField(name: "temperature", json: [UInt8]("0".utf8)),
            ]
        }
        let body = try translate(
            request(#""metadata":{"user_id":"u"},"temperature":1"#), target
        ).body
        #expect(
            body.hasSuffix(
                #""max_tokens":100\#(Self.usage),"provider":{"order":["x"]},"user":"mine","temperature":0,"transforms":[]}"#
            ))
    }

    @Test func leavesOutWhatTheUpstreamHasRefused() throws {
        let target = settings(.openrouter, "m") {
            $0.omittedFields = [
                "temperature", "top_k", "stop", "session_id", "user", "stream_options",
                "max_tokens",
                "response_format", "reasoning",
            ]
        }
        let body = try translate(
            String(Self.full.dropLast()) + #","thinking":{"type":"adaptive"}}"#, target
        ).body
        #expect(body.hasSuffix(#"}],"max_completion_tokens":100,"stream":true}"#))
    }

    @Test func hashesWithTheSecretOfTheInstallation() throws {
        let text = request(#""metadata":{"user_id":"u"}"#)
        let target = settings {
            $0.identitySalt = [1, 2, 3]
            $0.sessionID = [UInt8]("from-header".utf8)
        }
        #expect(
            try member("user", text, target)
                == "\"\(SHA256Tests.hex(SHA256.digest(([1, 2, 3] + [UInt8]("user:u".utf8)).span)))\""
        )
        #expect(
            try member("session_id", text, target)
                == "\"\(SHA256Tests.hex(SHA256.digest(([1, 2, 3] + [UInt8]("session_id:from-header".utf8)).span)))\""
        )
    }

    // MARK: Length

    @Test(
        arguments: [
            (32000, 8192, nil, nil, 8192), (4000, 8192, nil, nil, 4000),
            (32000, nil, 131_072, 120_000, 10560), (32000, nil, 131_072, 1000, 32000),
            (32000, nil, 131_072, nil, 32000),
            // The window is full: the upstream shall say so.
            (32000, nil, 131_072, 131_000, 32000), (32000, nil, 131_072, Int.max, 32000),
            (32000, 0, nil, nil, 32000), (Int.max, nil, nil, nil, Int.max), (1, nil, nil, nil, 16),
        ] as [(Int, Int?, Int?, Int?, Int)])
    func keepsTheAnswerWithinModelAndWindow(
        _ asked: Int, _ most: Int?, _ window: Int?, _ prompt: Int?, _ expected: Int
    ) throws {
        let translated = try translate(
            #"{"model":"m","max_tokens":\#(asked),"messages":[{"role":"user","content":"x"}]}"#,
            settings {
                $0.capabilities.outputTokensMax = most
                $0.capabilities.contextTokens = window
                $0.promptTokens = prompt
            })
        #expect(translated.body.contains(#""max_tokens":\#(expected),"#))
        #expect(translated.request.facts.maxTokens == asked)
    }
}
