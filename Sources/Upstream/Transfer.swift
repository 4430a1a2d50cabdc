// One request to the upstream: a libcurl easy handle with the body it sends and the head it has
// received so far. Transfers are pooled, since a handle costs more to make than to reuse: everything
// that does not change between requests is set once.
//
// libcurl calls back with a pointer to the transfer. The client keeps every transfer alive as long
// as its handle is in the multi, which is what makes those pointers good.

import CLibCurl
import EventLoop
import Gateway
import Glibc
import Translation

/// A request in flight, or an idle handle in the pool.
@safe package final class Transfer {
    let handle: UnsafeMutableRawPointer
    /// libcurl writes the reason of a failure here.
    private let errorText: UnsafeMutablePointer<CChar>
    private unowned let client: UpstreamClient
    /// Where the handle's options point to.
    let endpoint: UpstreamEndpoint
    /// Where it runs; nil while it does not.
    unowned var lane: ConnectionLane?
    private var resource = UpstreamResource(.answer(.chat))
    /// The header list of the present request, where it has one of its own.
    private var ownFields: UnsafeMutablePointer<curl_slist>?
    private var abandonment: Timer?

    /// Nil once nobody wants to hear of the transfer any more.
    var owner: TransferOwner?
    var isPaused = false

    private var head = UpstreamHead()
    /// Whether the call shows the client's own credential.
    private var isOfClient = false
    private var body: [UInt8] = []
    private var bodyOffset = 0
    private var headBytes = 0
    private var bytesAfterRelease = 0
    private var hasResponded = false
    /// Whether a byte has come from the upstream.
    private(set) var hasHeard = false
    /// Whether the request has been sent, or part of it.
    private var isSent = false
    /// Whether libcurl wanted to send it once more.
    private var isResendRefused = false
    /// Why one of our callbacks broke the transfer off.
    private var violation: String?

    /// Bodies up to this size are given to libcurl in one piece, which sends them together with the
    /// head; it does so only below its own limit of 64 KiB.
    private static let copiedBodyMax = 60 << 10
    /// A response head that is larger is not one of an upstream that we want to talk to.
    private static let headBytesMax = 64 << 10
    /// What is read after the client has its answer, so that the connection can be used again.
    private static let releasedBytesMax = 64 << 10

    init?(client: UpstreamClient, endpoint: UpstreamEndpoint) {
        guard let handle = unsafe curl_easy_init() else { return nil }
        unsafe self.handle = unsafe handle
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        self.client = client
        self.endpoint = endpoint
        setFixedOptions()
        unsafe endpoint.setOptions(of: handle)
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe curl_slist_free_all(ownFields)
        unsafe errorText.deallocate()
    }

    // MARK: Options

    private func setFixedOptions() {
        // SAFETY: the client holds the transfer while libcurl may call back with this pointer.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_set_pointer(handle, CURLOPT_PRIVATE, context)
        unsafe curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
        unsafe curl_set_data_function(handle, CURLOPT_WRITEFUNCTION, writeCallback)
        unsafe curl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        unsafe curl_set_data_function(handle, CURLOPT_HEADERFUNCTION, headerCallback)
        unsafe curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        unsafe curl_set_data_function(handle, CURLOPT_READFUNCTION, readCallback)
        unsafe curl_set_pointer(handle, CURLOPT_READDATA, context)
        unsafe curl_set_seek_function(handle, seekCallback)
        unsafe curl_set_pointer(handle, CURLOPT_SEEKDATA, context)
        unsafe curl_set_open_socket_function(handle, openSocketCallback)
        unsafe curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context)
        // SAFETY: the client keeps them, and outlives its connections.
        let sockets = unsafe Unmanaged.passUnretained(client.sockets).toOpaque()
        unsafe curl_set_close_socket_function(handle, closeSocketCallback)
        unsafe curl_set_pointer(handle, CURLOPT_CLOSESOCKETDATA, sockets)
        unsafe curl_set_pointer(handle, CURLOPT_SHARE, UnsafeRawPointer(endpoint.tlsSessions))
        unsafe curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        unsafe curl_set_long(handle, CURLOPT_TCP_NODELAY, 1)
        unsafe curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
        // While an answer is waited for, nothing else asks whether the path is alive.
        unsafe curl_set_long(handle, CURLOPT_TCP_KEEPIDLE, 15)
        unsafe curl_set_long(handle, CURLOPT_TCP_KEEPINTVL, 5)
        unsafe curl_set_prereq_function(handle, sendCallback)
        unsafe curl_set_pointer(handle, CURLOPT_PREREQDATA, context)
        unsafe curl_set_long(handle, CURLOPT_BUFFERSIZE, 64 << 10)
        // Requests that meet while a connection is being made share it, if it turns out to be HTTP/2.
        unsafe curl_set_long(handle, CURLOPT_PIPEWAIT, 1)
        // The key goes where the configuration says and nowhere else.
        unsafe curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        unsafe curl_set_long(handle, CURLOPT_UNRESTRICTED_AUTH, 0)
    }

    /// Makes the handle ready for `call`.
    func prepare(_ call: UpstreamCall) {
        head = UpstreamHead()
        isOfClient = call.credential != nil
        headBytes = 0
        bytesAfterRelease = 0
        bodyOffset = 0
        hasResponded = false
        hasHeard = false
        isSent = false
        isResendRefused = false
        unsafe curl_set_long(handle, CURLOPT_FRESH_CONNECT, 0)
        isPaused = false
        violation = nil
        unsafe errorText.pointee = 0
        // Letting go of a body (`reset`) makes a handle's next request a POST.
        let wanted = UpstreamResource(call)
        if wanted != resource || wanted.resource == .models {
            resource = wanted
            unsafe endpoint.setResource(resource, of: handle)
        }
        unsafe ownFields = endpoint.ownFields(of: call)
        if let ownFields = unsafe ownFields {
            unsafe curl_set_pointer(handle, CURLOPT_HTTPHEADER, ownFields)
        } else {
            unsafe curl_set_pointer(handle, CURLOPT_HTTPHEADER, endpoint.fields(beta: call.beta))
        }
        // Giving it a body would make it a POST.
        guard call.resource != .models else { return }
        let size = curl_off_t(call.body.count)
        unsafe curl_set_off(handle, CURLOPT_POSTFIELDSIZE_LARGE, size)
        if call.body.count <= Self.copiedBodyMax {
            // SAFETY: libcurl copies the bytes before the call returns.
            _ = unsafe call.body.withUnsafeBytes { bytes in
                unsafe curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress)
            }
        } else {
            // Large bodies are read piece by piece, so that there is no second copy of them.
            unsafe curl_set_pointer(handle, CURLOPT_POSTFIELDS, nil)
            body = call.body
        }
    }

    /// Lets go of everything that belongs to a request.
    func reset() {
        owner = nil
        abandonment = nil
        body = []
        if let fields = unsafe ownFields {
            unsafe curl_set_pointer(handle, CURLOPT_HTTPHEADER, nil)
            unsafe curl_slist_free_all(fields)
            unsafe ownFields = nil
        }
        // Frees libcurl's own copy of a small body too.
        unsafe curl_set_pointer(handle, CURLOPT_POSTFIELDS, nil)
    }

    /// Cancels the transfer if it has not ended by itself in time.
    func abandon(on loop: Loop, after duration: Duration) {
        let timer = Timer(on: loop) { [unowned self] in client.cancel(self) }
        timer.schedule(at: loop.now + duration)
        abandonment = timer
    }

    // MARK: Events of libcurl

    private func heard() {
        hasHeard = true
        lane?.heard()
    }

    fileprivate func openSocket(_ address: UnsafePointer<curl_sockaddr>) -> CInt {
        guard !isSent else {
            isResendRefused = true
            return curl_socket_bad
        }
        return unsafe client.sockets.open(address, lane: lane.map { ObjectIdentifier($0) })
    }

    /// libcurl is about to send the request. It would do so again by itself when a kept connection
    /// dies under it, up to five times. But whether to ask again is decided, counted and recorded in
    /// one place, and that is not here: so for a second time it gets no connection.
    fileprivate func sends() -> Bool {
        guard !isSent else {
            isResendRefused = true
            return false
        }
        isSent = true
        // It would take the next kept connection, without a word to us.
        unsafe curl_set_long(handle, CURLOPT_FRESH_CONNECT, 1)
        return true
    }

    fileprivate func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        heard()
        guard let owner else {
            bytesAfterRelease += bytes.count
            return bytesAfterRelease <= Self.releasedBytesMax ? bytes.count : 0
        }
        // SAFETY: the pointer is libcurl's buffer, valid until the callback returns; the span does
        // not escape the call.
        let span = unsafe Span<UInt8>(_unsafeBytes: bytes)
        if owner.transferReceived(span) { return bytes.count }
        isPaused = true
        return curl_write_pause
    }

    fileprivate func receivedHeader(_ line: UnsafeRawBufferPointer) -> Int {
        heard()
        headBytes += line.count
        guard headBytes <= Self.headBytesMax else {
            violation = "the response head is larger than \(Self.headBytesMax >> 10) KiB"
            return 0
        }
        // SAFETY: as in `received`.
        let text = unsafe Span<UInt8>(_unsafeBytes: line)
        // Trailers come here too; the head is over by then.
        guard !hasResponded else { return line.count }
        if UpstreamHeadLine.isStatusLine(text) {
            head = UpstreamHead()
        } else if UpstreamHeadLine.isEnd(text) {
            var status = 0
            unsafe curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
            // Interim responses (RFC 9110 §15.2) say nothing that we need.
            guard status >= 200 else { return line.count }
            head.status = status
            hasResponded = true
            owner?.transferResponded(head)
        } else {
            UpstreamHeadLine.read(text, isOfClient: isOfClient, into: &head)
        }
        return line.count
    }

    fileprivate func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, body.count - bodyOffset)
        // SAFETY: `count` bytes fit the buffer and are there in the body.
        unsafe body.withUnsafeBytes { bytes in
            unsafe buffer.copyMemory(from: .init(rebasing: bytes[bodyOffset..<bodyOffset + count]))
        }
        bodyOffset += count
        client.bodyWasRead()
        if count > 0 { owner?.transferTookBody() }
        return count
    }

    fileprivate func seek(to offset: Int) -> Bool {
        guard offset >= 0, offset <= body.count else { return false }
        bodyOffset = offset
        return true
    }

    /// What went wrong, or nil if nothing did.
    func failure(_ code: CURLcode) -> TransferFailure? {
        if code == CURLE_OK {
            // libcurl 7.88 has no objection to a connection that ends within the head.
            return hasResponded
                ? nil
                : TransferFailure(.closedBeforeAnswer, detail: "the response head is not complete")
        }
        if isResendRefused {
            return TransferFailure(.closedBeforeAnswer, detail: "a kept connection has died")
        }
        if let violation { return TransferFailure(.protocolViolation, detail: violation) }
        if code == CURLE_COULDNT_CONNECT, client.sockets.lacksDescriptors {
            return TransferFailure(.noSocket, detail: detail(code))
        }
        if endpoint.key.proxyFault != nil {
            return TransferFailure(.proxy, detail: detail(code))
        }
        var tunnelStatus = 0
        unsafe curl_get_long(handle, CURLINFO_HTTP_CONNECTCODE, &tunnelStatus)
        return TransferFailure(
            .init(code, hasResponded: hasResponded, isTunnelRefused: tunnelStatus >= 300),
            detail: detail(code))
    }

    private func detail(_ code: CURLcode) -> String {
        if code == CURLE_SSL_CACERT_BADFILE, endpoint.key.certificates != nil {
            return "the file of CLAUDE_PROXY_UPSTREAM_CA_FILE has no certificate that can be used"
        }
        if code == CURLE_OUT_OF_MEMORY { return "a line of the response head is too long" }
        if let fault = endpoint.key.proxyFault { return fault }
        let text = unsafe String(cString: errorText)
        // libcurl quotes a proxy's URL that it does not like, the password within.
        if text.contains("@") { return unsafe String(cString: curl_easy_strerror(code)) }
        return unsafe text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
    }
}

