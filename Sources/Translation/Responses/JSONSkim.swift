// Looks for a member of an object without parsing the text: by brackets and quotes alone. A Responses
// server echoes the whole request in its first events, tools, instructions and all; two strings of
// it are wanted. What is malformed is not found; whether the text is JSON is not decided here.

enum JSONSkim {
    /// The value of the first member called `key` (plainly written) of the object at `start`.
    static func member(
        _ key: StaticString, ofObjectAt start: Int, in text: Span<UInt8>
    ) -> Range<Int>? {
        var position = afterSpace(text, start)
        guard position < text.count, text[position] == UInt8(ascii: "{") else { return nil }
        while true {
            // At the bracket, or at a comma.
            position = afterSpace(text, position &+ 1)
            guard position < text.count, text[position] == UInt8(ascii: "\"") else { return nil }
            let name = position &+ 1
            position = afterString(text, position)
            let isFound =
                position &- 1 &- name == key.utf8CodeUnitCount && matches(text, name, key)
            position = afterSpace(text, position)
            guard position < text.count, text[position] == UInt8(ascii: ":") else { return nil }
            position = afterSpace(text, position &+ 1)
            let value = position
            position = afterValue(text, position)
            if isFound { return value..<position }
            position = afterSpace(text, position)
            guard position < text.count, text[position] == UInt8(ascii: ",") else { return nil }
        }
    }

    /// The string in `range`, decoded; nil when it is none.
    static func string(_ range: Range<Int>, in text: Span<UInt8>) -> [UInt8]? {
        guard range.count >= 2, text[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
        var document = JSONDocument()
        var literal: [UInt8] = []
        literal.append(text.extracting(range))
        guard (try? document.parse(literal)) != nil, document.kind(.root) == .string else {
            return nil
        }
        return document.unescaped(.root)
    }

    private static func afterSpace(_ text: Span<UInt8>, _ start: Int) -> Int {
        var position = start
        while position < text.count, text[position] <= 0x20 { position &+= 1 }
        return position
    }

    /// - Parameter start: where the opening quote stands.
    private static func afterString(_ text: Span<UInt8>, _ start: Int) -> Int {
        var position = start &+ 1
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\""): return position &+ 1
            case UInt8(ascii: "\\"): position &+= 2
            default: position &+= 1
            }
        }
        return text.count
    }

    private static func afterValue(_ text: Span<UInt8>, _ start: Int) -> Int {
        var position = start
        var depth = 0
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "\""):
                position = afterString(text, position)
                if depth == 0 { return position }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth &+= 1
                position &+= 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // The end of a number's object, or of this container.
                if depth == 0 { return position }
                depth &-= 1
                position &+= 1
                if depth == 0 { return position }
            case UInt8(ascii: ","):
                if depth == 0 { return position }
                position &+= 1
            default: position &+= 1
            }
        }
        return text.count
    }
}
