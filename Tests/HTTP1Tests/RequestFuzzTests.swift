// Mutated requests: whatever comes in, the decoder parses it or throws ProtocolError, and the
// split makes no difference. A trap would end the test process.

import HTTP1
import TestSupport
import Testing

@Suite struct RequestFuzzTests {
    @Test func `20 000 mutated requests parse or fail alike however they are split`() {
        let corpus =
            (AcceptedRequestTests.heads + AcceptedRequestTests.framed).map(\.input)
            .filter { $0.count < 400 }
        let limits = [
            RequestLimits(),
            RequestLimits(
                headBytesMax: 120, fieldsMax: 3, targetBytesMax: 20, bodyBytesMax: 12,
                chunkLineBytesMax: 12, trailerBytesMax: 16),
        ]
        var random = SplitMix64(seed: 0x4854_5450)
        var refused = 0
        var completed = 0
        for round in 0..<rounds(20_000) {
            var input = corpus[random.below(corpus.count)]
            if random.below(4) == 0 { input += corpus[random.below(corpus.count)] }
            for _ in 0...random.below(3) { mutate(&input, using: &random) }
            let limit = limits[round % 2]
            let whole = decode([input[...]], limits: limit)
            let split = decode(randomPieces(input, using: &random), limits: limit)
            #expect(whole == split, "\(String(decoding: input, as: UTF8.self).debugDescription)")
            if round % 8 == 0 { #expect(whole == decode(singleBytes(input), limits: limit)) }
            if whole.error != nil { refused += 1 }
            if whole.requests.contains(where: \.isComplete) { completed += 1 }
        }
        // The mutations are of use only if they reach both sides.
        #expect(refused > rounds(5_000))
        #expect(completed > rounds(3_000))
    }

    @Test func `5 000 inputs of random bytes never complete a request`() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<rounds(5_000) {
            let input = (0..<random.below(64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let whole = decode([input[...]])
            #expect(whole == decode(singleBytes(input)))
            #expect(whole.requests.isEmpty)
        }
    }

    private static let dictionary: [[UInt8]] = [
        "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ";", ",", "\0", "0", "f", "#", "?", "%2F",
        "HTTP/1.1", "HTTP/1.0", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
        "Host: h\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n", "0\r\n\r\n",
        "5\r\nhello\r\n", "http://", "[::1]", "GET ",
    ].map { Array($0.utf8) }

    private func mutate(_ bytes: inout [UInt8], using random: inout SplitMix64) {
        let place = random.below(bytes.count + 1)
        let length = min(bytes.count - place, 1 + random.below(12))
        switch random.below(6) {
        case 0 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
        case 2: bytes.removeSubrange(place..<place + length)
        case 3: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
        case 4:
            let word = Self.dictionary[random.below(Self.dictionary.count)]
            bytes.insert(contentsOf: word, at: place)
        default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        }
    }
}
