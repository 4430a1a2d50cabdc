// Requests: whatever way they are cut, the same comes of them; and a head that is accepted is one by
// the letter of RFC 9112 and of the bar above it.

import HTTP1

enum HTTPFuzz {
    /// What a decoder told, with neighbouring pieces of a body joined.
    enum Event: Equatable {
        case head(RequestHead)
        case body([UInt8])
        case end
        case failure(ProtocolError)
    }

    static func run(_ bytes: [UInt8]) {
        let events = bytes.splittings.map(read)
        expect(events[0] == events[1], "byte by byte: \(events[1]), whole: \(events[0])")
        expect(events[0] == events[2], "in pieces: \(events[2]), whole: \(events[0])")
        for event in events[0] {
            if case .head(let head) = event { check(head) }
        }
    }

    private static func read(_ pieces: [[UInt8]]) -> [Event] {
        var limits = RequestLimits()
        limits.bodyBytesMax = 4096
        var decoder = RequestDecoder(limits: limits)
        var events: [Event] = []
        for piece in pieces {
            var offset = 0
            reading: while true {
                let before = offset
                do throws(ProtocolError) {
                    let event = try decoder.decode(piece.span, from: &offset)
                    expect(offset >= before && offset <= piece.count, "an offset out of bounds")
                    switch event {
                    case .needsMoreInput:
                        expect(offset == piece.count, "input is left over")
                        break reading
                    case .head(let head): events.append(.head(head))
                    case .body(let range):
                        if case .body(let earlier)? = events.last {
                            events[events.count - 1] = .body(earlier + piece[range])
                        } else {
                            events.append(.body(Array(piece[range])))
                        }
                    case .end: events.append(.end)
                    }
                } catch {
                    return events + [.failure(error)]
                }
            }
        }
        return events
    }

    /// The head again, read in the plainest way.
    private static func check(_ head: RequestHead) {
        var hosts = 0
        var lengths = 0
        var codings = 0
        for index in 0..<head.fieldCount {
            let (name, value) = head.field(at: index)
            expect(!name.isEmpty && name.allSatisfy(isToken), "a field name that is no token")
            expect(value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 }, "a control byte")
            expect(value.first != 0x20 && value.last != 0x20, "blanks round a value")
            switch String(decoding: name, as: UTF8.self).lowercased() {
            case "host": hosts += 1
            case "content-length":
                lengths += 1
                expect(
                    !value.isEmpty && value.count <= 18
                        && value.allSatisfy { (0x30...0x39).contains($0) }, "a Content-Length")
            case "transfer-encoding":
                codings += 1
                expect(
                    String(decoding: value, as: UTF8.self).lowercased() == "chunked", "a coding")
            default: break
            }
        }
        expect(hosts == 1 || (hosts == 0 && head.versionMinor == 0), "\(hosts) Host fields")
        expect(lengths + codings <= 1, "two lengths of a body")
        expect(codings == 0 || head.versionMinor == 1, "chunks in HTTP/1.0")
        expect(!head.target.isEmpty && head.target.count <= 8192, "the target's length")
        expect(head.target.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }, "the target")
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
