// Small files, read whole.

import Glibc

enum FileContents {
    struct Failure: Error, CustomStringConvertible {
        /// The errno.
        let code: CInt
        var description: String {
            // SAFETY: the text is copied at once; thread-safe since glibc 2.32 (strerror(3)).
            unsafe String(cString: strerror(code))
        }
    }

    /// A configuration is a page or two; one byte more than it may have shows that it is too large.
    private static let bytesMax = (1 << 20) + 1

    /// - Parameter waits: whether to wait for what writes to a pipe of this name.
    static func read(
        _ path: String, bytesMax: Int = bytesMax, waits: Bool = true
    ) -> Result<[UInt8], Failure> {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | (waits ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else { return .failure(Failure(code: errno)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < bytesMax {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(Failure(code: errno))
            }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return .success(bytes)
    }
}
