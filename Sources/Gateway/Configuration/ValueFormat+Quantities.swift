// Durations and sizes: a number and a unit.
//
// A duration without a unit is refused instead of guessed: people disagree on whether 10 means
// seconds or milliseconds. A size without a unit is bytes, of which nobody doubts.

extension ValueFormat where Value == Duration {
    /// A duration such as `500ms`, `10s`, `2m`, `1h` or `1m30s`.
    static func duration(in range: ClosedRange<Duration>) -> Self {
        let bounds = "from \(Quantity.text(range.lowerBound)) to \(Quantity.text(range.upperBound))"
        return ValueFormat(
            type: "duration", allowed: "a duration \(bounds) with its unit: ms, s, m or h",
            parse: { (text) throws(InvalidValue) in
                let milliseconds = try Quantity.milliseconds(text)
                let value = Duration.milliseconds(milliseconds)
                guard range.contains(value) else { throw InvalidValue("it is out of range") }
                return value
            },
            render: Quantity.text)
    }
}

extension ValueFormat where Value == Int {
    /// A size in bytes, such as `64MiB`, `10MB`, `512KiB` or `4096`.
    static func size(in range: ClosedRange<Int>) -> Self {
        let bounds =
            "from \(Quantity.text(bytes: range.lowerBound))"
            + " to \(Quantity.text(bytes: range.upperBound))"
        return ValueFormat(
            type: "size", allowed: "a size \(bounds): a number and B, KiB, MiB, GiB, KB, MB or GB",
            parse: { (text) throws(InvalidValue) in
                let value = try Quantity.bytes(text)
                guard range.contains(value) else { throw InvalidValue("it is out of range") }
                return value
            },
            render: { Quantity.text(bytes: $0) })
    }
}

/// Reading and writing of numbers with units.
enum Quantity {
    private static let durationUnits: [(name: String, milliseconds: Int64)] = [
        ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    private static let sizeUnits: [(name: String, bytes: Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000), ("B", 1),
    ]

    /// Reads parts such as `1h`, `30m`, `500ms` that follow one another from large to small units.
    static func milliseconds(_ text: String) throws(InvalidValue) -> Int64 {
        var rest = text[...]
        var total: Int64 = 0
        var smallest = Int64.max
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            let name = rest.dropFirst(digits.count).prefix { $0.isLetter }
            rest = rest.dropFirst(digits.count + name.count)
            guard !digits.isEmpty else {
                throw InvalidValue("it is not a whole number with a unit, such as 10s or 500ms")
            }
            if name.isEmpty {
                guard rest.isEmpty else {
                    throw InvalidValue("it is not whole numbers with units: write 1500ms for 1.5s")
                }
                throw InvalidValue(
                    "\(digits) has no unit; write \(digits)s for seconds,"
                        + " \(digits)ms for milliseconds"
                )
            }
            guard let unit = durationUnits.first(where: { $0.name == name }) else {
                throw InvalidValue("\(String(name).quoted) is not a unit of time")
            }
            guard unit.milliseconds < smallest else {
                throw InvalidValue("its units do not go from large to small, each once")
            }
            smallest = unit.milliseconds
            guard let part = product(Int64(digits), unit.milliseconds) else {
                throw InvalidValue("it is out of range")
            }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { throw InvalidValue("it is out of range") }
            total = sum
        }
        return total
    }

    /// Reads a number and a unit; upper and lower case are the same.
    static func bytes(_ text: String) throws(InvalidValue) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text.dropFirst(digits.count).trimmed
        guard !digits.isEmpty else {
            throw InvalidValue("it is not a whole number with a unit, such as 64MiB")
        }
        let unit =
            name.isEmpty
            ? 1 : sizeUnits.first { $0.name.lowercased() == name.lowercased() }?.bytes
        guard let unit else { throw InvalidValue("\(name.quoted) is not a unit of size") }
        guard let bytes = product(Int(digits), unit) else {
            throw InvalidValue("it is out of range")
        }
        return bytes
    }

    /// Whole hours as hours, whole seconds as seconds, else milliseconds.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        if attoseconds != 0 {
            return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)ms"
        }
        return seconds % 3600 == 0 && seconds > 0 ? "\(seconds / 3600)h" : "\(seconds)s"
    }

    /// The largest unit that leaves a whole number.
    static func text(bytes: Int) -> String {
        let unit = sizeUnits.first { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        guard let unit else { return String(bytes) }
        return "\(bytes / unit.bytes)\(unit.name)"
    }

    private static func product<Number: FixedWidthInteger>(
        _ number: Number?, _ factor: Number
    ) -> Number? {
        guard let (product, overflow) = number?.multipliedReportingOverflow(by: factor) else {
            return nil
        }
        return overflow ? nil : product
    }
}
