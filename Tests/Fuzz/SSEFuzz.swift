// Server-sent events: the same whatever way they are cut, and the same as a plain reader finds, which
// has all the bytes and takes them line by line.

import Translation

enum SSEFuzz {
    struct Event: Equatable {
        var name: [UInt8]
        var data: [UInt8]
    }

    static func run(_ bytes: [UInt8]) {
        for limit in [SSEParser.eventBytesMaxDefault, 24] {
            let events = bytes.splittings.map { read($0, limit) }
            expect(events[0] == events[1], "byte by byte: other events")
            expect(events[0] == events[2], "in pieces: other events")
        }
        let events = read([bytes], SSEParser.eventBytesMaxDefault)
        let reference = plain(bytes)
        expect(events == reference, "\(events ?? []) instead of \(reference)")
    }

    /// nil if it was too long.
    private static func read(_ pieces: [[UInt8]], _ limit: Int) -> [Event]? {
        var parser = SSEParser(eventBytesMax: limit)
        var events: [Event] = []
        for piece in pieces {
            var position = 0
            reading: while true {
                switch parser.next(in: piece.span, from: &position) {
                case .event:
                    expect(parser.data.count <= limit, "an event of \(parser.data.count) bytes")
                    events.append(Event(name: parser.name, data: parser.data))
                case .needsMore:
                    expect(position == piece.count, "input is left over")
                    break reading
                case .tooLong: return nil
                }
            }
        }
        while parser.finish() == .event {
            events.append(Event(name: parser.name, data: parser.data))
        }
        return events
    }

    private static func plain(_ bytes: [UInt8]) -> [Event] {
        var events: [Event] = []
        var name: [UInt8] = []
        var data: [UInt8]?
        func dispatch() {
            if let data { events.append(Event(name: name, data: data)) }
            name = []
            data = nil
        }
        for line in lines(bytes) {
            if line.isEmpty { dispatch() }
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            var value = line[colon...].dropFirst()
            if value.first == 0x20 { value = value.dropFirst() }
            switch String(decoding: line[..<colon], as: UTF8.self) {
            case "event": name = Array(value)
            case "data":
                // Two JSON texts with one line end between them are two events.
                let last = data?.last { $0 > 0x20 }
                if let last, "}]".utf8.contains(last), let first = value.first,
                    "{[".utf8.contains(first)
                {
                    dispatch()
                }
                data = data.map { $0 + [10] + value } ?? Array(value)
            default: break
            }
        }
        dispatch()
        return events
    }

    private static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var line: [UInt8] = []
        var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        while index < bytes.count {
            switch bytes[index] {
            case 13:
                if index + 1 < bytes.count, bytes[index + 1] == 10 { index += 1 }
                lines.append(line)
                line = []
            case 10:
                lines.append(line)
                line = []
            default: line.append(bytes[index])
            }
            index += 1
        }
        return line.isEmpty ? lines : lines + [line]
    }
}
