// Committed copies of generated texts: compared, and rewritten when UPDATE_GOLDEN=1 is set.

import Glibc
package import Testing

/// A committed file that a test compares with generated text.
package struct GoldenFile {
    /// Below the root of the repository.
    package let path: String

    package init(path: String) { self.path = path }

    /// Fails unless the committed copy is `text`; rewrites it first when asked to.
    package func expect(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        // SAFETY: no test changes the environment.
        if unsafe getenv("UPDATE_GOLDEN").map({ unsafe String(cString: $0) }) == "1" {
            try write(text)
        }
        let committed = try read()
        // One line and not the whole text, which is long.
        let firstDifference = zip(lines(committed), lines(text)).first { $0 != $1 }
        #expect(
            firstDifference.map { "committed: \($0.0)\ngenerated: \($0.1)" } == nil,
            "\(path) differs; run the tests with UPDATE_GOLDEN=1 and review the change",
            sourceLocation: sourceLocation)
        #expect(committed.utf8.count == text.utf8.count, sourceLocation: sourceLocation)
    }

    private struct FileError: Error {
        let path: String
        let errno: Int32
    }

    /// The root of the repository: three levels above this file.
    package var absolutePath: String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return "/\(root)/\(path)"
    }

    private func lines(_ text: String) -> [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    package func read() throws -> String {
        // SAFETY: the path is a string of Swift's, which ends in a NUL for the call.
        let descriptor = unsafe open(absolutePath, O_RDONLY)
        guard descriptor >= 0 else { throw FileError(path: absolutePath, errno: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // SAFETY: the kernel writes at most `chunk.count` bytes into the array.
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            }
            guard count >= 0 else { throw FileError(path: absolutePath, errno: errno) }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    private func write(_ text: String) throws {
        // SAFETY: the path is a string of Swift's, which ends in a NUL for the call.
        let descriptor = unsafe open(absolutePath, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw FileError(path: absolutePath, errno: errno) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            // SAFETY: the kernel reads at most as many bytes as the slice has.
            let count = unsafe rest.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
            }
            guard count > 0 else { throw FileError(path: absolutePath, errno: errno) }
            rest = rest.dropFirst(count)
        }
    }
}
