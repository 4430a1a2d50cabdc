// The chunked transfer coding, writing side (RFC 9112 §7.1).
//
// The size stands before the data but is known after it. So a chunk is opened with eight zeros
// in the size's place, data is appended behind them by whoever has some, and closing patches the
// digits: all events of one loop turn become one chunk, and none of their bytes is moved. Zeros
// in front of a size are legal (chunk-size = 1*HEXDIG).

/// Frames what is appended to an output buffer as chunks.
///
/// Between `open` and `close` the buffer may only grow at its end.
package struct ChunkWriter: Sendable {
    /// Where the size of the open chunk stands in the output.
    private var sizeStart: Int?
    private var isFinished = false

    private static let sizeDigits = 8
    private static let overhead = sizeDigits + 2

    package init() {}

    /// Whether a chunk is open.
    package var isOpen: Bool { sizeStart != nil }

    /// Opens a chunk at the end of `output`, unless one is open.
    package mutating func open(in output: inout [UInt8]) {
        precondition(!isFinished, "nothing follows the last chunk")
        guard sizeStart == nil else { return }
        sizeStart = output.count
        output.append("00000000\r\n")
    }

    /// Closes the open chunk, if there is one: its size is everything appended since `open`. An
    /// empty chunk is taken back, because a size of zero would end the body.
    package mutating func close(in output: inout [UInt8]) {
        guard let start = sizeStart else { return }
        sizeStart = nil
        var size = output.count - start - Self.overhead
        precondition(size >= 0, "output was taken from the buffer while a chunk was open")
        precondition(size <= UInt32.max, "a chunk size has eight digits")
        guard size > 0 else {
            output.removeLast(Self.overhead)
            return
        }
        var index = start + Self.sizeDigits
        while size > 0 {
            index -= 1
            let digit = UInt8(size & 0xF)
            output[index] = digit < 10 ? Byte.zero + digit : 0x61 - 10 + digit
            size >>= 4
        }
        output.append("\r\n")
    }

    /// Closes the open chunk and appends the last one, which ends the body.
    package mutating func finish(in output: inout [UInt8]) {
        precondition(!isFinished, "a body ends once")
        close(in: &output)
        isFinished = true
        output.append("0\r\n\r\n")
    }
}
