// JSON schemas for models that take only part of the language. Gemini answers 400 to keywords that
// it does not know, and clients' schemas are full of them; so only those that it is known to take
// are written (Gemini API reference, Schema; the rest from other proxies' issue lists). `$ref` is
// replaced by what it points to, `allOf` by the union of its members.
//
// A schema can refer to itself, and referring costs less than what is referred to: nesting is
// limited, and a budget for the whole request pays for what is looked at and what is written
// (SchemaBudget). A schema that has been begun is always ended, since its end is paid for with its
// begin. Beyond the budget descriptions, choices and properties are left out, and a schema that
// could still be named is of its type alone.

struct SchemaRestriction {
    private let document: JSONDocument
    private let root: JSONNode
    private var output: [UInt8]
    private var budget: SchemaBudget
    /// The references that are being followed.
    private var following: [JSONNode] = []
    /// What references point to, as far as they have been followed.
    private var targets: [[UInt8]: JSONNode?] = [:]

    private static var depthMax: Int { 48 }
    /// How many schemas may be united into one.
    private static var unitedMax: Int { 16 }
    /// What a schema takes that has only its type, with what stands around it:
    /// `,:{"type":"array","nullable":true,"items":{"type":"string"}}`.
    private static var leastBytes: Int { 64 }
    /// `,"properties":{},"required":[]`.
    private static var propertiesBytes: Int { 32 }
    /// What the name of a property costs in steps: it is kept in a set.
    private static var nameSteps: Int { 8 }

    /// Appends what may stay of `schema`, as far as `budget` goes.
    static func write(
        _ schema: JSONNode, of document: JSONDocument, _ budget: inout SchemaBudget,
        into output: inout [UInt8]
    ) {
        var restriction = SchemaRestriction(
            document: document, root: schema, output: [], budget: budget)
        swap(&restriction.output, &output)
        restriction.write(schema, Inherited(), depth: 0)
        swap(&restriction.output, &output)
        budget = restriction.budget
    }

