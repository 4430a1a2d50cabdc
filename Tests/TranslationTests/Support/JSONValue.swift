// A JSON tree for tests, which compare structures; the product itself has none.

@testable import Translation

/// A JSON value. Numbers keep their text.
indirect enum JSONValue: Equatable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number(String)
    case bool(Bool)
    case null

    /// nil when `text` is no JSON.
    init?(_ text: [UInt8]) {
        var document = JSONDocument()
        guard (try? document.parse(text)) != nil else { return nil }
        self.init(document, .root)
    }

    init?(_ text: String) { self.init([UInt8](text.utf8)) }

    private init(_ document: JSONDocument, _ node: JSONNode) {
        switch document.kind(node) {
        case .object:
            var members: [String: JSONValue] = [:]
            var cursor = document.members(of: node)
            while let (key, value) = document.next(&cursor) {
                members[document.string(key) ?? ""] = JSONValue(document, value)
            }
            self = .object(members)
        case .array:
            var elements: [JSONValue] = []
            var cursor = document.elements(of: node)
            while let element = document.next(&cursor) {
                elements.append(JSONValue(document, element))
            }
            self = .array(elements)
        case .string: self = .string(document.string(node) ?? "")
        case .number:
            self = .number(String(decoding: document.bytes[document.content(node)], as: UTF8.self))
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .null: self = .null
        }
    }

    subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else {
            return nil
        }
        return elements[index]
    }

    var string: String? { if case .string(let text) = self { text } else { nil } }
    var int: Int? { if case .number(let text) = self { Int(text) } else { nil } }
    var array: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
    var keys: Set<String> {
        if case .object(let members) = self { Set(members.keys) } else { [] }
    }
}
