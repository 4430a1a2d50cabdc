// What the connections of one simulated upstream share: the loop, the counts and the answers that
// are the same for everyone.
import EventLoop

/// Accepts connections and holds them.
final class SimulatedServer {
    let loop: Loop
    let requiresKey: Bool
    var statistics = Statistics()
    /// Names answers and tool calls; counts up from 1.
    private var generation = 0
    private var acceptor: Acceptor?
    private var connections: [ObjectIdentifier: SimulatedConnection] = [:]

    /// What `GET /stats` tells; requests are those to `chat/completions`.
    struct Statistics {
        var requests = 0
        /// Answers that are being played now, streamed or not.
        var streamsOpen = 0
        /// Answers whose client left before the script's end.
        var cancelled = 0
        /// Answers whose script came to its end, be it a deliberate cut.
        var completed = 0

        var body: [UInt8] {
            Array(
                """
                {"requests":\(requests),"streams_open":\(streamsOpen),\
                "cancelled":\(cancelled),"completed":\(completed)}
                """.utf8)
        }
    }

    init(_ listener: Listener, on loop: Loop, requiringKey: Bool) throws(SystemError) {
        self.loop = loop
        requiresKey = requiringKey
        // Starved: the acceptor tries again by itself, and connections wait in the backlog.
        acceptor = try Acceptor(
            listener, on: loop, starved: { _ in },
            accepted: { [unowned self] socket, _ in accepted(socket) })
    }

    /// A number that no answer has had before.
    func nextGeneration() -> Int {
        generation += 1
        return generation
    }

    /// Closes everything.
    func close() {
        acceptor?.close()
        for connection in connections.values { connection.close() }
    }

    func connectionClosed(_ connection: SimulatedConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    private func accepted(_ socket: consuming Descriptor) {
        // The kernel has no memory to watch it: the client sees its connection close.
        guard let connection = try? SimulatedConnection(on: self, socket: socket) else { return }
        connections[ObjectIdentifier(connection)] = connection
    }
}