    private init(
        document: JSONDocument, root: JSONNode, output: [UInt8], budget: SchemaBudget
    ) {
        self.document = document
        self.root = root
        self.output = output
        self.budget = budget
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

    /// Writes a schema whose `leastBytes` have been paid for.
    private mutating func write(_ schema: JSONNode, _ inherited: Inherited, depth: Int) {
        guard depth < Self.depthMax, budget.look() else {
            writeBriefly(schema)
            return
        }
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
        while let (key, value) = document.next(&members), budget.look() {
            if document.equals(key, "$ref") {
                reference = value
            } else if document.equals(key, "allOf") {
                parts = value
            } else {
                take(key, value, into: &keywords)
            }
        }
        if let reference, let target = resolve(reference),
            budget.look(1 + following.count / Self.comparisonsPerStep)
        {
            guard !following.contains(target) else { return false }
            following.append(target)
            guard unite(target, into: &keywords, &united) else { return false }
        }
        if let parts {
            var elements = document.elements(of: parts)
            while let part = document.next(&elements), united <= Self.unitedMax, budget.look() {
                guard unite(part, into: &keywords, &united) else { return false }
            }
        }
        return uniteOnlyAlternative(of: &keywords, &united)
    }

    private static var comparisonsPerStep: Int { 16 }

    /// Takes `null` out of alternatives; if a single one is left, it is the schema.
    private mutating func uniteOnlyAlternative(
        of keywords: inout Keywords, _ united: inout Int
    ) -> Bool {
        guard let alternatives = keywords.alternatives else { return true }
        var only: JSONNode?
        var count = 0
        var elements = document.elements(of: alternatives)
        while let element = document.next(&elements), budget.look() {
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
            while let (name, property) = document.next(&members), mayBegin(name) {
                guard keywords.propertyNames.insert(document.unescaped(name)).inserted else {
                    continue
                }
                keywords.properties.append((name, property))
            }
        } else if document.equals(key, "required") {
            var elements = document.elements(of: value)
            while let element = document.next(&elements), budget.look() {
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

    /// Pays for a property: its name, and the least that its schema takes.
    private mutating func mayBegin(_ name: JSONNode) -> Bool {
        let bytes = document.literal(name).count
        return budget.look(Self.nameSteps, bytes: bytes) && budget.write(bytes + Self.leastBytes)
    }

    private mutating func isNullType(_ schema: JSONNode) -> Bool {
        var isNull = false
        var members = document.members(of: schema)
        while let (key, value) = document.next(&members), budget.look() {
            if document.equals(key, "type") { isNull = document.equals(value, "null") }
        }
        return isNull
    }

    // MARK: Writing

    private mutating func write(_ keywords: Keywords, depth: Int) {
        var keywords = keywords
        if let alternatives = keywords.alternatives, !keywords.hasProperties {
            write(alternatives: alternatives, of: keywords, depth: depth)
            return
        }
        let type = typeName(of: &keywords)
        output.append(#"{"type":""#)
        output.append(contentsOf: type)
        output.append(UInt8(ascii: "\""))
        writeMember(#","description":"#, keywords.description)
        if keywords.isNullable { output.append(#","nullable":true"#) }
        switch type {
        case Self.string: writeStringKeywords(keywords)
        case Self.object: writeObjectKeywords(keywords, depth: depth)
        case Self.array: writeArrayKeywords(keywords, depth: depth)
        default:
            writeMember(#","minimum":"#, keywords.minimum)
            writeMember(#","maximum":"#, keywords.maximum)
        }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func write(alternatives: JSONNode, of keywords: Keywords, depth: Int) {
        let start = output.count
        output.append(#"{"anyOf":["#)
        let inherited = Inherited(
            description: keywords.description, isNullable: keywords.isNullable)
        var elements = document.elements(of: alternatives)
        var isFirst = true
        while let element = document.next(&elements), budget.look() {
            if isNullType(element) { continue }
            guard budget.write(Self.leastBytes) else { break }
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            write(element, inherited, depth: depth + 1)
        }
        if isFirst {
            output.removeSubrange(start...)
            output.append(#"{"type":"object"}"#)
        } else {
            output.append("]}")
        }
    }

    /// Writes the type of a schema for which there is no more: `leastBytes` at most.
    private mutating func writeBriefly(_ schema: JSONNode) {
        var keywords = Keywords()
        var isElsewhere = false
        var left = Self.nameSteps
        var members = document.members(of: schema)
        while left > 0, let (key, value) = document.next(&members) {
            left -= 1
            if document.equals(key, "type") {
                keywords.type = value
            } else if document.equals(key, "properties") {
                keywords.hasProperties = true
            } else if document.equals(key, "items") {
                keywords.items = value
            } else if document.equals(key, "$ref") || document.equals(key, "allOf")
                || document.equals(key, "anyOf") || document.equals(key, "oneOf")
            {
                isElsewhere = true
            }
        }
        let type = typeName(of: &keywords)
        let isKnown = keywords.type != nil || !isElsewhere
        output.append(#"{"type":""#)
        output.append(contentsOf: isKnown ? type : Self.object)
        output.append(UInt8(ascii: "\""))
        if isKnown, type == Self.array { output.append(#","items":{"type":"string"}"#) }
        output.append(UInt8(ascii: "}"))
    }

    /// Writes a member that is copied, if it is there and can be paid for.
    private mutating func writeMember(_ name: StaticString, _ node: JSONNode?) {
        guard let node else { return }
        let range = document.literal(node)
        guard budget.write(name.utf8CodeUnitCount + range.count) else { return }
        output.append(name)
        output.append(document, range)
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
            var left = Self.typesMax
            while left > 0, let element = document.next(&elements) {
                left -= 1
                if document.equals(element, "null") { keywords.isNullable = true }
                if first == nil { first = knownType(element) }
            }
            if let first { return first }
        }
        if keywords.hasProperties { return Self.object }
        return keywords.items == nil ? Self.string : Self.array
    }

    /// More than there are.
    private static var typesMax: Int { 8 }
    /// The longest form of a type, were every character escaped.
    private static var typeBytesMax: Int { 48 }

    private func knownType(_ node: JSONNode) -> [UInt8]? {
        guard document.kind(node) == .string,
            document.content(node).count <= Self.typeBytesMax
        else { return nil }
        let name = document.unescaped(node)
        return Self.known.contains(name) ? name : nil
    }

    private mutating func writeStringKeywords(_ keywords: Keywords) {
        if let format = keywords.format,
            document.equals(format, "date-time") || document.equals(format, "enum")
        {
            writeMember(#","format":"#, format)
        }
        // Only texts, and none of them empty.
        let start = output.count
        var isWhole = true
        if let constant = keywords.constant { isWhole = writeChoice(constant, since: start) }
        if let choices = keywords.choices {
            var elements = document.elements(of: choices)
            while isWhole, let element = document.next(&elements) {
                isWhole = writeChoice(element, since: start)
            }
        }
        if !isWhole {
            // Some of the choices would forbid the others.
            output.removeSubrange(start...)
        } else if output.count > start {
            output.append(UInt8(ascii: "]"))
        }
    }

    /// Returns false when it cannot be paid for.
    private mutating func writeChoice(_ node: JSONNode, since start: Int) -> Bool {
        guard budget.look() else { return false }
        guard document.kind(node) == .string, !document.isEmptyString(node) else { return true }
        let range = document.literal(node)
        let name: StaticString = output.count == start ? #","enum":["# : ","
        guard budget.write(name.utf8CodeUnitCount + range.count + 1) else { return false }
        output.append(name)
        output.append(document, range)
        return true
    }

    private mutating func writeObjectKeywords(_ keywords: Keywords, depth: Int) {
        guard keywords.hasProperties, budget.write(Self.propertiesBytes) else { return }
        output.append(#","properties":{"#)
        for index in keywords.properties.indices {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(document, keywords.properties[index].key)
            output.append(UInt8(ascii: ":"))
            write(keywords.properties[index].value, Inherited(), depth: depth + 1)
        }
        output.append(UInt8(ascii: "}"))
        let start = output.count
        for name in keywords.required {
            let range = document.literal(name)
            guard budget.look(bytes: range.count) else { break }
            guard keywords.propertyNames.contains(document.unescaped(name)),
                budget.write(range.count + 1)
            else { continue }
            output.append(output.count == start ? #","required":["# : ",")
            output.append(document, range)
        }
        if output.count > start { output.append(UInt8(ascii: "]")) }
    }

    private mutating func writeArrayKeywords(_ keywords: Keywords, depth: Int) {
        output.append(#","items":"#)
        if let items = keywords.items, document.kind(items) == .object,
            budget.write(Self.leastBytes)
        {
            write(items, Inherited(), depth: depth + 1)
        } else {
            output.append(#"{"type":"string"}"#)
        }
        writeMember(#","minItems":"#, keywords.minItems)
        writeMember(#","maxItems":"#, keywords.maxItems)
    }

    // MARK: References

    /// What a `$ref` within the same schema points to (RFC 6901 in a URI fragment).
    private mutating func resolve(_ reference: JSONNode) -> JSONNode? {
        guard document.kind(reference) == .string,
            budget.look(bytes: document.content(reference).count)
        else { return nil }
        let pointer = document.unescaped(reference)
        guard pointer.first == UInt8(ascii: "#") else { return nil }
        if let known = targets[pointer] { return known }
        let target = find(pointer)
        targets[pointer] = .some(target)
        return target
    }

    private mutating func find(_ pointer: [UInt8]) -> JSONNode? {
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
        while let (key, value) = document.next(&members),
            budget.look(bytes: document.content(key).count)
        {
            if document.unescaped(key) == name { return value }
        }
        guard document.kind(node) == .array, name.count < 10,
            let index = Int(String(decoding: name, as: UTF8.self)), index >= 0
        else { return nil }
        var elements = document.elements(of: node)
        var position = 0
        while let element = document.next(&elements), budget.look() {
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
