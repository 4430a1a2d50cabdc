// The limits that are not configurable, each with its reason. (Those of a request's head are HTTP1's;
// the configurable ones are in the table of options.)

package enum Limits {
    /// Output that may wait for a slow client before its upstream is paused, and before its next
    /// request is looked at: several round trips of any model's speed.
    package static let outputHighWater = 256 << 10
    /// Where a paused upstream is let go on.
    package static let outputLowWater = 64 << 10
    /// What is read at once from a connection that has not shown that it may use the proxy.
    package static let strangerReadMax = 16 << 10
    /// How long such a connection may be silent where tokens are asked for: whoever has one sends it
    /// with the first request, which comes within some round trips.
    static let strangerTime = Duration.seconds(10)
    /// Connections at once that have no place and get one short answer.
    package static let turnedAwayMax = 256
    /// What a request takes beside what its bytes and those of its answer do: the call's handle, the
    /// translator, what it lends from buffers.
    static let requestMemoryBase = 24 << 10
    /// An answer's memory is counted each time so much of it has come: counting costs more than a
    /// small chunk's translation may. Until then `requestMemoryBase` stands for it.
    static let answerBytesUncountedMax = 4 << 10
    /// A request that takes no more, its answer included, may use the last quarter of the budget: a
    /// body of a MiB and something of an answer.
    static let smallRequestMemoryMax = 4 << 20
    /// The least that a budget is where the machine says it, however small that is.
    static let memoryBudgetMin = 32 << 20
    /// Requests that a client sends ahead of their answers. Beyond, its socket is not read.
    static let pipelinedBytesMax = 64 << 10
    /// What a session may hold of what its client has sent: a body, what is sent ahead, and one
    /// more piece as the socket gives it.
    package static func heldBytesMax(body: Int) -> Int {
        body + pipelinedBytesMax + socketReadMax
    }
    /// What is read from a socket at once.
    package static let socketReadMax = 64 << 10
    /// What a body gains in time for each KiB that has come: a client slower than this is not one.
    static let bodyTimePerKiB = Duration.seconds(1)
    /// A body's buffer is reserved at once up to this size; the rest once so much has come, since anybody
    /// can claim a length.
    static let bodyReservedMax = 1 << 20
    /// Bodies up to this size are parsed and translated by the loop at once: two or three milliseconds at
    /// worst. Larger ones are beside it.
    package static let bodyAtOnceMax = 256 << 10
    /// What a new connection has for its first request when the daemon begins to drain: a round trip
    /// to anywhere.
    static let firstRequestGrace = Duration.seconds(1)
    /// What a record keeps of any one text that a peer wrote: path, user agent, model, identifiers.
    static let loggedBytesMax = 128
    /// The shortest answer that is worth asking for when there is no money or room for the one that
    /// the client wants: enough to end a thought, or to call a tool.
    static let answerTokensMin = 1024
    /// What is remembered of a model has a shorter name than this; clients may send any.
    static let modelBytesMax = 256
    /// How often upstreams are asked again for one request, the same or others: a client repeats
    /// what failed by itself, and multiplies this.
    package static let retriesMax = 3
    /// After this time from the complete request no other upstream is turned to: the client may have
    /// given up.
    static let searchTime = Duration.seconds(90)
    /// Within what a repeat of the same call comes, at random: never at once, and soon.
    static let repeatDelay = (least: 50, most: 250)
    /// The keys of one upstream.
    static let keysMax = 64
    /// The upstreams besides the main one.
    static let namedUpstreamsMax = 32
}
