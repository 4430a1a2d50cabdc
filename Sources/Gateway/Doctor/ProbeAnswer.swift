// One request of the doctor's, and how far it came. `Upstream/UpstreamProbe.swift` makes it; the
// checks read it.

/// What came of one request.
package struct ProbeAnswer: Sendable {
    /// How long it took from the start to each point; zero for points that were not reached.
    package struct Times: Sendable {
        package var resolved = Duration.zero
        package var connected = Duration.zero
        package var secured = Duration.zero
        package var firstByte = Duration.zero
        package var total = Duration.zero
        package init() {}
    }

    /// Why it ended before the answer did; nil if it did not.
    package var failure: TransferFailure?
    /// Whether that was because its time was over.
    package var isTimedOut = false
    /// Zero without a response.
    package var status = 0
    /// Lower case, without parameters.
    package var contentType = ""
    /// The `Date` field: what time the upstream thinks it is.
    package var date: String?
    /// As much as came.
    package var body: [UInt8] = []
    /// The address that was connected to.
    package var address = ""
    package var isHTTP2 = false
    package var times = Times()

    package init() {}
}
