// Whether a schema is one that OpenAI takes for `strict` (its guide to structured outputs, supported
// schemas): every object is closed and requires all its properties. Others are sent without `strict`,
// since with it the request is refused.

enum StrictSchema {
    private static let unsupported: [StaticString] = [
        "allOf", "oneOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else",
        "patternProperties", "propertyNames",
    ]

    /// Whether the schema at `node` is in the subset. Every value is looked at once.
    static func holds(_ node: JSONNode, of document: JSONDocument) -> Bool {
        guard document.kind(node) == .object else { return true }
        var properties, required, additional, type: JSONNode?
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "properties") {
                properties = value
            } else if document.equals(key, "required") {
                required = value
            } else if document.equals(key, "additionalProperties") {
                additional = value
            } else if document.equals(key, "type") {
                type = value
            } else if unsupported.contains(where: { document.equals(key, $0) }) {
                return false
            } else if !holdsWithin(key, value, of: document) {
                return false
            }
        }
        guard properties != nil || isObject(type, of: document) else { return true }
        guard let additional, document.bool(additional) == false else { return false }
        return requiresAll(properties, required, of: document)
    }

    private static func isObject(_ type: JSONNode?, of document: JSONDocument) -> Bool {
        guard let type else { return false }
        if document.equals(type, "object") { return true }
        var elements = document.elements(of: type)
        while let element = document.next(&elements) {
            if document.equals(element, "object") { return true }
        }
        return false
    }

    /// Whether the schemas under a keyword are in the subset.
    private static func holdsWithin(
        _ key: JSONNode, _ value: JSONNode, of document: JSONDocument
    ) -> Bool {
        if document.equals(key, "items") { return holds(value, of: document) }
        if document.equals(key, "anyOf") {
            var elements = document.elements(of: value)
            while let element = document.next(&elements) {
                if !holds(element, of: document) { return false }
            }
        } else if document.equals(key, "$defs") || document.equals(key, "definitions") {
            return allHold(value, of: document)
        }
        return true
    }

    private static func allHold(_ map: JSONNode, of document: JSONDocument) -> Bool {
        var members = document.members(of: map)
        while let (_, value) = document.next(&members) {
            if !holds(value, of: document) { return false }
        }
        return true
    }

    private static func requiresAll(
        _ properties: JSONNode?, _ required: JSONNode?, of document: JSONDocument
    ) -> Bool {
        guard let properties else { return true }
        var names: Set<ArraySlice<UInt8>> = []
        if let required {
            var elements = document.elements(of: required)
            while let element = document.next(&elements) {
                names.insert(document.bytes[document.content(element)])
            }
        }
        var members = document.members(of: properties)
        while let (key, value) = document.next(&members) {
            guard names.contains(document.bytes[document.content(key)]),
                holds(value, of: document)
            else { return false }
        }
        return true
    }
}
