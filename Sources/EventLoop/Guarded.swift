// A value that several threads share, behind a lock. The lock is pthread's and not the standard
// library's Mutex: that one waits where a thread sanitizer does not see it, which then takes what the
// lock has ordered for a race. What is shared under this one is checked by `make sanitize`.
import Glibc

/// A value that one thread at a time may touch. For what is rare: a message, a request's account.
// SAFETY: `value` is touched within `withLock` only, and `lock` never changes.
@safe package final class Guarded<Value: Sendable>: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ value: Value) {
        self.value = value
        unsafe lock = .allocate(capacity: 1)
        // SAFETY: fresh memory at an address that stays, with the default attributes.
        let failure = unsafe pthread_mutex_init(lock, nil)
        precondition(failure == 0, "a mutex with default attributes takes no resource")
    }

    deinit {
        // SAFETY: nobody refers to it any more, so nobody holds it.
        unsafe pthread_mutex_destroy(lock)
        unsafe lock.deallocate()
    }

    /// Runs `body` while no other thread runs one. `body` must not come back here.
    package func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        // SAFETY: initialised above, alive as long as `self`.
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        return body(&value)
    }
}
