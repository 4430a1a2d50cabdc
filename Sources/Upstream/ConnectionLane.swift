// Connections to one endpoint that transfers may share: a multi handle of libcurl, with its own pool of
// connections, its own resolved names and its own cache of CA certificates. An endpoint has one lane for
// new transfers; a lane that is spent takes no more of them, finishes those that it has, and closes all
// its connections.
//
// This is how a connection is given up that may be dead: libcurl 7.88 has no call for it, and as long as
// a connection is in its pool it gives it the next stream. So a lane is spent as soon as
//
//   - a request has timed out, or has failed on a kept connection, without a byte of an answer,
//   - nothing has come on it for a while although requests wait,
//   - it is so old that names ought to be resolved again.

import CLibCurl
import EventLoop
import Gateway

/// A multi handle with its transfers.
@safe final class ConnectionLane {
    let endpoint: UpstreamEndpoint
    private let multi: UnsafeMutableRawPointer
    private unowned let client: UpstreamClient
    /// Held, because libcurl calls back when a client ends with transfers under way, and takes its
    /// lanes with it.
    private let sockets: UpstreamSockets
    private let loop: Loop
    private var timer: Timer?
    private var isTimeoutDue = false
    /// Every transfer that libcurl holds a pointer to.
    private(set) var transfers: [ObjectIdentifier: Transfer] = [:]
    private let bornAt: Duration
    /// When the first transfer was started since something last came; nil when none was.
    private var unheardSince: Duration?
    /// Since when there are no transfers.
    private var idleSince: Duration
    /// The other side has closed a connection that nobody uses.
    var hasDeadConnections = false
    /// No transfer is to be started here any more.
    private(set) var isSpent = false

    /// Idle connections that are kept; libcurl closes the oldest beyond.
    private static let connectionsKept = 256
    /// Names are resolved again after this time: addresses move.
    private static let lifetime = Duration.seconds(300)
    /// When nothing has come for so long, the peer may be dead behind a hop that lives: its shared
    /// connection gets no more streams, and its kept ones no more requests.
    private static let silenceMax = Duration.seconds(15)
    /// libcurl uses no connection that has been idle for longer (118 s).
    private static let idleTimeMax = Duration.seconds(118)

    init(of endpoint: UpstreamEndpoint, client: UpstreamClient, loop: Loop) {
        guard let multi = unsafe curl_multi_init() else { preconditionFailure("out of memory") }
        unsafe self.multi = unsafe multi
        self.endpoint = endpoint
        self.client = client
        sockets = client.sockets
        self.loop = loop
        bornAt = loop.now
        idleSince = loop.now
        timer = Timer(on: loop) { [unowned self] in isTimeoutDue = true }
        // SAFETY: the lane outlives its multi, which deinit cleans up.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_multi_set_socket_function(multi, socketCallback)
        unsafe curl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, context)
        unsafe curl_multi_set_timer_function(multi, timerCallback)
        unsafe curl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, context)
        unsafe curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.connectionsKept)
        unsafe curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    }

    deinit {
        for transfer in transfers.values { unsafe curl_multi_remove_handle(multi, transfer.handle) }
        unsafe curl_multi_cleanup(multi)
    }

    // MARK: Transfers

    func add(_ transfer: Transfer) {
        transfers[ObjectIdentifier(transfer)] = transfer
        transfer.lane = self
        if unheardSince == nil { unheardSince = loop.now }
        let result = unsafe curl_multi_add_handle(multi, transfer.handle)
        precondition(result == CURLM_OK, "a fresh handle can always be added")
    }

    /// Has the transfer forgotten by libcurl.
    func remove(_ transfer: Transfer) {
        transfers[ObjectIdentifier(transfer)] = nil
        client.inLibcurl { _ = unsafe curl_multi_remove_handle(multi, transfer.handle) }
        transfer.lane = nil
        guard transfers.isEmpty else { return }
        unheardSince = nil
        idleSince = loop.now
    }

    /// Something has come from the upstream.
    func heard() { unheardSince = nil }

    // MARK: The end

    /// Gets no more transfers.
    func spend() { isSpent = true }

    /// Whether a transfer can be started here.
    func takesTransfers(at now: Duration) -> Bool {
        if isSpent || now - bornAt >= Self.lifetime { return false }
        guard let unheardSince else { return true }
        return now - unheardSince < Self.silenceMax
    }

    /// Whether nothing here is of use any more.
    func isOver(at now: Duration) -> Bool {
        guard transfers.isEmpty else { return false }
        return isSpent || hasDeadConnections || now - idleSince > Self.idleTimeMax
    }

    // MARK: libcurl

    /// A socket of the lane's is ready.
    func socketReady(_ descriptor: CInt, _ readiness: Readiness) {
        var events: CInt = 0
        if !readiness.isDisjoint(with: [.readable, .peerClosed, .hangup]) {
            events |= CURL_CSELECT_IN
        }
        if readiness.contains(.writable) { events |= CURL_CSELECT_OUT }
        if readiness.contains(.error) { events |= CURL_CSELECT_ERR }
        act(on: descriptor, events)
    }

    func runDueTimeout() {
        guard isTimeoutDue else { return }
        isTimeoutDue = false
        act(on: curl_socket_timeout, 0)
    }

    private func act(on descriptor: CInt, _ events: CInt) {
        var running: CInt = 0
        client.inLibcurl {
            _ = unsafe curl_multi_socket_action(multi, descriptor, events, &running)
        }
        collectEnded()
    }

    /// Tells the owners of transfers that have ended.
    func collectEnded() {
        var remaining: CInt = 0
        while let message = unsafe curl_multi_info_read(multi, &remaining) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            let code = unsafe curl_message_result(message)
            var context: UnsafeMutableRawPointer?
            unsafe curl_get_pointer(message.pointee.easy_handle, CURLINFO_PRIVATE, &context)
            guard let context = unsafe context else { continue }
            // SAFETY: set to the transfer in its init; `transfers` keeps it alive.
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            client.ended(transfer, code, in: self)
        }
    }

    /// libcurl wants to be woken after `milliseconds`; at once for 0, never for -1.
    fileprivate func setTimeout(_ milliseconds: Int) {
        isTimeoutDue = milliseconds == 0
        if milliseconds > 0 {
            timer?.schedule(at: loop.now + .milliseconds(milliseconds))
        } else {
            timer?.cancel()
            if isTimeoutDue { loop.requestTurn() }
        }
    }

    fileprivate func watch(_ descriptor: CInt, for what: CInt) {
        sockets.watch(descriptor, for: what, lane: ObjectIdentifier(self))
    }
}

// MARK: libcurl's callbacks

private func lane(_ context: UnsafeMutableRawPointer?) -> ConnectionLane? {
    guard let context = unsafe context else { return nil }
    // SAFETY: the pointer is the lane, which lives as long as its multi.
    return unsafe Unmanaged<ConnectionLane>.fromOpaque(context).takeUnretainedValue()
}

private let timerCallback: curl_multi_timer_callback = { _, milliseconds, context in
    unsafe lane(context)?.setTimeout(milliseconds)
    return 0
}

/// `CURLMOPT_SOCKETFUNCTION`
private let socketCallback: curl_socket_callback = { _, descriptor, what, context, _ in
    unsafe lane(context)?.watch(descriptor, for: what)
    return 0
}
