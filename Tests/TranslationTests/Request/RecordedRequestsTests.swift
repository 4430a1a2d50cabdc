// Recorded client requests, where a folder of them is at hand: `RECORDED_STREAMS=folder swift test`
// looks into the folder `captures` beside it. Each goes into every API, with nothing lost: every call
// and every result, every text of the user's last message.

import Testing

@testable import Translation

@Suite struct RecordedRequestsTests {
    static let folder = RecordedStreamsTests.folder.map { "\($0)/../captures" }
    static let names = RecordedStreamsTests.names(in: folder, ending: ".json")

    /// The body of the request in a file; nil when it asks for no message.
    static func body(_ name: String) -> (bytes: [UInt8], value: JSONValue)? {
        var file = JSONDocument()
        let bytes = RecordedStreamsTests.bytes(name, in: folder)
        guard (try? file.parse(bytes)) != nil,
            let path = file.member(.root, "path"), file.hasPrefix(path, "/v1/messages"),
            let body = file.member(.root, "body"), file.member(body, "max_tokens") != nil
        else { return nil }
        let literal = Array(file.bytes[file.literal(body)])
        return JSONValue(literal).map { (literal, $0) }
    }

    /// The ids of calls and results.
    private static func ids(_ body: JSONValue) -> (calls: Set<String>, results: Set<String>) {
        let blocks = (body["messages"]?.array ?? []).flatMap { $0["content"]?.array ?? [] }
        func ids(_ type: String, _ name: String) -> Set<String> {
            Set(blocks.filter { $0["type"]?.string == type }.compactMap { $0[name]?.string })
        }
        return (ids("tool_use", "id"), ids("tool_result", "tool_use_id"))
    }

    @Test(.enabled(if: folder != nil), arguments: names)
    func goesIntoEveryAPI(_ name: String) throws {
        guard let (bytes, request) = Self.body(name) else { return }
        let ids = Self.ids(request)
        // What has no counterpart in chat completions has none here.
        let isRefused = (try? body(bytes, settings())) == nil
        for profile in UpstreamProfile.all {
            if !isRefused {
                let asked = responses(profile, "gpt-5")
                let body = try body(bytes, asked)
                let problems = ResponsesSchema.problems(of: body, asked.profile.responses)
                #expect(problems == [], "\(profile.name)")
                let input = body["input"]?.array ?? []
                let calls = input.filter { $0["type"]?.string == "function_call" }
                #expect(calls.count == ids.calls.count, "\(profile.name)")
            }
            let relayed = try self.body(bytes, settings(profile, "m") { $0.api = .messages })
            #expect(Self.ids(relayed).calls == ids.calls, "\(profile.name)")
            #expect(Self.ids(relayed).results == ids.results, "\(profile.name)")
        }
        // Anthropic's own gets what the client has sent, but for the model, and thinking that nobody
        // signed.
        var own = UpstreamProfile.generic
        own.messages = .anthropic
        let model = request["model"]?.string ?? ""
        let same = settings(own, model) { $0.api = .messages }
        let isSigned = !blocks(of: request).contains { block in
            block["type"]?.string == "thinking" && block["signature"]?.string?.isEmpty != false
        }
        if isSigned { #expect(try body(bytes, same) == request) }
    }

    private func blocks(of request: JSONValue) -> [JSONValue] {
        (request["messages"]?.array ?? []).flatMap { $0["content"]?.array ?? [] }
    }

    private func body(_ bytes: [UInt8], _ settings: RequestSettings) throws -> JSONValue {
        var document = JSONDocument()
        try document.parse(bytes)
        var output: [UInt8] = []
        _ = try RequestTranslator.translate(
            document, outline: try RequestOutline(document), settings: settings, into: &output)
        return try #require(JSONValue(output))
    }
}
