// A content block as it stands on the tape: its kind, and where its fields are. Read in one walk;
// what the fields hold is checked where they are used.

/// The kinds of content blocks, in requests of every version of the API.
enum BlockKind: CaseIterable {
    case text, toolUse, toolResult, thinking, redactedThinking, image, document, searchResult
    case toolReference, toolAddition, toolRemoval, serverToolUse, webSearchResult, webFetchResult
    case codeExecutionResult, bashCodeExecutionResult, textEditorCodeExecutionResult
    case toolSearchResult, advisorResult, mcpToolUse, mcpToolResult, mcpToolListing
    case containerUpload, compaction, fallback, browserState
    case unknown

    /// The value of `type`.
    var name: StaticString {
        switch self {
        case .text: "text"
        case .toolUse: "tool_use"
        case .toolResult: "tool_result"
        case .thinking: "thinking"
        case .redactedThinking: "redacted_thinking"
        case .image: "image"
        case .document: "document"
        case .searchResult: "search_result"
        case .toolReference: "tool_reference"
        case .toolAddition: "tool_addition"
        case .toolRemoval: "tool_removal"
        case .serverToolUse: "server_tool_use"
        case .webSearchResult: "web_search_tool_result"
        case .webFetchResult: "web_fetch_tool_result"
        case .codeExecutionResult: "code_execution_tool_result"
        case .bashCodeExecutionResult: "bash_code_execution_tool_result"
        case .textEditorCodeExecutionResult: "text_editor_code_execution_tool_result"
        case .toolSearchResult: "tool_search_tool_result"
        case .advisorResult: "advisor_tool_result"
        case .mcpToolUse: "mcp_tool_use"
        case .mcpToolResult: "mcp_tool_result"
        case .mcpToolListing: "mcp_tool_listing"
        case .containerUpload: "container_upload"
        case .compaction: "compaction"
        case .fallback: "fallback"
        case .browserState: "browser_state"
        case .unknown: ""
        }
    }

    /// The commonest first: the order in which a type is looked for.
    static func of(_ document: JSONDocument, _ type: JSONNode) -> BlockKind {
        for kind in allCases where document.equals(type, kind.name) {
            return document.isEmptyString(type) ? .unknown : kind
        }
        return .unknown
    }
}

/// A content block.
struct ContentBlock {
    var kind = BlockKind.unknown
    var type: JSONNode?
    var text, id, name, input, toolUseID, content, isError, source, cacheControl: JSONNode?
    var thinking, signature, data, title, context, tool, toolName: JSONNode?
}

extension RequestWriter {
    /// Reads the block at `node`. Members that mean nothing here are named once.
    mutating func readBlock(
        _ node: JSONNode, at path: FieldPath
    ) throws(APIError) -> ContentBlock {
        _ = try document.required(node, .object, at: path)
        var block = ContentBlock()
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "type") {
                block.type = value
            } else if document.equals(key, "text") {
                block.text = value
            } else if document.equals(key, "content") {
                block.content = value
            } else if document.equals(key, "tool_use_id") {
                block.toolUseID = value
            } else if document.equals(key, "id") {
                block.id = value
            } else if document.equals(key, "name") {
                block.name = value
            } else if document.equals(key, "input") {
                block.input = value
            } else if document.equals(key, "is_error") {
                block.isError = value
            } else if document.equals(key, "cache_control") {
                block.cacheControl = value
            } else if document.equals(key, "source") {
                block.source = value
            } else {
                takeRarerMember(key, value, into: &block)
            }
        }
        let type = try document.required(block.type, .string, at: path, "type")
        block.kind = BlockKind.of(document, type)
        return block
    }

    private mutating func takeRarerMember(
        _ key: JSONNode, _ value: JSONNode, into block: inout ContentBlock
    ) {
        if document.equals(key, "thinking") {
            block.thinking = value
        } else if document.equals(key, "signature") {
            block.signature = value
        } else if document.equals(key, "data") {
            block.data = value
        } else if document.equals(key, "title") {
            block.title = value
        } else if document.equals(key, "context") {
            block.context = value
        } else if document.equals(key, "tool") {
            block.tool = value
        } else if document.equals(key, "tool_name") {
            block.toolName = value
        } else if FieldFate.find(document, key, in: .blockField)?.fate != .ignored {
            dropped.note("messages.content.", document, key)
        }
    }
}
