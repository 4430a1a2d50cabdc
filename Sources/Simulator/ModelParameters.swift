// The parameters in a model id: `sim/chunks;n=100;delay=5ms`. A scenario's entry names them all with
// their defaults, in the same notation, so a misspelt one is refused and not ignored.

/// The parameters of one request's scenario.
struct ModelParameters {
    let model: String
    private var values: [String: String] = [:]

    /// - Parameters:
    ///   - defaults: every parameter there is, for example `n=100;delay=0ms`.
    ///   - given: those that the model id gives.
    init(model: String, defaults: String, given: Substring) throws(RequestFault) {
        self.model = model
        let known = Self.split(defaults[...])
        for (name, value) in known { values[name] = value }
        for (name, value) in Self.split(given) {
            guard values.updateValue(value, forKey: name) != nil else {
                throw .unknownParameter(model: model, name: name, known: known.map(\.name))
            }
        }
    }

    /// A parameter's text.
    func text(_ name: String) -> String {
        guard let value = values[name] else {
            preconditionFailure("a scenario reads only parameters that its entry names")
        }
        return value
    }

    /// A whole number within `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(RequestFault) -> Int {
        guard let value = Int(text(name)), range.contains(value) else {
            throw invalid(name, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A time such as `250us`, `5ms` or `2s`, of at most an hour; without a unit it is milliseconds.
    func duration(_ name: String) throws(RequestFault) -> Duration {
        let value = text(name)
        let digits = value.prefix { "0"..."9" ~= $0 }
        let unit: Duration? =
            switch value[digits.endIndex...] {
            case "us": .microseconds(1)
            case "ms", "": .milliseconds(1)
            case "s": .seconds(1)
            default: nil
            }
        guard let unit, let count = Int(digits), count <= 3_600_000_000,
            unit * count <= .seconds(3600)
        else { throw invalid(name, "a time of at most an hour such as 250us, 5ms or 2s") }
        return unit * count
    }

    /// One of a few words.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, _: Choice.Type = Choice.self
    ) throws(RequestFault) -> Choice {
        guard let choice = Choice(rawValue: text(name)) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw invalid(name, "one of \(words)")
        }
        return choice
    }

    private func invalid(_ name: String, _ expected: String) -> RequestFault {
        .invalidParameter(model: model, text: "\(name)=\(text(name))", expected: expected)
    }

    private static func split(_ text: Substring) -> [(name: String, value: String)] {
        text.split(separator: ";").map { parameter in
            let name = parameter.prefix { $0 != "=" }
            return (String(name), String(parameter.dropFirst(name.count + 1)))
        }
    }
}
