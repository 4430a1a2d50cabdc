// Every field and block of the Messages API that we know of, and what becomes of it. The table says
// which members are worth a word in `x-claude-proxy-dropped` and which mean nothing here; it makes
// docs/translation.md; and a test tries a sample of every row.

/// What becomes of one field, block or tool.
package struct FieldFate: Sendable {
    package enum Fate: String, Sendable {
        /// It has a counterpart.
        case mapped
        /// It has none; the proxy brings its effect about.
        case emulated
        /// It is left out and means nothing to the upstream, so nobody is told.
        case ignored
        /// It is left out, and named in the header and the log.
        case dropped
        /// The request is answered with 400.
        case refused
    }

    package enum Section: String, Sendable, CaseIterable {
        case request = "Top level"
        case outputConfig = "`output_config`"
        case thinking = "`thinking`"
        case message = "A message"
        case block = "Content blocks, by `type`"
        case blockField = "Fields of content blocks"
        case source = "Sources of images and documents, by `type`"
        case tool = "A tool"
        case toolType = "Tools, by `type`"
        case toolChoice = "`tool_choice`"
    }

    package let section: Section
    package let name: StaticString
    package let fate: Fate
    /// Where it goes, or why it goes nowhere.
    package let note: StaticString

    private init(_ section: Section, _ name: StaticString, _ fate: Fate, _ note: StaticString) {
        self.section = section
        self.name = name
        self.fate = fate
        self.note = note
    }

    /// The row for the key at `key`; nil when it is not known.
    static func find(_ document: JSONDocument, _ key: JSONNode, in section: Section) -> FieldFate? {
        sections[section]?.first { document.equals(key, $0.name) }
    }

    private static let sections = Dictionary(grouping: all, by: \.section)

    /// How the types of refused tools begin.
    static let refusedTools: [StaticString] = [
        "computer_", "browser_", "code_execution_", "advisor_", "mcp_toolset",
    ]

    package static let all: [FieldFate] =
        request + outputConfig + thinking + message + block + blockField + source + tool + toolType
        + toolChoice

    // MARK: - Fields

    private static let request: [FieldFate] = [
        .init(.request, "model", .mapped, "`model`, as configuration resolves it"),
        .init(.request, "messages", .mapped, "`messages`"),
        .init(
            .request, "max_tokens", .mapped,
            "`max_tokens` or `max_completion_tokens`, within the limits of model and window"),
        .init(
            .request, "system", .mapped,
            "the first message, role `system`; Claude Code's billing line is taken out"),
        .init(
            .request, "stop_sequences", .mapped,
            "`stop`; those beyond the upstream's number are dropped"),
        .init(
            .request, "stream", .mapped,
            "the upstream always streams; the answer is what the client asked for"),
        .init(.request, "temperature", .mapped, "`temperature`"),
        .init(.request, "top_p", .mapped, "`top_p`"),
        .init(.request, "top_k", .mapped, "`top_k` where the upstream has it, else dropped"),
        .init(.request, "tools", .mapped, "`tools`"),
        .init(.request, "tool_choice", .mapped, "`tool_choice`, `parallel_tool_calls`"),
        .init(
            .request, "thinking", .mapped,
            "`reasoning`, `reasoning_effort` or `thinking`, by upstream, else dropped"),
        .init(.request, "output_config", .mapped, "see below"),
        .init(.request, "output_format", .mapped, "the beta's name of `output_config.format`"),
        .init(
            .request, "metadata", .mapped,
            "`user_id`: a digest as `user`; its session, a digest as `session_id`"),
        .init(
            .request, "cache_control", .mapped,
            "`cache_control` for Claude on OpenRouter, else ignored: caching is automatic"),
        .init(.request, "thread", .refused, "with the details that make the SDK do without"),
        .init(.request, "compaction", .refused, "clients compact by themselves"),
        .init(.request, "mcp_servers", .refused, "unless empty"),
        .init(.request, "context_management", .dropped, "the conversation is sent as it is"),
        .init(
            .request, "fallbacks", .emulated, "asked by the proxy, after the models it has itself"),
        .init(.request, "container", .dropped, "there are no containers"),
        .init(.request, "service_tier", .dropped, "Anthropic's own"),
        .init(.request, "speed", .dropped, "Anthropic's own"),
        .init(.request, "inference_geo", .dropped, "Anthropic's own"),
        .init(.request, "safeguards", .dropped, "Anthropic's own"),
        .init(.request, "diagnostics", .ignored, "Anthropic's own"),
        .init(.request, "user_profile_id", .ignored, "Anthropic's own"),
        .init(.request, "workspace_id", .ignored, "Anthropic's own"),
        .init(.request, "billing_policy", .ignored, "Anthropic's own"),
        .init(.request, "fallback_credit_token", .ignored, "Anthropic's own"),
        .init(.request, "betas", .ignored, "belongs into a header"),
    ]

    private static let outputConfig: [FieldFate] = [
        .init(
            .outputConfig, "effort", .mapped,
            """
            `verbosity` (Claude), `reasoning.effort` or `reasoning_effort`, lowered to what is \
            supported
            """),
        .init(
            .outputConfig, "format", .mapped,
            "`response_format`; the schema in words where the upstream has no such thing"),
        .init(.outputConfig, "task_budget", .dropped, "no counterpart"),
    ]

    private static let thinking: [FieldFate] = [
        .init(.thinking, "type", .mapped, "on or off"),
        .init(
            .thinking, "budget_tokens", .mapped,
            """
            `reasoning.max_tokens`, at least 1024 and less than `max_tokens`, or the effort that \
            it comes to
            """),
        .init(
            .thinking, "display", .emulated, "`omitted`: the answer's thinking blocks are empty"),
        .init(.thinking, "block_binding", .ignored, "no counterpart"),
    ]

    private static let message: [FieldFate] = [
        .init(
            .message, "role", .mapped,
            "`user`, `assistant`; `system` in place, or as user text where it may only come first"),
        .init(.message, "content", .mapped, "`content`, a string or parts"),
        .init(
            .message, "clear_at", .emulated,
            "`next_user_message`: left out once there is a later user message"),
        .init(
            .message, "output_config", .emulated,
            "the effort of the last system message overrides the top level"),
    ]

    private static let blockField: [FieldFate] = [
        .init(
            .blockField, "cache_control", .mapped,
            "on a text part, for Claude, Gemini and Qwen on OpenRouter; at most the last four"),
        .init(.blockField, "citations", .ignored, "answers cite what a web search has found"),
        .init(.blockField, "transformations", .ignored, "no counterpart"),
        .init(.blockField, "caller", .ignored, "no counterpart"),
        .init(.blockField, "toolset_name", .ignored, "no counterpart"),
        .init(.blockField, "server_name", .ignored, "the block is text"),
        .init(.blockField, "tool_references", .ignored, "the block is text"),
        .init(.blockField, "error_code", .ignored, "the block is text"),
        .init(.blockField, "tools", .ignored, "the block is text"),
        .init(.blockField, "file_id", .ignored, "the block is dropped"),
        .init(.blockField, "from", .ignored, "the block is dropped"),
        .init(.blockField, "to", .ignored, "the block is dropped"),
    ]

    // MARK: - Blocks

    private static let block: [FieldFate] = [
        .init(.block, "text", .mapped, "text; blank ones are left out"),
        .init(
            .block, "image", .mapped,
            "an `image_url` part; in a result, in the user message after the results"),
        .init(
            .block, "document", .mapped,
            "PDF: a `file` part where the upstream takes files; text: text"),
        .init(.block, "search_result", .emulated, "text"),
        .init(
            .block, "thinking", .mapped,
            "`reasoning_details`, `reasoning_content` or `reasoning`, when the proxy made it"),
        .init(.block, "redacted_thinking", .mapped, "as `thinking`"),
        .init(.block, "tool_use", .mapped, "`tool_calls`; repeated ids are dropped"),
        .init(
            .block, "tool_result", .mapped,
            """
            a `tool` message directly after the calls; a missing one is made up, one without its \
            call becomes text
            """),
        .init(.block, "tool_reference", .emulated, "text; the tool is offered from then on"),
        .init(.block, "tool_addition", .emulated, "the tool is offered from then on"),
        .init(.block, "tool_removal", .emulated, "the tool is no longer offered"),
        .init(.block, "server_tool_use", .emulated, "text"),
        .init(.block, "web_search_tool_result", .emulated, "text"),
        .init(.block, "web_fetch_tool_result", .emulated, "text"),
        .init(.block, "code_execution_tool_result", .emulated, "text"),
        .init(.block, "bash_code_execution_tool_result", .emulated, "text"),
        .init(.block, "text_editor_code_execution_tool_result", .emulated, "text"),
        .init(
            .block, "tool_search_tool_result", .emulated,
            "text; the tools are offered from then on"),
        .init(.block, "advisor_tool_result", .emulated, "text"),
        .init(.block, "mcp_tool_use", .emulated, "text"),
        .init(.block, "mcp_tool_result", .emulated, "text"),
        .init(.block, "mcp_tool_listing", .emulated, "text"),
        .init(.block, "compaction", .emulated, "its summary as text"),
        .init(.block, "container_upload", .dropped, "there are no containers"),
        .init(.block, "fallback", .dropped, "no content"),
        .init(.block, "browser_state", .dropped, "no counterpart"),
    ]

    private static let source: [FieldFate] = [
        .init(.source, "base64", .mapped, "a `data:` URL; the text, if its type is `text/…`"),
        .init(
            .source, "url", .mapped,
            "the URL; a PDF's only on OpenRouter, elsewhere text that names it"),
        .init(.source, "text", .mapped, "text, with title and context before it"),
        .init(.source, "content", .mapped, "its parts, with title and context before them"),
        .init(.source, "file", .refused, "there is no Files API here"),
    ]

    // MARK: - Tools

    private static let tool: [FieldFate] = [
        .init(
            .tool, "name", .mapped,
            """
            `function.name`; changed, and changed back in answers, when over 64 bytes or outside \
            `[a-zA-Z0-9_-]`
            """),
        .init(.tool, "description", .mapped, "`function.description`"),
        .init(
            .tool, "input_schema", .mapped,
            "`function.parameters`, as it came; for Gemini what Gemini takes of it"),
        .init(.tool, "strict", .mapped, "`function.strict` where the upstream has it"),
        .init(.tool, "cache_control", .mapped, "on the tool, as on texts"),
        .init(
            .tool, "defer_loading", .emulated,
            "the tool is offered once something in the conversation has loaded it"),
        .init(.tool, "input_examples", .emulated, "appended to the description"),
        .init(.tool, "eager_input_streaming", .ignored, "OpenRouter does so by itself"),
        .init(.tool, "allowed_callers", .ignored, "no counterpart"),
        .init(.tool, "max_characters", .ignored, "the client's own"),
        .init(.tool, "citations", .ignored, "answers cite what a web search has found"),
        .init(.tool, "use_cache", .ignored, "no counterpart"),
    ]

    private static let toolType: [FieldFate] = [
        .init(.toolType, "custom", .mapped, "a function"),
        .init(.toolType, "bash_*", .emulated, "a function with the known schema"),
        .init(.toolType, "text_editor_*", .emulated, "a function with the known schema"),
        .init(.toolType, "memory_*", .emulated, "a function with the known schema"),
        .init(
            .toolType, "web_search_*", .emulated,
            "`openrouter:web_search`; elsewhere dropped, and the model is told, or refused"),
        .init(
            .toolType, "web_fetch_*", .emulated,
            "`openrouter:web_fetch`; elsewhere dropped, and the model is told, or refused"),
        .init(.toolType, "tool_search_tool_*", .emulated, "all deferred tools are offered"),
        .init(.toolType, "code_execution_*", .refused, "runs on Anthropic's servers"),
        .init(.toolType, "computer_*", .refused, "no counterpart"),
        .init(.toolType, "browser_*", .refused, "no counterpart"),
        .init(.toolType, "advisor_*", .refused, "runs on Anthropic's servers"),
        .init(.toolType, "mcp_toolset", .refused, "runs on Anthropic's servers"),
    ]

    private static let toolChoice: [FieldFate] = [
        .init(.toolChoice, "auto", .mapped, "`auto`"),
        .init(.toolChoice, "any", .mapped, "`required`, or `any` (Mistral)"),
        .init(.toolChoice, "tool", .mapped, "the function, or the server tool, by name"),
        .init(.toolChoice, "none", .mapped, "`none`"),
        .init(
            .toolChoice, "disable_parallel_tool_use", .mapped,
            "`parallel_tool_calls: false` where the upstream has it, else dropped"),
    ]
}
