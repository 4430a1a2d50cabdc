// The client's side of a response: blocks, in one of two forms. As events every call writes at
// once; as a message the blocks gather until the end. Both forms get the same calls, and so the
// same content. At most one block is open, and indexes run 0, 1, 2…: the client libraries break on
// anything else.
//
// Text arrives as slices of JSON strings, still escaped, and leaves as such.

/// Writes a message as events or as one JSON object.
struct MessageWriter {
    enum Block { case text, thinking, toolUse }

    private let isStreaming: Bool
    private(set) var hasStarted = false
    /// How many blocks have been begun.
    private(set) var blockCount = 0
    private(set) var open: Block?
    /// The blocks of a message, as the inside of a JSON array.
    private var content: [UInt8] = []
    /// What stands before a delta's text in the events of the open block.
    private var deltaHead: [UInt8] = []
    /// The citations of a message's open text block.
    private var citations: [UInt8] = []
    /// Whether anything that came in the response may be half of a surrogate pair: only then is every
    /// delta looked through.
    var mindsHalfPairs = false
    private var halfPairs = HalfPairMender()

    init(isStreaming: Bool) { self.isStreaming = isStreaming }

    /// How much of a message has gathered.
    var gatheredBytes: Int { content.count + citations.count }

    /// Whether anything has gone to the client.
    var hasWritten: Bool { isStreaming && hasStarted }

    // MARK: Begin and end

