// JSON: accepted exactly when a plain reader of RFC 8259 accepts it and it is UTF-8, and with the same
// values; and a string that is written reads back as itself.

import TestSupport
import Translation

enum JSONFuzz {
    static func run(_ input: [UInt8]) {
        let bytes = input.withoutHead
        var document = JSONDocument()
        var isAccepted = true
        do throws(JSONError) { try document.parse(bytes) } catch { isAccepted = false }
        let isUTF8 = String(validating: bytes, as: UTF8.self) != nil
        let reference = isUTF8 ? ReferenceJSON.parse(bytes, depthMax: JSONDocument.depthMax) : nil
        expect(isAccepted == (reference != nil), "accepted: \(isAccepted)")
        guard let reference else { return }
        compare(document, .root, reference)
    }

    private static func compare(
        _ document: JSONDocument, _ node: JSONNode, _ reference: ReferenceJSON
    ) {
        switch (document.kind(node), reference) {
        case (.null, .null), (.true, .bool(true)), (.false, .bool(false)): break
        case (.number, .number(let text)):
            let literal = document.bytes[document.literal(node)]
            expect(literal.elementsEqual(text.utf8), "the number \(text)")
            if let plain = Int(text) {
                // The least integer has no magnitude to be read as.
                expect(plain == .min || document.integer(node) == plain, "the integer \(text)")
            } else if let integer = document.integer(node) {
                expect(Double(text) == Double(integer), "\(text) as \(integer)")
            }
        case (.string, .string(let text)):
            expect(document.unescaped(node) == text, "a string's meaning")
            expect(document.isEmptyString(node) == document.content(node).isEmpty, "emptiness")
            roundTrip(text)
        case (.array, .array(let values)):
            var elements = document.elements(of: node)
            for value in values {
                guard let element = document.next(&elements) else { fatalError("elements: few") }
                compare(document, element, value)
            }
            expect(document.next(&elements) == nil, "elements: many")
            expect(document.count(node) == values.count, "the count")
        case (.object, .object(let values)):
            var members = document.members(of: node)
            for value in values {
                guard let member = document.next(&members) else { fatalError("members: few") }
                expect(document.unescaped(member.key) == value.key, "a key")
                compare(document, member.value, value.value)
            }
            expect(document.next(&members) == nil, "members: many")
        case (let kind, _): fatalError("\(kind) instead of \(reference)")
        }
    }

    private static func roundTrip(_ text: [UInt8]) {
        var json: [UInt8] = [UInt8(ascii: "\"")]
        json.append(jsonEscaping: text.span)
        json.append(UInt8(ascii: "\""))
        expect(ReferenceJSON.parse(json) == .string(text), "a string that is written")
    }
}
