// Client requests: what is translated is JSON that asks for a stream, the same every time, for every
// kind of upstream; what is refused is a 400 with a reason.

import TestSupport
import Translation

enum RequestFuzz {
    static func run(_ bytes: [UInt8]) {
        var document = JSONDocument()
        do throws(JSONError) { try document.parse(bytes.withoutHead) } catch { return }
        do throws(APIError) {
            let outline = try RequestOutline(document)
            for profile in profiles {
                for api in UpstreamAPI.allCases {
                    try translate(document, outline, profile, api)
                }
            }
        } catch {
            expect((400..<500).contains(error.status), "\(error.status) for a bad request")
            expect(!error.message.isEmpty, "no reason")
            var envelope: [UInt8] = []
            error.writeEnvelope(requestID: Array("req_1".utf8), into: &envelope)
            expect(ReferenceJSON.parse(envelope) != nil, "an envelope that is no JSON")
        }
    }

    private static func translate(
        _ document: JSONDocument, _ outline: RequestOutline, _ profile: UpstreamProfile,
        _ api: UpstreamAPI
    ) throws(APIError) {
        // Schemas are rewritten for Gemini's models alone.
        let model = profile == .openrouter ? "google/gemini-3-pro" : "a/b"
        var settings = RequestSettings(profile: profile, upstreamModel: Array(model.utf8))
        settings.api = api
        settings.promptTokens = 10
        settings.identitySalt = [1, 2, 3]
        var bodies: [[UInt8]] = [[], [1, 2, 3]]
        for index in bodies.indices {
            _ = try RequestTranslator.translate(
                document, outline: outline, settings: settings, into: &bodies[index])
        }
        expect(bodies[0] == bodies[1], "another body for the same request")
        expect(
            bodies[0].count <= 6 * document.bytes.count + 70_000,
            "\(bodies[0].count) bytes out of \(document.bytes.count)")
        guard let root = ReferenceJSON.parse(bodies[0], depthMax: 200) else {
            fatalError("a body that is no JSON: \(String(decoding: bodies[0], as: UTF8.self))")
        }
        expect(root["model"]?.text == model, "another model")
        // The Messages API's own: the client's stream or none, the client's messages or fewer.
        guard api != .messages else { return }
        expect(root["stream"] == .bool(true), "a body that asks for no stream")
        let list = api == .chat ? "messages" : "input"
        expect(root[list]?.elements?.isEmpty == false, "a body without messages")
        expect(api == .chat || root["store"] == .bool(false), "a body that is stored")
    }

    private static let profiles = UpstreamProfile.all
}
