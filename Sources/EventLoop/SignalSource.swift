// Signals as events. A handler that interrupts any instruction can do next to nothing safely; so
// the signals are blocked, collected by a signalfd, and met like any other event of the loop.
import CLinux
import Glibc

/// Turns signals into calls on a loop's thread.
package final class SignalSource: EventHandler {
    private let descriptor: Descriptor
    private let received: (Int32) -> Void

    /// Blocks `signals` for this thread and all that it starts, and calls `received` with the
    /// number of each that comes. **Make it before other threads are started**: a thread that does
    /// not block a signal takes it, and its default action ends the process.
    package init(
        _ signals: [Int32], on loop: Loop, received: @escaping (Int32) -> Void
    ) throws(SystemError) {
        var set = sigset_t()
        // SAFETY: the calls fill, read or change the local set during the call only.
        unsafe sigemptyset(&set)
        for signal in signals {
            // SAFETY: as above.
            let result = unsafe sigaddset(&set, signal)
            precondition(result == 0, "signal numbers come from the headers")
        }
        // SAFETY: as above.
        let failure = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(failure == 0, "SIG_BLOCK is a valid operation")
        // SAFETY: as above.
        let number = unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("signalfd") }
        descriptor = Descriptor(owning: number)
        self.received = received
        super.init()
        try loop.register(number, for: .readable, handler: self)
    }

    /// Lets a write to a socket whose reader has gone fail with EPIPE, not end the process.
    /// Our own sends ask for that one by one; TLS libraries do not.
    package static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// Ignores the signals that would end the process and that nobody means for it. USR1 and USR2
    /// are sent by habit, to have a log opened again; a log file at its limit then fails with EFBIG,
    /// and a terminal takes lines also from the background.
    package static func ignoreUnmeant() {
        ignoreBrokenPipes()
        let named = [
            SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGTTIN, SIGTTOU, SIGXFSZ, SIGPOLL,
            SIGPWR, SIGSTKFLT,
        ]
        let realTime = __libc_current_sigrtmin()...__libc_current_sigrtmax()
        for number in named + realTime { _ = signal(number, SIG_IGN) }
    }

    override public func ready(_ readiness: Readiness, on number: Int32) {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        // One a turn is enough: the descriptor stays readable while more wait. EAGAIN (somebody
        // else took it) and EINTR leave nothing to do either.
        // SAFETY: the kernel writes whole records only, here at most one, into the local value.
        guard unsafe read(descriptor.rawValue, &information, size) == size else { return }
        received(Int32(information.ssi_signo))
    }
}
