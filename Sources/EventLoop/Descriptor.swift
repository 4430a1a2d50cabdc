// A file descriptor with one owner. It is closed when its owner is done with it, on every path, and
// cannot be closed twice or used after the close: the compiler sees to that. Whoever has registered
// the number with a loop deregisters first (see Loop.deregister).
import Glibc

/// An open file descriptor that closes with its owner.
package struct Descriptor: ~Copyable, Sendable {
    /// The number, for system calls; valid only while this value lives.
    package let rawValue: Int32

    /// Takes ownership of an open descriptor.
    package init(owning rawValue: Int32) {
        precondition(rawValue >= 0, "a descriptor is never negative")
        self.rawValue = rawValue
    }

    deinit {
        // Linux has given the number back even when close reports EINTR or EIO (close(2)), so only
        // EBADF says anything: somebody else closed what we own.
        let result = Glibc.close(rawValue)
        precondition(result == 0 || errno != EBADF, "descriptor closed behind its owner's back")
    }

    /// Closes now.
    package consuming func close() {}

    /// Hands the number to somebody who closes it himself.
    package consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }
}
