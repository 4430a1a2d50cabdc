// libcurl's multi interface on our own event loop. libcurl says which sockets it waits for and when it
// wants to be woken; the loop does both and calls `curl_multi_socket_action`. One client a loop:
// connections, TLS sessions and resolved names are shared by all transfers of the loop, and nothing
// crosses threads.
//
// Inside libcurl's callbacks no transfer may be added, removed or resumed. Owners therefore only take
// note there; they act at the end of the loop's turn.

import CLibCurl
package import EventLoop
package import Gateway
import Glibc

/// Sends requests to the upstream and hands the answers to their owners.
@safe package final class UpstreamClient {
    private let loop: Loop
    private let multi: UnsafeMutableRawPointer
    private let userAgent: String
    private let proxies: ProxyEnvironment
    /// Where requests go, by the upstreams of the present settings. It holds the upstreams, so that no
    /// other object can have the identity of one of them.
    private var endpoints: [ObjectIdentifier: UpstreamEndpoint] = [:]
    private var timer: Timer?
    private var isTimeoutDue = false
    private var isInLibcurl = false
    let sockets: UpstreamSockets
    /// TLS sessions by host: libcurl 7.88 keeps them with each handle otherwise, so that a handle's
    /// first connection would always cost a full handshake.
    let tlsSessions: UnsafeMutableRawPointer
    private var idle: [Transfer] = []
    /// Every transfer that libcurl holds a pointer to.
    private var activeTransfers: [ObjectIdentifier: Transfer] = [:]

    /// Idle connections that are kept; libcurl closes the oldest beyond.
    private static let connectionsKept = 256
    /// Idle handles that are kept; each is about 6 KiB.
    private static let idleTransfersMax = 256

    /// - Parameter version: of this program, for the User-Agent field.
    package init(
        on loop: Loop, upstreams: [Upstream], version: String, proxies: ProxyEnvironment
    ) {
        guard let multi = unsafe curl_multi_init(), let share = unsafe curl_share_init() else {
            preconditionFailure("out of memory")
        }
        unsafe curl_share_set_lock_data(share, CURL_LOCK_DATA_SSL_SESSION)
        unsafe tlsSessions = unsafe share
        self.loop = loop
        sockets = UpstreamSockets(loop: loop)
        unsafe self.multi = unsafe multi
        self.proxies = proxies
        userAgent = "claude-proxy/\(version)"
        timer = Timer(on: loop) { [unowned self] in isTimeoutDue = true }
        sockets.client = self
        serve(upstreams)
        // SAFETY: the client outlives the multi, which deinit cleans up.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let socketsContext = unsafe Unmanaged.passUnretained(sockets).toOpaque()
        unsafe curl_multi_set_socket_function(multi, socketCallback)
        unsafe curl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, socketsContext)
        unsafe curl_multi_set_timer_function(multi, timerCallback)
        unsafe curl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, context)
        unsafe curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.connectionsKept)
        unsafe curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        loop.addTurnEndHook { [unowned self] in runDueTimeout() }
    }

    deinit {
        for transfer in activeTransfers.values {
            unsafe curl_multi_remove_handle(multi, transfer.handle)
        }
        idle = []
        unsafe curl_multi_cleanup(multi)
        unsafe curl_share_cleanup(tlsSessions)
    }

    /// Must be called once, before the first client is made and before threads are started.
    package static func initializeLibrary() {
        let result = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        precondition(result == CURLE_OK, "libcurl cannot work on this machine")
    }

    // MARK: Requests

    /// How many transfers are running.
    package var transferCount: Int { activeTransfers.count }

    /// Keeps what it has for these upstreams, which are those of new requests, and for no others.
    /// Transfers in flight keep their own.
    package func serve(_ upstreams: [Upstream]) {
        var kept: [ObjectIdentifier: UpstreamEndpoint] = [:]
        for upstream in upstreams { kept[ObjectIdentifier(upstream)] = endpoint(of: upstream) }
        endpoints = kept
    }

    /// A request that began before a reload may be for an upstream that is served no more.
    private func endpoint(of upstream: Upstream) -> UpstreamEndpoint {
        endpoints[ObjectIdentifier(upstream)]
            ?? UpstreamEndpoint(upstream, userAgent: userAgent, proxies: proxies)
    }

    /// Starts a request. The owner hears of it from the next turn on.
    package func start(_ call: UpstreamCall, owner: TransferOwner) -> Transfer {
        precondition(!isInLibcurl, "libcurl's callbacks must not start transfers")
        let transfer = idle.popLast() ?? Transfer(client: self)
        guard let transfer else { preconditionFailure("out of memory") }
        transfer.use(endpoint(of: call.upstream))
        transfer.prepare(call)
        transfer.owner = owner
        activeTransfers[ObjectIdentifier(transfer)] = transfer
        let result = unsafe curl_multi_add_handle(multi, transfer.handle)
        precondition(result == CURLM_OK, "a fresh handle can always be added")
        return transfer
    }

    /// Breaks the transfer off at once; its owner hears nothing more.
    package func cancel(_ transfer: Transfer) {
        precondition(!isInLibcurl, "libcurl's callbacks must not cancel transfers")
        guard activeTransfers[ObjectIdentifier(transfer)] != nil else { return }
        retire(transfer)
    }

    /// Nobody wants the rest of the answer, but the end of it is near: reads on, so that the
    /// connection can be used again, for a short while and a few bytes.
    package func release(_ transfer: Transfer) {
        transfer.owner = nil
        resume(transfer)
        guard activeTransfers[ObjectIdentifier(transfer)] != nil else { return }
        transfer.abandon(on: loop, after: .seconds(5))
    }

    /// Lets a paused transfer go on. Its bytes may come before this returns.
    package func resume(_ transfer: Transfer) {
        precondition(!isInLibcurl, "libcurl's callbacks must not resume transfers")
        guard transfer.isPaused, activeTransfers[ObjectIdentifier(transfer)] != nil else { return }
        transfer.isPaused = false
        isInLibcurl = true
        unsafe curl_easy_pause(transfer.handle, CURLPAUSE_CONT)
        isInLibcurl = false
        collectEnded()
    }

    private func retire(_ transfer: Transfer) {
        activeTransfers[ObjectIdentifier(transfer)] = nil
        isInLibcurl = true
        unsafe curl_multi_remove_handle(multi, transfer.handle)
        isInLibcurl = false
        transfer.reset()
        if idle.count < Self.idleTransfersMax { idle.append(transfer) }
    }

    // MARK: libcurl

    /// A socket of libcurl's is ready.
    func socketReady(_ descriptor: CInt, _ readiness: Readiness) {
        var events: CInt = 0
        if !readiness.isDisjoint(with: [.readable, .peerClosed, .hangup]) {
            events |= CURL_CSELECT_IN
        }
        if readiness.contains(.writable) { events |= CURL_CSELECT_OUT }
        if readiness.contains(.error) { events |= CURL_CSELECT_ERR }
        act(on: descriptor, events)
    }

    private func runDueTimeout() {
        guard isTimeoutDue else { return }
        isTimeoutDue = false
        act(on: curl_socket_timeout, 0)
    }

    private func act(on descriptor: CInt, _ events: CInt) {
        var running: CInt = 0
        isInLibcurl = true
        unsafe curl_multi_socket_action(multi, descriptor, events, &running)
        isInLibcurl = false
        collectEnded()
    }

    /// Tells the owners of transfers that have ended.
    private func collectEnded() {
        var remaining: CInt = 0
        while let message = unsafe curl_multi_info_read(multi, &remaining) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            let code = unsafe curl_message_result(message)
            var context: UnsafeMutableRawPointer?
            unsafe curl_get_pointer(message.pointee.easy_handle, CURLINFO_PRIVATE, &context)
            guard let context = unsafe context else { continue }
            // SAFETY: set to the transfer in its init; `activeTransfers` keeps it alive.
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            let owner = transfer.owner
            let failure = transfer.failure(code)
            retire(transfer)
            owner?.transferEnded(failure)
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
}

// MARK: libcurl's callback

private let timerCallback: curl_multi_timer_callback = { _, milliseconds, context in
    guard let context = unsafe context else { return 0 }
    // SAFETY: the pointer is the client, which lives as long as its multi.
    unsafe Unmanaged<UpstreamClient>.fromOpaque(context).takeUnretainedValue()
        .setTimeout(milliseconds)
    return 0
}