    /// Begins the message. Before the first block, once.
    mutating func start(
        id: [UInt8], model: [UInt8], inputTokens: Int, into output: inout [UInt8]
    ) {
        precondition(!hasStarted, "a message starts once")
        hasStarted = true
        guard isStreaming else { return }
        output.append("event: message_start\ndata: {\"type\":\"message_start\",\"message\":")
        Self.writeHead(id: id, model: model, into: &output)
        output.append(#"],"stop_reason":null,"stop_sequence":null,"usage":"#)
        var usage = TokenUsage()
        usage.prompt = inputTokens
        usage.output = 1
        usage.write(cachesForAnHour: false, into: &output)
        output.append("}}\n\n")
    }

    /// Ends the message; no block is open.
    mutating func finish(
        id: [UInt8], model: [UInt8], stopReason: StopReason, usage: TokenUsage,
        cachesForAnHour: Bool, into output: inout [UInt8]
    ) {
        precondition(hasStarted && open == nil, "a message ends after its last block")
        if isStreaming {
            output.append("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{")
            stopReason.write(into: &output)
            output.append(#"},"usage":"#)
            usage.write(cachesForAnHour: cachesForAnHour, into: &output)
            output.append("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
        } else {
            Self.writeHead(id: id, model: model, into: &output)
            output.append(content.span)
            output.append("],")
            stopReason.write(into: &output)
            output.append(#","usage":"#)
            usage.write(cachesForAnHour: cachesForAnHour, into: &output)
            output.append("}")
        }
    }

    /// A message up to the inside of its content.
    private static func writeHead(id: [UInt8], model: [UInt8], into output: inout [UInt8]) {
        output.append(#"{"id":""#)
        output.append(id.span)
        output.append(#"","type":"message","role":"assistant","model":""#)
        output.append(jsonEscaping: model.span)
        output.append(#"","content":["#)
    }

    // MARK: Blocks

    mutating func openText(into output: inout [UInt8]) {
        begin(.text, delta: #"text_delta","text":""#, into: &output)
        let block: StaticString = #"{"type":"text","text":""#
        if isStreaming {
            output.append(block)
            output.append("\"}}\n\n")
        } else {
            content.append(block)
        }
    }

    mutating func openThinking(into output: inout [UInt8]) {
        begin(.thinking, delta: #"thinking_delta","thinking":""#, into: &output)
        let block: StaticString = #"{"type":"thinking","thinking":""#
        if isStreaming {
            output.append(block)
            output.append("\",\"signature\":\"\"}}\n\n")
        } else {
            content.append(block)
        }
    }

    /// - Parameter name: decoded.
    mutating func openToolUse(id: [UInt8], name: [UInt8], into output: inout [UInt8]) {
        begin(.toolUse, delta: #"input_json_delta","partial_json":""#, into: &output)
        if isStreaming {
            Self.writeToolUse(id: id, name: name, into: &output)
            output.append("{}}}\n\n")
        } else {
            Self.writeToolUse(id: id, name: name, into: &content)
        }
    }

    /// A tool call up to its input.
    private static func writeToolUse(id: [UInt8], name: [UInt8], into output: inout [UInt8]) {
        output.append(#"{"type":"tool_use","id":""#)
        output.append(id.span)
        output.append(#"","name":""#)
        output.append(jsonEscaping: name.span)
        output.append(#"","input":"#)
    }

    private mutating func begin(
        _ block: Block, delta: StaticString, into output: inout [UInt8]
    ) {
        precondition(hasStarted && open == nil, "one block is open at a time")
        open = block
        defer { blockCount += 1 }
        guard isStreaming else {
            if blockCount > 0 { content.append(",") }
            return
        }
        deltaHead.removeAll(keepingCapacity: true)
        deltaHead.reserveCapacity(128)
        deltaHead.append(
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":")
        deltaHead.append(decimal: blockCount)
        deltaHead.append(#","delta":{"type":""#)
        deltaHead.append(delta)
        writeStart(into: &output)
    }

    /// A block's start event up to the block.
    private func writeStart(into output: inout [UInt8]) {
        output.append(
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":")
        output.append(decimal: blockCount)
        output.append(#","content_block":"#)
    }

    /// Appends escaped text to the open block. A tool call's input in a message comes at its end.
    @inline(__always)
    mutating func delta(_ text: Span<UInt8>, into output: inout [UInt8]) {
        assert(open != nil, "a delta belongs to a block")
        guard isStreaming else {
            guard open != .toolUse else { return }
            if mindsHalfPairs {
                halfPairs.append(text, to: &content)
            } else {
                content.append(text)
            }
            return
        }
        guard !mindsHalfPairs else {
            mendedDelta(text, into: &output)
            return
        }
        output.append(deltaHead.span)
        output.append(text)
        output.append("\"}}\n\n")
    }

    @inline(never)
    private mutating func mendedDelta(_ text: Span<UInt8>, into output: inout [UInt8]) {
        guard halfPairs.writes(text) else {
            halfPairs.append(text, to: &output)
            return
        }
        output.append(deltaHead.span)
        halfPairs.append(text, to: &output)
        output.append("\"}}\n\n")
    }

    /// A half that was never completed stands for nothing.
    private mutating func flushHalfPair(into output: inout [UInt8]) {
        guard halfPairs.holdsHalf else { return }
        guard isStreaming else {
            halfPairs.finish(into: &content)
            return
        }
        output.append(deltaHead.span)
        halfPairs.finish(into: &output)
        output.append("\"}}\n\n")
    }

    /// Appends a citation, a JSON object, to the open text block.
    mutating func citation(_ citation: Span<UInt8>, into output: inout [UInt8]) {
        precondition(open == .text, "a citation belongs to text")
        if isStreaming {
            writeDelta(into: &output)
            output.append(#"{"type":"citations_delta","citation":"#)
            output.append(citation)
            output.append("}}\n\n")
        } else {
            if !citations.isEmpty { citations.append(",") }
            citations.append(citation)
        }
    }

    mutating func closeText(into output: inout [UInt8]) {
        flushHalfPair(into: &output)
        if !isStreaming {
            content.append("\"")
            if !citations.isEmpty {
                content.append(#","citations":["#)
                content.append(contentsOf: citations)
                content.append("]")
                citations.removeAll(keepingCapacity: true)
            }
            content.append("}")
        }
        end(.text, into: &output)
    }

    mutating func closeThinking(
        _ seal: ReasoningSeal, _ key: SealKey?, into output: inout [UInt8]
    ) {
        flushHalfPair(into: &output)
        if isStreaming {
            writeDelta(into: &output)
            output.append(#"{"type":"signature_delta","signature":""#)
            seal.write(key, into: &output)
            output.append("\"}}\n\n")
        } else {
            content.append(#"","signature":""#)
            seal.write(key, into: &content)
            content.append(#""}"#)
        }
        end(.thinking, into: &output)
    }

    /// - Parameter input: the whole input, a JSON object, for messages; as events it has gone out.
    mutating func closeToolUse(input: Span<UInt8>, into output: inout [UInt8]) {
        flushHalfPair(into: &output)
        if !isStreaming {
            content.append(input)
            content.append("}")
        }
        end(.toolUse, into: &output)
    }

    private mutating func end(_ block: Block, into output: inout [UInt8]) {
        precondition(open == block, "only the open block closes")
        open = nil
        if isStreaming { writeStop(blockCount - 1, into: &output) }
    }

    /// Writes a block that has no deltas, given as a JSON object.
    mutating func wholeBlock(_ block: Span<UInt8>, into output: inout [UInt8]) {
        precondition(hasStarted && open == nil, "one block is open at a time")
        if isStreaming {
            writeStart(into: &output)
            output.append(block)
            output.append("}\n\n")
            writeStop(blockCount, into: &output)
        } else {
            if blockCount > 0 { content.append(",") }
            content.append(block)
        }
        blockCount += 1
    }

    // MARK: Parts of events

    /// A delta event of the open block up to the delta.
    private func writeDelta(into output: inout [UInt8]) {
        output.append(
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":")
        output.append(decimal: blockCount - 1)
        output.append(#","delta":"#)
    }

    private func writeStop(_ index: Int, into output: inout [UInt8]) {
        output.append(
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":")
        output.append(decimal: index)
        output.append("}\n\n")
    }
}
