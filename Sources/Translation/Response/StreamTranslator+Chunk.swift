// Reading one chunk of a chat completion: which members matter, and in which order they are acted
// on. Whatever else a chunk carries (there are dozens of vendor members) is passed over.

extension StreamTranslator {
    /// The members of a chunk, as places in it.
    private struct Chunk {
        var error: JSONNode?
        var choices: JSONNode?
        var usage: JSONNode?
        var groq: JSONNode?
        var isErrorObject = false
    }

    /// The members of a choice.
    private struct Choice {
        var delta: JSONNode?
        var message: JSONNode?
        var finishReason: JSONNode?
        var nativeFinishReason: JSONNode?
        var stopReason: JSONNode?
        var usage: JSONNode?
        var annotations: JSONNode?
        var error: JSONNode?
    }

    /// The members of a delta, or of a whole message, which has the same ones.
    private struct Delta {
        var content: JSONNode?
        var reasoning: JSONNode?
        var reasoningContent: JSONNode?
        var reasoningDetails: JSONNode?
        var toolCalls: JSONNode?
        var functionCall: JSONNode?
        var refusal: JSONNode?
        var annotations: JSONNode?
        var images: JSONNode?
    }

    // MARK: The chunk

    /// - Parameter isError: whether the event is named `error` (Groq).
    mutating func chunkReceived(
        _ document: JSONDocument, isError: Bool, into output: inout [UInt8]
    ) {
        let chunk = readChunk(document)
        partsLeft = limits.partsMax
        var hasUsage = readUsage(document, chunk.usage)
        if !hasUsage, let groq = chunk.groq {
            hasUsage = readUsage(document, document.member(groq, "usage"))
        }
        if isError || chunk.isErrorObject || chunk.error != nil {
            errorReceived(document, into: &output)
            return
        }
        if let choice = firstChoice(document, chunk.choices) {
            choiceReceived(document, readChoice(document, choice), &hasUsage, into: &output)
        }
        guard isLive else { return }
        if gatheredBytes > limits.contentBytesMax {
            fail(Self.tooLarge(limits.contentBytesMax), into: &output)
        } else if writer.blockCount > limits.blocksMax {
            fail(tooManyBlocks, into: &output)
        } else if finish.reason != nil, hasUsage {
            // Nothing but a second copy of the usage, an error of no consequence and [DONE] can
            // follow; the client need not wait for them.
            end(into: &output)
        }
    }

    /// Takes note of one more element of a list.
    ///
    /// - Returns: whether it may be read; if not, the response has failed.
    mutating func mayReadPart(into output: inout [UInt8]) -> Bool {
        guard isLive else { return false }
        partsLeft -= 1
        if partsLeft < 0 {
            fail(
                Self.malformed("an event of more than \(limits.partsMax) parts"), into: &output)
        } else if writer.blockCount > limits.blocksMax {
            fail(tooManyBlocks, into: &output)
        }
        return isLive
    }

    var tooManyBlocks: APIError {
        Self.malformed("an answer of more than \(limits.blocksMax) blocks")
    }

