// Schemas without patterns and formats, for servers that make a grammar of all tools: llama.cpp and what
// is built on it refuse every request when one pattern of one tool is not to their taste.

/// Copies a schema and leaves out what grammars stumble over. The output is no longer than the input.
struct SchemaPatterns {
    private let document: JSONDocument
    private var output: [UInt8]
    private var leftOut = 0

    /// Appends the schema at `node` to `output`.
    ///
    /// - Returns: whether anything was left out.
    static func write(
        _ node: JSONNode, of document: JSONDocument, into output: inout [UInt8]
    ) -> Bool {
        var copy = SchemaPatterns(document: document, output: [])
        swap(&copy.output, &output)
        copy.write(node)
        swap(&copy.output, &output)
        return copy.leftOut > 0
    }

    private enum Keyword {
        /// Left out.
        case pattern
        /// Names with a schema each.
        case schemas
        /// Values that only look like schemas.
        case values
        /// A schema, a list of them, or a plain value.
        case other
    }

    private func keyword(_ key: JSONNode, _ value: JSONNode) -> Keyword {
        for name in ["pattern", "format"] as [StaticString]
        where document.equals(key, name) && document.kind(value) == .string {
            return .pattern
        }
        if document.equals(key, "patternProperties") { return .pattern }
        for name in ["properties", "$defs", "definitions", "dependentSchemas"] as [StaticString]
        where document.equals(key, name) { return .schemas }
        for name in ["enum", "const", "default", "examples", "required"] as [StaticString]
        where document.equals(key, name) { return .values }
        return .other
    }

    /// Depth is bounded by the parser's limit.
    private mutating func write(_ node: JSONNode) {
        switch document.kind(node) {
        case .object: writeMembers(node, areSchemas: false)
        case .array:
            output.append(UInt8(ascii: "["))
            var isFirst = true
            var elements = document.elements(of: node)
            while let element = document.next(&elements) {
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                write(element)
            }
            output.append(UInt8(ascii: "]"))
        case .string, .number, .true, .false, .null: output.append(document, node)
        }
    }

    private mutating func writeMembers(_ node: JSONNode, areSchemas: Bool) {
        output.append(UInt8(ascii: "{"))
        var isFirst = true
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            let keyword = areSchemas ? Keyword.other : keyword(key, value)
            if case .pattern = keyword {
                leftOut += 1
                continue
            }
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            output.append(document, key)
            output.append(UInt8(ascii: ":"))
            switch keyword {
            case .schemas where document.kind(value) == .object:
                writeMembers(value, areSchemas: true)
            case .pattern, .values: output.append(document, value)
            case .schemas, .other: write(value)
            }
        }
        output.append(UInt8(ascii: "}"))
    }
}
