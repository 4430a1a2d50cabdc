// JSON schemas for models that take only part of the language. Gemini answers 400 to keywords that
// it does not know, and clients' schemas are full of them; so only those that it is known to take
// are written (Gemini API reference, Schema; the rest from other proxies' issue lists). `$ref` is
// replaced by what it points to, `allOf` by the union of its members.
//
// A schema can refer to itself, and doubly nested references can make a small schema huge: nesting
// and the number of schemas written are limited, and what is beyond is an object of any shape.

struct SchemaRestriction {
    private let document: JSONDocument
    private let root: JSONNode
    private var output: [UInt8]
    private var schemasLeft = SchemaRestriction.schemasMax
    private var membersLeft = SchemaRestriction.membersMax
    /// The references that are being followed.
    private var following: [JSONNode] = []

    /// Ten times the largest schema met.
    private static var schemasMax: Int { 4096 }
    /// How many members may be looked at, following references included.
    private static var membersMax: Int { 1 << 18 }
    private static var depthMax: Int { 48 }
    /// How many schemas may be united into one.
    private static var unitedMax: Int { 16 }

    /// Appends what may stay of `schema`.
    static func write(
        _ schema: JSONNode, of document: JSONDocument, into output: inout [UInt8]
    ) {
        var restriction = SchemaRestriction(document: document, root: schema, output: [])
        swap(&restriction.output, &output)
        restriction.write(schema, Inherited(), depth: 0)
        swap(&restriction.output, &output)
    }

    private init(document: JSONDocument, root: JSONNode, output: [UInt8]) {
        self.document = document
        self.root = root
        self.output = output
    }

    /// What an alternative gets from the schema that holds it, where no other keyword may stand
    /// beside `anyOf`.
    private struct Inherited {
        var description: JSONNode?
        var isNullable = false
    }

    /// The keywords of one schema, or of several that are united.
    private struct Keywords {
        var type, description, format, choices, constant, items: JSONNode?
        var minimum, maximum, minItems, maxItems, alternatives: JSONNode?
        var isNullable = false
        var properties: [(key: JSONNode, value: JSONNode)] = []
        var propertyNames: Set<[UInt8]> = []
        var required: [JSONNode] = []
        var hasProperties = false
    }

    // MARK: Reading

