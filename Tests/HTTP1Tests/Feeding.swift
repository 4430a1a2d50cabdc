// How the tests feed the decoder: whole, byte by byte and at seeded random splits, and what came
// out of it in a form that does not depend on the split.

import TestSupport
import HTTP1

/// What a client's bytes led to.
struct Outcome: Equatable {
    /// The requests in order; the last one may be incomplete.
    var requests: [Request] = []
    var error: ProtocolError?
    /// What an end of input would mean after the last byte.
    var end = RequestDecoder.EndOfInput.clean

    struct Request: Equatable {
        var head: RequestHead
        var body: [UInt8] = []
        var isComplete = false
    }

    var reason: ProtocolError.Reason? { error?.reason }
    var bodies: [String] { requests.map { String(decoding: $0.body, as: UTF8.self) } }
}

/// Decodes `pieces` as if each had come from one read; pipelined requests are decoded on.
func decode(_ pieces: [ArraySlice<UInt8>], limits: RequestLimits = RequestLimits()) -> Outcome {
    var decoder = RequestDecoder(limits: limits)
    var outcome = Outcome()
    for piece in pieces {
        if !feed(Array(piece), to: &decoder, into: &outcome) { break }
    }
    outcome.end = decoder.endOfInput()
    return outcome
}

/// Decodes one piece. Returns whether the decoder can go on.
private func feed(
    _ piece: [UInt8], to decoder: inout RequestDecoder, into outcome: inout Outcome
) -> Bool {
    var offset = 0
    while true {
        let event: RequestEvent
        do throws(ProtocolError) {
            event = try decoder.decode(piece.span, from: &offset)
        } catch {
            outcome.error = error
            return false
        }
        switch event {
        case .needsMoreInput:
            // A decoder that leaves bytes behind would make its caller loop or lose them.
            precondition(offset == piece.count, "input was left")
            return true
        case .head(let head): outcome.requests.append(Outcome.Request(head: head))
        case .body(let range):
            outcome.requests[outcome.requests.count - 1].body += piece[range]
        case .end: outcome.requests[outcome.requests.count - 1].isComplete = true
        }
    }
}

/// `bytes` in pieces of one byte each.
func singleBytes(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.indices.map { bytes[$0..<$0 + 1] }
}

/// `bytes` in pieces of random length; an empty one is possible.
func randomPieces(_ bytes: [UInt8], using random: inout SplitMix64) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    let longest = [3, 20, 200][random.below(3)]
    while start < bytes.count {
        let end = min(bytes.count, start + random.below(longest))
        pieces.append(bytes[start..<end])
        start = end
    }
    return pieces
}

/// Feeds `bytes` in every way; `nil` if the ways disagree.
func decodeEveryWay(_ bytes: [UInt8], limits: RequestLimits = RequestLimits()) -> Outcome? {
    let whole = decode([bytes[...]], limits: limits)
    guard decode(singleBytes(bytes), limits: limits) == whole else { return nil }
    var random = SplitMix64(seed: UInt64(bytes.count))
    for _ in 0..<8 {
        guard decode(randomPieces(bytes, using: &random), limits: limits) == whole else {
            return nil
        }
    }
    return whole
}
