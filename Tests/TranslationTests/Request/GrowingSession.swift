// A session of thirty turns as Claude Code holds them: tools in parallel, thinking with seals,
// pictures, failed tools, system messages in between, breakpoints that move along.

@testable import Translation

struct GrowingSession {
    /// How the client sets breakpoints.
    enum Marks { case none, moving }

    var marks = Marks.moving
    /// Changed in a copy to see what a change does.
    var system = "You are Claude Code."
    var tools = ["Bash", "Read", "Edit"]
    private(set) var messages: [String] = []
    private(set) var turns = 0

    static let turnsMax = 30

    /// Adds a turn: what the model said last, and what the user or the tools say to it.
    mutating func grow() {
        let turn = turns
        turns += 1
        guard turn > 0 else {
            messages.append(user([text("Fix the bug.")]))
            messages.append(
                #"{"role":"system","content":"Environment: linux\nThe date is in the prompt."}"#)
            return
        }
        switch turn % 5 {
        case 1:
            messages.append(assistant([thinking(turn), call(turn, 0), call(turn, 1)]))
            // The results come in another order, and text follows.
            messages.append(user([result(turn, 1, "two"), result(turn, 0, "one"), text("Go on.")]))
        case 2:
            messages.append(
                assistant([text("I \\\"look\\\" at turn \(turn): ü😀\\n"), call(turn, 0)]))
            messages.append(user([picture(turn)]))
        case 3:
            messages.append(assistant([thinking(turn), text("Now number \(turn).")]))
            messages.append(user([text("Do it."), text("And test it.")]))
            messages.append(#"{"role":"system","content":[{"type":"text","text":"Reminder."}]}"#)
        case 4:
            messages.append(assistant([call(turn, 0)]))
            messages.append(user([failure(turn)]))
        default:
            messages.append(#"{"role":"assistant","content":"Turn \#(turn) is done."}"#)
            messages.append(#"{"role":"user","content":"Next, 1.0e2 times."}"#)
        }
    }

    /// The request of the present turn.
    var request: String {
        var messages = messages
        if marks == .moving {
            for index in messages.indices.suffix(2) { messages[index] = marked(messages[index]) }
        }
        let mark = marks == .moving ? #","cache_control":{"type":"ephemeral"}"# : ""
        let tools = tools.map {
            #"{"name":"\#($0)","description":"It \#($0)s.","input_schema":{"type":"object","properties":{"n":{"type":"number"}}}}"#
        }
        let billing =
            "x-anthropic-billing-header: cc_version=2.1.330.\(turns); cch=\(turns * 7919);"
        return """
            {"model":"m","max_tokens":32000,"stream":true,"system":[{"type":"text","text":"\(billing)"},
            {"type":"text","text":"\(system)"\(mark)}],"messages":[\(messages.joined(separator: ","))],
            "tools":[\(tools.joined(separator: ","))],"thinking":{"type":"adaptive"}}
            """
    }

    /// The message with a breakpoint on its last block, if it has blocks.
    private func marked(_ message: String) -> String {
        guard message.hasSuffix("}]}") else { return message }
        return message.dropLast(3) + #","cache_control":{"type":"ephemeral"}}]}"#
    }

    private func user(_ blocks: [String]) -> String {
        #"{"role":"user","content":[\#(blocks.joined(separator: ","))]}"#
    }

    private func assistant(_ blocks: [String]) -> String {
        #"{"role":"assistant","content":[\#(blocks.joined(separator: ","))]}"#
    }

    private func text(_ text: String) -> String { #"{"type":"text","text":"\#(text)"}"# }

    private func thinking(_ turn: Int) -> String {
        let item =
            #"{"type":"reasoning.text","text":"thought \#(turn)","signature":"c2ln\#(turn)"}"#
        let seal = ReasoningSeal(
            dialect: .details, origin: Array("anthropic/claude-opus-5".utf8),
            content: Array(item.utf8))
        var encoded: [UInt8] = []
        seal.write(sealKey, into: &encoded)
        let signature = String(decoding: encoded, as: UTF8.self)
        return #"{"type":"thinking","thinking":"thought \#(turn)","signature":"\#(signature)"}"#
    }

    private func call(_ turn: Int, _ index: Int) -> String {
        let input = #"{"z":1.50,"command":"ls \#(turn)","a":[1,2,{"é":null}]}"#
        return
            #"{"type":"tool_use","id":"toolu_\#(turn)_\#(index)","name":"Bash","input":\#(input)}"#
    }

    private func result(_ turn: Int, _ index: Int, _ text: String) -> String {
        #"{"type":"tool_result","tool_use_id":"toolu_\#(turn)_\#(index)","content":"\#(text) \#(turn)"}"#
    }

    private func failure(_ turn: Int) -> String {
        #"{"type":"tool_result","is_error":true,"tool_use_id":"toolu_\#(turn)_0","content":[{"type":"text","text":"no"}]}"#
    }

    private func picture(_ turn: Int) -> String {
        let image =
            #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw\#(turn)"}}"#
        return
            #"{"type":"tool_result","tool_use_id":"toolu_\#(turn)_0","content":[\#(text("shot")),\#(image)]}"#
    }
}
