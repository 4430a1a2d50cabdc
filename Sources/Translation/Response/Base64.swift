// Base64 (RFC 4648 §4, with padding): how a reasoning seal fits into a JSON string without escapes.

/// Standard base64.
package enum Base64 {
    private static let digits: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each byte as a digit, 64 for what is none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 64, count: 256)
        for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()

    /// Appends the base64 form of `bytes` to `text`.
    static func encode(_ bytes: Span<UInt8>, into text: inout [UInt8]) {
        text.reserveCapacity(text.count + (bytes.count + 2) / 3 * 4)
        let table = digits
        let digits = table.span
        var index = 0
        while index &+ 3 <= bytes.count {
            let group =
                Int(bytes[index]) << 16 | Int(bytes[index &+ 1]) << 8 | Int(bytes[index &+ 2])
            text.append(digits[group >> 18])
            text.append(digits[group >> 12 & 63])
            text.append(digits[group >> 6 & 63])
            text.append(digits[group & 63])
            index &+= 3
        }
        let rest = bytes.count - index
        guard rest > 0 else { return }
        let group = Int(bytes[index]) << 16 | (rest == 2 ? Int(bytes[index + 1]) << 8 : 0)
        text.append(digits[group >> 18])
        text.append(digits[group >> 12 & 63])
        text.append(rest == 2 ? digits[group >> 6 & 63] : UInt8(ascii: "="))
        text.append(UInt8(ascii: "="))
    }

    /// The bytes that `text` stands for; nil when it is not exactly what `encode` makes.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard text.count > 0 else { return [] }
        var padding = 0
        while padding < 2, text[text.count - 1 - padding] == UInt8(ascii: "=") { padding += 1 }
        let table = values
        let values = table.span
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var index = 0
        while index < text.count {
            let isLast = index &+ 4 == text.count
            var group = 0
            for offset in 0..<4 {
                let isPadding = isLast && offset >= 4 &- padding
                let value = isPadding ? 0 : Int(values[Int(text[index &+ offset])])
                guard value < 64 else { return nil }
                group = group << 6 | value
            }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            bytes.append(UInt8(truncatingIfNeeded: group >> 8))
            bytes.append(UInt8(truncatingIfNeeded: group))
            if isLast, group & (1 << (padding * 8) - 1) != 0 { return nil }
            index &+= 4
        }
        bytes.removeLast(padding)
        return bytes
    }
}
