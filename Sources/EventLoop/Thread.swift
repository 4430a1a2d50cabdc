// A thread for a loop. Its body is Sendable, so it makes its loop and all that hangs on it itself.
import CLinux
import Glibc
import Synchronization

/// A running thread.
package final class Thread: Sendable {
    private let handle: pthread_t
    private let isJoined = Atomic(false)

    /// Starts a thread that runs `body` and ends. `name` is what `ps` and debuggers show; the
    /// kernel keeps 15 bytes of it.
    package init(named name: String, body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var handle = pthread_t()
        // SAFETY: the new thread takes over the reference passed; the handle is a local value.
        let failure = unsafe pthread_create(
            &handle, nil,
            { argument in
                // SAFETY: `argument` is the reference retained above, taken over exactly once.
                unsafe argument.map {
                    unsafe Unmanaged<ThreadStart>.fromOpaque($0).takeRetainedValue().run()
                }
                return nil
            }, start.toOpaque())
        guard failure == 0 else {
            // SAFETY: there is no thread that takes the reference over.
            unsafe start.release()
            throw SystemError("pthread_create", code: failure)
        }
        self.handle = handle
    }

    deinit {
        if !isJoined.load(ordering: .relaxed) { pthread_detach(handle) }
    }

    /// Waits until the thread has ended. At most once.
    package func join() {
        let wasJoined = isJoined.exchange(true, ordering: .relaxed)
        precondition(!wasJoined, "a thread is joined at most once")
        let failure = pthread_join(handle, nil)
        precondition(failure == 0, "a joinable thread that is not the caller")
    }
}

/// What a new thread is given.
private final class ThreadStart: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        // SAFETY: the kernel copies the terminated string during the call.
        _ = unsafe name.withCString { unsafe linux_set_thread_name($0) }
        body()
    }
}