    private mutating func write(_ schema: JSONNode, _ inherited: Inherited, depth: Int) {
        guard depth < Self.depthMax, schemasLeft > 0, membersLeft > 0 else {
            output.append(#"{"type":"object"}"#)
            return
        }
        schemasLeft -= 1
        let followed = following.count
        defer { following.removeSubrange(followed...) }
        var keywords = Keywords()
        var united = 0
        guard unite(schema, into: &keywords, &united) else {
            // It contains itself.
            output.append(#"{"type":"object"}"#)
            return
        }
        if inherited.isNullable { keywords.isNullable = true }
        if keywords.description == nil { keywords.description = inherited.description }
        write(keywords, depth: depth)
    }

    /// Adds the keywords of `schema` to `keywords`, which keep what they have.
    ///
    /// - Returns: false when a reference leads back to itself.
    private mutating func unite(
        _ schema: JSONNode, into keywords: inout Keywords, _ united: inout Int
    ) -> Bool {
        united += 1
        guard united <= Self.unitedMax, document.kind(schema) == .object else { return true }
        var members = document.members(of: schema)
        var reference, parts: JSONNode?
        while membersLeft > 0, let (key, value) = document.next(&members) {
            membersLeft -= 1
            if document.equals(key, "$ref") {
                reference = value
            } else if document.equals(key, "allOf") {
                parts = value
            } else {
                take(key, value, into: &keywords)
            }
        }
        if let reference, let target = resolve(reference) {
            guard !following.contains(target) else { return false }
            following.append(target)
            guard unite(target, into: &keywords, &united) else { return false }
        }
        if let parts {
            var elements = document.elements(of: parts)
            while let part = document.next(&elements), united <= Self.unitedMax {
                guard unite(part, into: &keywords, &united) else { return false }
            }
        }
        return uniteOnlyAlternative(of: &keywords, &united)
    }

    /// Takes `null` out of alternatives; if a single one is left, it is the schema.
    private mutating func uniteOnlyAlternative(
        of keywords: inout Keywords, _ united: inout Int
    ) -> Bool {
        guard let alternatives = keywords.alternatives else { return true }
        var only: JSONNode?
        var count = 0
        var elements = document.elements(of: alternatives)
        while let element = document.next(&elements) {
            if isNullType(element) {
                keywords.isNullable = true
            } else {
                only = element
                count += 1
            }
        }
        guard count < 2 else { return true }
        keywords.alternatives = nil
        return only.map { unite($0, into: &keywords, &united) } ?? true
    }

    private mutating func take(_ key: JSONNode, _ value: JSONNode, into keywords: inout Keywords) {
        if document.equals(key, "type") {
            keywords.type = keywords.type ?? value
        } else if document.equals(key, "description") {
            if document.kind(value) == .string {
                keywords.description = keywords.description ?? value
            }
        } else if document.equals(key, "properties") {
            keywords.hasProperties = true
            var members = document.members(of: value)
            while membersLeft > 0, let (name, property) = document.next(&members) {
                membersLeft -= 1
                guard keywords.propertyNames.insert(document.unescaped(name)).inserted else {
                    continue
                }
                keywords.properties.append((name, property))
            }
        } else if document.equals(key, "required") {
            var elements = document.elements(of: value)
            while let element = document.next(&elements) {
                if document.kind(element) == .string { keywords.required.append(element) }
            }
        } else if document.equals(key, "items") {
            keywords.items = keywords.items ?? value
        } else if document.equals(key, "enum") {
            keywords.choices = keywords.choices ?? value
        } else if document.equals(key, "anyOf") || document.equals(key, "oneOf") {
            if document.kind(value) == .array {
                keywords.alternatives = keywords.alternatives ?? value
            }
        } else {
            takeRarer(key, value, into: &keywords)
        }
    }

    private func takeRarer(_ key: JSONNode, _ value: JSONNode, into keywords: inout Keywords) {
        if document.equals(key, "const") {
            keywords.constant = keywords.constant ?? value
        } else if document.equals(key, "nullable") {
            if document.bool(value) == true { keywords.isNullable = true }
        } else if document.equals(key, "format") {
            keywords.format = keywords.format ?? value
        } else if document.kind(value) != .number {
            return
        } else if document.equals(key, "minimum") {
            keywords.minimum = keywords.minimum ?? value
        } else if document.equals(key, "maximum") {
            keywords.maximum = keywords.maximum ?? value
        } else if document.equals(key, "minItems") {
            keywords.minItems = keywords.minItems ?? value
        } else if document.equals(key, "maxItems") {
            keywords.maxItems = keywords.maxItems ?? value
        }
    }

    private func isNullType(_ schema: JSONNode) -> Bool {
        guard let type = document.member(schema, "type") else { return false }
        return document.equals(type, "null")
    }

    // MARK: Writing

    private mutating func write(_ keywords: Keywords, depth: Int) {
        var keywords = keywords
        if let alternatives = keywords.alternatives, !keywords.hasProperties {
            output.append(#"{"anyOf":["#)
            let inherited = Inherited(
                description: keywords.description, isNullable: keywords.isNullable)
            var elements = document.elements(of: alternatives)
            var isFirst = true
            while let element = document.next(&elements) {
                if isNullType(element) { continue }
                if !isFirst { output.append(UInt8(ascii: ",")) }
                isFirst = false
                write(element, inherited, depth: depth + 1)
            }
            output.append("]}")
            return
        }
        let type = typeName(of: &keywords)
        output.append(#"{"type":""#)
        output.append(contentsOf: type)
        output.append(UInt8(ascii: "\""))
        if let description = keywords.description {
            output.append(#","description":"#)
            output.append(document, description)
        }
        if keywords.isNullable { output.append(#","nullable":true"#) }
        switch type {
        case Self.string: writeStringKeywords(keywords)
        case Self.object: writeObjectKeywords(keywords, depth: depth)
        case Self.array: writeArrayKeywords(keywords, depth: depth)
        default:
            writeNumber("minimum", keywords.minimum)
            writeNumber("maximum", keywords.maximum)
        }
        output.append(UInt8(ascii: "}"))
    }

    private static let string = Array("string".utf8)
    private static let object = Array("object".utf8)
    private static let array = Array("array".utf8)
    private static let known: Set<[UInt8]> = [
        string, object, array, Array("number".utf8), Array("integer".utf8), Array("boolean".utf8),
    ]

    /// The one type that Gemini demands of every schema: the first that is not null, or what the
    /// other keywords tell.
    private func typeName(of keywords: inout Keywords) -> [UInt8] {
        if let type = keywords.type {
            if document.kind(type) == .string, let name = knownType(type) { return name }
            var elements = document.elements(of: type)
            var first: [UInt8]?
            while let element = document.next(&elements) {
                if document.equals(element, "null") { keywords.isNullable = true }
                if first == nil { first = knownType(element) }
            }
            if let first { return first }
        }
        if keywords.hasProperties { return Self.object }
        return keywords.items == nil ? Self.string : Self.array
    }

    private func knownType(_ node: JSONNode) -> [UInt8]? {
        guard document.kind(node) == .string else { return nil }
        let name = document.unescaped(node)
        return Self.known.contains(name) ? name : nil
    }

    private mutating func writeStringKeywords(_ keywords: Keywords) {
        if let format = keywords.format,
            document.equals(format, "date-time") || document.equals(format, "enum")
        {
            output.append(#","format":"#)
            output.append(document, format)
        }
        // Only texts, and none of them empty.
        let start = output.count
        if let constant = keywords.constant { writeChoice(constant, since: start) }
        if let choices = keywords.choices {
            var elements = document.elements(of: choices)
            while let element = document.next(&elements) { writeChoice(element, since: start) }
        }
        if output.count > start { output.append(UInt8(ascii: "]")) }
    }

    private mutating func writeChoice(_ node: JSONNode, since start: Int) {
        guard document.kind(node) == .string, !document.isEmptyString(node) else { return }
        output.append(output.count == start ? #","enum":["# : ",")
        output.append(document, node)
    }

    private mutating func writeObjectKeywords(_ keywords: Keywords, depth: Int) {
        guard keywords.hasProperties else { return }
        output.append(#","properties":{"#)
        for index in keywords.properties.indices {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(document, keywords.properties[index].key)
            output.append(UInt8(ascii: ":"))
            write(keywords.properties[index].value, Inherited(), depth: depth + 1)
        }
        output.append(UInt8(ascii: "}"))
        let start = output.count
        for name in keywords.required
        where keywords.propertyNames.contains(document.unescaped(name)) {
            output.append(output.count == start ? #","required":["# : ",")
            output.append(document, name)
        }
        if output.count > start { output.append(UInt8(ascii: "]")) }
    }

    private mutating func writeArrayKeywords(_ keywords: Keywords, depth: Int) {
        output.append(#","items":"#)
        if let items = keywords.items, document.kind(items) == .object {
            write(items, Inherited(), depth: depth + 1)
        } else {
            output.append(#"{"type":"string"}"#)
        }
        writeNumber("minItems", keywords.minItems)
        writeNumber("maxItems", keywords.maxItems)
    }

    private mutating func writeNumber(_ name: StaticString, _ node: JSONNode?) {
        guard let node else { return }
        output.append(#",""#)
        output.append(name)
        output.append(#"":"#)
        output.append(document, node)
    }

    // MARK: References

    /// What a `$ref` within the same schema points to (RFC 6901 in a URI fragment).
    private mutating func resolve(_ reference: JSONNode) -> JSONNode? {
        guard document.kind(reference) == .string else { return nil }
        let pointer = document.unescaped(reference)
        guard pointer.first == UInt8(ascii: "#") else { return nil }
        var node = root
        for token in pointer.dropFirst().split(separator: UInt8(ascii: "/")) {
            let name = Self.decoded(token)
            guard let next = child(of: node, name) else { return nil }
            node = next
        }
        return node
    }

    private mutating func child(of node: JSONNode, _ name: [UInt8]) -> JSONNode? {
        var members = document.members(of: node)
        while membersLeft > 0, let (key, value) = document.next(&members) {
            membersLeft -= 1
            if document.unescaped(key) == name { return value }
        }
        guard document.kind(node) == .array,
            let index = Int(String(decoding: name, as: UTF8.self)), index >= 0
        else { return nil }
        var elements = document.elements(of: node)
        var position = 0
        while membersLeft > 0, let element = document.next(&elements) {
            membersLeft -= 1
            if position == index { return element }
            position += 1
        }
        return nil
    }

    /// A pointer's token without its escapes: `%7E`, `~0`, `~1`.
    private static func decoded(_ token: ArraySlice<UInt8>) -> [UInt8] {
        var plain: [UInt8] = []
        var index = token.startIndex
        while index < token.endIndex {
            if token[index] == UInt8(ascii: "%"), index + 2 < token.endIndex,
                let high = token[index + 1].hexDigitValue, let low = token[index + 2].hexDigitValue
            {
                plain.append(UInt8(truncatingIfNeeded: high << 4 | low))
                index += 3
            } else {
                plain.append(token[index])
                index += 1
            }
        }
        var name: [UInt8] = []
        index = 0
        while index < plain.count {
            if plain[index] == UInt8(ascii: "~"), index + 1 < plain.count {
                name.append(
                    plain[index + 1] == UInt8(ascii: "1")
                        ? UInt8(ascii: "/") : UInt8(ascii: "~"))
                index += 2
            } else {
                name.append(plain[index])
                index += 1
            }
        }
        return name
    }
}