    private mutating func readChunk(_ document: JSONDocument) -> Chunk {
        var chunk = Chunk()
        var members = document.members(of: .root)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "choices") {
                chunk.choices = value
            } else if document.equals(key, "usage") {
                chunk.usage = value
            } else if document.equals(key, "id") {
                Self.keep(document, value, in: &summary.upstreamID)
            } else if document.equals(key, "model") {
                Self.keep(document, value, in: &summary.upstreamModel)
            } else if document.equals(key, "provider") {
                Self.keep(document, value, in: &summary.provider)
            } else if document.equals(key, "error") {
                if !document.isNull(value) { chunk.error = value }
            } else if document.equals(key, "object") {
                chunk.isErrorObject = document.equals(value, "error")
            } else if document.equals(key, "x_groq") {
                chunk.groq = value
            }
        }
        return chunk
    }

    /// Longer than any id or name of a model.
    private static var nameBytesMax: Int { 512 }

    /// Keeps the first value that says something. Azure's first chunk has `""` for all of them.
    static func keep(
        _ document: JSONDocument, _ node: JSONNode, in member: inout [UInt8]
    ) {
        guard member.isEmpty, document.kind(node) == .string else { return }
        member = document.unescaped(node, bytesMax: Self.nameBytesMax)
    }

    /// The choice that is translated: we ask for one and get one.
    private func firstChoice(_ document: JSONDocument, _ choices: JSONNode?) -> JSONNode? {
        guard let choices else { return nil }
        var elements = document.elements(of: choices)
        while let choice = document.next(&elements) {
            guard let index = document.member(choice, "index"),
                let number = document.integer(index), number != 0
            else { return choice }
        }
        return nil
    }

    private mutating func readUsage(_ document: JSONDocument, _ usage: JSONNode?) -> Bool {
        guard let usage, document.kind(usage) == .object, document.count(usage) > 0 else {
            return false
        }
        summary.usage.read(
            document, usage, countsReasoningApart: profile.countsReasoningApart)
        return true
    }

    /// The bytes that are kept at present, of the answer and of the event that is coming.
    package var heldBytes: Int { gatheredBytes + body.count + parser.heldBytes }

    /// What is kept until the end of a block or of the message.
    var gatheredBytes: Int {
        writer.gatheredBytes + calls.gatheredBytes + reasoning.gatheredBytes + held.text.count
            + search.json.count + items.gatheredBytes
    }

    // MARK: The choice

    private func readChoice(_ document: JSONDocument, _ node: JSONNode) -> Choice {
        var choice = Choice()
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.equals(key, "delta") {
                choice.delta = value
            } else if document.equals(key, "finish_reason") {
                choice.finishReason = value
            } else if document.equals(key, "native_finish_reason") {
                choice.nativeFinishReason = value
            } else if document.equals(key, "message") {
                choice.message = value
            } else if document.equals(key, "stop_reason") || document.equals(key, "matched_stop") {
                // vLLM's name, and SGLang's.
                if document.kind(value) == .string { choice.stopReason = value }
            } else if document.equals(key, "usage") {
                choice.usage = value
            } else if document.equals(key, "annotations") {
                choice.annotations = value
            } else if document.equals(key, "error") {
                if !document.isNull(value) { choice.error = value }
            }
        }
        return choice
    }

    private mutating func choiceReceived(
        _ document: JSONDocument, _ choice: Choice, _ hasUsage: inout Bool,
        into output: inout [UInt8]
    ) {
        // Perplexity sends the whole message so far beside each delta.
        if let delta = choice.delta ?? choice.message, document.kind(delta) == .object {
            deltaReceived(document, readDelta(document, delta), into: &output)
        }
        if isLive, let annotations = choice.annotations {
            annotationsReceived(document, annotations, into: &output)
        }
        guard isLive else { return }
        if let reason = choice.finishReason { finish.read(document, finishReason: reason) }
        if let reason = choice.nativeFinishReason { finish.read(document, nativeReason: reason) }
        if let sequence = choice.stopReason { finish.read(document, matchedStop: sequence) }
        if readUsage(document, choice.usage) { hasUsage = true }
        if choice.error != nil || finish.isFailure { errorReceived(document, into: &output) }
    }

    /// The upstream says that it has failed. After a cut at the token limit that is just the
    /// limit, once more.
    private mutating func errorReceived(_ document: JSONDocument, into output: inout [UInt8]) {
        if finish.reason == .length {
            end(into: &output)
        } else {
            fail(errorReader.read(midStream: document), into: &output)
        }
    }

    // MARK: The delta

    private func readDelta(_ document: JSONDocument, _ node: JSONNode) -> Delta {
        var delta = Delta()
        var members = document.members(of: node)
        while let (key, value) = document.next(&members) {
            if document.isNull(value) || document.isEmptyString(value) {
                continue
            } else if document.equals(key, "content") {
                delta.content = value
            } else if document.equals(key, "reasoning") {
                delta.reasoning = value
            } else if document.equals(key, "reasoning_details") {
                delta.reasoningDetails = value
            } else if document.equals(key, "reasoning_content") {
                delta.reasoningContent = value
            } else if document.equals(key, "tool_calls") {
                delta.toolCalls = value
            } else if document.equals(key, "function_call") {
                delta.functionCall = value
            } else if document.equals(key, "refusal") {
                delta.refusal = value
            } else if document.equals(key, "annotations") {
                delta.annotations = value
            } else if document.equals(key, "images") {
                delta.images = value
            }
        }
        return delta
    }

    /// Acts on a delta in the order in which a message has its parts: reasoning, search results,
    /// text, tool calls. One chunk may bring all of them.
    private mutating func deltaReceived(
        _ document: JSONDocument, _ delta: Delta, into output: inout [UInt8]
    ) {
        reasoningReceived(
            document, details: delta.reasoningDetails, reasoning: delta.reasoning,
            content: delta.reasoningContent, into: &output)
        if let annotations = delta.annotations {
            annotationsReceived(document, annotations, into: &output)
        }
        if let content = delta.content { contentReceived(document, content, into: &output) }
        if let refusal = delta.refusal, document.kind(refusal) == .string {
            hasRefused = true
            text(document.bytes.span.extracting(document.content(refusal)), into: &output)
        }
        if let images = delta.images { imagesReceived(document, images, into: &output) }
        if let toolCalls = delta.toolCalls {
            var elements = document.elements(of: toolCalls)
            while let call = document.next(&elements), mayReadPart(into: &output) {
                toolCallReceived(document, call, into: &output)
            }
        }
        if let call = delta.functionCall {
            functionCallReceived(document, call, into: &output)
        }
    }
}
