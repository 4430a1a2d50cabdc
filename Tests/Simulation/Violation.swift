// What ends a run, and what is told of it.

/// A rule that was broken.
package struct Violation: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// Fails unless the rule holds.
func require(_ holds: Bool, _ rule: @autoclosure () -> String) throws {
    guard holds else { throw Violation(rule()) }
}

/// The last events of a run, kept raw: most runs never show them.
struct Trace {
    struct Entry {
        var step = 0
        var time = Duration.zero
        var connection = -1
        var what: StaticString = ""
        var detail = 0
    }

    private var entries: [Entry] = []
    private var next = 0
    private static let entriesMax = 400

    mutating func note(_ entry: Entry) {
        if entries.count < Self.entriesMax {
            entries.append(entry)
        } else {
            entries[next] = entry
            next = (next + 1) % Self.entriesMax
        }
    }

    /// The events in order, a line each, the present connection's marked.
    func lines(of connection: Int) -> [String] {
        (entries[next...] + entries[..<next]).map { entry in
            let mark = entry.connection == connection ? "*" : " "
            return "\(mark) step \(entry.step) at \(entry.time) connection \(entry.connection):"
                + " \(entry.what) \(entry.detail)"
        }
    }
}
