// The sockets of libcurl in the event loop. libcurl tells when it waits for a socket and when it no
// longer does; between two requests on one connection that is one epoll_ctl to leave and one to come
// back. So a socket that libcurl does not wait for rests: it stays registered, and only an event that
// comes meanwhile (as a rule, the upstream closes the connection) takes it out. libcurl hears nothing
// of such an event: it looks at a connection itself before it uses it again.
//
// Connections' sockets are opened and closed by us at libcurl's wish, so that no number is mistaken
// for its successor's. What else libcurl waits for (its resolver) closes unseen, and never rests.

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
        /// Opened by us, and not closed.
        var isOurs = false
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
            if state.isRegistered, !state.isOurs { leave(descriptor) }
            return
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
    fileprivate func open(_ address: curl_sockaddr) -> CInt {
        let type = address.socktype | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, address.protocol)
        guard descriptor >= 0 else {
            // Of an address family that this machine lacks, a failure says nothing.
            lacksDescriptors = errno == EMFILE || errno == ENFILE
            return curl_socket_bad
        }
        lacksDescriptors = false
        makeRoom(for: descriptor)
        states[Int(descriptor)].isOurs = true
        return descriptor
    }

    fileprivate func close(_ descriptor: CInt) -> CInt {
        if states[Int(descriptor)].isRegistered { leave(descriptor) }
        states[Int(descriptor)].isOurs = false
        return Glibc.close(descriptor)
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
    guard let sockets = unsafe sockets(context), let address = unsafe address?.pointee else {
        return curl_socket_bad
    }
    return sockets.open(address)
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
