// Request bodies that come compressed (Content-Encoding: gzip): inflated a step at a time between the
// turns of the loop, as tokens are counted (decision 0020), and never to more than the body limit. Some
// KiB can become a thousand times as many.

import CZlib
import Gateway

/// A body that is being inflated.
@safe final class GzipBody {
    private let stream: UnsafeMutablePointer<z_stream>
    private let input: [UInt8]
    private var inputOffset = 0
    private let bytesMax: Int
    private var output: [UInt8] = []
    private let isReady: Bool

    /// A step takes a fifth of a millisecond or so.
    private static let stepBytes = 64 << 10
    /// Text shrinks to a fifth, repetitive text to a hundredth. What shrinks to less is not worth
    /// much of anybody's time, unless there is little of it.
    private static let ratioMax = 100
    private static let ratioFreeBytes = 16 << 20

    /// - Parameter bytesMax: the most bytes that it may become.
    init(_ body: [UInt8], bytesMax: Int) {
        input = body
        self.bytesMax = bytesMax
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        isReady = unsafe zlib_inflate_init_gzip(stream) == Z_OK
    }

    deinit {
        if isReady { unsafe inflateEnd(stream) }
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    /// What has been inflated so far.
    var bytes: Int { output.count }

    /// About what is left to be inflated.
    var bytesLeft: Int { (input.count - inputOffset) * 4 }

    /// Inflates a step further. Returns what has become of the body, or nil while there is more.
    func proceed() -> InflatedBody? {
        guard isReady else { return .invalid }
        let (result, used, produced) = inflateStep()
        inputOffset += used
        guard output.count <= bytesMax, isWorthwhile else { return .tooLarge }
        if result == Z_STREAM_END {
            // A second member, or rubbish behind the first, is not worth guessing about.
            guard inputOffset == input.count else { return .invalid }
            var body: [UInt8] = []
            swap(&body, &output)
            return .body(body)
        }
        // Without progress the data is cut short.
        guard result == Z_OK, produced > 0 || inputOffset < input.count else { return .invalid }
        return nil
    }

    private var isWorthwhile: Bool {
        output.count <= Self.ratioFreeBytes || output.count / Self.ratioMax <= inputOffset
    }

    private func inflateStep() -> (result: CInt, used: Int, produced: Int) {
        var chunk = [UInt8](repeating: 0, count: Self.stepBytes)
        // SAFETY: both arrays are lent for the call of zlib, which stays within the counts it is
        // given and does not write to its input.
        return unsafe input.withUnsafeBufferPointer { source in
            unsafe chunk.withUnsafeMutableBufferPointer { buffer in
                let rest = unsafe UnsafeMutableBufferPointer(
                    mutating: UnsafeBufferPointer(rebasing: source[inputOffset...]))
                unsafe stream.pointee.next_in = rest.baseAddress
                unsafe stream.pointee.avail_in = UInt32(rest.count)
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(buffer.count)
                let result = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
                let used = unsafe rest.count - Int(stream.pointee.avail_in)
                let produced = unsafe buffer.count - Int(stream.pointee.avail_out)
                unsafe output.append(contentsOf: buffer[..<produced])
                return (result, used, produced)
            }
        }
    }
}
