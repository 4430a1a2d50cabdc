// What the restriction of schemas may cost, over all schemas of one request. A `$ref` may be used
// thousands of times and a description may go to thousands of alternatives, so the output is no
// multiple of the input by itself. Everything that is looked at and everything that is written is
// charged here before it is done; what cannot be paid for is left out.

struct SchemaBudget {
    /// How many more values may be looked at. About 30 ns each.
    private(set) var stepsLeft: Int
    /// How many more bytes may be written.
    private(set) var bytesLeft: Int

    /// Schemas that are used where they stand cost about as many steps as they have values, and
    /// fewer bytes than they are: the rest is for references.
    static var stepsPerValue: Int { 4 }
    static var bytesPerByte: Int { 4 }
    /// What the smallest request may cost: far more than the schemas of any known client.
    static var stepsMin: Int { 1 << 16 }
    static var bytesMin: Int { 1 << 16 }
    /// Where references no longer earn anything: some 30 ms, and ten times the largest request's
    /// tools.
    static var stepsMax: Int { 1 << 20 }
    static var bytesMax: Int { 8 << 20 }

    /// - Parameters:
    ///   - values: how many values and keys the request has.
    ///   - bytes: how long it is.
    init(values: Int, bytes: Int) {
        stepsLeft = min(Self.stepsPerValue * values + Self.stepsMin, Self.stepsMax)
        bytesLeft = max(bytes, min(Self.bytesPerByte * bytes + Self.bytesMin, Self.bytesMax))
    }

    /// Whether nothing more can be looked at.
    var isSpent: Bool { stepsLeft <= 0 }

    /// Charges for looking at `values` values, of which `bytes` bytes are read.
    ///
    /// - Returns: whether it may be done.
    mutating func look(_ values: Int = 1, bytes: Int = 0) -> Bool {
        let steps = values &+ bytes / Self.bytesPerStep
        guard steps <= stepsLeft else {
            // What comes after would be taken out of its order.
            stepsLeft = 0
            return false
        }
        stepsLeft &-= steps
        return true
    }

    /// Charges for writing `bytes` bytes.
    ///
    /// - Returns: whether it may be done.
    mutating func write(_ bytes: Int) -> Bool {
        guard bytes <= bytesLeft else { return false }
        bytesLeft &-= bytes
        return true
    }

    /// How many bytes are decoded or compared in the time of a step.
    private static var bytesPerStep: Int { 16 }
}
