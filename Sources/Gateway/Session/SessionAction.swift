// What the core wants done. The session queues actions while it is told events; the shell takes and
// carries them out in order, at a moment when that is allowed.

/// One thing for the shell to do. What is large is held apart: an action is moved several times on its way
/// out, and most turns of a stream look for one in vain.
package enum SessionAction {
    /// Call the upstream. No other call of this session runs.
    indirect case startCall(CallID, UpstreamCall)
    /// Break a call off. It may be over already.
    case cancelCall(CallID)
    /// A call is about to end by itself: let it, for the sake of its connection.
    case releaseCall(CallID)
    /// Inflate a gzip body, then tell `bodyInflated`.
    case inflate([UInt8], bytesMax: Int)
    /// Do this beside the loop, then tell `workDone`.
    indirect case work(WorkID, BodyWork)
    /// The work is of no more use. It may be done already.
    case dropWork(WorkID)
    /// Call `countFurther` when there is nothing more urgent, as long as `isCounting`.
    case count
    /// An upstream has told the size of a prompt: every loop's calibration is to learn it.
    indirect case learn(TokenObservation)
    /// Refusals have taught something: every other loop is to know it.
    case teach([UpstreamLesson])
    /// Something begins to fail, or works again: an administrator is to hear of it.
    case tell([RoutingNotice])
    /// The client sends faster than it can be answered: stop reading.
    case pauseReading
    /// Read again.
    case resumeReading
    /// Close when everything is sent. `lingering`: read and drop for a moment first, so that a client
    /// that is still sending gets to see the answer.
    case close(lingering: Bool)
    /// A request is over.
    indirect case record(RequestRecord)
}
