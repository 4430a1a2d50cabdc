// What an event of the Messages API is. Its name tells it; where a server sends none, its data does,
// which are looked at without being parsed.

enum RelayedEvent {
    case start, blockStart, delta, blockStop, messageDelta, stop, ping, error
    /// One that is not known, or none at all.
    case other

    static func kind(name: Span<UInt8>, data: Span<UInt8>) -> RelayedEvent {
        if name.count > 0 {
            let kind = kind(name)
            if kind != .other { return kind }
        }
        guard let type = JSONSkim.member("type", ofObjectAt: 0, in: data), type.count > 2 else {
            // The shape of others: an error, and nothing that says so.
            let error = JSONSkim.member("error", ofObjectAt: 0, in: data)
            return error.map { data[$0.lowerBound] != UInt8(ascii: "n") } ?? false
                ? .error : .other
        }
        return kind(data.extracting(type.lowerBound + 1..<type.upperBound - 1))
    }

    private static func kind(_ name: Span<UInt8>) -> RelayedEvent {
        if name.isSame(as: "content_block_delta") { return .delta }
        if name.isSame(as: "content_block_start") { return .blockStart }
        if name.isSame(as: "content_block_stop") { return .blockStop }
        if name.isSame(as: "message_delta") { return .messageDelta }
        if name.isSame(as: "message_start") { return .start }
        if name.isSame(as: "message_stop") { return .stop }
        if name.isSame(as: "ping") { return .ping }
        return name.isSame(as: "error") ? .error : .other
    }
}
