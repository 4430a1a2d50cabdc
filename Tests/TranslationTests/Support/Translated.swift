// Runs upstream bytes through a StreamTranslator, in any pieces, and keeps all that comes of it.

import TestSupport
import Testing

@testable import Translation

/// How a test wants its response translated.
struct Setting {
    var facts = RequestFacts()
    var profile = StreamTranslator.Profile()
    var limits = StreamTranslator.Limits()
    var reportedModel: String? = "claude-test"
    var estimate = 25

    /// A setting with one change.
    static func with(_ change: (inout Setting) -> Void) -> Setting {
        var setting = Setting()
        change(&setting)
        return setting
    }
}

/// A translated response.
struct Translated {
    var output: [UInt8] = []
    var progress = StreamTranslator.Progress.waiting
    var summary = ResponseSummary()

    /// - Parameter pieces: sizes of the pieces in which the bytes arrive; the last one repeats.
    init(
        _ bytes: [UInt8], streaming: Bool, setting: Setting = Setting(),
        pieces: [Int] = [Int.max]
    ) {
        var facts = setting.facts
        facts.isStreaming = streaming
        var translator = StreamTranslator(
            facts: facts,
            identity: StreamTranslator.Identity(
                messageID: [UInt8]("msg_test".utf8), requestID: [UInt8]("req_test".utf8),
                upstreamModel: [UInt8]("vendor/model".utf8),
                reportedModel: setting.reportedModel.map { [UInt8]($0.utf8) },
                sealKey: sealKey),
            inputTokensEstimate: setting.estimate,
            errorReader: UpstreamErrorReader(
                inputTokensEstimate: setting.estimate, maxTokens: 1000,
                secret: [UInt8]("sk-or-v1-secret".utf8)),
            profile: setting.profile, limits: setting.limits)
        var start = 0
        var piece = 0
        while start < bytes.count {
            let end = min(bytes.count, start + min(pieces[piece], bytes.count))
            if piece + 1 < pieces.count { piece += 1 }
            progress = translator.received(bytes.span.extracting(start..<end), into: &output)
            start = end
        }
        progress = translator.ended(into: &output)
        summary = translator.summary
    }

    init(_ text: String, streaming: Bool = true, setting: Setting = Setting()) {
        self.init([UInt8](text.utf8), streaming: streaming, setting: setting)
    }

    var text: String { String(decoding: output, as: UTF8.self) }

    /// The message of a response without streaming.
    var message: JSONValue? { JSONValue(output) }
}

/// How many places of a stream are tried as the end of its first piece.
private let splitsMax = 200

/// What every response must fulfil: legal events, the same whatever the pieces, the same content
/// with and without streaming. Returns the events' model.
@discardableResult
func check(
    _ stream: String, setting: Setting = Setting(), everySplit: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
) -> MessageModel {
    check(
        [UInt8](stream.utf8), setting: setting, everySplit: everySplit,
        sourceLocation: sourceLocation)
}

@discardableResult
func check(
    _ bytes: [UInt8], setting: Setting = Setting(), everySplit: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
) -> MessageModel {
    let events = Translated(bytes, streaming: true, setting: setting)
    let model = MessageModel(events.output)
    #expect(model.problems == [], sourceLocation: sourceLocation)
    let message = Translated(bytes, streaming: false, setting: setting)
    switch events.progress {
    case .finished:
        #expect(model.isFinished, sourceLocation: sourceLocation)
        #expect(message.progress == .finished, sourceLocation: sourceLocation)
        expectAgreement(model, message.message, sourceLocation: sourceLocation)
    case .empty:
        #expect(events.output == [] && message.output == [], sourceLocation: sourceLocation)
        #expect(message.progress == .empty, sourceLocation: sourceLocation)
    case .failed(let error):
        #expect(events.output == [] && message.output == [], sourceLocation: sourceLocation)
        #expect(message.progress == .failed(error), sourceLocation: sourceLocation)
    case .failedMidStream(let error):
        #expect(model.error != nil, sourceLocation: sourceLocation)
        #expect(message.output == [], sourceLocation: sourceLocation)
        #expect(message.progress == .failed(error), sourceLocation: sourceLocation)
    case .waiting, .started:
        Issue.record("the response has not ended", sourceLocation: sourceLocation)
    }
    var splits: [[Int]] = [[1], [7], [64]]
    if everySplit {
        // Each split costs a whole translation: a long stream is split at so many places, which differ
        // from stream to stream, and fuzzing splits everywhere.
        let step = max(1, bytes.count / rounds(splitsMax))
        let first = 1 + bytes.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % step
        splits += stride(from: first, to: max(2, bytes.count), by: step).map { [$0, Int.max] }
    }
    for pieces in splits {
        let again = Translated(bytes, streaming: true, setting: setting, pieces: pieces)
        #expect(
            again.output == events.output && again.progress == events.progress,
            "pieces \(pieces)", sourceLocation: sourceLocation)
    }
    let again = Translated(bytes, streaming: false, setting: setting, pieces: [5])
    #expect(again.output == message.output, sourceLocation: sourceLocation)
    return model
}

private func expectAgreement(
    _ model: MessageModel, _ message: JSONValue?, sourceLocation: SourceLocation
) {
    #expect(message?["content"] == .array(model.content), sourceLocation: sourceLocation)
    #expect(message?["usage"] == model.usage, sourceLocation: sourceLocation)
    for key in ["stop_reason", "stop_sequence", "stop_details"] {
        #expect(message?[key] == model.stop?[key], sourceLocation: sourceLocation)
    }
    for key in ["id", "model", "role", "type"] {
        #expect(message?[key] == model.message?[key], sourceLocation: sourceLocation)
    }
    let keys: Set = [
        "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage",
    ]
    #expect(message?.keys.subtracting(["stop_details"]) == keys, sourceLocation: sourceLocation)
}
