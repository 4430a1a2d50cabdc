// A request's line and fields: one buffer of bytes and a table of offsets into it.
//
// The bytes are kept as they came; no String is made unless somebody asks for one. A head is
// copied by retaining its two arrays. RequestDecoder reuses those arrays for the next request of
// the connection once no copy of the head is left. HeadLayout says what lies where.

/// The head of a request that obeys every rule of this module.
package struct RequestHead: Sendable, Equatable {
    /// The whole head as it came: request line, field lines and the empty line.
    var bytes: [UInt8] = []
    var layout = HeadLayout()

    /// Makes the head ready for the next request. The arrays keep their memory unless a copy of
    /// this head still uses it.
    mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        layout.reset()
    }
}

// MARK: - Request line

extension RequestHead {
    /// The method; CONNECT and unknown ones are refused before a head exists.
    package var method: RequestMethod { layout.method }

    /// The x of HTTP/1.x: 0 or 1.
    package var versionMinor: Int { layout.versionMinor }

    /// The request target, byte by byte as it came.
    package var target: ArraySlice<UInt8> { bytes[layout.target.range] }

    /// The target's path: the exact bytes, not decoded and not normalised, up to `?`. Of an
    /// absolute-form target it is the path of that URL, `/` if it has none; of `OPTIONS *` it is
    /// `*`.
    package var path: ArraySlice<UInt8> { bytes[layout.path.range] }

    /// The bytes after the first `?` of the target, `nil` without one.
    package var query: ArraySlice<UInt8>? { layout.query.map { bytes[$0.range] } }

    /// Host and port that the request is for: from the target if it is in absolute form, which
    /// then counts instead of the Host field (RFC 9112 §3.2.2), otherwise from Host. `nil` only
    /// for HTTP/1.0, where Host is optional.
    package var host: ArraySlice<UInt8>? { layout.host.map { bytes[$0.range] } }
}

// MARK: - Fields

extension RequestHead {
    /// The number of field lines.
    package var fieldCount: Int { layout.fields.count }

    /// The value of the first field of this name, without white space round it; `nil` if there is
    /// none. Case does not matter. To be asked for names of letters, digits and hyphens only.
    package func field(_ name: StaticString) -> ArraySlice<UInt8>? {
        let span = bytes.span
        for field in layout.fields where span.equalsIgnoringCase(name, in: field.name.range) {
            return bytes[field.value.range]
        }
        return nil
    }

    /// Whether a field's name begins so; as `field(_:)`, and never true of the prefix alone.
    package func hasField(withPrefix prefix: StaticString) -> Bool {
        let span = bytes.span
        let length = prefix.utf8CodeUnitCount
        return layout.fields.contains { field in
            let name = field.name.range
            return name.count > length
                && span.equalsIgnoringCase(prefix, in: name.lowerBound..<name.lowerBound + length)
        }
    }

    /// Whether the field line at `index` has this name; as `field(_:)`.
    package func isField(_ name: StaticString, at index: Int) -> Bool {
        bytes.span.equalsIgnoringCase(name, in: layout.fields[index].name.range)
    }

    /// How many field lines have this name.
    package func fieldCount(_ name: StaticString) -> Int {
        let span = bytes.span
        var count = 0
        for field in layout.fields where span.equalsIgnoringCase(name, in: field.name.range) {
            count += 1
        }
        return count
    }

    /// The value of the first field of this name as text; bytes that are not UTF-8 are replaced.
    package func text(_ name: StaticString) -> String? {
        field(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Name, in the client's spelling, and value of the field line at `index`.
    package func field(at index: Int) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        (bytes[layout.fields[index].name.range], bytes[layout.fields[index].value.range])
    }
}

// MARK: - What the fields mean

extension RequestHead {
    /// The value of Content-Length. `nil` with `isChunked` false means no body.
    package var contentLength: Int? { layout.contentLength }

    /// Whether the body comes in chunks.
    package var isChunked: Bool { layout.transferEncoding == .chunked }

    /// Whether body bytes follow.
    package var hasBody: Bool { isChunked || (contentLength ?? 0) > 0 }

    /// Whether the client waits for `100 Continue` before it sends the body. HTTP/1.0 clients
    /// never do, whatever they say (RFC 9110 §10.1.1).
    package var expectsContinue: Bool {
        layout.expectation == .continuation && versionMinor >= 1 && hasBody
    }

    /// Whether the client wants to go on using the connection (RFC 9112 §9.3).
    package var keepsAlive: Bool {
        !layout.connectionSaysClose && (versionMinor >= 1 || layout.connectionSaysKeepAlive)
    }
}
