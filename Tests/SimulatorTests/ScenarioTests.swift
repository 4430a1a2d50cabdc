// The table of scenarios and the player, without a socket or a clock.
import HTTP1
import Testing
import Translation

@testable import Simulator

@Suite struct ScenarioTests {
    static func request(_ model: String, _ text: String = "Hi") throws -> ModelRequest {
        try ModelRequest(Array(chat(model, text).utf8))
    }

    static func steps(_ model: String, _ text: String = "Hi") throws -> [Step] {
        try Scenario.steps(for: request(model, text), generation: 1)
    }

    static func player(_ model: String, _ text: String = "Hi") throws -> Player {
        var decoder = RequestDecoder()
        var offset = 0
        let bytes = Array(post("").utf8)
        guard case .head(let head) = try decoder.decode(bytes.span, from: &offset) else {
            throw LoopbackClient.Failure(code: 0)
        }
        return Player(try steps(model, text), for: head, at: .zero)
    }

    @Test(arguments: Scenario.all.map(\.name))
    func everyScenarioPlaysWithItsDefaults(_ name: String) throws {
        #expect(try !Self.steps(name).isEmpty)
    }

    @Test(arguments: UpstreamAPI.allCases, Scenario.all.map(\.name))
    func everyEventInEveryAPIIsJSON(_ api: UpstreamAPI, _ name: String) throws {
        let list = api == .responses ? "input" : "messages"
        let body =
            #"{"model":"\#(name)","stream":true,"\#(list)":[{"role":"user","content":"Hi"}]}"#
        let request = try ModelRequest(Array(body.utf8), api)
        for case .send(let bytes, _, _) in try Scenario.steps(for: request, generation: 1) {
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                let text = String(decoding: line, as: UTF8.self)
                guard text.hasPrefix("data: {") else { continue }
                var document = JSONDocument()
                try document.parse(Array(text.dropFirst("data: ".count).utf8))
                let type = document.member(.root, "type").flatMap { document.string($0) }
                #expect((type == nil) == (api == .chat))
            }
        }
    }

    @Test func theModelListNamesEveryScenario() throws {
        var document = JSONDocument()
        try document.parse(CannedBodies.models)
        let data = try #require(document.member(.root, "data"))
        #expect(document.count(data) == Scenario.all.count)
        var models = document.elements(of: data)
        for scenario in Scenario.all {
            let model = try #require(document.next(&models))
            let id = try #require(document.member(model, "id"))
            #expect(document.string(id) == scenario.name)
        }
    }

    @Test func pausesFollowTheScriptsOwnTimeHoweverLateTheTimer() throws {
        var player = try Self.player("sim/chunks;n=3;delay=5ms")
        var output: [UInt8] = []
        var deadlines: [Duration] = []
        var now = Duration.zero
        playing: while true {
            switch player.play(into: &output, room: 1 << 20, at: now) {
            case .waits(let deadline):
                deadlines.append(deadline)
                now = deadline + .milliseconds(1)
            case .ended: break playing
            case .isHeldBack, .stalls, .cut, .reset: Issue.record("an unexpected outcome")
            }
            try #require(deadlines.count <= 3)
        }
        #expect(deadlines == [.milliseconds(5), .milliseconds(10), .milliseconds(15)])
        let text = try body(of: String(decoding: output, as: UTF8.self))
        #expect(text.split(separator: "\"lorem \"").count == 4)
    }

    @Test func aScriptStopsWhenThereIsNoRoom() throws {
        var player = try Self.player("sim/burst;n=5000")
        var output: [UInt8] = []
        var text = ""
        var rounds = 0
        while true {
            rounds += 1
            let outcome = player.play(into: &output, room: 10_000, at: .zero)
            // The room, the chunk that reached over it, the head and the framing.
            #expect(output.count < 11_000)
            text += String(decoding: output, as: UTF8.self)
            output = []
            guard case .isHeldBack = outcome else { break }
        }
        #expect(rounds > 100)
        #expect(try body(of: text).split(separator: "\"lorem \"").count == 5001)
    }

    @Test func theDemonstrationSaysWhatItIsAndQuotesTheUser() throws {
        var player = try Self.player(
            "demo/demo", "Say \\\"hi\\\"\\n\(String(repeating: "x", count: 400))")
        var output: [UInt8] = []
        var now = Duration.zero
        while case .waits(let deadline) = player.play(into: &output, room: 1 << 20, at: now) {
            now = deadline
        }
        var text = ""
        for event in try body(of: String(decoding: output, as: UTF8.self)).split(separator: "\n\n")
        {
            guard event.hasPrefix("data: {") else { continue }
            var document = JSONDocument()
            try document.parse(Array(event.dropFirst("data: ".count).utf8))
            let choices = try #require(document.member(.root, "choices"))
            var cursor = document.elements(of: choices)
            let choice = try #require(document.next(&cursor))
            let delta = try #require(document.member(choice, "delta"))
            text += document.member(delta, "content").flatMap { document.string($0) } ?? ""
        }
        #expect(text.contains("No model was asked"))
        #expect(text.contains("You said: Say \"hi\"\nxxx"))
        #expect(text.contains("xxx…"))
        #expect(text.count < 1000)
        #expect(text.contains("export OPENROUTER_API_KEY="))
        #expect(now > .seconds(1))
    }
}
