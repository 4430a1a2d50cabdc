// A file that only this process has, for a library that takes nothing but paths. libcurl keeps parsed CA
// certificates only of files (parsing the usual bundle of 140 takes many milliseconds for each
// connection), and a file of somebody else's may change, or be gone, between two connections.

import CLibCurl
import Glibc

/// Bytes behind a path of /proc.
final class MemoryFile {
    private let descriptor: CInt

    /// Nil when the kernel has no such files, or there is no /proc to name them by.
    init?(_ bytes: [UInt8]) {
        let descriptor = curl_memory_file()
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        var written = 0
        while written < bytes.count {
            // SAFETY: the array is lent for the call, which reads no further than its end.
            let count = unsafe bytes[written...].withUnsafeBytes { rest in
                unsafe write(descriptor, rest.baseAddress, rest.count)
            }
            guard count > 0 else { return nil }
            written += count
        }
        guard unsafe access(path, R_OK) == 0 else { return nil }
    }

    deinit { close(descriptor) }

    var path: String { "/proc/self/fd/\(descriptor)" }
}
