// Request bodies that come compressed (Content-Encoding: gzip): inflated in one go, never to more
// than the body limit, so that a small body cannot blow up.

import CZlib
import Gateway

enum GzipBody {
    /// Inflates `body`.
    ///
    /// - Parameter bytesMax: the most bytes that it may become.
    static func inflate(_ body: [UInt8], bytesMax: Int) -> InflatedBody {
        var stream = unsafe z_stream()
        guard unsafe zlib_inflate_init_gzip(&stream) == Z_OK else { return .invalid }
        defer { unsafe inflateEnd(&stream) }
        var input = body
        // SAFETY: `input` outlives the calls of zlib, which stays within the counts it is given.
        return unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe stream.next_in = source.baseAddress
            unsafe stream.avail_in = UInt32(source.count)
            return unsafe inflate(&stream, bytesMax: bytesMax)
        }
    }

    private static func inflate(_ stream: inout z_stream, bytesMax: Int) -> InflatedBody {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // SAFETY: as above, for `chunk`.
            let result = unsafe chunk.withUnsafeMutableBufferPointer { buffer in
                unsafe stream.next_out = buffer.baseAddress
                unsafe stream.avail_out = UInt32(buffer.count)
                return unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
            }
            let produced = unsafe chunk.count - Int(stream.avail_out)
            guard output.count + produced <= bytesMax else { return .tooLarge }
            output += chunk[..<produced]
            if result == Z_STREAM_END {
                // A second member, or rubbish behind the first, is not worth guessing about.
                return unsafe stream.avail_in == 0 ? .body(output) : .invalid
            }
            // Without progress the data is cut short.
            guard result == Z_OK, unsafe produced > 0 || stream.avail_in > 0 else {
                return .invalid
            }
        }
    }
}
