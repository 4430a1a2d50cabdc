// Tool names on their way upstream. Chat completions takes 64 of `[a-zA-Z0-9_-]`; MCP servers name
// tools at greater length. A name that does not fit is cut, cleaned, and told apart from others by
// eight digits of its digest; RequestFacts.clientToolNames knows the way back.

enum ToolName {
    static var bytesMax: Int { 64 }
    private static var digestDigits: Int { 8 }

    /// The upstream form of the client's name: a function of the name alone, so that calls in the
    /// history and tools in the list agree without a table.
    static func upstreamForm(of name: [UInt8]) -> [UInt8] {
        if name.count <= bytesMax, name.allSatisfy(isPlain) { return name }
        var form: [UInt8] = []
        for byte in name.prefix(bytesMax - digestDigits - 1) {
            form.append(isPlain(byte) ? byte : UInt8(ascii: "_"))
        }
        form.append(UInt8(ascii: "_"))
        for byte in SHA256.digest(name.span).prefix(digestDigits / 2) {
            form.append(hexadecimal: byte)
        }
        return form
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension RequestWriter {
    /// Writes the upstream form of the tool name at `node`, as string content.
    mutating func writeToolName(_ node: JSONNode) {
        output.append(contentsOf: ToolName.upstreamForm(of: document.unescaped(node)))
    }
}
