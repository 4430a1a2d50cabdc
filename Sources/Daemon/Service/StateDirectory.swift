// What is kept from one run to the next, in the directory that systemd gives the service
// (systemd.exec(5), StateDirectory=). Everything in it can be lost: it is read with suspicion and
// written whole.

import EventLoop
import Glibc

/// The directory for files that outlive the process.
struct StateDirectory: Sendable {
    private let path: String

    /// The directory that `STATE_DIRECTORY` names; nil without one. Of several the first.
    init?() {
        guard let value = unsafe getenv("STATE_DIRECTORY") else { return nil }
        let paths = unsafe String(cString: value)
        guard let path = paths.split(separator: ":").first, path.hasPrefix("/") else { return nil }
        self.path = String(path)
    }

    /// One that is known by its path: for commands that look at another process's.
    init(at path: String) { self.path = path }

    /// The content of a file; nil when it cannot be read, or has more than `bytesMax`.
    func read(_ name: String, bytesMax: Int) -> [UInt8]? {
        // Not a pipe, which would block, and not through a link that somebody else has put there.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW
        let descriptor = unsafe open(path + "/" + name, flags)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_size <= bytesMax
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            // SAFETY: `room` bytes follow `count` in the array.
            let result = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), room)
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { break }
            count += result
        }
        return count == bytes.count ? bytes : nil
    }

    /// Makes a file of `bytes`, unless there is one of that name: then nothing is done.
    ///
    /// - Returns: whether it was made.
    func create(_ name: String, with bytes: [UInt8]) -> Bool {
        guard let temporary = writeTemporary(name, bytes) else { return false }
        defer { _ = unsafe unlink(temporary) }
        return unsafe link(temporary, path + "/" + name) == 0
    }

    /// Puts `bytes` in the place of a file: all of them, or the file stays as it was.
    ///
    /// May block on the disk, so it is not for a loop's thread.
    func replace(_ name: String, with bytes: [UInt8]) -> Bool {
        guard let temporary = writeTemporary(name, bytes) else { return false }
        if unsafe rename(temporary, path + "/" + name) == 0 { return true }
        _ = unsafe unlink(temporary)
        return false
    }

    /// The path of a new file with `bytes`, all of them on the disk.
    private func writeTemporary(_ name: String, _ bytes: [UInt8]) -> String? {
        let temporary = "\(path)/.\(name).\(getpid())"
        _ = unsafe unlink(temporary)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe open(temporary, flags, 0o600)
        guard descriptor >= 0 else { return nil }
        let isWritten = Self.write(bytes, to: descriptor) && fsync(descriptor) == 0
        close(descriptor)
        if isWritten { return temporary }
        _ = unsafe unlink(temporary)
        return nil
    }

    /// The same on a thread of its own, where `bytes` and `failed` are called.
    func replaceInBackground(
        _ name: String, with bytes: @escaping @Sendable () -> [UInt8],
        failed: @escaping @Sendable () -> Void
    ) {
        do throws(SystemError) {
            _ = try Thread(named: "state") {
                if !replace(name, with: bytes()) { failed() }
            }
        } catch {
            failed()
        }
    }

    private static func write(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            // SAFETY: `room` bytes follow `count` in the array.
            let result = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: count), room)
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { return false }
            count += result
        }
        return true
    }
}
