// The file of a unix socket. It is removed by name, and a name may come to mean another file: a
// second process may have replaced the socket. So the file's identity is checked first.
import Glibc

/// A unix socket in the file system.
struct SocketFile: Sendable {
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    /// nil when there is no socket at the path.
    init?(at path: String) {
        var status = stat()
        // SAFETY: the path is terminated and the call fills the local value.
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            return nil
        }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
    }

    /// Removes the file, if it is still the same. Between the check and the removal another process
    /// could replace it; the file system offers no way to do both at once.
    func remove() {
        guard let present = SocketFile(at: path) else { return }
        guard present.device == device, present.inode == inode else { return }
        // SAFETY: the path is terminated.
        unsafe unlink(path)
    }
}
