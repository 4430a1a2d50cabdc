// How values of one kind are written: reading them, writing them back, and saying what is allowed.
//
// Formats are values that entries of the table pick and combine
// (`.list(of: .hostName)`, `.optional(.choice())`). Reading what `render` wrote gives the same
// value, except of secrets, which it masks.

/// How one kind of value is written.
struct ValueFormat<Value: Sendable & Equatable>: Sendable {
    /// The kind in a word or two, for the documentation.
    let type: String
    /// What is allowed, to stand after "allowed: "; for formats of secrets the same for all values.
    let allowed: String
    /// Reads a value that is not empty and has no white space at its ends.
    let parse: @Sendable (String) throws(InvalidValue) -> Value
    /// Writes a value; empty if there is none.
    let render: @Sendable (Value) -> String
}

// MARK: - Combinations

extension ValueFormat {
    /// A value that need not be there.
    static func optional<Wrapped>(
        _ format: ValueFormat<Wrapped>
    ) -> ValueFormat<Wrapped?> where Value == Wrapped? {
        ValueFormat<Wrapped?>(
            type: format.type, allowed: format.allowed,
            parse: { (text) throws(InvalidValue) in try format.parse(text) },
            render: { value in value.map(format.render) ?? "" })
    }

    /// Values separated by commas, each only once.
    static func list<Element>(
        of format: ValueFormat<Element>
    ) -> ValueFormat<[Element]> where Value == [Element] {
        ValueFormat<[Element]>(
            type: "list", allowed: "a comma-separated list; each item is \(format.allowed)",
            parse: { (text) throws(InvalidValue) in
                var values: [Element] = []
                for item in text.split(separator: ",", omittingEmptySubsequences: false) {
                    let item = item.trimmed
                    guard !item.isEmpty else {
                        throw InvalidValue("an item of the list is empty: a comma too many")
                    }
                    let value = try format.parse(item)
                    guard !values.contains(value) else {
                        throw InvalidValue("\(item.quoted) is in the list twice")
                    }
                    values.append(value)
                }
                return values
            },
            render: { values in values.map(format.render).joined(separator: ",") })
    }
}

// MARK: - Words and numbers

extension ValueFormat where Value == Int {
    /// A whole number in decimal digits.
    static func number(in range: ClosedRange<Int>) -> Self {
        ValueFormat(
            type: "number",
            allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            parse: { (text) throws(InvalidValue) in
                let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
                guard !digits.isEmpty, digits.utf8.allSatisfy(HostSyntax.isDigit) else {
                    throw InvalidValue("it is not a whole number")
                }
                guard let value = Int(text), range.contains(value) else {
                    throw InvalidValue("it is out of range")
                }
                return value
            },
            render: { String($0) })
    }
}

extension ValueFormat where Value == Bool {
    /// `true` or `false`; the other words that systemd knows (systemd.syntax(7)) are read as well.
    static var boolean: Self {
        ValueFormat(
            type: "boolean", allowed: "true or false",
            parse: { (text) throws(InvalidValue) in
                switch text.lowercased() {
                case "true", "yes", "on", "1": return true
                case "false", "no", "off", "0": return false
                default: throw InvalidValue("it is neither true nor false")
                }
            },
            render: { $0 ? "true" : "false" })
    }
}

extension ValueFormat
where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the words of an enumeration.
    static func choice() -> Self {
        let words = Value.allCases.map(\.rawValue)
        return ValueFormat(
            type: "choice", allowed: alternatives(words),
            parse: { (text) throws(InvalidValue) in
                if let value = Value(rawValue: text) { return value }
                let guess = EditDistance.closest(to: text.lowercased(), among: words, atMost: 2)
                throw InvalidValue(
                    "it is not one of the allowed words"
                        + (guess.map { "; did you mean \($0)?" } ?? ""))
            },
            render: { $0.rawValue })
    }
}
