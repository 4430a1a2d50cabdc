// One request that waits for its answer: for commands that look at the upstream and have nothing else
// to do meanwhile. The daemon never uses it. Where the request goes, and with what fields and
// certificates, is decided by the same code as for the daemon's own.

import CLibCurl
package import Gateway
import Translation

/// Asks the upstream, or a daemon on this machine, and waits.
package struct UpstreamProbe {
    private let endpoint: UpstreamEndpoint
    private let base: String
    /// The outgoing proxy's URL; empty for none.
    package let proxy: String

    /// libcurl's own version and those of the libraries behind it.
    package static var libraryVersion: String {
        // SAFETY: a string that lives for ever (curl_version(3)); it is copied at once.
        unsafe String(cString: curl_version())
    }

    /// - Parameter version: of this program, for the User-Agent field.
    package init(_ upstream: Upstream, version: String, proxies: ProxyEnvironment) {
        endpoint = UpstreamEndpoint(
            upstream, userAgent: "claude-proxy/\(version)", proxies: proxies)
        base = upstream.url.description
        proxy = endpoint.key.proxy
    }

    /// `GET` of a path below the base URL.
    package func get(_ path: String, within limit: Duration) -> ProbeAnswer {
        let transfer = ProbeTransfer(within: limit)
        return transfer.run(base + path, at: endpoint, call: nil)
    }

    /// The call, as the daemon would make it.
    package func post(_ call: UpstreamCall, within limit: Duration) -> ProbeAnswer {
        let transfer = ProbeTransfer(within: limit)
        return transfer.run(
            UpstreamResource(call).url(at: endpoint.key.url, endpoint.key.api), at: endpoint,
            call: call)
    }

    /// `GET` of a URL of a daemon's, without the upstream's key and past any outgoing proxy.
    ///
    /// - Parameters:
    ///   - socketPath: of a local socket to be used instead of the URL's host.
    ///   - token: a client's, for what the daemon tells clients only.
    package static func getLocally(
        _ url: String, socketPath: String?, token: Secret? = nil, within limit: Duration
    ) -> ProbeAnswer {
        let transfer = ProbeTransfer(within: limit)
        return transfer.run(url, socketPath: socketPath, token: token)
    }
}

/// An easy handle and what it has received.
@safe private final class ProbeTransfer {
    private let handle: UnsafeMutableRawPointer
    /// libcurl writes the reason of a failure here.
    private let errorText: UnsafeMutablePointer<CChar>
    private var answer = ProbeAnswer()
    private var head = UpstreamHead()

    /// OpenRouter's list of models, the largest answer that is asked for, has about 1 MB.
    private static let bodyBytesMax = 16 << 20

