// Schemas for Gemini: what is kept, what is rewritten, and that no schema makes it run away.

import Testing

@testable import Translation

@Suite struct SchemaRestrictionTests {
    static func restricted(_ schema: String) throws -> String {
        var document = JSONDocument()
        try document.parse([UInt8](schema.utf8))
        var output: [UInt8] = []
        var budget = SchemaBudget(values: document.valueCount, bytes: document.bytes.count)
        SchemaRestriction.write(.root, of: document, &budget, into: &output)
        var check = JSONDocument()
        try check.parse(output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [
        (
            #"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"a":{"type":"string","minLength":1,"pattern":"^a","format":"uri","description":"d"}},"required":["a","b"],"additionalProperties":false,"propertyNames":{"type":"string"}}"#,
            #"{"type":"object","properties":{"a":{"type":"string","description":"d"}},"required":["a"]}"#
        ),
        (#"{"type":"string","format":"date-time"}"#, #"{"type":"string","format":"date-time"}"#),
        (#"{"type":"string","enum":["a","",null,1,"b"]}"#, #"{"type":"string","enum":["a","b"]}"#),
        (#"{"const":"a"}"#, #"{"type":"string","enum":["a"]}"#),
        (#"{"type":"integer","enum":[1,2]}"#, #"{"type":"integer"}"#),
        (
            #"{"type":"number","minimum":1.50,"maximum":2e0,"exclusiveMinimum":0,"multipleOf":1}"#,
            #"{"type":"number","minimum":1.50,"maximum":2e0}"#
        ),
        (#"{"type":["string","null"]}"#, #"{"type":"string","nullable":true}"#),
        (
            #"{"type":["null","integer"],"description":"d"}"#,
            #"{"type":"integer","description":"d","nullable":true}"#
        ),
        (#"{"type":"array"}"#, #"{"type":"array","items":{"type":"string"}}"#),
        (
            #"{"type":"array","items":{"type":"integer","default":1},"minItems":1,"maxItems":2,"uniqueItems":true}"#,
            #"{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2}"#
        ),
        (#"{"type":"array","items":true}"#, #"{"type":"array","items":{"type":"string"}}"#),
        (
            #"{"anyOf":[{"type":"string"},{"type":"null"}],"description":"d"}"#,
            #"{"type":"string","description":"d","nullable":true}"#
        ),
        (
            #"{"description":"d","oneOf":[{"type":"string"},{"type":"integer","description":"e"},{"type":"null"}]}"#,
            #"{"anyOf":[{"type":"string","description":"d","nullable":true},{"type":"integer","description":"e","nullable":true}]}"#
        ),
        (
            #"{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"boolean"}}}]}"#,
            #"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"boolean"}},"required":["a"]}"#
        ),
        (#"{}"#, #"{"type":"string"}"#),
        (#"{"properties":{"a":true}}"#, #"{"type":"object","properties":{"a":{"type":"string"}}}"#),
        (#"{"type":"hologram"}"#, #"{"type":"string"}"#),
        (
            ##"{"type":"object","properties":{"p":{"$ref":"#/$defs/P","description":"here"}},"$defs":{"P":{"type":"object","description":"there","properties":{"x":{"$ref":"#/definitions/a~1b%20c"}}}},"definitions":{"a/b c":{"type":"integer"}}}"##,
            #"{"type":"object","properties":{"p":{"type":"object","description":"here","properties":{"x":{"type":"integer"}}}}}"#
        ),
        (#"{"type":"string","$ref":"https://elsewhere/x"}"#, #"{"type":"string"}"#),
        (##"{"type":"string","$ref":"#/$defs/missing"}"##, #"{"type":"string"}"#),
        // A tree of itself.
        (
            ##"{"$defs":{"T":{"type":"object","properties":{"l":{"$ref":"#/$defs/T"},"v":{"type":"number"}}}},"$ref":"#/$defs/T"}"##,
            #"{"type":"object","properties":{"l":{"type":"object"},"v":{"type":"number"}}}"#
        ),
        (##"{"$ref":"#"}"##, #"{"type":"object"}"#),
    ])
    func keepsWhatGeminiTakes(_ schema: String, _ expected: String) throws {
        #expect(try Self.restricted(schema) == expected)
    }

    @Test func isAppliedForGeminiAlone() throws {
        let tool = request(
            #""tools":[{"name":"f","input_schema":{"$schema":"x","type":"object","properties":{}}}]"#
        )
        #expect(
            try member("tools", tool, gemini)
                == #"[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]"#
        )
        #expect(try member("tools", tool)?.contains("$schema") == true)
    }

    @Test func endsInTimeWhateverTheReferences() throws {
        // Each level refers twice to the next: 2^40 schemas if nothing stopped it.
        let levels = (0..<40).map { level in
            ##""L\##(level)":{"type":"object","properties":{"a":{"$ref":"#/$defs/L\##(level + 1)"},"b":{"$ref":"#/$defs/L\##(level + 1)"}}}"##
        }
        let doubling =
            ##"{"$defs":{\##(levels.joined(separator: ",")),"L40":{"type":"string"}},"$ref":"#/$defs/L0"}"##
        #expect(try Self.restricted(doubling).utf8.count < 1_000_000)
        // Many references into a large object.
        let many = (0..<2000).map { ##""p\##($0)":{"$ref":"#/$defs/d1999"}"## }
            .joined(separator: ",")
        let defs = (0..<2000).map { #""d\#($0)":{"type":"string"}"# }.joined(separator: ",")
        let wide = "{\"type\":\"object\",\"properties\":{\(many)},\"$defs\":{\(defs)}}"
        #expect(try Self.restricted(wide).utf8.count < 1_000_000)
        // Deep nesting.
        let deep =
            String(repeating: #"{"type":"array","items":"#, count: 100) + "{}"
            + String(repeating: "}", count: 100)
        #expect(
            try Self.restricted(deep).contains(#"{"type":"array","items":{"type":"string"}}"#))
    }
}
