// How a model's chat template frames a conversation, as far as it costs tokens. The templates of the
// o200k models are known: gpt-oss has OpenAI's harmony format (the chat template published with the
// model), the hosted ones what OpenAI's cookbook says of counting ("How to count tokens with
// tiktoken"). For all others the framing of ChatML stands in, and calibration learns the difference.

import Translation

/// The framing of a prompt.
package enum PromptFormat: Sendable {
    /// gpt-oss.
    case harmony
    /// OpenAI's hosted models.
    case openAI
    /// Everything else.
    case chatML

    /// The format of the upstream model `id`.
    package static func of(_ id: [UInt8]) -> PromptFormat {
        guard ModelFamily.of(id) == .openAI else { return .chatML }
        let isOpenWeight = String(decoding: id, as: UTF8.self).lowercased().contains("gpt-oss")
        return isOpenWeight ? .harmony : .openAI
    }

    /// What every prompt has: a text, and special tokens beside it.
    func preamble(hasTools: Bool) -> (text: StaticString, tokens: Int) {
        switch self {
        case .harmony:
            // <|start|>system<|message|>…<|end|>, and <|start|>assistant for the answer.
            hasTools
                ? (
                    """
                    systemYou are ChatGPT, a large language model trained by OpenAI.
                    Knowledge cutoff: 2024-06
                    Current date: 2025-01-01

                    Reasoning: medium

                    # Valid channels: analysis, commentary, final. Channel must be included for \
                    every message.
                    Calls to these tools must go to the commentary channel: 'functions'.
                    """, 5
                )
                : (
                    """
                    systemYou are ChatGPT, a large language model trained by OpenAI.
                    Knowledge cutoff: 2024-06
                    Current date: 2025-01-01

                    Reasoning: medium

                    # Valid channels: analysis, commentary, final. Channel must be included for \
                    every message.
                    """, 5
                )
        case .openAI: ("", 3)
        // <|im_start|>assistant and a line end.
        case .chatML: ("", 3)
        }
    }

    /// The tokens around the content of a message.
    func framing(_ role: PromptRole) -> Int {
        switch (self, role) {
        // <|start|>developer<|message|># Instructions … <|end|>
        case (.harmony, .system): 8
        // <|start|>user<|message|>…<|end|>
        case (.harmony, .user): 4
        // <|start|>assistant<|channel|>final<|message|>…<|end|>
        case (.harmony, .assistant): 6
        // <|start|>functions.… to=assistant<|channel|>commentary<|message|>…<|end|>
        case (.harmony, .tool): 10
        case (.openAI, _): 4
        // <|im_start|>role, a line end, <|im_end|>, a line end
        case (.chatML, _): 5
        }
    }

    /// The tokens around the name and the arguments of a call.
    var callFraming: Int {
        switch self {
        // <|start|>assistant to=functions.…<|channel|>commentary json<|message|>…<|call|>
        case .harmony: 10
        case .openAI: 8
        // <tool_call>, {"name": "…", "arguments": …}, </tool_call>
        case .chatML: 15
        }
    }

    /// Whether tools stand in the prompt as TypeScript, not as JSON.
    var rendersTypeScript: Bool {
        switch self {
        case .harmony, .openAI: true
        case .chatML: false
        }
    }
}

/// Who says a message, on the upstream's side.
enum PromptRole {
    case system, user, assistant, tool
}
