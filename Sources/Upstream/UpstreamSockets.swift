// The sockets of libcurl in the event loop. libcurl tells when it waits for a socket and when it no
// longer does; between two requests on one connection that is one epoll_ctl to leave and one to come
// back. So a socket that libcurl does not wait for rests: it stays registered, and only an event that
// comes meanwhile (as a rule, the upstream closes the connection) takes it out. libcurl hears nothing
// of such an event: it looks at a connection itself before it uses it again.
//
// A socket that is closed while it rests would leave its number behind, for the kernel to give to
// somebody else. So connections' sockets are opened and closed by us at libcurl's wish. But libcurl
// 7.88 closes two kinds without us: those that are not connected yet (a connect is given up; it says
// afterwards that it waits no more) and those of its resolver. Neither rests: only a socket does that
// we have opened and that libcurl has waited to read from.

import CLibCurl
import EventLoop
import Glibc

/// Receives the events of all sockets of a client's libcurl.
final class UpstreamSockets: EventHandler {
    /// Who keeps this.
    unowned var client: UpstreamClient?
    private let loop: Loop
    /// Whether descriptors were used up when libcurl last wanted a socket.
    private(set) var lacksDescriptors = false
    private var table = SocketTable()
    /// Sockets that are not watched for being writable at the moment.
    private var heldBack: [CInt] = []
    private var writeTimer: Timer?

    /// How long a socket is left alone that is writable for nothing. What opens an HTTP/2 window
    /// comes from the upstream, and ends the wait at once.
    private static let writePause = Duration.milliseconds(10)

    /// How long the other side of a connection may acknowledge nothing. A path that has died (another
    /// address, a forgotten NAT entry) says nothing by itself for a quarter of an hour.
    private static let silenceMilliseconds: UInt32 = 15_000

    init(loop: Loop) {
        self.loop = loop
        super.init()
        writeTimer = Timer(on: loop) { [unowned self] in retryWriting() }
    }

    override func ready(_ readiness: Readiness, on descriptor: CInt) {
        switch table.ready(descriptor) {
        case .resting(let lane):
            loop.forget(descriptor)
            client?.connectionEnded(in: lane)
        case .lane(let lane):
            if readiness.contains(.readable) { take(table.retryWriting(descriptor), descriptor) }
            guard let client, let lane = client.lane(lane) else { return }
            guard readiness.contains(.writable) else {
                return lane.socketReady(descriptor, readiness)
            }
            let writes = client.bodyReads
            lane.socketReady(descriptor, readiness)
            wasWritable(
                descriptor, hasWritten: client.bodyReads != writes || readiness != .writable)
        }
    }

    private func wasWritable(_ descriptor: CInt, hasWritten: Bool) {
        let step = table.wasWritable(descriptor, hasWritten: hasWritten)
        guard step != .nothing else { return }
        take(step, descriptor)
        if heldBack.isEmpty { writeTimer?.schedule(at: loop.now + Self.writePause) }
        heldBack.append(descriptor)
    }

    private func retryWriting() {
        let waiting = heldBack
        heldBack = []
        for descriptor in waiting { take(table.retryWriting(descriptor), descriptor) }
    }

    /// libcurl waits for something on `descriptor`: `CURL_POLL_IN`, `OUT`, both, or `REMOVE` for
    /// nothing any more.
    func watch(_ descriptor: CInt, for what: CInt, lane: ObjectIdentifier) {
        var interest: Interest = []
        if what != CURL_POLL_REMOVE {
            if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
            if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
        }
        let wasConnected = table.isConnected(descriptor)
        let step = table.watched(descriptor, for: interest, lane: lane) {
            Self.inode(of: descriptor)
        }
        // Not before: connecting has a time-out of its own.
        if !wasConnected, table.isConnected(descriptor) {
            curl_bound_silence(descriptor, Self.silenceMilliseconds)
        }
        take(step, descriptor)
    }

    private func take(_ step: SocketTable.Step, _ descriptor: CInt) {
        switch step {
        case .nothing: break
        case .change(let interest): loop.setInterest(interest, of: descriptor)
        case .forget: loop.forget(descriptor)
        case .renew: loop.renew(descriptor)
        case .register(let interest):
            do throws(SystemError) {
                try loop.register(descriptor, for: interest, handler: self)
            } catch {
                // The kernel has no memory for one more watch. The transfer will not move, and its
                // time-out ends it with an error that says so.
                table.registrationFailed(descriptor)
            }
        }
    }

    /// A socket as libcurl would make it itself; `curl_socket_bad` when there is none to be had.
    func open(_ address: UnsafePointer<curl_sockaddr>, lane: ObjectIdentifier?) -> CInt {
        // SAFETY: the pointer is libcurl's, for the length of its callback.
        let descriptor = unsafe curl_open_socket(address)
        guard descriptor >= 0 else {
            // Of an address family that this machine lacks, a failure says nothing.
            lacksDescriptors = errno == EMFILE || errno == ENFILE
            return curl_socket_bad
        }
        lacksDescriptors = false
        take(
            table.opened(descriptor, inode: Self.inode(of: descriptor), lane: lane), descriptor)
        return descriptor
    }

    fileprivate func close(_ descriptor: CInt) -> CInt {
        take(table.closed(descriptor), descriptor)
        return Glibc.close(descriptor)
    }

    /// What tells a socket from another that has its number later; 0 if there is no telling.
    private static func inode(of descriptor: CInt) -> UInt {
        var status = stat()
        // SAFETY: the call fills the local value it is given.
        return unsafe fstat(descriptor, &status) == 0 ? status.st_ino : 0
    }
}

// MARK: libcurl's callbacks, for the options of a handle.

private func sockets(_ context: UnsafeMutableRawPointer?) -> UpstreamSockets? {
    guard let context = unsafe context else { return nil }
    // SAFETY: the pointer is the client's sockets, which it keeps until after its multi is gone.
    return unsafe Unmanaged<UpstreamSockets>.fromOpaque(context).takeUnretainedValue()
}

/// `CURLOPT_CLOSESOCKETFUNCTION`
let closeSocketCallback: curl_closesocket_callback = { context, descriptor in
    guard let sockets = unsafe sockets(context) else { return close(descriptor) }
    return sockets.close(descriptor)
}
