// libcurl's multi interface on our own event loop. libcurl says which sockets it waits for and when it
// wants to be woken; the loop does both and calls `curl_multi_socket_action`. One client a loop, and
// nothing crosses threads. Transfers of one endpoint share its connections (`ConnectionLane`), its
// TLS sessions and its idle handles (`UpstreamEndpoint`); those of two endpoints share nothing.
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
    private let userAgent: String
    private let proxies: ProxyEnvironment
    /// Where requests go, by the upstreams of the present settings. It holds the upstreams, so that no
    /// other object can have the identity of one of them.
    private var endpoints: [Upstream: UpstreamEndpoint] = [:]
    /// The same, each once.
    private var served: [UpstreamEndpoint] = []
    private var isInLibcurl = false
    let sockets: UpstreamSockets
    /// Lanes that take no more transfers and have some to finish.
    private var oldLanes: [ObjectIdentifier: ConnectionLane] = [:]
    private var isSweepDue = false
    private var tendTimer: Timer?
    /// How often libcurl has taken a piece of a body.
    private(set) var bodyReads = 0

    /// How often connections that nobody uses are looked at.
    private static let tendPeriod = Duration.seconds(30)

    /// - Parameter version: of this program, for the User-Agent field.
    package init(
        on loop: Loop, upstreams: [Upstream], version: String, proxies: ProxyEnvironment
    ) {
        self.loop = loop
        sockets = UpstreamSockets(loop: loop)
        self.proxies = proxies
        userAgent = "claude-proxy/\(version)"
        sockets.client = self
        serve(upstreams)
        tendTimer = Timer(on: loop) { [unowned self] in tend() }
        loop.addTurnEndHook { [unowned self] in turnEnds() }
    }

    deinit {
        // Before the sockets, which closing connections need.
        for endpoint in served { close(endpoint) }
        oldLanes = [:]
    }

    /// Must be called once, before the first client is made and before threads are started.
    package static func initializeLibrary() {
        let result = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        precondition(result == CURLE_OK, "libcurl cannot work on this machine")
    }

    // MARK: Requests

    /// How many transfers are running.
    package var transferCount: Int {
        let lanes = served.compactMap(\.lane) + oldLanes.values
        return lanes.reduce(0) { $0 + $1.transfers.count }
    }

    /// Keeps what it has for these upstreams, which are those of new requests, and for no others.
    /// Transfers in flight keep their own. Where nothing has changed that matters to connections, they
    /// are kept.
    package func serve(_ upstreams: [Upstream]) {
        var kept: [Upstream: UpstreamEndpoint] = [:]
        let old = served
        var new: [UpstreamEndpoint] = []
        for upstream in upstreams {
            let known = endpoint(of: upstream)
            // Two upstreams may differ in nothing that matters here.
            if let shared = new.first(where: { $0.key == known.key }) {
                kept[upstream] = shared
                continue
            }
            known.isServed = true
            kept[upstream] = known
            new.append(known)
        }
        served = new
        for endpoint in old where !served.contains(where: { $0 === endpoint }) { close(endpoint) }
        endpoints = kept
    }

    private func close(_ endpoint: UpstreamEndpoint) {
        endpoint.isServed = false
        endpoint.idle = []
        spendLane(of: endpoint)
    }

    /// A request that began before a reload may be for an upstream that is served no more.
    private func endpoint(of upstream: Upstream) -> UpstreamEndpoint {
        if let known = endpoints[upstream] { return known }
        let new = UpstreamEndpoint(upstream, userAgent: userAgent, proxies: proxies)
        return served.first { $0.key == new.key } ?? new
    }

    /// Starts a request. The owner hears of it from the next turn on.
    package func start(_ call: UpstreamCall, owner: TransferOwner) -> Transfer {
        precondition(!isInLibcurl, "libcurl's callbacks must not start transfers")
        let endpoint = endpoint(of: call.upstream)
        let transfer = endpoint.idle.popLast() ?? Transfer(client: self, endpoint: endpoint)
        guard let transfer else { preconditionFailure("out of memory") }
        transfer.prepare(call)
        transfer.owner = owner
        laneForTransfers(of: endpoint).add(transfer)
        if !endpoint.isServed { close(endpoint) }
        return transfer
    }

    /// Breaks the transfer off at once; its owner hears nothing more.
    ///
    /// - Parameter isTimeout: the upstream has taken too long. If it has said nothing at all, the
    ///   connection may be dead and is not used again.
    package func cancel(_ transfer: Transfer, isTimeout: Bool = false) {
        precondition(!isInLibcurl, "libcurl's callbacks must not cancel transfers")
        guard let lane = transfer.lane else { return }
        if isTimeout, !transfer.hasHeard { spend(lane) }
        retire(transfer, from: lane)
    }

    /// Nobody wants the rest of the answer, but the end of it is near: reads on, so that the
    /// connection can be used again, for a short while and a few bytes.
    package func release(_ transfer: Transfer) {
        transfer.owner = nil
        resume(transfer)
        guard transfer.lane != nil else { return }
        transfer.abandon(on: loop, after: .seconds(5))
    }

    /// Lets a paused transfer go on. Its bytes may come before this returns.
    package func resume(_ transfer: Transfer) {
        precondition(!isInLibcurl, "libcurl's callbacks must not resume transfers")
        guard transfer.isPaused, let lane = transfer.lane else { return }
        transfer.isPaused = false
        inLibcurl { _ = unsafe curl_easy_pause(transfer.handle, CURLPAUSE_CONT) }
        lane.collectEnded()
    }

    private func retire(_ transfer: Transfer, from lane: ConnectionLane) {
        lane.remove(transfer)
        transfer.reset()
        transfer.endpoint.keep(transfer)
        if lane.isSpent, lane.transfers.isEmpty { isSweepDue = true }
    }

    // MARK: Lanes

    private func laneForTransfers(of endpoint: UpstreamEndpoint) -> ConnectionLane {
        if let lane = endpoint.lane {
            if lane.takesTransfers(at: loop.now) { return lane }
            spendLane(of: endpoint)
        }
        let new = ConnectionLane(of: endpoint, client: self, loop: loop)
        endpoint.lane = new
        tendTimer?.schedule(at: loop.now + Self.tendPeriod)
        return new
    }

    /// The lane's connections may be dead: no more transfers go there.
    private func spend(_ lane: ConnectionLane) {
        lane.spend()
        if lane === lane.endpoint.lane { spendLane(of: lane.endpoint) }
    }

    private func spendLane(of endpoint: UpstreamEndpoint) {
        guard let old = endpoint.lane else { return }
        old.spend()
        endpoint.lane = nil
        oldLanes[ObjectIdentifier(old)] = old
        isSweepDue = true
    }

    /// The lane that has this identity.
    func lane(_ identity: ObjectIdentifier) -> ConnectionLane? {
        for endpoint in served {
            if let lane = endpoint.lane, ObjectIdentifier(lane) == identity { return lane }
        }
        return oldLanes[identity]
    }

    /// The upstream has closed a connection that nobody uses.
    func connectionEnded(in identity: ObjectIdentifier?) {
        if let identity { lane(identity)?.hasDeadConnections = true }
    }

    /// Closes what will not be used again: libcurl does so only when the next request comes.
    private func tend() {
        for endpoint in served {
            if endpoint.lane?.isOver(at: loop.now) == true { spendLane(of: endpoint) }
            if endpoint.lane != nil { tendTimer?.schedule(at: loop.now + Self.tendPeriod) }
        }
    }

    /// Not within a lane's own calls: this is the end of it.
    private func sweep() {
        isSweepDue = false
        for (identity, lane) in oldLanes where lane.isOver(at: loop.now) {
            oldLanes[identity] = nil
        }
    }

    private func turnEnds() {
        for endpoint in served { endpoint.lane?.runDueTimeout() }
        guard !oldLanes.isEmpty else { return }
        for lane in oldLanes.values { lane.runDueTimeout() }
        if isSweepDue { sweep() }
    }

    // MARK: libcurl

    /// Does something in which libcurl may call back.
    func inLibcurl(_ body: () -> Void) {
        isInLibcurl = true
        body()
        isInLibcurl = false
    }

    /// libcurl has taken a piece of a body.
    func bodyWasRead() { bodyReads &+= 1 }

    /// A transfer is over.
    func ended(_ transfer: Transfer, _ code: CURLcode, in lane: ConnectionLane) {
        let owner = transfer.owner
        let failure = transfer.failure(code)
        // Its sisters may be no better: a reused connection has died, or none could be made.
        if failure?.isFreeToRetry == true { spend(lane) }
        retire(transfer, from: lane)
        owner?.transferEnded(failure)
    }
}
