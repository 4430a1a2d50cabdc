// Comparing bytes that came from a client with words of ours, without making a String: some of these
// comparisons are made for every request.

extension ArraySlice<UInt8> {
    /// Whether this is `text`, which is in lower case; the case of ASCII letters does not matter.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        var offset = 0
        for byte in self {
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            // SAFETY: the offset is below the count, which is the text's.
            let expected = unsafe text.utf8Start[offset]
            if (isUpper ? byte | 0x20 : byte) != expected { return false }
            offset &+= 1
        }
        return true
    }

    /// The text without the blanks at its ends.
    var trimmed: ArraySlice<UInt8> {
        var text = self
        while text.first == UInt8(ascii: " ") { text.removeFirst() }
        while text.last == UInt8(ascii: " ") { text.removeLast() }
        return text
    }
}
