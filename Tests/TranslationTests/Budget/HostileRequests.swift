// Requests that want much for little: each shape makes a list or a text long, and something else
// that is done or written again for every element of it.

import TestSupport

/// A kind of hostile request, which can be had at any size.
struct HostileRequest: CustomStringConvertible, Sendable {
    let name: String
    /// The request at about `bytes` bytes.
    let make: @Sendable (_ bytes: Int) -> String

    var description: String { name }

    init(_ name: String, _ make: @escaping @Sendable (Int) -> String) {
        self.name = name
        self.make = make
    }

    /// `element` as often as it goes into `bytes`, separated by commas.
    static func list(_ bytes: Int, _ element: (Int) -> String) -> String {
        var text = element(0)
        var index = 1
        while text.utf8.count < bytes {
            text += "," + element(index)
            index += 1
        }
        return text
    }

    static func tool(_ schema: String, _ name: String = "f") -> String {
        #"{"name":"\#(name)","input_schema":\#(schema)}"#
    }

    private static func tools(_ tools: String) -> String { request("\"tools\":[\(tools)]") }

    /// A schema whose properties all refer to `definition`, half of the bytes for each.
    private static func referring(_ bytes: Int, _ definition: String) -> String {
        let references = list(bytes / 2) { #""p\#($0)":\#(reference("a"))"# }
        return #"{"type":"object","properties":{\#(references)},"$defs":{"a":\#(definition)}}"#
    }

    /// A schema that refers to a definition.
    private static func reference(_ name: String) -> String {
        "{\"$ref\":\"#/$defs/\(name)\"}"
    }

    private static func text(_ bytes: Int) -> String { String(repeating: "d", count: bytes) }

    static let schemas: [HostileRequest] = [
        .init("a description that is referred to") {
            tools(tool(referring($0, #"{"type":"string","description":"\#(text($0 / 2))"}"#)))
        },
        .init("a list of required names that is referred to") {
            let names = list($0 / 2) { _ in #""a""# }
            return tools(
                tool(referring($0, #"{"properties":{"a":{}},"required":[\#(names)]}"#)))
        },
        .init("choices that are referred to") {
            let choices = list($0 / 2) { _ in #""""# }
            return tools(tool(referring($0, #"{"enum":[\#(choices)]}"#)))
        },
        .init("long choices that are referred to") {
            tools(tool(referring($0, #"{"enum":["\#(text($0 / 2))"]}"#)))
        },
        .init("a constant that is referred to") {
            tools(tool(referring($0, #"{"const":"\#(text($0 / 2))"}"#)))
        },
        .init("a number that is referred to") {
            let digits = String(repeating: "1", count: $0 / 2)
            return tools(tool(referring($0, #"{"type":"number","minimum":\#(digits)}"#)))
        },
        .init("a long name that is referred to") {
            tools(tool(referring($0, #"{"properties":{"\#(text($0 / 2))":{}}}"#)))
        },
        .init("an escaped name that is compared") {
            tools(tool(referring($0, #"{"\u0061\#(text($0 / 2))":1}"#)))
        },
        .init("keywords that are referred to") {
            let members = list($0 / 2) { _ in #""":0"# }
            return tools(tool(referring($0, "{\(members)}")))
        },
        .init("a type of many that is referred to") {
            let types = list($0 / 2) { _ in "0" }
            return tools(tool(referring($0, #"{"type":[\#(types)]}"#)))
        },
        .init("alternatives that are referred to") {
            let types = list($0 / 2) { _ in #"{"type":"null"}"# }
            return tools(tool(referring($0, #"{"anyOf":[\#(types)]}"#)))
        },
        .init("one alternative of many members") {
            let members = list($0 / 2) { _ in #""":0"# }
            return tools(tool(referring($0, #"{"anyOf":[{\#(members)},{\#(members)}]}"#)))
        },
        .init("one description for all alternatives") {
            let alternatives = list($0 / 2) { _ in "{}" }
            return tools(
                tool(#"{"description":"\#(text($0 / 2))","anyOf":[\#(alternatives)]}"#))
        },
        .init("the same in every tool") { bytes in
            tools(
                list(bytes) { number in
                    let alternatives = list(bytes / 24) { _ in "{}" }
                    let schema =
                        #"{"description":"\#(text(bytes / 24))","anyOf":[\#(alternatives)]}"#
                    return tool(schema, "f\(number)")
                })
        },
        .init("pointers through long lists") {
            let names = list($0 / 2) { #""x\#($0)":{}"# }
            let references = list($0 / 2) { #"\#(reference("x\($0 * 7)"))"# }
            return tools(tool(#"{"anyOf":[\#(references)],"$defs":{\#(names)}}"#))
        },
        .init("doubling at every level") { _ in
            let levels = (0..<40).map { level in
                let next = #"\#(reference("L\(level + 1)"))"#
                return #""L\#(level)":{"properties":{"a":\#(next),"b":\#(next)}}"#
            }
            let definitions = levels.joined(separator: ",")
            return tools(tool(#"{"$defs":{\#(definitions)},"allOf":[\#(reference("L0"))]}"#))
        },
        .init("unions of long lists") {
            let members = list($0 / 2) { #""p\#($0)":{}"# }
            let parts = list($0 / 2) { _ in #"\#(reference("a"))"# }
            return tools(
                tool(
                    #"{"anyOf":[{"allOf":[\#(parts)]}],"$defs":{"a":{"properties":{\#(members)}}}}"#
                )
            )
        },
        .init("alternatives of unions") {
            let members = list($0 / 2) { #""p\#($0)":{}"# }
            let parts = list($0 / 2) { _ in #"{"allOf":[\#(reference("a"))]}"# }
            return tools(
                tool(#"{"anyOf":[\#(parts)],"$defs":{"a":{"properties":{\#(members)}}}}"#))
        },
        .init("empty schemas") {
            tools(tool("{\"properties\":{\(list($0) { #""\#($0)":{}"# })}}"))
        },
        .init("tools without a schema to speak of") {
            tools(list($0) { tool("{}", "\($0)") })
        },
        .init("an answer's schema") {
            let properties = list($0) { #""\"\#($0)":{}"# }
            return request(
                #""output_config":{"format":{"type":"json_schema","schema":{"properties":{"#
                    + properties + "}}}}")
        },
    ]

    private static func conversation(_ messages: String) -> String {
        request("", messages: "[\(messages)]")
    }

    private static func user(_ blocks: String) -> String {
        conversation(#"{"role":"user","content":[\#(blocks)]}"#)
    }

    private static func assistant(_ blocks: String) -> String {
        conversation(#"{"role":"assistant","content":[\#(blocks)]}"#)
    }

    static let messages: [HostileRequest] = [
        .init("small messages") {
            conversation(
                list($0) { #"{"role":"\#($0 % 2 == 0 ? "user" : "assistant")","content":"a"}"# })
        },
        .init("empty messages") {
            conversation(
                list($0) { _ in #"{"role":"user","content":[]}"# }
                    + #",{"role":"user","content":"a"}"#)
        },
        .init("system messages") {
            conversation(
                #"{"role":"user","content":"a"},"#
                    + list($0) { _ in #"{"role":"system","content":"a"}"# })
        },
        .init("small texts") { user(list($0) { _ in #"{"type":"text","text":"a"}"# }) },
        .init("breakpoints") {
            user(
                list($0) { _ in
                    #"{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}"#
                })
        },
        .init("calls without results") {
            assistant(list($0) { #"{"type":"tool_use","id":"\#($0)","name":"é","input":{}}"# })
        },
        .init("calls of one id") {
            assistant(list($0) { _ in #"{"type":"tool_use","id":"a","name":"b","input":{}}"# })
        },
        .init("calls with input full of escapes") {
            assistant(
                list($0) {
                    let text = String(repeating: #"\\\""#, count: 40)
                    return #"{"type":"tool_use","id":"\#($0)","name":"b","input":{"":"\#(text)"}}"#
                })
        },
        .init("results of one call") {
            conversation(
                #"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{}}]},"#
                    + #"{"role":"user","content":["#
                    + list($0) { _ in #"{"type":"tool_result","tool_use_id":"a"}"# } + "]}")
        },
        .init("calls and results with images") { bytes in
            let image = #"[{"type":"image","source":{"type":"url","url":""}}]"#
            return conversation(
                #"{"role":"assistant","content":["#
                    + list(bytes / 2) {
                        #"{"type":"tool_use","id":"\#($0)","name":"b","input":{}}"#
                    } + #"]},{"role":"user","content":["#
                    + list(bytes / 2) {
                        #"{"type":"tool_result","tool_use_id":"\#($0)","content":\#(image)}"#
                    } + "]}")
        },
        .init("results without calls") {
            user(list($0) { _ in #"{"type":"tool_result","tool_use_id":"a"}"# })
        },
        .init("images") {
            user(list($0) { _ in #"{"type":"image","source":{"type":"url","url":""}}"# })
        },
        .init("documents") {
            user(
                list($0) { _ in
                    #"{"type":"document","title":"aaa","source":{"type":"url","url":""}}"#
                })
        },
        .init("unknown fields") {
            user(#"{"type":"text","text":"a",\#(list($0) { _ in #""a":0"# })}"#)
        },
        .init("unknown fields of many names") {
            user(#"{"type":"text","text":"a",\#(list($0) { #""\#($0)":0"# })}"#)
        },
        .init("escaped names of fields") {
            user(#"{"type":"text","text":"a","\u0061\#(text($0))":0}"#)
        },
        .init("unknown blocks") { user(list($0) { #"{"type":"a\#($0)","text":"a"}"# }) },
        .init("escaped types of blocks") {
            user(#"{"type":"\u0061\#(text($0))","text":"a"}"#)
        },
        .init("nested content") {
            let depth = 100
            let content = list($0) { _ in #"{"text":"a"}"# }
            return user(
                #"{"type":"web_search_tool_result","content":"#
                    + String(repeating: #"{"content":["#, count: depth / 2) + content
                    + String(repeating: "]}", count: depth / 2) + "}")
        },
        .init("thoughts without seals") {
            assistant(
                list($0) { _ in #"{"type":"thinking","thinking":"a"}"# }
                    + #",{"type":"text","text":"a"}"#)
        },
        .init("billing lines") {
            request(
                #""system":"\#(String(repeating: #"x-anthropic-billing-header:\na\n"#, count: $0 / 32))a""#
            )
        },
        .init("tools of Anthropic's") {
            tools(list($0) { #"{"type":"text_editor_","name":"\#($0)"}"# })
        },
        .init("searches") { tools(list($0) { #"{"type":"web_search_","name":"\#($0)"}"# }) },
        .init("tools that are added") {
            let additions = list($0) {
                #"{"type":"tool_addition","tool":{"name":"\#($0)","input_schema":{}}}"#
            }
            return conversation(
                #"{"role":"user","content":"a"},{"role":"system","content":[\#(additions)]}"#)
        },
        .init("stop sequences") {
            request("\"stop_sequences\":[\(list($0) { #""\#($0)""# })]")
        },
        .init("top-level fields") { request(list($0) { #""\#($0)":0"# }) },
    ]
}
