// A system call that failed for a reason outside this program: the call's name and its errno.
// An errno that only a bug of ours can cause (EBADF, EFAULT, …) is a precondition instead, at the
// place of the call.
import Glibc

/// A failed system call: which one, and its `errno`.
public struct SystemError: Error, CustomStringConvertible {
    /// The system call's name, for example `bind`.
    package let operation: StaticString
    /// The value of `errno`.
    package let code: Int32

    /// An error whose code is known, for example from `SO_ERROR` or a `pthread` function.
    package init(_ operation: StaticString, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// The error `errno` holds now: to be made right after the call that failed.
    package init(_ operation: StaticString) {
        self.init(operation, code: errno)
    }

    /// The system's text for the code, for example `Permission denied`.
    package var message: String {
        // SAFETY: strerror gives a terminated string that lives at least until this thread's next
        // call of it; it is thread-safe since glibc 2.32 (strerror(3)).
        unsafe String(cString: strerror(code))
    }

    public var description: String { "\(operation): \(message) (errno \(code))" }
}
