// Which schemas are strict ones, and what is left of one without patterns.

import Testing

@testable import Translation

@Suite("Kinds of schemas") struct SchemaKindTests {
    private func parse(_ text: String) throws -> JSONDocument {
        var document = JSONDocument()
        try document.parse([UInt8](text.utf8))
        return document
    }

    @Test(arguments: [
        (#"{"type":"string"}"#, true), ("{}", true), ("true", true),
        (#"{"type":"object"}"#, false), (#"{"type":["object","null"]}"#, false),
        (#"{"type":"object","additionalProperties":false}"#, true),
        (#"{"type":"object","additionalProperties":true}"#, false),
        (#"{"properties":{"a":{}},"additionalProperties":false}"#, false),
        (#"{"properties":{"a":{}},"required":["a"],"additionalProperties":false}"#, true),
        (#"{"properties":{"a":{},"b":{}},"required":["a"],"additionalProperties":false}"#, false),
        (
            #"{"properties":{"a":{"type":"object"}},"required":["a"],"additionalProperties":false}"#,
            false
        ),
        (#"{"type":"array","items":{"type":"object"}}"#, false),
        (#"{"anyOf":[{"type":"null"},{"type":"object"}]}"#, false),
        (##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}"##, false),
        (#"{"allOf":[{"type":"string"}]}"#, false), (#"{"oneOf":[{"type":"string"}]}"#, false),
        (#"{"enum":[{"type":"object"}]}"#, true),
    ])
    func aStrictSchemaIsClosedAndComplete(_ schema: String, _ isStrict: Bool) throws {
        #expect(try StrictSchema.holds(.root, of: parse(schema)) == isStrict)
    }

    @Test(arguments: [
        (#"{"type":"string"}"#, #"{"type":"string"}"#),
        (#"{"type":"string","pattern":"\\d","format":"date"}"#, #"{"type":"string"}"#),
        (
            #"{"properties":{"pattern":{"pattern":"a"},"format":{"type":"string"}}}"#,
            #"{"properties":{"pattern":{},"format":{"type":"string"}}}"#
        ),
        (#"{"items":[{"pattern":"a"},true]}"#, #"{"items":[{},true]}"#),
        (#"{"anyOf":[{"format":"a"}],"x":1}"#, #"{"anyOf":[{}],"x":1}"#),
        (#"{"$defs":{"pattern":{"format":"a"}}}"#, #"{"$defs":{"pattern":{}}}"#),
        (
            #"{"const":{"pattern":"a"}, "enum":[{"format":"a"}]}"#,
            #"{"const":{"pattern":"a"},"enum":[{"format":"a"}]}"#
        ),
        (#"{"patternProperties":{"^a":{}},"pattern":1}"#, #"{"pattern":1}"#),
        (#"{"properties":1}"#, #"{"properties":1}"#), ("[]", "[]"),
    ])
    func patternsAreLeftOutWhereTheyAreKeywords(_ schema: String, _ expected: String) throws {
        var output: [UInt8] = []
        let document = try parse(schema)
        let isChanged = SchemaPatterns.write(.root, of: document, into: &output)
        #expect(String(decoding: output, as: UTF8.self) == expected)
        #expect(isChanged == (expected.utf8.count < schema.replacing(" ", with: "").utf8.count))
    }
}
