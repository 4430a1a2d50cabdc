// Whether a body is a request of the Responses API: its members and items by OpenAI's documentation
// (November 2026), and the rules for which servers answer 400.

@testable import Translation

enum ResponsesSchema {
    private static let members: Set = [
        "model", "input", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens",
        "temperature", "top_p", "reasoning", "text", "include", "store", "stream", "stream_options",
        "prompt_cache_key", "safety_identifier",
    ]
    /// OpenRouter's, and a server's that takes it.
    private static let others: Set = ["stop", "top_k", "session_id", "user", "provider"]

    /// What is wrong with `body`; empty when nothing is.
    static func problems(of body: JSONValue, _ abilities: ResponsesAbilities) -> [String] {
        var problems: [String] = []
        let known = members.union(others)
        for key in body.keys.subtracting(known) { problems.append("member \(key)") }
        if body["store"] != .bool(false) || body["stream"] != .bool(true) {
            problems.append("stored, or no stream")
        }
        if (body["max_output_tokens"]?.int ?? 0) < 16 { problems.append("max_output_tokens") }
        problems += self.problems(ofInput: body["input"]?.array ?? [], abilities)
        for tool in body["tools"]?.array ?? [] where tool["type"]?.string == "function" {
            let keys: Set = ["type", "name", "description", "parameters", "strict"]
            if !tool.keys.isSubset(of: keys) || tool["strict"] == nil
                || tool["name"]?.string?.isEmpty != false
            {
                problems.append("tool \(tool)")
            }
        }
        return problems
    }

    private static func problems(
        ofInput items: [JSONValue], _ abilities: ResponsesAbilities
    ) -> [String] {
        var problems: [String] = items.isEmpty ? ["no input"] : []
        var open: Set<String> = []
        var seen: Set<String> = []
        var isAfterReasoning = false
        for item in items {
            let type = item["type"]?.string
            if isAfterReasoning, type != "message" && type != "function_call" && type != "reasoning"
            {
                problems.append("reasoning before \(type ?? "?")")
            }
            isAfterReasoning = type == "reasoning"
            switch type {
            case "message": problems += self.problems(ofMessage: item)
            case "function_call":
                let keys: Set = ["type", "call_id", "name", "arguments"]
                let id = item["call_id"]?.string ?? ""
                if item.keys != keys || id.isEmpty || id.utf8.count > 64
                    || JSONValue(item["arguments"]?.string ?? "") == nil
                {
                    problems.append("call \(item)")
                }
                if !seen.insert(id).inserted { problems.append("call \(id) twice") }
                open.insert(id)
            case "function_call_output":
                let id = item["call_id"]?.string ?? ""
                if item.keys != ["type", "call_id", "output"] { problems.append("output \(item)") }
                if open.remove(id) == nil { problems.append("output of no call \(id)") }
                problems += self.problems(ofOutput: item["output"], abilities)
            case "reasoning":
                if item["summary"] == nil || item["id"] != nil { problems.append("\(item)") }
            default: problems.append("item \(type ?? "?")")
            }
        }
        if isAfterReasoning { problems.append("reasoning at the end") }
        if !open.isEmpty { problems.append("no output of \(open)") }
        return problems
    }

    private static func problems(ofMessage item: JSONValue) -> [String] {
        let role = item["role"]?.string ?? ""
        let isOurs = role == "assistant"
        guard ["user", "assistant", "system", "developer"].contains(role),
            item.keys.isSubset(of: ["type", "role", "content", "phase"]),
            let parts = item["content"]?.array, !parts.isEmpty
        else { return ["message \(item)"] }
        return parts.filter { part in
            switch part["type"]?.string {
            case "output_text": !isOurs || part["text"]?.string?.isEmpty != false
            case "input_text": isOurs || part["text"]?.string?.isEmpty != false
            case "input_image":
                isOurs || part["detail"]?.string == nil || part["image_url"]?.string == nil
            case "input_file": isOurs || part["file_data"] == nil && part["file_url"] == nil
            default: true
            }
        }.map { "part \($0)" }
    }

    private static func problems(
        ofOutput output: JSONValue?, _ abilities: ResponsesAbilities
    ) -> [String] {
        if let text = output?.string { return text.isEmpty ? ["an empty output"] : [] }
        guard abilities.takesMediaInOutputs, let parts = output?.array, !parts.isEmpty else {
            return ["output \(String(describing: output))"]
        }
        let known: Set = ["input_text", "input_image", "input_file"]
        return parts.filter { !known.contains($0["type"]?.string ?? "") }.map { "part \($0)" }
    }
}
