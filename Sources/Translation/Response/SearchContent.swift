// What a page that was found says, on its way to the client and back. Anthropic encrypts it; clients
// keep it unread. We only pack it, so that the model can be shown it again in later turns.

/// The `encrypted_content` of a search result that the proxy made.
enum SearchContent {
    /// All of base64, so that the whole is base64 to whoever looks.
    private static var prefix: StaticString { "claudeproxypage1" }

    /// Appends the packed form of `text`, which needs no escapes in JSON.
    static func write(_ text: Span<UInt8>, into output: inout [UInt8]) {
        output.append(prefix)
        Base64.encode(text, into: &output)
    }

    /// The text in `packed`; nil when it is not ours, or is damaged.
    static func open(_ packed: Span<UInt8>) -> [UInt8]? {
        guard matches(packed, 0, prefix),
            let text = Base64.decode(packed.extracting(prefix.utf8CodeUnitCount...)),
            // The client may have altered it, and it becomes part of a JSON text.
            String(validating: text, as: UTF8.self) != nil
        else { return nil }
        return text
    }
}
