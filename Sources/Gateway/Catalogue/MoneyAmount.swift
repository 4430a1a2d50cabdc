// Money in whole numbers. Prices are fractions of a millionth of a dollar for a token; sums of
// binary fractions would drift, and nobody could check a bill by them.

/// US dollars, counted in 10⁻¹² of one.
package struct MoneyAmount: Sendable, Equatable, Comparable {
    package var picodollars: Int

    package static let zero = MoneyAmount(picodollars: 0)

    package init(picodollars: Int) { self.picodollars = picodollars }

    /// More than any price or bill: a million dollars. Sums of some stay far from overflow.
    private static let picodollarsMax = 1_000_000_000_000_000_000

    /// Reads a decimal number of dollars, with or without an exponent (`0.00000015`, `1.5e-7`).
    ///
    /// Nil for anything else, for negative amounts (OpenRouter's `-1` is "it varies") and for
    /// absurd ones.
    package init?(_ text: some StringProtocol) {
        guard let dollars = Double(text), dollars >= 0, dollars.isFinite else { return nil }
        let picodollars = (dollars * 1e12).rounded()
        guard picodollars <= Double(Self.picodollarsMax) else { return nil }
        self.init(picodollars: Int(picodollars))
    }

    package static func < (left: MoneyAmount, right: MoneyAmount) -> Bool {
        left.picodollars < right.picodollars
    }

    package static func + (left: MoneyAmount, right: MoneyAmount) -> MoneyAmount {
        MoneyAmount(picodollars: left.picodollars &+ right.picodollars)
    }

    package static func - (left: MoneyAmount, right: MoneyAmount) -> MoneyAmount {
        MoneyAmount(picodollars: left.picodollars &- right.picodollars)
    }

    /// The price of so many.
    package static func * (price: MoneyAmount, count: Int) -> MoneyAmount {
        let (product, overflow) = price.picodollars.multipliedReportingOverflow(by: count)
        return MoneyAmount(picodollars: overflow ? picodollarsMax : product)
    }
}

extension MoneyAmount: CustomStringConvertible {
    /// The dollars as a decimal number without zeros at its end: `0.00000015`, `-1.5`, `0`.
    package var description: String {
        let magnitude = picodollars.magnitude
        var text = picodollars < 0 ? "-" : ""
        text += "\(magnitude / 1_000_000_000_000)"
        var fraction = "\(magnitude % 1_000_000_000_000)"
        fraction = String(repeating: "0", count: 12 - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return fraction.isEmpty ? text : text + "." + fraction
    }

    /// The dollars rounded to cents, for people.
    package var cents: String {
        let cents = (picodollars.magnitude + 5_000_000_000) / 10_000_000_000
        let rest = cents % 100
        let sign = picodollars < 0 && cents > 0 ? "-" : ""
        return "\(sign)$\(cents / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
