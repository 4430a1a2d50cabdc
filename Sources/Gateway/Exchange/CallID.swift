// Which call of the upstream an event belongs to. A session makes a new identifier for each of its
// calls; what a call brings after the session has turned from it carries an old one and is dropped,
// as the loop drops events of descriptors that are closed.

/// One call of a session, among all that it makes.
package struct CallID: Equatable, Sendable {
    private var number: UInt64 = 0

    /// Before the first call.
    init() {}

    /// The one after this.
    var next: CallID {
        var next = self
        next.number += 1
        return next
    }
}
