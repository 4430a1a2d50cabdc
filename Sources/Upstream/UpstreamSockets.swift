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
    /// By descriptor.
    private var states: [State] = []

    private struct State {
        /// The inode of the last socket that we have opened by this number; 0 for none.
        var inode: UInt = 0
        /// It is that socket, and it is connected: we shall hear of its end.
        var isConnected = false
        var isRegistered = false
        /// Registered, and libcurl wants to hear of events.
        var isAwaited = false
    }

    init(loop: Loop) { self.loop = loop }

    override func ready(_ readiness: Readiness, on descriptor: CInt) {
        if states[Int(descriptor)].isAwaited {
            client?.socketReady(descriptor, readiness)
        } else {
            leave(descriptor)
        }
    }

    /// libcurl waits for something on `descriptor`: `CURL_POLL_IN`, `OUT`, both, or `REMOVE` for
    /// nothing any more.
    func watch(_ descriptor: CInt, for what: CInt) {
        makeRoom(for: descriptor)
        var state = states[Int(descriptor)]
        if what == CURL_POLL_REMOVE {
            states[Int(descriptor)].isAwaited = false
            if state.isRegistered, !state.isConnected { leave(descriptor) }
            return
        }
        if what & CURL_POLL_IN != 0, !state.isConnected, state.inode != 0 {
            state.isConnected = state.inode == Self.inode(of: descriptor)
        }
        var interest: Interest = []
        if what & CURL_POLL_IN != 0 { interest.insert(.readable) }
        if what & CURL_POLL_OUT != 0 { interest.insert(.writable) }
        if state.isRegistered {
            loop.setInterest(interest, of: descriptor)
        } else {
            do throws(SystemError) {
                try loop.register(descriptor, for: interest, handler: self)
            } catch {
                // The kernel has no memory for one more watch. The transfer will not move, and its
                // time-out ends it with an error that says so.
                return
            }
        }
        state.isRegistered = true
        state.isAwaited = true
        states[Int(descriptor)] = state
    }

    /// A socket as libcurl would make it itself; `curl_socket_bad` when there is none to be had.
    fileprivate func open(_ address: UnsafePointer<curl_sockaddr>) -> CInt {
        // SAFETY: the pointer is libcurl's, for the length of its callback.
        let descriptor = unsafe curl_open_socket(address)
        guard descriptor >= 0 else {
            // Of an address family that this machine lacks, a failure says nothing.
            lacksDescriptors = errno == EMFILE || errno == ENFILE
            return curl_socket_bad
        }
        lacksDescriptors = false
        makeRoom(for: descriptor)
        var state = State()
        state.inode = Self.inode(of: descriptor)
        if states[Int(descriptor)].isRegistered {
            // libcurl has closed one of this number in the same breath, and believes that we go on
            // watching it.
            loop.renew(descriptor)
            state.isRegistered = true
            state.isAwaited = states[Int(descriptor)].isAwaited
        }
        states[Int(descriptor)] = state
        return descriptor
    }

    fileprivate func close(_ descriptor: CInt) -> CInt {
        if states[Int(descriptor)].isRegistered { leave(descriptor) }
        states[Int(descriptor)] = State()
        return Glibc.close(descriptor)
    }

    /// What tells a socket from another that has its number later; 0 if there is no telling.
    private static func inode(of descriptor: CInt) -> UInt {
        var status = stat()
        // SAFETY: the call fills the local value it is given.
        return unsafe fstat(descriptor, &status) == 0 ? status.st_ino : 0
    }

    private func makeRoom(for descriptor: CInt) {
        let missing = Int(descriptor) + 1 - states.count
        if missing > 0 { states.append(contentsOf: repeatElement(State(), count: missing)) }
    }

    private func leave(_ descriptor: CInt) {
        loop.forget(descriptor)
        states[Int(descriptor)].isRegistered = false
        states[Int(descriptor)].isAwaited = false
    }
}

// MARK: libcurl's callbacks, for the options of a handle.

private func sockets(_ context: UnsafeMutableRawPointer?) -> UpstreamSockets? {
    guard let context = unsafe context else { return nil }
    // SAFETY: the pointer is the client's sockets, which it keeps until after its multi is gone.
    return unsafe Unmanaged<UpstreamSockets>.fromOpaque(context).takeUnretainedValue()
}

/// `CURLOPT_OPENSOCKETFUNCTION`
let openSocketCallback: curl_opensocket_callback = { context, _, address in
    guard let sockets = unsafe sockets(context), let address = unsafe address else {
        return curl_socket_bad
    }
    return unsafe sockets.open(address)
}

/// `CURLOPT_CLOSESOCKETFUNCTION`
let closeSocketCallback: curl_closesocket_callback = { context, descriptor in
    guard let sockets = unsafe sockets(context) else { return close(descriptor) }
    return sockets.close(descriptor)
}

/// `CURLMOPT_SOCKETFUNCTION`
let socketCallback: curl_socket_callback = { _, descriptor, what, context, _ in
    unsafe sockets(context)?.watch(descriptor, for: what)
    return 0
}
