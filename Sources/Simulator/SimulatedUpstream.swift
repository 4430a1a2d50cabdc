// An upstream that looks like OpenRouter and asks no model: what it answers is written in the table
// of scenarios (Scenario+Table.swift), and the client chooses by the model id. The demo, the tests
// and the benchmarks use it. It is deterministic: ids count up, nothing is random, and no date is
// told.
//
// The way of a request: SimulatedConnection reads it → ModelRequest → Scenario → [Act] → a renderer
// makes [Step] → the connection plays the steps, with a timer and with back-pressure.
import EventLoop
import Glibc

/// A simulated upstream, with a thread of its own or on the caller's.
package final class SimulatedUpstream: Sendable {
    /// The port it listens on.
    package let port: Int
    private let thread: Thread
    private let mailbox: Mailbox<Command>

    private enum Command: Sendable {
        case stop
    }

    private init(port: Int, thread: Thread, mailbox: Mailbox<Command>) {
        self.port = port
        self.thread = thread
        self.mailbox = mailbox
    }

    /// Starts one on a thread of its own. When this returns it listens.
    /// - Parameters:
    ///   - address: as ListenAddress writes it; port 0 lets the kernel choose.
    ///   - requiringKey: whether a request without `Authorization: Bearer …` gets a 401.
    package static func start(
        on address: String, requiringKey: Bool = false
    ) throws -> SimulatedUpstream {
        let listener = try Listener(on: ListenAddress(address))
        let mailbox = try Mailbox<Command>()
        let thread = try Thread(named: "simulator") {
            blockSignals()
            do throws(SystemError) {
                let loop = try Loop()
                let server = try SimulatedServer(listener, on: loop, requiringKey: requiringKey)
                try mailbox.attach(to: loop) { command in
                    switch command {
                    case .stop: server.loop.stop()
                    }
                }
                loop.run()
                server.close()
            } catch {
                // Whoever started it counts on it, and would wait for ever.
                fatalError("the simulated upstream could not start: \(error)")
            }
        }
        return SimulatedUpstream(
            port: Int(listener.port ?? 0), thread: thread, mailbox: mailbox)
    }

    /// Closes every connection, stops listening and waits for the thread's end. At most once.
    package func stop() {
        mailbox.send(.stop)
        thread.join()
    }

    /// Runs one on the calling thread until SIGTERM or SIGINT comes. `ready` gets the port.
    package static func run(
        on address: String, requiringKey: Bool = false, ready: (Int) -> Void
    ) throws {
        let listener = try Listener(on: ListenAddress(address))
        let loop = try Loop()
        let signals = try SignalSource([SIGTERM, SIGINT], on: loop) { _ in loop.stop() }
        let server = try SimulatedServer(listener, on: loop, requiringKey: requiringKey)
        ready(Int(listener.port ?? 0))
        withExtendedLifetime(signals) { loop.run() }
        server.close()
    }

    /// Signals are the main thread's: one that this thread took would end the process by its
    /// default action instead of by a drain.
    private static func blockSignals() {
        var set = sigset_t()
        // SAFETY: the calls fill and read the local set.
        let failure = unsafe sigfillset(&set) + pthread_sigmask(SIG_BLOCK, &set, nil)
        precondition(failure == 0, "SIG_BLOCK is a valid operation")
    }
}
