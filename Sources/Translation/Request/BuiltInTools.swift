// Tools that Anthropic defines and the client executes: requests name them by type alone, since
// Anthropic's models know them. Other models are told what the documentation says of them
// (https://docs.claude.com, bash tool, text editor tool, memory tool; November 2026).

/// A tool defined by Anthropic and executed by the client.
struct BuiltInTool {
    /// How its `type` begins, before the date or, for some versions, with it.
    let typePrefixes: [StaticString]
    let description: StaticString
    /// The schema of its input.
    let schema: StaticString

    /// The first that matches a type counts.
    static let all: [BuiltInTool] = [bash, oldTextEditor, textEditor, memory]

    static let bash = BuiltInTool(
        typePrefixes: ["bash_"],
        description: """
            Run commands in a bash shell. The session persists between calls: variables, the \
            working directory and background jobs are kept. Set restart to start a new session.
            """,
        schema: """
            {"type":"object","properties":{"command":{"type":"string","description":"The command \
            to run. Required unless restart is true."},"restart":{"type":"boolean",\
            "description":"Whether to restart the shell."}}}
            """)

    private static let editorDescription: StaticString = """
        View, create and edit text files. view shows a file with line numbers or lists a \
        directory; create writes a new file; str_replace replaces the one exact occurrence of \
        old_str by new_str; insert puts text after a line.
        """

    /// The versions with `undo_edit`, called `str_replace_editor`.
    static let oldTextEditor = BuiltInTool(
        typePrefixes: ["text_editor_2024", "text_editor_20250124"], description: editorDescription,
        schema: """
            {"type":"object","properties":{"command":{"type":"string","enum":["view","create",\
            "str_replace","insert","undo_edit"]},"path":{"type":"string","description":\
            "Absolute path of a file or directory."},"file_text":{"type":"string","description":\
            "The content of the file, for create."},"old_str":{"type":"string","description":\
            "The text to replace, for str_replace."},"new_str":{"type":"string","description":\
            "The new text, for str_replace and insert."},"insert_line":{"type":"integer",\
            "description":"The line after which to insert, for insert; 0 is the beginning."},\
            "view_range":{"type":"array","items":{"type":"integer"},"description":\
            "First and last line to show, for view; -1 is the end."}},\
            "required":["command","path"]}
            """)

    static let textEditor = BuiltInTool(
        typePrefixes: ["text_editor_"], description: editorDescription,
        schema: """
            {"type":"object","properties":{"command":{"type":"string","enum":["view","create",\
            "str_replace","insert"]},"path":{"type":"string","description":\
            "Absolute path of a file or directory."},"file_text":{"type":"string","description":\
            "The content of the file, for create."},"old_str":{"type":"string","description":\
            "The text to replace, for str_replace."},"new_str":{"type":"string","description":\
            "The new text, for str_replace."},"insert_line":{"type":"integer",\
            "description":"The line after which to insert, for insert; 0 is the beginning."},\
            "insert_text":{"type":"string","description":"The text to insert, for insert."},\
            "view_range":{"type":"array","items":{"type":"integer"},"description":\
            "First and last line to show, for view; -1 is the end."}},\
            "required":["command","path"]}
            """)

    static let memory = BuiltInTool(
        typePrefixes: ["memory_"],
        description: """
            Keep notes in files below /memories, which last beyond this conversation. View the \
            directory before starting a task; record progress and what was learnt.
            """,
        schema: """
            {"type":"object","properties":{"command":{"type":"string","enum":["view","create",\
            "str_replace","insert","delete","rename"]},"path":{"type":"string","description":\
            "Path below /memories."},"view_range":{"type":"array","items":{"type":"integer"}},\
            "file_text":{"type":"string","description":"The content of the file, for create."},\
            "old_str":{"type":"string"},"new_str":{"type":"string"},\
            "insert_line":{"type":"integer"},"insert_text":{"type":"string"},\
            "old_path":{"type":"string","description":"For rename."},\
            "new_path":{"type":"string","description":"For rename."}},"required":["command"]}
            """)
}
