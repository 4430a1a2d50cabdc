// Who hears of a transfer. A base class rather than a protocol: the call for every chunk is one load
// from a vtable. Its methods run inside libcurl's callbacks, so they take note and do nothing else:
// no transfer may be started, cancelled or resumed there.

public import Gateway

/// The receiver of one transfer's news.
open class TransferOwner {
    public init() {}

    /// A piece of a large request body is on its way.
    open func transferTookBody() {}

    /// The final response head (interim 1xx heads are dropped before).
    open func transferResponded(_ head: UpstreamHead) {}

    /// Bytes of the response body. `false` pauses the transfer: the same bytes come again after
    /// `UpstreamClient.resume`.
    open func transferReceived(_ bytes: Span<UInt8>) -> Bool { true }

    /// The transfer is over, completely if `failure` is nil. Nothing comes after this.
    open func transferEnded(_ failure: TransferFailure?) {}
}
