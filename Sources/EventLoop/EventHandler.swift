// Whoever wants events derives from this class. A class and not a protocol: the call goes through
// the vtable, with no existential on the data path.
//
// `open`, and so public with what its methods mention: Swift has no `package` class that another
// module of the package could derive from (SE-0386 leaves that for later).

/// Receives the events of the descriptors it is registered for.
open class EventHandler {
    package init() {}

    /// Called on the loop's thread when something has happened at `descriptor`. One handler may be
    /// registered for several descriptors.
    open func ready(_ readiness: Readiness, on descriptor: Int32) {
        preconditionFailure("a registered handler overrides ready(_:on:)")
    }
}
