// JSON read in the plainest way: recursive, byte by byte, by the letter of RFC 8259. Slow, and
// written apart from the product's reader, so that tests can hold one against the other.

/// A JSON value. Numbers stay text, members keep their order and their duplicates.
package enum ReferenceJSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string([UInt8])
    case array([ReferenceJSON])
    case object([Member])

    package struct Member: Equatable, Sendable {
        package var key: [UInt8]
        package var value: ReferenceJSON
    }

    /// - Parameter depthMax: how many arrays and objects may be open at once.
    /// - Returns: nil if `bytes` is no JSON text. Whether strings are UTF-8 is not looked at.
    package static func parse(_ bytes: [UInt8], depthMax: Int = 128) -> ReferenceJSON? {
        var reader = Reader(bytes: bytes, depthMax: depthMax)
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpace()
        return reader.position == bytes.count ? value : nil
    }

    /// The first member of that name, which must be an object's.
    package subscript(_ key: String) -> ReferenceJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == Array(key.utf8) }?.value
    }

    package var text: String? {
        guard case .string(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    package var bytes: [UInt8]? {
        guard case .string(let bytes) = self else { return nil }
        return bytes
    }

    package var elements: [ReferenceJSON]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }
}

private struct Reader {
    let bytes: [UInt8]
    let depthMax: Int
    var position = 0

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    mutating func value(depth: Int) -> ReferenceJSON? {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return depth < depthMax ? object(depth: depth + 1) : nil
        case UInt8(ascii: "["): return depth < depthMax ? array(depth: depth + 1) : nil
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "n"): return take("null") ? .null : nil
        case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
        default: return number()
        }
    }

    mutating func object(depth: Int) -> ReferenceJSON? {
        position += 1
        var members: [ReferenceJSON.Member] = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\""), let key = string() else { return nil }
            skipSpace()
            guard take(":"), let member = value(depth: depth) else { return nil }
            members.append(.init(key: key, value: member))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { return nil }
        }
    }

    mutating func array(depth: Int) -> ReferenceJSON? {
        position += 1
        var elements: [ReferenceJSON] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            guard let element = value(depth: depth) else { return nil }
            elements.append(element)
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { return nil }
        }
    }

    mutating func number() -> ReferenceJSON? {
        let start = position
        _ = take("-")
        if !take("0") {
            guard digits() else { return nil }
        }
        if take(".") {
            guard digits() else { return nil }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() else { return nil }
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    mutating func digits() -> Bool {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        return position > start
    }

    /// A lone surrogate becomes U+FFFD.
    mutating func string() -> [UInt8]? {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return text
            case 0..<0x20: return nil
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                text += Array(String(Character(scalar)).utf8)
            default: text.append(byte)
            }
        }
        return nil
    }

    mutating func escape() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let unit = hexadecimal() else { return nil }
            if (0xD800..<0xDC00).contains(unit) {
                let mark = position
                if take("\\u"), let low = hexadecimal(), (0xDC00..<0xE000).contains(low) {
                    return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
                }
                position = mark
            }
            return Unicode.Scalar(unit) ?? "\u{FFFD}"
        default: return nil
        }
    }

    mutating func hexadecimal() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
                bytes[position] < 0x80
            else { return nil }
            value = value << 4 + UInt32(digit)
            position += 1
        }
        return value
    }
}
