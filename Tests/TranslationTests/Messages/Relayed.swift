// Runs an upstream's Messages response through a relay, in any pieces, and keeps all that comes of it.

import TestSupport
import Testing

@testable import Translation

/// A relayed response.
struct Relayed {
    var output: [UInt8] = []
    var progress = StreamTranslator.Progress.waiting
    var summary = ResponseSummary()

    init(
        _ bytes: [UInt8], streaming: Bool = true, reportedModel: String? = "claude-test",
        pieces: Int = .max
    ) {
        var facts = RequestFacts()
        facts.isStreaming = streaming
        var relay = MessagesRelay(
            facts: facts,
            identity: StreamTranslator.Identity(
                messageID: [UInt8]("msg_test".utf8), requestID: [UInt8]("req_test".utf8),
                upstreamModel: [UInt8]("claude-up".utf8),
                reportedModel: reportedModel.map { [UInt8]($0.utf8) }, sealKey: sealKey),
            inputTokensEstimate: 25,
            errorReader: UpstreamErrorReader(
                inputTokensEstimate: 25, maxTokens: 1000,
                secret: [UInt8]("sk-or-v1-secret".utf8)))
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + min(pieces, bytes.count))
            progress = relay.received(bytes.span.extracting(start..<end), into: &output)
            start = end
        }
        progress = relay.ended(into: &output)
        summary = relay.summary
    }

    init(_ text: String, streaming: Bool = true, reportedModel: String? = "claude-test") {
        self.init([UInt8](text.utf8), streaming: streaming, reportedModel: reportedModel)
    }

    var text: String { String(decoding: output, as: UTF8.self) }

    var error: APIError? {
        switch progress {
        case .failed(let error), .failedMidStream(let error): error
        case .waiting, .started, .finished, .empty: nil
        }
    }
}

/// What every relayed stream must fulfil: whole events, the same whatever the pieces.
@discardableResult
func relay(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation
) -> Relayed {
    let whole = Relayed(text)
    for pieces in [1, 7, 64] {
        let again = Relayed([UInt8](text.utf8), pieces: pieces)
        #expect(
            again.output == whole.output && again.progress == whole.progress, "pieces \(pieces)",
            sourceLocation: sourceLocation)
    }
    #expect(whole.output.isEmpty || whole.text.hasSuffix("\n\n"), sourceLocation: sourceLocation)
    return whole
}

/// Events of the Messages API, with blanks before the brace as Anthropic pads them.
enum Native {
    static func event(_ type: String, _ json: String = "") -> String {
        let more = json.isEmpty ? "" : ",\(json)"
        return "event: \(type)\ndata: {\"type\":\"\(type)\"\(more)   }\n\n"
    }

    static func start(
        _ usage: String = #"{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":1}"#,
        id: String = "msg_1"
    ) -> String {
        event(
            "message_start",
            #""message":{"id":"\#(id)","type":"message","role":"assistant","model":"claude-up","content":[],"stop_reason":null,"usage":\#(usage)}"#
        )
    }

    static let text =
        event("content_block_start", #""index":0,"content_block":{"type":"text","text":""}"#)
        + event("content_block_delta", #""index":0,"delta":{"type":"text_delta","text":"Hi"}"#)
        + event("content_block_stop", #""index":0"#)

    static func end(
        _ reason: String = "end_turn",
        usage: String = #"{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":7}"#
    ) -> String {
        event(
            "message_delta",
            #""delta":{"stop_reason":"\#(reason)","stop_sequence":null},"usage":\#(usage)"#)
            + event("message_stop")
    }
}
