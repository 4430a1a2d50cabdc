// What a request may cost: for every shape of hostile request, every kind of upstream and every
// family of models, the body is no longer than a multiple of the request, and no more is read of the
// document on the way than a multiple of it. What is read is counted by StepMeter, so that neither
// a slow machine nor a fast one changes the outcome.

import Testing

@testable import Translation

@Suite struct RequestBudgetTests {
    /// How many bytes of a body one byte of a request may become.
    static let outputPerByte = 6
    /// How much may be read for one byte: most of it comparing names of members.
    static let stepsPerByte = 64
    /// One step of the schemas' budget is up to this many comparisons.
    static let comparisonsPerStep = 16

    static let models = ["google/gemini-3-pro", "anthropic/claude-opus-5", "openai/gpt-5", "a/b"]

    /// The cost of translating `text` for `purpose`.
    static func check(
        _ text: String, _ settings: RequestSettings, _ purpose: RequestOutline.Purpose,
        _ name: String
    ) throws {
        var document = JSONDocument()
        try document.parse([UInt8](text.utf8))
        let meter = StepMeter()
        document.meter = meter
        var output: [UInt8] = []
        do throws(APIError) {
            let outline = try RequestOutline(document, for: purpose)
            _ = try RequestTranslator.translate(
                document, outline: outline, settings: settings, into: &output)
        } catch {
            #expect(error.message.utf8.count < 1000)
            output = []
        }
        let input = text.utf8.count
        let model = String(decoding: settings.upstreamModel, as: UTF8.self)
        #expect(
            output.count <= outputPerByte * input + SchemaBudget.bytesMin + 4096,
            "\(name) of \(input) bytes for \(model): \(output.count) bytes")
        #expect(
            meter.steps <= stepsPerByte * input + comparisonsPerStep * SchemaBudget.stepsMin,
            "\(name) of \(input) bytes for \(model): \(meter.steps) steps")
        guard !output.isEmpty else { return }
        #expect(throws: Never.self, "\(name): a body that is no JSON") {
            var check = JSONDocument()
            try check.parse(output)
        }
    }

    @Test(arguments: HostileRequest.schemas)
    func schemasCostNoMoreThanAMultipleOfTheRequest(_ hostile: HostileRequest) throws {
        for bytes in [1 << 10, 1 << 13, 100_000] {
            let text = hostile.make(bytes)
            for model in Self.models.prefix(bytes < 10_000 ? 4 : 1) {
                try Self.check(
                    text, settings(.openrouter, model), .message, hostile.name)
            }
        }
    }

    @Test(arguments: HostileRequest.messages)
    func messagesCostNoMoreThanAMultipleOfTheRequest(_ hostile: HostileRequest) throws {
        let text = hostile.make(1 << 10)
        for profile in UpstreamProfile.all {
            for model in Self.models.prefix(profile == .openrouter ? 4 : 2) {
                var settings = settings(profile, model)
                settings.addsCacheMarks = true
                settings.takesFingerprint = true
                try Self.check(text, settings, .tokenCount, hostile.name)
                settings.capabilities.images = false
                settings.capabilities.files = false
                settings.capabilities.structuredOutput = false
                try Self.check(text, settings, .message, hostile.name)
            }
        }
        try Self.check(hostile.make(50_000), gemini, .message, hostile.name)
    }

    @Test func honestSchemasAreWrittenWholeHoweverManyTools() throws {
        // Two hundred tools, each with a definition that is used six times.
        let properties = (0..<6).map { ##""p\##($0)":{"$ref":"#/$defs/a"}"## }
        let definition =
            #"{"type":"object","description":"What it is, in a sentence of some length.","#
            + #""properties":{"x":{"type":"string","enum":["a","b"]},"y":{"type":"number"}},"#
            + #""required":["x"]}"#
        let schema =
            #"{"type":"object","properties":{\#(properties.joined(separator: ","))},"#
            + #""$defs":{"a":\#(definition)}}"#
        let tools = (0..<200).map { HostileRequest.tool(schema, "f\($0)") }
        let body = try translate(
            request("\"tools\":[\(tools.joined(separator: ","))]"), gemini
        ).body
        #expect(body.components(of: definition) == 1200)
    }

    @Test func whatIsBeyondTheBudgetKeepsItsType() throws {
        // The description takes all that there is for references; the properties stay.
        let text = String(repeating: "d", count: 40_000)
        let properties = (0..<40).map { ##""p\##($0)":{"$ref":"#/$defs/a"}"## }
        let schema =
            #"{"type":"object","properties":{\#(properties.joined(separator: ","))},"#
            + #""$defs":{"a":{"type":"integer","description":"\#(text)"}}}"#
        let body = try translate(
            request("\"tools\":[\(HostileRequest.tool(schema))]"), gemini
        ).body
        #expect(body.components(of: #"{"type":"integer""#) == 40)
        #expect((2..<10).contains(body.components(of: text)))
    }
}

extension String {
    /// How often `part` stands in it.
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
