// Percent decoding for the one place that needs it: a model id as a path segment, where `%2F`
// stands for the slash in `vendor/model`. Paths are matched undecoded everywhere else.

/// Percent encoding of RFC 3986 §2.1.
package enum PercentEncoding {
    /// The bytes a path segment stands for. `nil` if a `%` is not followed by two hexadecimal
    /// digits or stands for NUL, which no name contains. `+` is itself: that it can mean a blank
    /// is a rule of forms, not of paths.
    package static func decode(_ segment: ArraySlice<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(segment.count)
        var index = segment.startIndex
        while index < segment.endIndex {
            guard segment[index] == Byte.percent else {
                decoded.append(segment[index])
                index += 1
                continue
            }
            guard index + 2 < segment.endIndex,
                let high = Byte.hexadecimalValue(segment[index + 1]),
                let low = Byte.hexadecimalValue(segment[index + 2]),
                high | low != 0
            else { return nil }
            decoded.append(high << 4 | low)
            index += 3
        }
        return decoded
    }
}