    init(within limit: Duration) {
        guard let handle = unsafe curl_easy_init() else { preconditionFailure("out of memory") }
        unsafe self.handle = unsafe handle
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        // SAFETY: the transfer outlives its handle, and so every callback.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
        unsafe curl_set_data_function(handle, CURLOPT_WRITEFUNCTION, writeCallback)
        unsafe curl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        unsafe curl_set_data_function(handle, CURLOPT_HEADERFUNCTION, headerCallback)
        unsafe curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        unsafe curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        unsafe curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        unsafe curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(limit / .milliseconds(1)))
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe errorText.deallocate()
    }

    func run(_ url: String, at endpoint: UpstreamEndpoint, call: UpstreamCall?) -> ProbeAnswer {
        unsafe endpoint.setOptions(of: handle)
        // In place of the endpoint's own.
        unsafe curl_set_pointer(handle, CURLOPT_CURLU, nil)
        unsafe curl_set_string(handle, CURLOPT_URL, url)
        let forwarded = call.map(\.forwarded) ?? ForwardedFields()
        var own: UnsafeMutablePointer<curl_slist>?
        defer { unsafe curl_slist_free_all(own) }
        if endpoint.key.api == .messages, let forwarded {
            unsafe own = endpoint.fields(adding: forwarded.lines)
            unsafe curl_set_pointer(handle, CURLOPT_HTTPHEADER, own)
        } else {
            unsafe curl_set_pointer(handle, CURLOPT_HTTPHEADER, endpoint.fields(beta: call?.beta))
        }
        if call == nil { unsafe curl_set_long(handle, CURLOPT_HTTPGET, 1) }
        if let call {
            unsafe curl_set_long(handle, CURLOPT_POST, 1)
            unsafe curl_set_off(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(call.body.count))
            // SAFETY: libcurl copies the bytes before the call returns.
            _ = unsafe call.body.withUnsafeBytes { bytes in
                unsafe curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress)
            }
        }
        defer { withExtendedLifetime(endpoint) {} }
        var answer = perform()
        if let fault = endpoint.key.proxyFault {
            answer.failure = TransferFailure(.proxy, detail: fault)
        }
        return answer
    }

    func run(_ url: String, socketPath: String?, token: Secret?) -> ProbeAnswer {
        unsafe curl_set_string(handle, CURLOPT_URL, url)
        unsafe curl_set_string(handle, CURLOPT_PROXY, "")
        unsafe curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        if let socketPath { unsafe curl_set_string(handle, CURLOPT_UNIX_SOCKET_PATH, socketPath) }
        var fields: UnsafeMutablePointer<curl_slist>?
        if let token { unsafe fields = curl_slist_append(nil, "x-api-key: \(token.reveal())") }
        defer { unsafe curl_slist_free_all(fields) }
        if let fields = unsafe fields {
            unsafe curl_set_pointer(handle, CURLOPT_HTTPHEADER, fields)
        }
        return perform()
    }

    private func perform() -> ProbeAnswer {
        let code = unsafe curl_easy_perform(handle)
        unsafe curl_get_long(handle, CURLINFO_RESPONSE_CODE, &answer.status)
        answer.contentType = String(decoding: head.contentType, as: UTF8.self)
        var version = 0
        unsafe curl_get_long(handle, CURLINFO_HTTP_VERSION, &version)
        answer.isHTTP2 = version == Int(CURL_HTTP_VERSION_2_0)
        answer.times.resolved = time(CURLINFO_NAMELOOKUP_TIME_T)
        answer.times.connected = time(CURLINFO_CONNECT_TIME_T)
        answer.times.secured = time(CURLINFO_APPCONNECT_TIME_T)
        answer.times.firstByte = time(CURLINFO_STARTTRANSFER_TIME_T)
        answer.times.total = time(CURLINFO_TOTAL_TIME_T)
        var address: UnsafeMutableRawPointer?
        unsafe curl_get_pointer(handle, CURLINFO_PRIMARY_IP, &address)
        if let address = unsafe address {
            // SAFETY: libcurl's string, which lives as long as the handle; it is copied at once.
            answer.address = unsafe String(cString: address.assumingMemoryBound(to: CChar.self))
        }
        if code != CURLE_OK {
            let text = unsafe String(cString: errorText)
            // libcurl quotes a proxy's URL that it does not like, the password within.
            let isQuotable = !text.isEmpty && !text.contains("@")
            answer.failure = TransferFailure(
                .init(code, hasResponded: answer.status != 0),
                detail: unsafe isQuotable ? text : String(cString: curl_easy_strerror(code)))
            answer.isTimedOut = code == CURLE_OPERATION_TIMEDOUT
        }
        return answer
    }

    /// Microseconds since the start; zero for what has not happened.
    private func time(_ info: CURLINFO) -> Duration {
        var value: curl_off_t = 0
        unsafe curl_get_off(handle, info, &value)
        return .microseconds(value)
    }

    fileprivate func received(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard answer.body.count + bytes.count <= Self.bodyBytesMax else { return 0 }
        unsafe answer.body.append(contentsOf: bytes)
        return bytes.count
    }

    fileprivate func receivedHeader(_ line: UnsafeRawBufferPointer) -> Int {
        // SAFETY: the bytes are libcurl's, valid until the callback returns.
        UpstreamHeadLine.read(
            unsafe Span<UInt8>(_unsafeBytes: line), isOfClient: false, into: &head)
        let text = unsafe String(decoding: line, as: UTF8.self)
        if text.lowercased().hasPrefix("date:") {
            answer.date = String(text.dropFirst(5).filter { $0 != "\r\n" && $0 != "\n" })
        }
        return line.count
    }
}

// MARK: libcurl's callbacks

private func transfer(_ context: UnsafeMutableRawPointer?) -> ProbeTransfer? {
    guard let context = unsafe context else { return nil }
    // SAFETY: the pointer is the one set in `init`, and the transfer waits for the call's end.
    return unsafe Unmanaged<ProbeTransfer>.fromOpaque(context).takeUnretainedValue()
}

private let writeCallback: curl_data_function = { data, size, count, context in
    guard let transfer = unsafe transfer(context) else { return 0 }
    return unsafe transfer.received(UnsafeRawBufferPointer(start: data, count: size * count))
}

private let headerCallback: curl_data_function = { data, size, count, context in
    guard let transfer = unsafe transfer(context) else { return 0 }
    return unsafe transfer.receivedHeader(UnsafeRawBufferPointer(start: data, count: size * count))
}
