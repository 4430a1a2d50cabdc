// Tools as OpenAI's models see them: TypeScript declarations in a namespace. This follows the macros
// `render_tool_namespace` and `render_typescript_type` of the chat template published with gpt-oss;
// hosted models are given much the same.

import Translation

/// Renders tools of a chat-completions request as plain UTF-8.
struct TypeScriptTools {
    /// Schemas may refer to themselves in depth; templates do not go on for ever either.
    private static let depthMax = 32
    /// The longest inner type of an array that is written out.
    private static let innerTypeMax = 50

    static let opening: StaticString = "# Tools\n\n## functions\n\nnamespace functions {\n\n"
    static let closing: StaticString = "} // namespace functions"

    private let document: JSONDocument
    private var output: [UInt8] = []

    /// The declaration of the function at `function`, an object with name, description, parameters.
    static func declaration(of function: JSONNode, in document: JSONDocument) -> [UInt8] {
        var tools = TypeScriptTools(document: document)
        tools.writeFunction(function)
        return tools.output
    }

    private init(document: JSONDocument) { self.document = document }

    private mutating func writeFunction(_ function: JSONNode) {
        if let description = document.member(function, "description") {
            output.append("// ")
            write(description)
            output.append("\n")
        }
        output.append("type ")
        if let name = document.member(function, "name") { write(name) }
        output.append(" = ")
        guard let parameters = document.member(function, "parameters"),
            let properties = document.member(parameters, "properties"),
            document.count(properties) > 0
        else {
            output.append("() => any;\n\n")
            return
        }
        output.append("(_: {\n")
        let required = requiredNames(of: parameters)
        var members = document.members(of: properties)
        while let (name, property) = document.next(&members) {
            writeProperty(name, property, isRequired: isAmong(required, name))
        }
        output.append("}) => any;\n\n")
    }

    private mutating func writeProperty(
        _ name: JSONNode, _ property: JSONNode, isRequired: Bool
    ) {
        if let description = document.member(property, "description") {
            output.append("// ")
            write(description)
            output.append("\n")
        }
        write(name)
        output.append(isRequired ? ": " : "?: ")
        writeType(property, depth: 0)
        if let value = document.member(property, "default") {
            let isAfterUnion = document.member(property, "oneOf") != nil
            output.append(isAfterUnion ? "// default: " : ", // default: ")
            if document.member(property, "enum") != nil { write(value) } else { writeJSON(value) }
        }
        output.append(",\n")
    }

    /// The names in `required`, as they stand.
    private func requiredNames(of schema: JSONNode) -> Set<ArraySlice<UInt8>> {
        var names: Set<ArraySlice<UInt8>> = []
        guard let required = document.member(schema, "required") else { return names }
        var elements = document.elements(of: required)
        while let element = document.next(&elements) {
            names.insert(document.bytes[document.content(element)])
        }
        return names
    }

    private func isAmong(_ names: Set<ArraySlice<UInt8>>, _ name: JSONNode) -> Bool {
        names.contains(document.bytes[document.content(name)])
    }

    // MARK: Types

    private mutating func writeType(_ schema: JSONNode, depth: Int) {
        guard depth < Self.depthMax else { return output.append("any") }
        if let type = document.member(schema, "type") {
            if document.kind(type) == .array { return writeTypes(type) }
            if document.equals(type, "array") { return writeArray(schema, depth: depth) }
        }
        if let variants = document.member(schema, "oneOf"), document.count(variants) > 0 {
            return writeUnion(variants, depth: depth)
        }
        guard let type = document.member(schema, "type") else { return output.append("any") }
        if document.equals(type, "string") {
            writeString(schema)
        } else if document.equals(type, "number") || document.equals(type, "integer") {
            output.append("number")
        } else if document.equals(type, "boolean") {
            output.append("boolean")
        } else if document.equals(type, "object") {
            writeObject(schema, depth: depth)
        } else {
            output.append("any")
        }
    }

    /// `"type": ["string", "null"]`.
    private mutating func writeTypes(_ types: JSONNode) {
        var elements = document.elements(of: types)
        var isFirst = true
        while let element = document.next(&elements) {
            if !isFirst { output.append(" | ") }
            isFirst = false
            write(element)
        }
    }

    private mutating func writeArray(_ schema: JSONNode, depth: Int) {
        if let items = document.member(schema, "items"), document.count(items) > 0 {
            let start = output.count
            let type = document.member(items, "type")
            if type.map({ document.equals($0, "string") }) ?? false {
                output.append("string")
            } else {
                writeType(items, depth: depth + 1)
            }
            if output.count - start > Self.innerTypeMax {
                output.removeSubrange(start...)
                output.append("any")
            }
        } else {
            output.append("any")
        }
        output.append("[]")
        writeNullable(schema)
    }

    private mutating func writeUnion(_ variants: JSONNode, depth: Int) {
        var hasObjects = false
        var elements = document.elements(of: variants)
        while let variant = document.next(&elements) {
            let type = document.member(variant, "type")
            hasObjects = hasObjects || type.map { document.equals($0, "object") } ?? false
        }
        if hasObjects, document.count(variants) > 1 { return output.append("any") }
        elements = document.elements(of: variants)
        var isFirst = true
        while let variant = document.next(&elements) {
            if !isFirst { output.append(" | ") }
            isFirst = false
            writeType(variant, depth: depth + 1)
            if let description = document.member(variant, "description") {
                output.append("// ")
                write(description)
            }
            if let value = document.member(variant, "default") {
                output.append("// default: ")
                writeJSON(value)
            }
        }
    }

    private mutating func writeString(_ schema: JSONNode) {
        guard let values = document.member(schema, "enum"), document.count(values) > 0 else {
            output.append("string")
            return writeNullable(schema)
        }
        var elements = document.elements(of: values)
        var isFirst = true
        while let value = document.next(&elements) {
            output.append(isFirst ? "\"" : " | \"")
            isFirst = false
            write(value)
            output.append("\"")
        }
    }

    private mutating func writeObject(_ schema: JSONNode, depth: Int) {
        guard let properties = document.member(schema, "properties"),
            document.count(properties) > 0
        else { return output.append("object") }
        output.append("{\n")
        let required = requiredNames(of: schema)
        var members = document.members(of: properties)
        var isFirst = true
        while let (name, property) = document.next(&members) {
            if !isFirst { output.append(", ") }
            isFirst = false
            write(name)
            output.append(isAmong(required, name) ? ": " : "?: ")
            writeType(property, depth: depth + 1)
        }
        output.append("}")
    }

    private mutating func writeNullable(_ schema: JSONNode) {
        guard let value = document.member(schema, "nullable"), document.bool(value) == true else {
            return
        }
        output.append(" | null")
    }

    // MARK: Values

    /// A string without quotes and escapes, anything else as JSON.
    private mutating func write(_ node: JSONNode) {
        if document.kind(node) == .string {
            let range = document.content(node)
            output.appendUnescaping(document, range)
        } else {
            writeJSON(node)
        }
    }

    private mutating func writeJSON(_ node: JSONNode) {
        output.append(document, node)
    }
}
