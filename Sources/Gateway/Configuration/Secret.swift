// A value that must not reach a log, a message or a terminal.
//
// Every way in which Swift turns a value into text (`print`, interpolation, `dump`, a failed
// `#expect`) goes through one of the three conformances below, and none of them tells anything
// about the value, not even its length. What has to send it says so: `reveal()`.

/// A key or token that shows itself only to `reveal()`.
package struct Secret: Sendable, Equatable {
    private let value: String

    /// Wraps a value.
    package init(_ value: String) {
        self.value = value
    }

    /// The value itself. For the one place that sends or compares it.
    package func reveal() -> String {
        value
    }

    /// Whether it looks like what documentation has in place of a key: `sk-or-...`, `<YOUR_KEY>`,
    /// `${KEY}`, `your-api-key`, `xxxxxxxx`.
    var isPlaceholder: Bool {
        let text = value.lowercased()
        if text.contains("...") || text.hasPrefix("<") && text.hasSuffix(">") { return true }
        if text.hasPrefix("$") || text.hasPrefix("{{") || text.hasPrefix("[") && text.hasSuffix("]")
        {
            return true
        }
        let letters = text.filter { $0.isLetter || $0.isNumber }
        let words = [
            "yourkey", "yourapikey", "yourtoken", "youropenrouter", "changeme", "replaceme",
        ]
        if words.contains(where: letters.contains) || letters.hasSuffix("keyhere") { return true }
        // Behind the prefix nothing but one letter: sk-or-v1-xxxxxxxx.
        guard let tail = text.split(separator: "-").last, tail.count >= 3 else { return false }
        return tail.allSatisfy { $0 == "x" } || tail.allSatisfy { $0 == "*" }
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What people see in place of a secret.
    package static let mask = "(set)"
    /// What people see when there is no secret.
    package static let absent = "(not set)"

    /// The mask.
    package var description: String { Self.mask }
    /// The mask.
    package var debugDescription: String { Self.mask }
    /// Without children.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