// MARK: libcurl's callbacks. Each finds its transfer behind the context pointer.

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    guard let context = unsafe context else { return nil }
    // SAFETY: the pointer is the one set in `setFixedOptions`, and the transfer is alive (above).
    return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
}

private let writeCallback: curl_data_function = { data, size, count, context in
    guard let transfer = unsafe transfer(context) else { return 0 }
    return unsafe transfer.received(UnsafeRawBufferPointer(start: data, count: size * count))
}

private let headerCallback: curl_data_function = { data, size, count, context in
    guard let transfer = unsafe transfer(context) else { return 0 }
    return unsafe transfer.receivedHeader(UnsafeRawBufferPointer(start: data, count: size * count))
}

private let openSocketCallback: curl_opensocket_callback = { context, _, address in
    guard let transfer = unsafe transfer(context), let address = unsafe address else {
        return curl_socket_bad
    }
    return unsafe transfer.openSocket(address)
}

private let sendCallback: curl_prereq_callback = { context, _, _, _, _ in
    guard let transfer = unsafe transfer(context) else { return CURL_PREREQFUNC_ABORT }
    return transfer.sends() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

private let readCallback: curl_data_function = { data, size, count, context in
    guard let transfer = unsafe transfer(context) else { return curl_read_abort }
    return unsafe transfer.read(
        into: UnsafeMutableRawBufferPointer(start: data, count: size * count))
}

private let seekCallback: curl_seek_function = { context, offset, origin in
    guard let transfer = unsafe transfer(context), origin == SEEK_SET else {
        return CURL_SEEKFUNC_CANTSEEK
    }
    return transfer.seek(to: Int(offset)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
}
