// Plays the steps of one answer into a connection's output. It does no input or output and has no
// clock: it is told the time and how much room there is, and says why it has stopped.
//
// Bytes are ready when they come here; a step repeated is copied as often as there is room, so a
// flat-out script costs one copy a chunk. All that one call appends is one chunk of the transfer
// coding.
import HTTP1

/// The state of an answer under way.
struct Player {
    private let steps: [Step]
    private let streamFraming: ResponseFraming
    private let head: RequestHead
    private var index = 0
    /// How often the present step has been done.
    private var timesDone = 0
    /// The script's own time: pauses follow one another exactly, however late the timer.
    private var clock: Duration
    /// Whether the pause before the present step is over.
    private var isPauseOver = false
    private var isHeldBack = false
    private var writer = ChunkWriter()

    /// Why a player has stopped.
    enum Outcome {
        /// Call again at that time.
        case waits(until: Duration)
        /// Call again when there is room.
        case isHeldBack
        /// Nothing more comes, and the answer does not end.
        case stalls
        /// The answer is complete.
        case ended(Persistence)
        /// The connection is to be closed after what is written.
        case cut
        /// The connection is to be reset now.
        case reset
    }

    init(_ steps: [Step], for head: RequestHead, at now: Duration) {
        self.steps = steps
        self.head = head
        streamFraming = head.streamFraming
        clock = now
    }

    /// Plays on, appending at most about `room` bytes.
    mutating func play(into output: inout [UInt8], room: Int, at now: Duration) -> Outcome {
        if isHeldBack { clock = now }
        isHeldBack = false
        let limit = output.count + room
        let outcome = playSteps(into: &output, limit: limit, at: now)
        writer.close(in: &output)
        return outcome
    }

    private mutating func playSteps(
        into output: inout [UInt8], limit: Int, at now: Duration
    ) -> Outcome {
        while index < steps.count {
            switch steps[index] {
            case .head(let canned):
                ResponseEncoder.append(
                    canned.responseHead, framing: streamFraming,
                    persistence: head.persistence(for: streamFraming), to: &output)
            case .wait(let duration):
                if let deadline = pause(duration, at: now) { return .waits(until: deadline) }
            case .send(let bytes, let times, let every):
                if streamFraming == .chunked { writer.open(in: &output) }
                while timesDone < times {
                    guard output.count < limit else {
                        isHeldBack = true
                        return .isHeldBack
                    }
                    if let deadline = pause(every, at: now) { return .waits(until: deadline) }
                    isPauseOver = false
                    output.append(contentsOf: bytes)
                    timesDone += 1
                }
            case .stall: return .stalls
            case .cut: return .cut
            case .reset: return .reset
            case .respond(let response):
                let persistence = head.persistence(for: response.framing)
                response.append(to: &output, persistence: persistence)
                return .ended(persistence)
            }
            index += 1
            timesDone = 0
            isPauseOver = false
        }
        if streamFraming == .chunked { writer.finish(in: &output) }
        return .ended(head.persistence(for: streamFraming))
    }

    /// The deadline of the pause before the present step; nil when it is over.
    private mutating func pause(_ duration: Duration, at now: Duration) -> Duration? {
        if isPauseOver || duration == .zero { return nil }
        clock += duration
        isPauseOver = true
        return clock > now ? clock : nil
    }
}
