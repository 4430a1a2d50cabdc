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
        guard case .content(let bytes) = look(at: name, bytesMax: bytesMax) else { return nil }
        return bytes
    }

    /// What is found under a name.
    enum Look {
        case content([UInt8])
        /// No file.
        case nothing
        /// A file that is not used, and why.
        case unfit(String)
    }

    /// Reads a file of at most `bytesMax`.
    func look(at name: String, bytesMax: Int) -> Look {
        // Not a pipe, which would block, and not through a link that somebody else has put there.
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW
        let descriptor = unsafe open(path + "/" + name, flags)
        guard descriptor >= 0 else {
            return errno == ENOENT
                ? .nothing : .unfit("it cannot be read: \(FileContents.Failure(code: errno))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return .unfit("it is no file")
        }
        guard status.st_size <= bytesMax else {
            return .unfit("it has \(status.st_size) bytes, more than \(bytesMax)")
        }
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
        return count == bytes.count
            ? .content(bytes) : .unfit("it became shorter while it was read")
    }

    /// Makes a file of `bytes`, unless there is one of that name: then nothing is done.
    ///
    /// - Returns: whether it was made.
    func create(_ name: String, with bytes: [UInt8]) -> Bool {
        guard case .success(let temporary) = writeTemporary(name, bytes) else { return false }
        defer { _ = unsafe unlink(temporary) }
        return unsafe link(temporary, path + "/" + name) == 0
    }

    /// Puts `bytes` in the place of a file: all of them, or the file stays as it was. Returns why
    /// it was not done, nil if it was.
    ///
    /// May block on the disk, so it is not for a loop's thread.
    func replace(_ name: String, with bytes: [UInt8]) -> FileContents.Failure? {
        switch writeTemporary(name, bytes) {
        case .failure(let failure): return failure
        case .success(let temporary):
            if unsafe rename(temporary, path + "/" + name) == 0 { return nil }
            let failure = FileContents.Failure(code: errno)
            _ = unsafe unlink(temporary)
            return failure
        }
    }

    /// The path of a new file with `bytes`, all of them on the disk.
    private func writeTemporary(
        _ name: String, _ bytes: [UInt8]
    ) -> Result<String, FileContents.Failure> {
        let temporary = "\(path)/.\(name).\(getpid())"
        _ = unsafe unlink(temporary)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let descriptor = unsafe open(temporary, flags, 0o600)
        guard descriptor >= 0 else { return .failure(FileContents.Failure(code: errno)) }
        let isWritten = Self.write(bytes, to: descriptor) && fsync(descriptor) == 0
        let failure = FileContents.Failure(code: errno)
        close(descriptor)
        if isWritten { return .success(temporary) }
        _ = unsafe unlink(temporary)
        return .failure(failure)
    }

    /// The same on a thread of its own, where `bytes` and `failed` are called, the latter with the
    /// reason.
    func replaceInBackground(
        _ name: String, with bytes: @escaping @Sendable () -> [UInt8],
        failed: @escaping @Sendable (String) -> Void
    ) {
        do throws(SystemError) {
            _ = try Thread(named: "state") {
                if let failure = replace(name, with: bytes()) { failed("\(failure)") }
            }
        } catch {
            failed("\(error)")
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
