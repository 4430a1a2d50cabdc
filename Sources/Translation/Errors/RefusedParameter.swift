// Which parameter an upstream's 400 is about, and so what to leave out of the next try. There are as
// many wordings as servers: OpenAI's, Azure's, Groq's, Google's, xAI's, LiteLLM's, those of servers
// that check with pydantic (Mistral, vLLM, Fireworks). What they name is often inside something: a
// breakpoint on a tool, the reasoning of a message. Then it is that which must go; a whole list of
// tools or messages is never left out for the sake of one of its members.

/// The parameter that a refusal names.
struct RefusedParameter {
    /// The names on the way to it, outermost first, in the upstream's API's spelling.
    private var names: [String] = []

    private static let pathBytesMax = 256

    /// The parameter that `report` names; nil when it is about something else.
    ///
    /// - Parameter end: up to where the message is the upstream's own.
    init?(_ report: UpstreamErrorReport, openingEnd end: Int) {
        names = Self.names(in: Array(report.parameter.utf8.prefix(Self.pathBytesMax))[...])
        if names.isEmpty {
            let words = Array(report.message.utf8.prefix(end))
            names =
                Self.namedAfterPhrase(words) ?? Self.namedByGoogle(words)
                ?? Self.namedByPydantic(words) ?? []
        }
        if names.isEmpty { return nil }
    }

    /// What may help; nil when leaving it out would change what is asked.
    var remedy: UpstreamRemedy? {
        for name in ["cache_control", "strict"] where names.contains(name) {
            return .dropParameter(name)
        }
        if names.contains("reasoning_content") || names.contains("reasoning_details") {
            return .dropReasoning
        }
        if names[0] == "messages" {
            return names.contains("reasoning") ? .dropReasoning : nil
        }
        if names[0] == "model" || (names[0] == "tools" && names.count > 1) { return nil }
        return .dropParameter(names[0])
    }

    // MARK: Wordings

    private static let phrases: [StaticString] = [
        "nsupported parameter: ", "nsupported parameter(s): ", "nsupported value: ",
        "nknown parameter: ", "nrecognized request argument supplied: ",
        "nrecognized request arguments supplied: ", "property '",
        "not support parameter ", "not support parameters: [",
        "inputs are not permitted, field: ", "not supported on this model: ",
        "not supported for this model: ", "not supported by this model: ",
        "rguments not supported: ", "rgument not supported: ", "arameters not supported: ",
        "arameter not supported: ", "nvalid parameter: ", "nrecognized parameter: ",
        "nexpected keyword argument '", "nknown field: ", "nknown field `", "nsupported field: ",
        "nsupported option: ", "nsupported argument: ",
    ]

    private static func namedAfterPhrase(_ words: [UInt8]) -> [String]? {
        for phrase in phrases {
            guard let offset = words.firstOffset(of: phrase) else { continue }
            let names = names(in: words[(offset + phrase.utf8CodeUnitCount)...])
            // Groq: `'messages.2' : … property 'reasoning' is unsupported`.
            let isOfMessage = words[..<offset].starts(with: "'messages.".utf8)
            return isOfMessage ? ["messages"] + names : names
        }
        return nil
    }

    /// `Unknown name "user": Cannot find field.`, with a place after the name if it is an inner one.
    private static func namedByGoogle(_ words: [UInt8]) -> [String]? {
        let phrase: StaticString = "Unknown name \""
        guard let offset = words.firstOffset(of: phrase) else { return nil }
        let rest = words[(offset + phrase.utf8CodeUnitCount)...]
        let name = names(in: rest)
        let place: StaticString = "\" at '"
        guard let quote = rest.firstIndex(of: UInt8(ascii: "\"")),
            matches(words.span, quote, place)
        else { return name }
        return names(in: words[(quote + place.utf8CodeUnitCount)...]) + name
    }

    /// `tools.0.custom.strict: Extra inputs are not permitted`, or the same in Python's own words:
    /// `{'type': 'extra_forbidden', 'loc': ('body', 'tools', 0, 'strict'), 'msg': …`.
    private static func namedByPydantic(_ words: [UInt8]) -> [String]? {
        let tuple: StaticString = "'extra_forbidden', 'loc': ("
        if let offset = words.firstOffset(of: tuple) {
            let rest = words[(offset + tuple.utf8CodeUnitCount)...]
            return names(among: rest.prefix { $0 != UInt8(ascii: ")") })
        }
        guard let end = words.firstOffset(of: ": Extra inputs are not permitted") else {
            return nil
        }
        let start = words[..<end].lastIndex { !isOfPath($0) }.map { $0 + 1 } ?? 0
        return names(in: words[start..<end])
    }

    // MARK: Paths

    /// The names in the path that `text` begins with, such as `'tools[0].function.strict'`.
    private static func names(in text: ArraySlice<UInt8>) -> [String] {
        names(among: text.prefix(while: isOfPath))
    }

    /// The names in `path`, without its numbers and without the body that it may begin with.
    private static func names(among path: ArraySlice<UInt8>) -> [String] {
        var names: [String] = []
        for part in path.split(whereSeparator: { !isOfName($0) }) {
            guard let first = part.first, !(0x30...0x39 ~= first) else { continue }
            let name = snakeCase(part)
            if !names.isEmpty || name != "body" { names.append(name) }
        }
        return names
    }

    private static func isOfPath(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "`"), UInt8(ascii: "."), UInt8(ascii: "["),
            UInt8(ascii: "]"):
            true
        default: isOfName(byte)
        }
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// xAI names `reasoningEffort` what the request calls `reasoning_effort`.
    private static func snakeCase(_ name: ArraySlice<UInt8>) -> String {
        var output: [UInt8] = []
        for byte in name {
            if 0x41...0x5A ~= byte {
                if !output.isEmpty { output.append(UInt8(ascii: "_")) }
                output.append(byte | 0x20)
            } else {
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
